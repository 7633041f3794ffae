"""One page that shows what an audit of noise saw: every measure beside what chance reaches, and the verdict above."""

import textwrap
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cofire.viz._style import LIGHT, Theme

WIDTH = 10.0  # inches
LINE, PANELS = 0.21, 6.4  # heights of a line of text and of the panels, in inches
POINTS = 800  # curves are thinned to so many points, keeping the highest
CHANCE = "beyond the dashed line: not by chance"


def audit_page(report: Any, theme: Theme = LIGHT) -> Figure:
    """The page of an audit's report: verdict and causes, and up to four panels.

    Args:
        report: what `cofire.random.audit` or `audit_bits` returned.
        theme: the colours.
    """
    with theme.applied():
        lines = head(report, theme)
        panels = [draw for name, draw in PANEL_OF.items() if name in report.pictures][:4]
        height = (PANELS if panels else 0.0) + LINE * (len(lines) + 2.5)
        figure = Figure(figsize=(WIDTH, height))
        FigureCanvasAgg(figure)
        for number, (text, style) in enumerate(lines):
            figure.text(0.06, 1 - LINE * (number + 1.3) / height, text, va="baseline", **style)
        top = 1 - LINE * (len(lines) + 3.2) / height
        room = {"left": 0.08, "right": 0.97, "top": top, "bottom": 0.085, "hspace": 0.5, "wspace": 0.24}
        for place, draw in enumerate(panels):
            draw(report.pictures, figure.add_subplot(figure.add_gridspec(2, 2, **room)[place]), theme)
    return figure


def head(report: Any, theme: Theme) -> list[tuple[str, dict[str, Any]]]:
    """The lines above the panels, each with its style."""
    sound = not report.causes
    colour = theme.thought if sound else theme.wrong if report.coupled else theme.control
    plain, muted = {"fontsize": 9.5, "color": theme.ink}, {"fontsize": 9.5, "color": theme.muted}
    bold = {"fontsize": 13, "fontweight": "bold", "color": colour}
    title, _, rest = report.verdict.partition(": ")
    lines = [(f"Audit of {report.subject}", muted), (title, bold)]
    told = [rest] if sound or not report.coupled else [str(cause) for cause in report.causes[:4]]
    for one in told:
        lines += [(line, plain) for line in textwrap.wrap(one, 124, subsequent_indent="    ")]
    changed = [condition for condition in report.conditions if not condition.same]
    lines += [(f"{condition.name}: {condition.says}", plain) for condition in changed]
    if report.conditions and not changed:
        lines.append((f"the same when asked again: {', '.join(one.name for one in report.conditions)}", muted))
    return lines


def draw_noise_correlations(shown: Mapping[str, Any], axis: Axes, theme: Theme = LIGHT) -> Axes:
    """The correlation matrix `shown["correlation"]` (N, N) without its diagonal; the strongest pair is ringed.

    `shown["correlation edge"]` is the `|r|` that chance reaches in no pair.
    """
    R, edge = np.array(shown["correlation"], dtype=np.float64), float(shown["correlation edge"])
    np.fill_diagonal(R, 0)
    limit = float(np.clip(np.abs(R).max(), edge, 1))
    image = axis.imshow(
        R,
        cmap=theme.diverging(theme.control, theme.thought),
        vmin=-limit,
        vmax=limit,
        aspect="auto",
        interpolation="nearest",
    )
    bar = axis.figure.colorbar(image, ax=axis, fraction=0.046, pad=0.03)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0)
    j, i = np.unravel_index(int(np.abs(np.triu(R)).argmax()), R.shape)
    found = abs(R[j, i]) > edge
    if found and (np.abs(R) > edge).sum() <= 200:
        rings = np.argwhere(np.abs(R) > edge)
        axis.plot(rings[:, 1], rings[:, 0], "o", ms=11, mfc="none", mec=theme.wrong, mew=1.2)
    count = int((np.abs(np.triu(R)) > edge).sum())
    title(
        axis,
        "Correlation of units, same step",
        f"{count or 'no'} pair{'s' * (count != 1)} beyond |r| = {edge:.2g}",
        theme,
    )
    axis.set(xlabel="unit", ylabel="unit")
    for line in (axis.xaxis, axis.yaxis):
        line.set_major_locator(MaxNLocator(5, integer=True))
    return axis


def draw_noise_eigenvalues(shown: Mapping[str, Any], axis: Axes, theme: Theme = LIGHT) -> Axes:
    """The spectrum `shown["eigenvalues"]` (N,) beside Marchenko and Pastur's density and the edge of the largest."""
    values, edge = np.asarray(shown["eigenvalues"]), float(shown["eigenvalue edge"])
    ratio = len(values) / (shown["steps"] - 1)
    low, high = (1 - np.sqrt(ratio)) ** 2, (1 + np.sqrt(ratio)) ** 2
    right = edge + 0.9 * (edge - low)
    bins = np.linspace(max(0.0, low - 0.25 * (high - low)), right, int(np.clip(len(values), 20, 50)))
    axis.hist(np.clip(values, bins[0], right), bins=bins, color=theme.thought, alpha=0.55)
    x = np.linspace(max(low, 1e-9), high, 400)
    density = np.sqrt((high - x) * (x - low)) / (2 * np.pi * ratio * x)
    axis.plot(x, density * len(values) * (bins[1] - bins[0]), color=theme.ink, lw=1.4, label="independent units")
    axis.axvline(edge, color=theme.wrong, lw=1.3, ls="--")
    largest = float(values[-1])
    if largest > edge:
        note = f"{largest:.3g}" + (",\noff the scale" if largest > right else "")
        axis.annotate(
            note,
            (min(largest, right - (bins[1] - bins[0]) / 2), 1),
            (-12, 40),
            textcoords="offset points",
            color=theme.wrong,
            ha="right",
            arrowprops={"arrowstyle": "->", "color": theme.wrong},
        )
    title(axis, "Eigenvalues of the correlation matrix", f"largest {largest:.3g}, edge {edge:.3g}; {CHANCE}", theme)
    axis.set(xlabel="eigenvalue", ylabel="number", xlim=(bins[0], right))
    axis.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axis.legend(loc="upper right")
    return axis


def draw_noise_lags(shown: Mapping[str, Any], axis: Axes, theme: Theme = LIGHT) -> Axes:
    """The largest `|z|` over all pairs of units at each lag, `shown["lags"]` (L + 1); a unit's own in grey."""
    across, edge = np.asarray(shown["lags"], dtype=np.float64), float(shown["lag edge"])
    if "own lags" in shown:
        lag, height = thinned(np.arange(1, len(shown["own lags"])), np.asarray(shown["own lags"])[1:])
        axis.plot(lag, height, color=theme.muted, lw=0.8, label="a unit and its own past")
    lag, height = thinned(np.arange(1, len(across)), across[1:])
    axis.plot(lag, height, color=theme.thought, lw=0.9, label="two units")
    says = peak(axis, np.arange(1, len(across)), across[1:], edge, "lag", theme)
    title(axis, "Lagged correlation, largest over pairs", f"{says}; {CHANCE}", theme)
    axis.set(xlabel="lag (steps)", ylabel="|z|")
    axis.legend(loc="upper right", ncols=2)
    return axis


def draw_noise_rhythm(shown: Mapping[str, Any], axis: Axes, theme: Theme = LIGHT) -> Axes:
    """The coherence of the units' sum, `shown["coherence"]` at `shown["frequencies"]`, and its edge."""
    frequency, coherence = np.asarray(shown["frequencies"]), np.asarray(shown["coherence"])
    x, height = thinned(frequency, coherence)
    axis.plot(x, height, color=theme.thought, lw=0.9)
    says = peak(axis, frequency, coherence, float(shown["coherence edge"]), "frequency", theme)
    title(axis, "Spectrum of the units' sum", f"{says}; {CHANCE}", theme)
    axis.set(xlabel="cycles per step", ylabel="over that of independent units", xlim=(0, 0.5))
    return axis


def draw_avalanche(shown: Mapping[str, Any], axis: Axes, theme: Theme = LIGHT) -> Axes:
    """The avalanche matrix `shown["avalanche"]` (inputs, outputs): how often an input bit flips an output bit."""
    matrix, split = np.asarray(shown["avalanche"]), int(shown["counter bits"])
    image = axis.imshow(
        matrix, cmap=theme.diverging(theme.wrong, theme.thought), vmin=0, vmax=1, aspect="auto", interpolation="nearest"
    )
    bar = axis.figure.colorbar(image, ax=axis, fraction=0.046, pad=0.03, ticks=[0, 0.5, 1])
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0)
    if split < len(matrix):
        axis.axhline(split - 0.5, color=theme.ink, lw=0.8)
        axis.text(matrix.shape[1] * 0.99, split - 3, "counter", ha="right", va="bottom", fontsize=8, color=theme.ink)
        axis.text(matrix.shape[1] * 0.99, split + 3, "key", ha="right", va="top", fontsize=8, color=theme.ink)
    dead = int((matrix == 0).all(axis=1).sum())
    title(
        axis,
        "Avalanche: output bits that an input bit flips",
        f"sound: one half everywhere; {dead or 'no'} dead input bits",
        theme,
    )
    axis.set(xlabel="output bit", ylabel="input bit")
    return axis


PANEL_OF: dict[str, Callable[[Mapping[str, Any], Axes, Theme], Axes]] = {
    "avalanche": draw_avalanche,
    "correlation": draw_noise_correlations,
    "eigenvalues": draw_noise_eigenvalues,
    "lags": draw_noise_lags,
    "coherence": draw_noise_rhythm,
}


def title(axis: Axes, text: str, caption: str, theme: Theme) -> None:
    """A title with a caption under it."""
    axis.set_title(text, pad=20)
    axis.annotate(
        caption, (0, 1), (0, 6), xycoords="axes fraction", textcoords="offset points", fontsize=8.5, color=theme.muted
    )


def peak(axis: Axes, x: np.ndarray, y: np.ndarray, edge: float, name: str, theme: Theme) -> str:
    """The edge as a dashed line, and the peak with its place if it lies beyond; in words for the caption."""
    axis.axhline(edge, color=theme.wrong, lw=1.3, ls="--")
    top = int(y.argmax())
    axis.set_ylim(0, 1.3 * max(float(y[top]), edge))
    axis.margins(x=0.01)
    if y[top] > edge:
        right = x[top] > (x[0] + x[-1]) / 2
        shift = (-8 if right else 8, 2)
        axis.plot(x[top], y[top], "o", ms=6, mfc="none", mec=theme.wrong)
        axis.annotate(
            f"{name} {x[top]:.4g}",
            (x[top], y[top]),
            shift,
            textcoords="offset points",
            color=theme.wrong,
            ha="right" if right else "left",
        )
    return f"peak {y[top]:.3g}, edge {edge:.3g}"


def thinned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most `POINTS` points of a curve: the highest of each stretch, so that no peak is lost."""
    width = -(-len(y) // POINTS)
    padded = np.pad(np.asarray(y, dtype=np.float64), (0, -len(y) % width), constant_values=-np.inf)
    tops = padded.reshape(-1, width).argmax(axis=1) + np.arange(0, len(padded), width)
    return np.asarray(x)[tops], np.asarray(y)[tops]
