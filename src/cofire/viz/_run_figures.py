"""Figures over several runs: the line is their mean, the band one standard deviation to each side."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from cofire import checks
from cofire.viz._accuracy import tick_axis
from cofire.viz._style import LIGHT, Theme


def draw_band(
    axis: Axes, x: np.ndarray, rows: np.ndarray, colour: str, label: str, *, style: str = "-", marker: str = ""
) -> None:
    """Draw the mean of rows (R, X) over x (X,), and where R > 1 a band of a standard deviation to each side.

    What no run has measured (NaN) is left out.
    """
    checks.shape("rows", rows, ("R", len(x)))
    known = np.isfinite(rows).all(axis=0)
    x, rows = x[known], rows[:, known]
    mean = rows.mean(axis=0)
    axis.plot(x, mean, color=colour, label=label, linestyle=style, marker=marker, markersize=4)
    if len(rows) > 1:
        spread = rows.std(axis=0, ddof=1)
        axis.fill_between(x, mean - spread, mean + spread, color=colour, alpha=0.18, linewidth=0)


def draw_by_tick(
    curves: Mapping[str, np.ndarray],
    axis: Axes,
    *,
    title: str,
    ylabel: str,
    levels: Mapping[str, np.ndarray] | None = None,
    roles: Mapping[str, str] | None = None,
    theme: Theme = LIGHT,
) -> Axes:
    """Shares at every tick, (R, T) by label, with levels (R,) by label to compare them with.

    `roles` names the colours of the theme; curves and levels without one have those of the theme's series in turn.
    """
    chosen = dict(zip((*curves, *(levels or {})), theme.series, strict=False))
    chosen |= {label: getattr(theme, role) for label, role in (roles or {}).items()}
    ticks = 0
    for label, rows in curves.items():
        ticks = rows.shape[1]
        marker = "o" if ticks <= 30 else ""
        draw_band(axis, np.arange(1, ticks + 1), rows, chosen[label], label, marker=marker)
    for label, values in (levels or {}).items():
        ends = np.array([0.5, ticks + 0.5])
        shown = f"{label}, {100 * values.mean():.1f}%"
        draw_band(axis, ends, np.repeat(values[:, None], 2, axis=1), chosen[label], shown, style="--")
    axis.set(title=title, ylabel=ylabel, ylim=(0, 1.03))
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axis.legend(loc="best")
    return tick_axis(axis, ticks)


def draw_coverage(
    curves: Mapping[str, np.ndarray], axis: Axes, *, roles: Mapping[str, str], theme: Theme = LIGHT
) -> Axes:
    """The accuracy among the most certain share of the examples, (R, X) by label, for even shares up to all."""
    for label, rows in curves.items():
        shares = np.arange(1, rows.shape[1] + 1) / rows.shape[1]
        draw_band(axis, shares, rows, getattr(theme, roles[label]), label)
    low = min(float(rows.min()) for rows in curves.values())
    axis.set(title="Answering only when sure", xlabel="share of examples answered, the most certain first")
    axis.set(ylabel="accuracy among them", xlim=(0, 1.01), ylim=(max(0.0, low - 0.08), 1.01))
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_formatter(PercentFormatter(1, decimals=0))
    axis.legend(loc="lower left")
    return axis


def draw_stops(counts: np.ndarray, axis: Axes, *, mean: float, theme: Theme = LIGHT) -> Axes:
    """The share of examples read at each tick, in R runs (R, T), right ones and others: counts (2, R, T)."""
    checks.shape("counts", counts, (2, "R", "T"))
    shares = counts / counts.sum(axis=(0, 2))[None, :, None]
    right, wrong = shares.mean(axis=1)
    numbers = np.arange(1, len(right) + 1)
    axis.bar(numbers, right, width=0.8, color=theme.thought, label="right")
    axis.bar(numbers, wrong, width=0.8, bottom=right, color=theme.wrong, label="not wholly right")
    if counts.shape[1] > 1:
        both = shares.sum(axis=0)
        middle, spread = both.mean(axis=0), both.std(axis=0, ddof=1)
        axis.vlines(numbers, np.maximum(0, middle - spread), middle + spread, color=theme.ink, linewidth=1.2)
    axis.axvline(mean, color=theme.ink, linewidth=1.4, linestyle=(0, (5, 2)), label=f"mean, {mean:.1f} ticks")
    axis.set(title="Most certain tick", ylabel="share of held-out examples")
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axis.legend(loc="best")
    return tick_axis(axis, len(right))
