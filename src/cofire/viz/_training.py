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
    """Named curves of (steps, values), NaN where a step was not measured; values (R, steps) are those of R runs.

    Of several runs the mean is drawn, in a band of a standard deviation to each side.
    A curve that was measured now and then is drawn as points. One of every step is a line; a long one is faint, under
    its running mean over a fiftieth of the run. `scale` is "linear" (from 0), "share" (0 to 100 %) or "log", which
    stays linear as long as the values span less than a factor of ten. `colours` by name override the palette's order.
    """
    checks.choice("scale", scale, SCALES)
    chosen = dict(zip(curves, theme.series, strict=False)) | dict(colours or {})
    for name, (steps, values) in curves.items():
        rows = np.atleast_2d(values)
        checks.shape(f"values of {name!r}", rows, ("R", len(steps)))
        _draw_curve(axis, name, steps, rows, chosen[name])
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


def _draw_curve(axis: Axes, name: str, steps: np.ndarray, rows: np.ndarray, colour: str) -> None:
    measured = np.isfinite(rows).all(axis=0)
    steps, rows = steps[measured], rows[:, measured]
    if measured.mean() < 0.5:
        axis.plot(steps, rows.mean(axis=0), color=colour, marker="o", markersize=5, linestyle="none", label=name)
        if len(rows) > 1:
            axis.errorbar(steps, rows.mean(axis=0), rows.std(axis=0, ddof=1), color=colour, fmt="none", linewidth=1.2)
    elif len(steps) < LONG:
        axis.plot(steps, rows.mean(axis=0), color=colour, linewidth=1.5, label=name)
        _draw_band(axis, steps, rows, colour)
    else:
        if len(rows) == 1:
            axis.plot(steps, rows[0], color=colour, linewidth=0.6, alpha=0.3)
        smoothed = [smooth(steps, values, len(steps) // _WINDOW) for values in rows]
        steps, rows = smoothed[0][0], np.stack([values for _, values in smoothed])
        axis.plot(steps, rows.mean(axis=0), color=colour, linewidth=1.8, label=name)
        _draw_band(axis, steps, rows, colour)


def _draw_band(axis: Axes, steps: np.ndarray, rows: np.ndarray, colour: str) -> None:
    if len(rows) > 1:
        mean, spread = rows.mean(axis=0), rows.std(axis=0, ddof=1)
        axis.fill_between(steps, mean - spread, mean + spread, color=colour, alpha=0.18, linewidth=0)


def _spans_decade(curves: Sequence[np.ndarray]) -> bool:
    values = np.concatenate([values[np.isfinite(values)] for values in curves])
    return bool(values.size and values.min() > 0 and values.max() >= 10 * values.min())
