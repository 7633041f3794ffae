"""Where the thinking stopped: the tick at which each example was most certain, and how quick and slow ones look."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from cofire import checks
from cofire.ctm import measures
from cofire.viz._accuracy import tick_axis
from cofire.viz._style import LIGHT, Theme


class Extremes(NamedTuple):
    """Indices of examples: the easiest first, the hardest first."""

    easy: np.ndarray
    hard: np.ndarray


def easy_and_hard(certainty: np.ndarray, count: int = 10) -> Extremes:
    """The examples that were settled soonest, and those that were settled last.

    Easy: the earliest most certain tick, among equals the greater certainty there. Hard: the reverse. At most half of
    the examples go to either side, so that none is both.

    >>> easy_and_hard(np.array([[0.1, 0.9], [0.8, 0.2], [0.1, 0.7], [0.9, 0.3]]), 2)
    Extremes(easy=array([3, 1]), hard=array([2, 0]))
    """
    checks.integer("count", count, low=1)
    ticks = measures.most_certain_tick(certainty)
    order = np.lexsort((-certainty.max(axis=1), ticks))
    count = min(count, len(order) // 2)
    return Extremes(easy=order[:count], hard=order[::-1][:count])


def draw_stopping(certainty: np.ndarray, right: np.ndarray, axis: Axes, *, theme: Theme = LIGHT) -> Axes:
    """How many examples (N, T) were most certain at each tick, right (N,) and wrong ones stacked."""
    checks.shape("right", right, (len(certainty),))
    length = certainty.shape[1]
    ticks = measures.most_certain_tick(certainty)
    counts = {kind: np.bincount(ticks[right == kind], minlength=length) for kind in (True, False)}
    numbers = np.arange(1, length + 1)
    axis.bar(numbers, counts[True], width=0.8, color=theme.thought, label="right")
    axis.bar(numbers, counts[False], width=0.8, bottom=counts[True], color=theme.wrong, label="wrong")
    mean = float(ticks.mean()) + 1
    axis.axvline(mean, color=theme.ink, linewidth=1.4, linestyle=(0, (5, 2)), label=f"mean, {mean:.1f} ticks")
    axis.set(title="Most certain tick", ylabel="held-out digits", ylim=(0, 1.06 * (counts[True] + counts[False]).max()))
    axis.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axis.legend(loc="best")
    return tick_axis(axis, length)


def draw_thinking_time(certainty: np.ndarray, labels: np.ndarray, axis: Axes, *, theme: Theme = LIGHT) -> Axes:
    """How long each class took, from certainty (N, T) and labels (N,): the mean most certain tick, from 0.

    Solid lines hold the middle half of a class, the dashed line is the mean of all.
    """
    checks.shape("labels", labels, (len(certainty),))
    ticks = measures.most_certain_tick(certainty) + 1
    classes = np.unique(labels)
    groups = [ticks[labels == one] for one in classes]
    low, high = np.transpose([np.quantile(group, (0.25, 0.75)) for group in groups])
    axis.bar(classes, [group.mean() for group in groups], width=0.7, color=theme.thought)
    axis.vlines(classes, low, high, color=theme.ink, linewidth=1.4)
    axis.axhline(ticks.mean(), color=theme.ink, linewidth=1.2, linestyle=(0, (5, 2)))
    axis.set(title="Thinking time by digit", xlabel="digit", ylabel="most certain tick")
    axis.set(xlim=(classes[0] - 0.6, classes[-1] + 0.6), ylim=(0, certainty.shape[1] + 0.5))
    axis.set_xticks(classes)
    axis.tick_params(axis="x", length=0)
    return axis


def gallery_height(images: int, columns: int = 5, width: float = 5.2) -> float:
    """The height in inches that a grid of square images needs at this width, with a title."""
    return width * (1.42 * -(-images // columns) - 0.12) / (1.12 * columns) + 0.36


def draw_images(
    images: np.ndarray,
    labels: Sequence[str],
    axis: Axes,
    *,
    title: str = "",
    columns: int = 5,
    marked: np.ndarray | None = None,
    theme: Theme = LIGHT,
) -> Axes:
    """A grid of grey images (K, height, width) with a line of text under each; `marked` (K,) are framed as mistakes.

    All share one scale of brightness, ink dark on light paper in either theme.
    """
    checks.shape("images", images, ("K", "height", "width"))
    if not len(images) or len(labels) != len(images):
        got = f"{len(images)} images and {len(labels)} labels"
        raise checks.InvalidValue(checks.message("images", "one label for each of one image or more", got))
    low, high = float(images.min()), float(images.max())
    for place, (image, label) in enumerate(zip(images, labels, strict=True)):
        left, top = 1.12 * (place % columns), 1.42 * (place // columns)
        wrong = marked is not None and bool(marked[place])
        axis.imshow(image, cmap="gray_r", vmin=low, vmax=max(high, low + 1e-9), extent=(left, left + 1, top + 1, top))
        axis.add_patch(_frame(left, top, theme.wrong if wrong else theme.grid, 2.0 if wrong else 0.8))
        axis.text(
            left + 0.5, top + 1.06, label, ha="center", va="top", size=8.5, color=theme.wrong if wrong else theme.ink
        )
    rows = -(-len(images) // columns)
    axis.set(title=title, xlim=(-0.03, 1.12 * columns - 0.09), ylim=(1.42 * rows - 0.15, -0.03), aspect="equal")
    axis.set_axis_off()
    return axis


def _frame(left: float, top: float, colour: str, width: float) -> Rectangle:
    return Rectangle((left, top), 1, 1, fill=False, edgecolor=colour, linewidth=width)
