"""Whether confidence can be trusted, and what is mistaken for what."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from cofire import checks
from cofire.ctm import measures
from cofire.viz._style import LIGHT, Theme


def draw_reliability(diagram: measures.Reliability, axis: Axes, *, theme: Theme = LIGHT) -> Axes:
    """How often the model was right where it was so confident: one point per bin with its 95 % interval (Wilson's).

    On the diagonal, confidence and accuracy agree. A point's area grows with the examples in its bin, whose number
    stands at the foot; bins without examples have no point.
    """
    filled = diagram.count > 0
    confidence, accuracy, count = diagram.confidence[filled], diagram.accuracy[filled], diagram.count[filled]
    hits = np.rint(accuracy * count).astype(int)
    ends = np.array([measures.wilson_interval(int(hit), int(n)) for hit, n in zip(hits, count, strict=True)])
    axis.plot([0, 1], [0, 1], color=theme.muted, linewidth=1.2, linestyle=(0, (1, 1.5)))
    axis.vlines(confidence, ends[:, 0], ends[:, 1], color=theme.thought, linewidth=1.4)
    area = 18 + 160 * count / count.max()
    axis.scatter(confidence, accuracy, s=area, color=theme.thought, zorder=3)
    middles = ((diagram.edges[1:] + diagram.edges[:-1]) / 2)[filled]
    for middle, n in zip(middles, count, strict=True):
        axis.text(middle, 0.012, f"{n:,}", ha="center", va="bottom", color=theme.muted, size=7.5)
    error = 100 * diagram.expected_calibration_error
    axis.set(
        title=f"Confidence and accuracy, {error:.1f}% apart on average",
        xlabel="confidence",
        ylabel="share of right answers",
    )
    axis.set(xlim=(0, 1.03), ylim=(0, 1.06))
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_formatter(PercentFormatter(1, decimals=0))
    return axis


def draw_confusion(matrix: np.ndarray, axis: Axes, *, theme: Theme = LIGHT) -> Axes:
    """Counts (C, C) of truth (rows) against answer (columns): the diagonal plain, mistakes coloured by number."""
    checks.shape("matrix", matrix, ("C", "C"))
    classes = len(matrix)
    if matrix.shape[1] != classes:
        raise checks.InvalidValue(checks.message("matrix", "a square of counts", f"shape {matrix.shape}"))
    mistakes = matrix * (1 - np.eye(classes, dtype=matrix.dtype))
    most = max(1, int(mistakes.max()))
    axis.imshow(mistakes, cmap=theme.ramp(theme.wrong), vmin=0, vmax=1.6 * most)
    for row, column in np.argwhere(matrix > 0):
        weight = "normal" if row == column else "bold"
        axis.text(column, row, f"{matrix[row, column]:,}", ha="center", va="center", size=9, weight=weight)
    edges = np.arange(classes + 1) - 0.5
    axis.hlines(edges, -0.5, classes - 0.5, color=theme.grid, linewidth=0.8)
    axis.vlines(edges, -0.5, classes - 0.5, color=theme.grid, linewidth=0.8)
    axis.set(title="Truth and answer", xlabel="answer", ylabel="truth")
    axis.set_xticks(range(classes))
    axis.set_yticks(range(classes))
    axis.tick_params(length=0)
    for spine in axis.spines.values():
        spine.set_visible(False)
    return axis
