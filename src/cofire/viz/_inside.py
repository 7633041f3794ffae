"""What happens inside: neurons' traces and the memory that synchronisation learned."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.ticker import PercentFormatter

from cofire import checks
from cofire.viz._accuracy import tick_axis
from cofire.viz._style import LIGHT, Theme
from cofire.viz._words import counted

DECAY_LIMIT = 15.0  # the model clamps its decays to [0, 15]


def liveliest(activation: np.ndarray, count: int) -> np.ndarray:
    """The neurons whose activation (T, B, D) varies most over the ticks, averaged over the batch: indices, most first.

    >>> liveliest(np.array([[[0.0, 0.0, 1.0]], [[0.0, 3.0, 2.0]]]), 2)
    array([1, 2])
    """
    checks.shape("activation", activation, ("T", "B", "D"))
    checks.integer("count", count, low=1)
    variance = activation.astype(np.float64).var(axis=0).mean(axis=0)
    return np.argsort(-variance, kind="stable")[:count]


def draw_traces(
    activation: np.ndarray, axis: Axes, *, bold: int = 0, count: int = 20, columns: int = 5, theme: Theme = LIGHT
) -> Axes:
    """Post-activations (T, B, D) over the ticks, a cell for each of the `count` liveliest neurons.

    Every example of the batch is a faint line, number `bold` a strong one. Each cell has its neuron's own range.
    """
    neurons = liveliest(activation, count)
    checks.integer("bold", bold, low=0, high=activation.shape[1] - 1)
    place = np.arange(len(neurons))
    left, top = 1.12 * (place % columns), 1.35 * (place // columns)
    time = np.linspace(0.0, 1.0, len(activation)) if len(activation) > 1 else np.array([0.5])
    chosen = activation[:, :, neurons].astype(np.float64)
    low, high = chosen.min(axis=(0, 1)), chosen.max(axis=(0, 1))
    height = (chosen - low) / np.where(high > low, high - low, 1)  # (T, B, K)
    x = np.broadcast_to(left + time[:, None, None], height.shape)
    paths = np.stack([x, top + 1 - height], axis=-1).transpose(1, 2, 0, 3)  # (B, K, T, 2)
    faint = np.delete(paths, bold, axis=0).reshape(-1, len(activation), 2)
    axis.add_collection(LineCollection(list(faint), colors=theme.muted, linewidths=0.7, alpha=0.5))
    axis.add_collection(LineCollection(list(paths[bold]), colors=theme.thought, linewidths=1.8))
    axis.hlines(top + 1.06, left, left + 1, color=theme.grid, linewidth=0.8)
    for neuron, x0, y0 in zip(neurons, left, top, strict=True):
        axis.text(x0, y0 - 0.04, f"neuron {neuron}", size=8, color=theme.muted, va="bottom")
    rows = -(-len(neurons) // columns)
    axis.set(
        title="The liveliest neurons over the ticks",
        xlim=(-0.03, 1.12 * columns - 0.09),
        ylim=(1.35 * rows - 0.2, -0.25),
    )
    axis.set_axis_off()
    return axis


def draw_activity(activation: np.ndarray, axis: Axes, *, theme: Theme = LIGHT) -> Axes:
    """One example's post-activations (T, D), every neuron a row, sorted by the tick of its greatest activation.

    Each row is scaled to its own range, so that the figure shows when, not how much.
    """
    checks.shape("activation", activation, ("T", "D"))
    values = activation.T.astype(np.float64)
    low, high = values.min(axis=1, keepdims=True), values.max(axis=1, keepdims=True)
    values = (values - low) / np.where(high > low, high - low, 1)
    order = np.lexsort((values.argmin(axis=1), values.argmax(axis=1)))
    ticks, neurons = activation.shape
    extent = (0.5, ticks + 0.5, neurons, 0)
    axis.imshow(values[order], aspect="auto", cmap=theme.ramp(theme.thought), extent=extent, interpolation="nearest")
    axis.set(title="Every neuron, by its busiest tick", ylabel="neurons")
    return tick_axis(axis, ticks)


def draw_synchronisation(synchronisation: np.ndarray, axis: Axes, *, theme: Theme = LIGHT) -> Axes:
    """One example's synchronisation (T, P), every pair a row, sorted by its value at the last tick.

    Colour grows with the square root of the value, on one scale for all pairs: one colour for pairs that move together,
    another for pairs that move against each other, paper for none.
    """
    checks.shape("synchronisation", synchronisation, ("T", "P"))
    ticks, pairs = synchronisation.shape
    order = np.argsort(-synchronisation[-1], kind="stable")
    values = (np.sign(synchronisation) * np.sqrt(np.abs(synchronisation))).T[order]
    most = max(float(np.quantile(np.abs(values), 0.95)), 1e-12)
    colours, extent = theme.diverging(theme.wrong, theme.thought), (0.5, ticks + 0.5, pairs, 0)
    axis.imshow(values, aspect="auto", cmap=colours, vmin=-most, vmax=most, extent=extent, interpolation="nearest")
    axis.set(title="Synchronisation of pairs", ylabel="pairs of neurons")
    return tick_axis(axis, ticks)


def draw_decays(decays: Mapping[str, np.ndarray], axis: Axes, *, theme: Theme = LIGHT) -> Axes:
    """What each pair of neurons remembers from one tick to the next: exp(-r) of its learned decay r, sorted.

    A line per synchronisation. At 1 a pair weighs the whole run alike, as at the start of training; near 0 it reads
    only the present tick.
    """
    for (name, decay), colour in zip(decays.items(), theme.series[::2], strict=False):
        checks.shape(f"decays[{name!r}]", decay, ("P",))
        kept = np.sort(np.exp(-np.clip(decay.astype(np.float64), 0, DECAY_LIMIT)))[::-1]
        label = f"{name} ({counted(len(kept), 'pair')})"
        axis.step(np.linspace(0, 1, len(kept) + 1), np.append(kept, kept[-1]), where="post", color=colour, label=label)
    axis.set(title="Memory of the synchronisation", xlabel="share of pairs", ylabel="kept from tick to tick")
    axis.set(xlim=(0, 1), ylim=(0, 1.03))
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_formatter(PercentFormatter(1, decimals=0))
    axis.legend(loc="lower left")
    return axis
