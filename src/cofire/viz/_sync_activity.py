"""Activity over time: heat maps, rasters with the population's rate, strongest pairs, spectra, measures of a group."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from scipy import signal

from cofire import checks, sync
from cofire.recording import Recording
from cofire.viz._style import LIGHT, Theme

ACTIVITY = ("activation", "post_activation", "voltage", "spike")


def traces_of(data: Any, name: str = "") -> np.ndarray:
    """The traces (T, D) in an array, or in a recording under `name`; by default the first that tells activity.

    >>> traces_of(Recording({"spike": np.ones((4, 2), bool)})).shape
    (4, 2)
    """
    if not isinstance(data, Recording):
        return np.asarray(data)
    found = name or next((one for one in ACTIVITY if one in data), "")
    if found not in data:
        wanted = f"a trace {name!r}" if name else f"one of {', '.join(ACTIVITY)}"
        raise checks.InvalidValue(checks.message("recording", wanted, ", ".join(data), "name the trace to read"))
    return data[found]


def draw_heat_map(data: Any, axis: Axes, *, order: Any = None, title: str = "Activity", theme: Theme = LIGHT) -> Axes:
    """Traces (T, D) as a heat map, a row per unit, from the paper (lowest) to full colour; `order` sorts the rows."""
    x = traces_of(data).astype(np.float64)
    checks.shape("data", x, ("T", "D"))
    rows = x.T if order is None else x.T[np.asarray(order)]
    image = axis.imshow(
        rows, aspect="auto", interpolation="nearest", cmap=theme.ramp(theme.thought), extent=(0, len(x), len(rows), 0)
    )
    _bar(axis, image)
    axis.set(title=title, xlabel="tick", ylabel="units" if order is None else "units, by cluster")
    return axis


def draw_raster(data: Any, axis: Axes, *, order: Any = None, theme: Theme = LIGHT) -> Axes:
    """Spikes (T, D) as dots, and beneath them the share of units that spike at each tick, scaled to its peak."""
    spikes = traces_of(data, "spike" if isinstance(data, Recording) else "").astype(bool)
    checks.shape("data", spikes, ("T", "D"))
    ticks, units = spikes.shape
    rows = spikes if order is None else spikes[:, np.asarray(order)]
    tick, unit = np.nonzero(rows)
    axis.scatter(tick + 0.5, units - unit - 0.5, s=2.2, marker="s", linewidths=0, color=theme.ink)
    share = spikes.mean(axis=1)
    band = 0.28 * units
    peak = max(float(share.max()), 1e-12)
    bottom = -1.15 * band
    axis.fill_between(
        np.arange(ticks) + 0.5, bottom, bottom + band * share / peak, step="mid", color=theme.thought, alpha=0.85, lw=0
    )
    axis.axhline(-0.075 * band, color=theme.grid, lw=0.8)
    axis.text(ticks, bottom + band, f"peak {peak:.0%} of units", size=8, color=theme.muted, ha="right", va="top")
    axis.set(title="Spikes, and the share of units that spike", xlabel="tick", ylabel="units")
    axis.set(xlim=(0, ticks), ylim=(bottom, units))
    axis.set_yticks([0, units], [str(units), "0"])  # the first unit on top, as in heat maps
    return axis


def draw_strongest_pairs(data: Any, axis: Axes, *, count: int = 5, warmup: int = 0, theme: Theme = LIGHT) -> Axes:
    """How the `count` pairs of largest synchrony at the end gathered it: cumulative S_ij after every tick."""
    x = traces_of(data).astype(np.float64)
    pairs = sync.strongest_pairs(sync.cumulative(x, warmup=warmup), count)
    product = x[:, pairs[:, 0]] * x[:, pairs[:, 1]]
    product[:warmup] = 0.0
    for place, (pair, curve) in enumerate(zip(pairs, np.cumsum(product, axis=0).T, strict=True)):
        colour = theme.series[place % len(theme.series)]
        axis.plot(np.arange(len(x)) + 1, curve, color=colour, label=f"{pair[0]} with {pair[1]}")
    axis.legend(loc="upper left", title="units")
    axis.set(title=f"The {count} pairs most in step", xlabel="tick", ylabel="cumulative synchrony", xlim=(0, len(x)))
    axis.set_ylim(bottom=min(0.0, axis.get_ylim()[0]))
    return axis


def draw_spectra(data: Any, axis: Axes, *, labels: Any = None, rate: float = 1.0, theme: Theme = LIGHT) -> Axes:
    """Power spectra (Welch) of the mean activity of each cluster, or of all units, against the period in ticks."""
    x = traces_of(data).astype(np.float64)
    member = np.ones(x.shape[1]) if labels is None else np.asarray(labels)
    for place, label in enumerate(np.unique(member)[: len(theme.series)]):
        group = x[:, member == label].mean(axis=1)
        frequency, power = signal.welch(group, fs=rate, nperseg=min(128, len(group)))
        name = "all units" if labels is None else f"cluster {label}"
        axis.plot(frequency[1:], power[1:], color=theme.series[place], label=name)
    axis.set(title="Rhythms of the mean activity", xlabel="cycles per tick", ylabel="power", yscale="log")
    axis.set_xlim(0, rate / 2)
    axis.legend(loc="upper right")
    return axis


def draw_measures(data: Any, axis: Axes, *, window: int = 16, theme: Theme = LIGHT) -> Axes:
    """All measures of one group on one axis, each scaled to its range; no change (derivative 0) lies at ½.

    The first window is left out: what is measured there rests on fewer ticks than the rest.
    """
    x = traces_of(data).astype(np.float64)
    first = min(window, len(x) - 1)
    for place, name in enumerate(("activation", "coherence", "windowed_sync", "inverse_mse", "derivative")):
        values = sync.over_time(x, name, window=window)[first:]
        if name == "derivative":
            scaled = 0.5 + 0.5 * values / max(float(np.abs(values).max()), 1e-12)
        else:
            low, high = values.min(), values.max()
            scaled = (values - low) / (high - low) if high > low else np.full(len(values), 0.5)
        weight, strength = (2.0, 1.0) if name in ("activation", "coherence") else (1.0, 0.7)
        words, tick = name.replace("_", " "), np.arange(first, len(x)) + 1
        axis.plot(tick, scaled, color=theme.series[place], lw=weight, alpha=strength, label=words)
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=3, columnspacing=1.2, handlelength=1.2)
    axis.set(title="Measures of one group, each in its range", xlabel="tick", xlim=(0, len(x)), ylim=(-0.03, 1.03))
    axis.set_yticks([0, 1], ["least", "most"])
    return axis


def _bar(axis: Axes, image: Any) -> None:
    bar = axis.figure.colorbar(image, ax=axis, fraction=0.04, pad=0.02)
    bar.outline.set_visible(False)
