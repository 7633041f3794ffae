"""How training went: one quantity of the log over the steps."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, FuncFormatter, MaxNLocator, PercentFormatter

from cofire import checks
from cofire.viz._style import LIGHT, Theme

SCALES = ("linear", "log", "share")
LONG = 100  # steps from which on a curve is smoothed
_WINDOW = 50  # parts of a run over which a noisy curve is smoothed


def smooth(steps: np.ndarray, values: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The running mean over `width` neighbours, each at the mean of their steps; shorter by width - 1.

    >>> smooth(np.array([1.0, 2.0, 3.0]), np.array([0.0, 4.0, 8.0]), 2)
    (array([1.5, 2.5]), array([2., 6.]))
    """
    checks.integer("width", width, low=1, high=len(values))
    kernel = np.full(width, 1 / width)
    return np.convolve(steps, kernel, "valid"), np.convolve(values, kernel, "valid")


def draw_training(
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]],
    axis: Axes,
    *,
    title: str,
    ylabel: str,
    scale: str = "linear",
    colours: Mapping[str, str] | None = None,
    theme: Theme = LIGHT,
) -> Axes:
    """Named curves of (steps, values), NaN where a step was not measured.

    A curve that was measured now and then is drawn as points. One of every step is a line; a long one is faint, under
    its running mean over a fiftieth of the run. `scale` is "linear" (from 0), "share" (0 to 100 %) or "log", which
    stays linear as long as the values span less than a factor of ten. `colours` by name override the palette's order.
    """
    checks.choice("scale", scale, SCALES)
    chosen = dict(zip(curves, theme.series, strict=False)) | dict(colours or {})
    for name, (steps, values) in curves.items():
        checks.shape(f"values of {name!r}", values, np.shape(steps))
        _draw_curve(axis, name, steps, values, chosen[name])
    axis.set(title=title, xlabel="step of training", ylabel=ylabel)
    if scale == "log" and _spans_decade([values for _, values in curves.values()]):
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        axis.set_ylim(0, 1.03 if scale == "share" else None)
    if scale == "share":
        axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axis.set_xlim(left=0)
    if len(curves) > 1:
        axis.legend(loc="best")
    return axis


def _draw_curve(axis: Axes, name: str, steps: np.ndarray, values: np.ndarray, colour: str) -> None:
    measured = np.isfinite(values)
    steps, values = steps[measured], values[measured]
    if measured.mean() < 0.5:
        axis.plot(steps, values, color=colour, marker="o", markersize=5, linestyle="none", label=name)
    elif len(steps) < LONG:
        axis.plot(steps, values, color=colour, linewidth=1.5, label=name)
    else:
        axis.plot(steps, values, color=colour, linewidth=0.6, alpha=0.3)
        axis.plot(*smooth(steps, values, len(steps) // _WINDOW), color=colour, linewidth=1.8, label=name)


def _spans_decade(curves: Sequence[np.ndarray]) -> bool:
    values = np.concatenate([values[np.isfinite(values)] for values in curves])
    return bool(values.size and values.min() > 0 and values.max() >= 10 * values.min())
