"""Being right and being sure, tick by tick, and against the control."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator, PercentFormatter

from cofire import checks
from cofire.ctm import measures
from cofire.viz._style import LIGHT, Theme


def draw_accuracy(
    accuracy: np.ndarray,
    axis: Axes,
    *,
    most_certain: float,
    control: float | None = None,
    chance: float | None = None,
    theme: Theme = LIGHT,
) -> Axes:
    """The share of right answers after each tick (T,), from 0 to 1, with what it is to be compared with as levels.

    `most_certain` is the share when each example answers at its most certain tick, `control` that of the one-tick
    control, `chance` that of guessing.
    """
    axis.plot(_numbers(accuracy), accuracy, color=theme.thought, marker="o", markersize=4, label="at this tick")
    _levels(axis, {"most": most_certain, "control": control, "chance": chance}, theme)
    axis.set(title="Right answers", ylabel="share of held-out digits", ylim=(0, 1.03))
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axis.legend(loc="best")
    return tick_axis(axis, len(accuracy))


def draw_errors(
    accuracy: np.ndarray,
    axis: Axes,
    *,
    most_certain: float,
    examples: int,
    control: float | None = None,
    chance: float | None = None,
    theme: Theme = LIGHT,
) -> Axes:
    """The share of wrong answers after each tick (T,) where steps of the axis are factors of ten, down to one and none.

    Below one example of `examples` the axis is linear, so that no mistake at all has a place.
    """
    axis.plot(_numbers(accuracy), 1 - accuracy, color=theme.thought, marker="o", markersize=4, label="at this tick")
    right = {"most": most_certain, "control": control, "chance": chance}
    _levels(axis, {name: None if share is None else 1 - share for name, share in right.items()}, theme)
    least = 1 / examples
    axis.set_yscale("symlog", linthresh=least, linscale=0.4)
    axis.set(title="Wrong answers, each step a factor of ten", ylabel="share of held-out digits", ylim=(0, 1))
    shown = [0.0, *(10.0**power for power in range(int(np.ceil(np.log10(least))), 1))]
    axis.set_yticks(shown, labels=[f"{100 * share:g}%" for share in shown])
    axis.yaxis.set_minor_locator(NullLocator())
    axis.grid(axis="y")
    axis.legend(loc="best")
    return tick_axis(axis, len(accuracy))


def draw_certainty(certainty: np.ndarray, right: np.ndarray, axis: Axes, *, theme: Theme = LIGHT) -> Axes:
    """How certain the model was after each tick, (N, T) from 0 to 1: those it got right (N,) and those it got wrong.

    Lines are means; the band holds the middle 80 % of those it got right.
    """
    checks.shape("right", right, (len(certainty),))
    numbers = _numbers(certainty[0])
    groups = (("right in the end", right, theme.thought), ("wrong in the end", ~right, theme.wrong))
    for label, chosen, colour in groups:
        if chosen.any():
            label = f"{label} ({int(chosen.sum()):,})"
            axis.plot(numbers, certainty[chosen].mean(axis=0), color=colour, marker="o", markersize=4, label=label)
    if right.any():
        low, high = np.quantile(certainty[right], (0.1, 0.9), axis=0)
        axis.fill_between(numbers, low, high, color=theme.thought, alpha=0.15, linewidth=0)
    axis.set(title="Certainty", ylabel="1 − normalised entropy", ylim=(0, 1.03))
    axis.legend(loc="best")
    return tick_axis(axis, len(numbers))


def draw_mistakes(
    wrong: Mapping[str, int], total: int, axis: Axes, *, colours: Sequence[str], theme: Theme = LIGHT
) -> Axes:
    """Bars from 0: how many of `total` each model got wrong, with 95 % intervals (Wilson's)."""
    places = np.arange(len(wrong))[::-1]
    counts = np.array(list(wrong.values()))
    ends = total * np.array([measures.wilson_interval(int(count), total) for count in counts])
    axis.barh(places, counts, color=list(colours), height=0.55)
    axis.hlines(places, ends[:, 0], ends[:, 1], color=theme.ink, linewidth=1.2)
    for place, count, end in zip(places, counts, ends[:, 1], strict=True):
        axis.annotate(f"{count:,}", (end, place), xytext=(6, 0), textcoords="offset points", va="center")
    axis.set_yticks(places, labels=list(wrong))
    axis.set(
        title=f"Wrong answers among {total:,}",
        xlabel="digits",
        xlim=(0, 1.12 * ends.max()),
        ylim=(-0.6, len(wrong) - 0.4),
    )
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    return axis


def tick_axis(axis: Axes, ticks: int) -> Axes:
    """Name and number the ticks of thought, from 1, on the x axis."""
    axis.set_xlabel("tick of thought")
    axis.set_xlim(0.5, ticks + 0.5)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, nbins=8))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}" if 1 <= value <= ticks else ""))
    return axis


def _levels(axis: Axes, levels: Mapping[str, float | None], theme: Theme) -> None:
    """Horizontal lines at the levels that are known, named with their values."""
    looks = {
        "most": ("when most certain", theme.thought, (0, (5, 2))),
        "control": ("one-tick control", theme.control, (0, (5, 2))),
        "chance": ("guessing", theme.muted, (0, (1, 1.5))),
    }
    for name, level in levels.items():
        if level is not None:
            label, colour, dashes = looks[name]
            axis.axhline(level, color=colour, linestyle=dashes, linewidth=1.6, label=f"{label}, {100 * level:.1f}%")


def _numbers(per_tick: np.ndarray) -> np.ndarray:
    """The ticks as people count them, from 1."""
    checks.shape("values per tick", per_tick, ("T",))
    return np.arange(1, len(per_tick) + 1)
