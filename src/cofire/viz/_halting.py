"""What thinking longer buys: accuracy against mean ticks, the bound of an oracle, and where one chooses to stop."""

from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from cofire import checks
from cofire.ctm.halting import Curve, Front
from cofire.viz._accuracy import tick_axis
from cofire.viz._style import LIGHT, Theme
from cofire.viz._words import near_one

FOLD = 3  # the axis shows so many times what an oracle gains, below the full run
LEAST = 0.03  # of accuracy below the full run, where an oracle gains little
MARKED = 4  # thresholds that are written beside their curve


class WorkingPoint(NamedTuple):
    """Where somebody stops: mean `ticks`, the `accuracy` there, and the `loss` of accuracy that was to be allowed.

    >>> WorkingPoint(ticks=5.4, accuracy=0.986, loss=0.002).ticks
    5.4
    """

    ticks: float
    accuracy: float
    loss: float


def draw_halting(front: Front, axis: Axes, *, chosen: WorkingPoint | None = None, theme: Theme = LIGHT) -> Axes:
    """Accuracy against mean ticks, as `cofire.ctm.halting.front` has found it.

    Lines: stopping at a threshold of calibrated confidence, some thresholds written beside it; at one of certainty;
    everybody at the same tick; and the oracle, who stops at the first right answer. Dashed: the full run, below it a
    band of what may be lost for `chosen`, and a ring at the point that it comes to. The axis of accuracies does not
    begin at 0, but where they begin to matter.

    Raises InvalidType for another front, InvalidValue for a point outside what can be.

    >>> import torch
    >>> from matplotlib.figure import Figure
    >>> from cofire import Thought
    >>> from cofire.ctm import halting
    >>> certainty = torch.tensor([[0.2, 0.9, 0.95], [0.1, 0.3, 0.9]])
    >>> logits = torch.stack([2 * certainty, -2 * certainty], 1)
    >>> found = halting.front(Thought(logits, certainty), torch.tensor([[1.0, 1.0, 1.0], [0.0, 0.0, 1.0]]))
    >>> axis = draw_halting(found, Figure().subplots(), chosen=WorkingPoint(2.5, 1.0, 0.002))
    >>> [text.get_text() for text in axis.get_legend().get_texts()][-2:]
    ['0.2 points that may be lost', 'chosen: 2.5 ticks, 0.0 points lost']
    """
    checks.instance("front", front, Front, fix="cofire.ctm.halting.front(thought, right)")
    length, full = float(front.fixed.ticks[-1]), float(front.fixed.accuracy[-1])
    if chosen is not None:
        check(chosen, length)
    looks = (
        ("oracle, stops when right", front.oracle, theme.muted, (0, (1, 1.5)), ""),
        ("everybody at the same tick", front.fixed, theme.control, "-", "o" if length <= 30 else ""),
        ("certainty", front.certain, theme.second, "-", ""),
        ("calibrated confidence", front.confident, theme.thought, "-", ""),
    )
    for label, curve, colour, style, marker in looks:
        axis.plot(*points(curve), color=colour, linestyle=style, marker=marker, markersize=4, label=label)
    axis.axhline(full, color=theme.ink, linewidth=1.2, linestyle=(0, (5, 2)), label=f"full run, {100 * full:.1f}%")
    low, high = view(front, full, chosen)
    if chosen is not None:
        draw_point(chosen, full, axis, theme)
    mark(front.confident, low, axis, theme)
    axis.set(title="Stopping early", ylabel="right answers", ylim=(low, high))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.4g}%"))
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)  # beside no line, wherever they run
    tick_axis(axis, int(length))
    axis.set_xlabel("mean ticks of thought")
    return axis


def draw_point(chosen: WorkingPoint, full: float, axis: Axes, theme: Theme) -> None:
    """The band that may be lost, and a ring with what came of it."""
    allowed = f"{100 * chosen.loss:g} points that may be lost"
    axis.axhspan(full - chosen.loss, full, color=theme.thought, alpha=0.15, linewidth=0, label=allowed)
    lost = 100 * (full - chosen.accuracy)
    change = f"{abs(lost):.1f} points {'gained' if round(lost, 1) < 0 else 'lost'}"
    ring = {"markersize": 9, "markerfacecolor": "none", "markeredgecolor": theme.ink, "markeredgewidth": 1.8}
    label = f"chosen: {chosen.ticks:.1f} ticks, {change}"
    axis.plot([chosen.ticks], [chosen.accuracy], linestyle="", marker="o", label=label, zorder=4, **ring)


def mark(curve: Curve, low: float, axis: Axes, theme: Theme) -> None:
    """A few thresholds beside their curve, spread evenly over the ticks of what is seen of it."""
    x, y = points(curve)
    seen = np.flatnonzero(y > low)
    if not len(seen):
        return
    places = np.linspace(x[seen[0]], x[seen[-1]], MARKED)
    for place in np.unique([seen[np.abs(x[seen] - at).argmin()] for at in places]):
        axis.plot([x[place]], [y[place]], linestyle="", marker=".", markersize=8, color=theme.thought)
        axis.annotate(
            near_one(float(curve.threshold[place])),
            (x[place], y[place]),
            xytext=(-3, 5),
            textcoords="offset points",
            ha="right",
            size=8,
            color=theme.thought,
        )


def view(front: Front, full: float, chosen: WorkingPoint | None) -> tuple[float, float]:
    """The accuracies that are shown: up to the oracle's, and down by a few times what it gains over the full run."""
    best = float(front.oracle.accuracy.max())
    below = max(FOLD * (best - full), LEAST)
    low = full - below
    if chosen is not None:
        low = min(low, chosen.accuracy - 0.2 * below)
    low = max(low, 0.0)
    high = max(best, full, low + LEAST)
    return low, high + 0.06 * (high - low)


def points(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    """Mean ticks and accuracies, (K,) each."""
    return curve.ticks.cpu().numpy(), curve.accuracy.cpu().numpy()


def check(chosen: WorkingPoint, length: float) -> None:
    """Raise InvalidValue or InvalidType for a point that cannot be."""
    checks.instance("chosen", chosen, WorkingPoint, fix="WorkingPoint(ticks=5.4, accuracy=0.986, loss=0.002)")
    checks.number("mean ticks of chosen", chosen.ticks, low=1, high=length, fix=f"the thought has {length:.0f} ticks")
    checks.number("accuracy of chosen", chosen.accuracy, low=0, high=1, fix="a share, 0.986 for 98.6%")
    checks.number("loss of chosen", chosen.loss, low=0, high=1, fix="a share, 0.002 for 0.2 points")
