"""Figures of mazes: the routes through them, how far along a route answers are right, and walks piece by piece."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.ticker import MaxNLocator, PercentFormatter

from cofire.viz._run_figures import draw_band
from cofire.viz._style import LIGHT, Theme

COLUMNS = 4
_GAP = 0.14  # between mazes, as a share of one
_MOVES = np.array([[-1, 0], [1, 0], [0, -1], [0, 1], [0, 0]])
WALL, START, GOAL = 0, 2, 3
WAIT = 4


@dataclass(frozen=True)
class Answered:
    """A maze (S, S), the steps of its route (R,), those that were answered (R,), and a line of words."""

    cells: np.ndarray
    route: np.ndarray
    answer: np.ndarray
    words: str

    @property
    def wrong(self) -> bool:
        """Whether any step of the route is wrong; what is answered beyond the goal does not matter."""
        return bool((self.route != self.answer)[self.route < WAIT].any())


def places(cells: np.ndarray, route: np.ndarray) -> np.ndarray:
    """The cells (row, column) on a route from the start, up to the goal or its first step into a wall or out: (L, 2).

    >>> cells = np.array([[2, 3, 1], [0, 0, 0], [0, 0, 0]])
    >>> places(cells, np.array([3, 3])).tolist(), places(cells, np.array([1, 3])).tolist()
    ([[0, 0], [0, 1]], [[0, 0]])
    """
    at = np.argwhere(cells == START)[0]
    found = [at]
    for step in _MOVES[route]:
        if cells[tuple(at)] == GOAL:
            break
        at = at + step
        if (at < 0).any() or (at >= len(cells)).any() or cells[tuple(at)] == WALL:
            break
        found.append(at)
    return np.array(found)


def draw_routes(answered: Sequence[Answered], axis: Axes, *, theme: Theme = LIGHT) -> Axes:
    """Mazes side by side: the true route pale and broad, the answered one on it, red from its first wrong step on."""
    for number, one in enumerate(answered):
        left, top = (1 + _GAP) * (number % COLUMNS), (1 + 2.2 * _GAP) * (number // COLUMNS)
        _draw_maze(one.cells, axis, left, top, theme)
        size = len(one.cells)
        right = int(np.cumprod(one.route == one.answer).sum())
        steps = ((one.route, theme.grid, 5.0), (one.answer, theme.wrong, 1.8), (one.answer[:right], theme.thought, 1.8))
        for route, colour, width in steps:
            rows, columns = (places(one.cells, route).T + 0.5) / size
            axis.plot(left + columns, top + rows, color=colour, linewidth=width, solid_joinstyle="round")
        colour = theme.wrong if one.wrong else theme.ink
        axis.text(left + 0.5, top + 1.04, one.words, ha="center", va="top", size=8, color=colour)
    rows = -(-len(answered) // COLUMNS)
    axis.set(xlim=(-0.02, (1 + _GAP) * min(COLUMNS, len(answered)) - _GAP + 0.02))
    axis.set(ylim=((1 + 2.2 * _GAP) * rows, -0.02), aspect="equal")
    axis.set_axis_off()
    return axis


def gallery_height(count: int) -> float:
    """The height of `draw_routes` in inches, where it is as wide as a picture of a report.

    >>> round(gallery_height(8), 1)
    3.2
    """
    return 0.1 + 1.18 * (1 + 2.2 * _GAP) * -(-count // COLUMNS)


def draw_by_distance(
    curves: Mapping[str, np.ndarray], axis: Axes, *, roles: Mapping[str, str], theme: Theme = LIGHT
) -> Axes:
    """The share of right steps at every place of the route, in several runs (runs, R) by label; NaN is left out."""
    for label, rows in curves.items():
        draw_band(axis, np.arange(1, rows.shape[1] + 1), rows, getattr(theme, roles[label]), label)
    axis.set(title="Right steps along the route", xlabel="step of the route", ylabel="share of right steps")
    axis.set(ylim=(0, 1.03))
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.legend(loc="lower left")
    return axis


def draw_success(
    walked: Mapping[str, tuple[np.ndarray, np.ndarray]], axis: Axes, *, bins: int = 6, theme: Theme = LIGHT
) -> Axes:
    """The share of goals reached by length of the route: (lengths (n,), reached (n,)) by label, in bins of one size."""
    for (label, (lengths, reached)), colour in zip(walked.items(), theme.series, strict=False):
        parts = np.array_split(np.argsort(lengths, kind="stable"), min(bins, len(lengths)))
        x, y = ([float(values[part].mean()) for part in parts] for values in (lengths, reached))
        shown = f"{label}: {100 * np.mean(reached):.0f}%"
        axis.plot(x, y, color=colour, marker="o", markersize=4, label=shown)
    axis.set(title="Goals reached, piece by piece", xlabel="steps of the route", ylabel="share of goals reached")
    axis.set(ylim=(-0.03, 1.03))
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axis.legend(loc="best")
    return axis


def draw_walk(cells: np.ndarray, trail: np.ndarray, pieces: np.ndarray, axis: Axes, *, theme: Theme = LIGHT) -> Axes:
    """A walk through one maze (S, S): the cells stood on (L,), each application of the network in its own colour."""
    _draw_maze(cells, axis, 0.0, 0.0, theme)
    size = len(cells)
    rows, columns = np.stack(np.divmod(trail, size)) / size + 0.5 / size
    for piece in range(int(pieces.max()) + 1):
        (own,) = np.nonzero(pieces == piece)
        own = np.arange(max(own[0] - 1, 0), own[-1] + 1)  # from where the last one ended
        colour = theme.series[piece % len(theme.series)]
        axis.plot(columns[own], rows[own], color=colour, linewidth=2.2, solid_joinstyle="round")
    axis.set(xlim=(-0.02, 1.02), ylim=(1.02, -0.02), aspect="equal")
    axis.set_axis_off()
    return axis


def _draw_maze(cells: np.ndarray, axis: Axes, left: float, top: float, theme: Theme) -> None:
    walls = ListedColormap([theme.muted, theme.paper])
    spot: dict[str, Any] = {"linestyle": "none", "markeredgewidth": 0, "markersize": 42 / len(cells) + 2, "zorder": 3}
    axis.imshow(cells != WALL, cmap=walls, vmin=0, vmax=1, extent=(left, left + 1, top + 1, top))
    for cell, colour, marker in ((START, theme.control, "o"), (GOAL, theme.second, "s")):
        (row, column), *_ = (np.argwhere(cells == cell) + 0.5) / len(cells)
        axis.plot([left + column], [top + row], color=colour, marker=marker, **spot)
