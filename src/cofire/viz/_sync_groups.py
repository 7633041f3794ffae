"""Groups: synchrony matrices with their clusters, dendrograms with their cut, evidence for a number, assemblies."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, TwoSlopeNorm, to_rgb
from matplotlib.patches import Rectangle
from scipy.cluster import hierarchy

from cofire import checks, sync
from cofire.viz._style import LIGHT, Theme
from cofire.viz._sync_activity import _bar, traces_of


def draw_weights(weights: Any, axis: Axes, *, title: str = "Weights", theme: Theme = LIGHT) -> Axes:
    """A weight matrix: one colour for excitation, one for inhibition, the paper for none; rows are sources."""
    matrix = np.asarray(weights, np.float64)
    checks.shape("weights", matrix, ("N", "M"))
    _bar(axis, _diverging(matrix, axis, theme))
    axis.set(title=title, xlabel="to unit", ylabel="from unit")
    return axis


def draw_synchrony(
    S: Any, axis: Axes, *, clustering: "sync.Clustering | None" = None, title: str = "", theme: Theme = LIGHT
) -> Axes:
    """A synchrony matrix; with a clustering, units stand in the order of its tree and clusters are framed."""
    matrix = np.asarray(S, np.float64)
    checks.shape("S", matrix, (len(matrix), len(matrix)))
    order = np.arange(len(matrix)) if clustering is None else clustering.order
    arranged = matrix[np.ix_(order, order)]
    off = arranged[~np.eye(len(matrix), dtype=bool)]
    top = float(np.quantile(off, 0.995)) if off.size else 1.0  # the diagonal would drown the pairs
    if np.nanmin(arranged) < 0:
        image = _diverging(np.clip(arranged, -top, top), axis, theme)
    else:
        image = axis.imshow(arranged, cmap=theme.ramp(theme.thought), vmin=0, vmax=top or 1.0, interpolation="nearest")
    _bar(axis, image)
    if clustering is not None:
        labels = clustering.labels[order]
        starts = np.flatnonzero(np.diff(labels, prepend=labels[0] - 1))
        for start, stop in zip(starts, [*starts[1:], len(labels)], strict=True):
            side = float(stop - start)
            axis.add_patch(Rectangle((start - 0.5, start - 0.5), side, side, fill=False, ec=theme.control, lw=1.6))
    default = "Synchrony" if clustering is None else f"Synchrony, sorted into {clustering.n} clusters"
    units = "units" if clustering is None else "units, in the order of the tree"
    axis.set(title=title or default, xlabel=units, ylabel="units")
    return axis


def draw_evolution(
    data: Any, axis: Axes, *, warmup: int = 0, panels: int = 8, order: Any = None, theme: Theme = LIGHT
) -> Axes:
    """Cumulative synchrony at `panels` moments side by side, each divided by its own largest pair."""
    x = traces_of(data).astype(np.float64)
    panels = min(checks.integer("panels", panels, low=1), len(x) - warmup)
    ticks = np.linspace(warmup, len(x) - 1, panels + 1).round().astype(int)[1:]
    units = x.shape[1]
    rows = 2 if panels > 4 else 1
    columns = -(-panels // rows)
    gap = max(1, units // 12)
    head = 2 * gap
    for place, (tick, S) in enumerate(zip(ticks, sync.cumulative(x, warmup=warmup, ticks=ticks), strict=True)):
        matrix = S if order is None else S[np.ix_(order, order)]
        pairs = matrix[~np.eye(units, dtype=bool)]
        top = float(np.quantile(pairs, 0.995)) if pairs.size else 1.0
        left, upper = (place % columns) * (units + gap), (place // columns) * (units + gap + head)
        image = np.clip(matrix / (top or 1.0), 0, 1)
        extent = (left, left + units, upper + units, upper)
        axis.imshow(image, cmap=theme.ramp(theme.thought), vmin=0, vmax=1, extent=extent, interpolation="nearest")
        axis.text(left, upper - 0.2 * gap, f"tick {tick + 1}", size=8, color=theme.muted, va="bottom")
    axis.set(xlim=(0, columns * (units + gap) - gap), ylim=(rows * (units + gap + head) - gap, -head), aspect="equal")
    axis.set(title="Synchrony as it gathers")
    axis.set_axis_off()
    return axis


def draw_dendrogram(clustering: "sync.Clustering", axis: Axes, *, theme: Theme = LIGHT) -> Axes:
    """The tree of a clustering, coloured below its cut, with the height of the cut."""
    colours = [theme.series[place % len(theme.series)] for place in range(clustering.n)]
    drawn = hierarchy.dendrogram(clustering.linkage, no_plot=True, color_threshold=0)
    label_at = {5.0 + 10.0 * place: clustering.labels[leaf] for place, leaf in enumerate(clustering.order)}
    cut = clustering.height
    for x, y in zip(drawn["icoord"], drawn["dcoord"], strict=True):
        nearest = min(label_at, key=lambda place, x=x: abs(place - (x[0] + x[2]) / 2))
        colour = colours[label_at[nearest] - 1] if max(y) <= cut else theme.muted
        axis.plot(x, y, color=colour, lw=0.9, solid_capstyle="butt")
    axis.axhline(cut, color=theme.control, ls="--", lw=1.2)
    words = f"cut at {cut:.3g}: {clustering.n} clusters"
    behind = {"facecolor": theme.paper, "edgecolor": "none", "pad": 1.5}
    axis.text(10 * len(label_at), cut, words, size=8, va="bottom", ha="right", bbox=behind)
    axis.set(title="How the units join", ylabel="distance", xlabel="units", xlim=(0, 10 * len(label_at)))
    axis.set_ylim(bottom=0)
    axis.set_xticks([])
    return axis


def draw_cluster_traces(data: Any, labels: Any, axis: Axes, *, theme: Theme = LIGHT) -> Axes:
    """The mean activity of each cluster, one above the other, with a band of one standard deviation over its units."""
    x = traces_of(data).astype(np.float64)
    member = np.asarray(labels)
    checks.shape("labels", member, (x.shape[1],))
    names = np.unique(member)
    tick = np.arange(len(x)) + 1
    means = [x[:, member == name].mean(axis=1) for name in names]
    step = 1.1 * max(float(max(np.ptp(mean) for mean in means)), 1e-12)
    for place, (name, mean) in enumerate(zip(names, means, strict=True)):
        spread = np.minimum(x[:, member == name].std(axis=1), 0.45 * step)
        base = (len(names) - 1 - place) * step - mean.min()
        colour = theme.series[place % len(theme.series)]
        axis.fill_between(tick, base + mean - spread, base + mean + spread, color=colour, alpha=0.18, lw=0)
        axis.plot(tick, base + mean, color=colour, lw=1.4)
    heights = [(len(names) - 1 - place) * step for place in range(len(names))]
    axis.set_yticks(heights, [f"{name} ({(member == name).sum()})" for name in names])
    axis.set(title="Mean activity of the clusters", xlabel="tick", ylabel="cluster (units)", xlim=(0, len(x)))
    return axis


def draw_natural_number(found: "sync.NaturalNumber", axis: Axes, *, theme: Theme = LIGHT) -> Axes:
    """The evidence for every number of clusters: gap, silhouette, stability, and stability by chance."""
    k = found.numbers
    axis.plot(k, found.gaps, marker="o", ms=4, color=theme.thought, label="gap in the tree")
    axis.plot(k, found.silhouettes, marker="o", ms=4, color=theme.second, label="silhouette")
    axis.plot(k, found.stability, marker="o", ms=4, color=theme.control, label="halves agree")
    axis.plot(k, found.null_stability, ls="--", lw=1.2, color=theme.muted, label="halves agree by chance")
    axis.axhline(0, color=theme.grid, lw=0.8)
    axis.legend(loc="upper right")
    axis.set(title="How many groups?", xlabel="number of clusters", xticks=k, ylabel="evidence")
    return axis


def draw_assemblies(found: "sync.Assemblies", axis: Axes, *, theme: Theme = LIGHT) -> Axes:
    """When each assembly is active: a row per assembly, each scaled to its own peak."""
    peak = np.maximum(found.activity.max(axis=0), 1e-300)
    extent = (0, found.starts[-1] + found.window, len(peak) - 0.5, -0.5)
    image = axis.imshow(
        (found.activity / peak).T,
        aspect="auto",
        cmap=theme.ramp(theme.second),
        vmin=0,
        vmax=1,
        extent=extent,
        interpolation="nearest",
    )
    _bar(axis, image)
    sizes = [(found.labels == place).sum() for place in range(len(peak))]
    axis.set_yticks(range(len(peak)), [f"{place} ({size})" for place, size in enumerate(sizes)])
    axis.set(title="Assemblies over time", xlabel="tick", ylabel="assembly (units)")
    return axis


def _diverging(matrix: np.ndarray, axis: Axes, theme: Theme) -> Any:
    top = max(float(np.abs(matrix).max(initial=0.0)), 1e-12)
    colours = [to_rgb(theme.control), to_rgb(theme.paper), to_rgb(theme.thought)]
    ramp = LinearSegmentedColormap.from_list("diverging", colours)
    return axis.imshow(matrix, cmap=ramp, norm=TwoSlopeNorm(0.0, -top, top), interpolation="nearest", aspect="equal")
