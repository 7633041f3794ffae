"""How training went: one quantity of the log over the steps."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, FuncFormatter, PercentFormatter

from cofire import checks
from cofire.viz._style import LIGHT, Theme

SCALES = ("linear", "log", "share")
_FEW = 40  # points that are drawn as points
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
    """Named curves of (steps, values); what was not measured (NaN) is left out.

    A curve of many points is drawn faintly, with its running mean over a fiftieth of the run; one of few as points.
    `scale` is "linear" (from 0), "log" or "share" (0 to 100 %). `colours` by name override the palette's order.
    """
    checks.choice("scale", scale, SCALES)
    chosen = dict(zip(curves, theme.series, strict=False)) | dict(colours or {})
    for name, (steps, values) in curves.items():
        checks.shape(f"values of {name!r}", values, np.shape(steps))
        measured = np.isfinite(values)
        _draw_curve(axis, name, steps[measured], values[measured], chosen[name])
    axis.set(title=title, xlabel="step of training", ylabel=ylabel)
    if scale == "log":
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        axis.set_ylim(0, 1.03 if scale == "share" else None)
    if scale == "share":
        axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    axis.set_xlim(left=0)
    if len(curves) > 1:
        axis.legend(loc="best")
    return axis


def _draw_curve(axis: Axes, name: str, steps: np.ndarray, values: np.ndarray, colour: str) -> None:
    if len(steps) <= _FEW:
        axis.plot(steps, values, color=colour, marker="o", markersize=5, linewidth=1, linestyle=(0, (1, 2)), label=name)
        return
    axis.plot(steps, values, color=colour, linewidth=0.6, alpha=0.3)
    axis.plot(*smooth(steps, values, max(1, len(steps) // _WINDOW)), color=colour, linewidth=1.8, label=name)
