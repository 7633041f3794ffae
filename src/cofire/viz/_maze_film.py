"""Mazes as films: where the network looks tick by tick, and the route that it would take by then."""

from dataclasses import dataclass

import numpy as np
from matplotlib.colors import to_rgb
from PIL import Image

from cofire.viz._film import EVEN_LIGHT, WIDTH, Pen, attention_map, draw_certainty
from cofire.viz._maze_figures import GOAL, START, WALL, places
from cofire.viz._style import DARK

_MARGIN, _TOP, _FOOT = 10, 34, 30
_SIDE = WIDTH - 2 * _MARGIN
_LIGHT = np.array(to_rgb(DARK.control))


@dataclass(frozen=True)
class MazeWalk:
    """What one film shows: a maze (S, S), its route (R,), the answers (T, R), certainty (T,), attention (T, tokens).

    Attention is the mean over heads, of tokens in row-major order over the maze; `token_grid` their rows and columns.
    """

    cells: np.ndarray
    route: np.ndarray
    answers: np.ndarray
    certainty: np.ndarray
    attention: np.ndarray
    token_grid: tuple[int, int]


def maze_frames(walk: MazeWalk, scale: int = 2) -> list[Image.Image]:
    """One picture per tick: the maze lit where it is attended to, and the answered route, red from its first fault."""
    brightest = max(float(walk.attention.max()), EVEN_LIGHT / walk.attention.shape[1])
    return [_frame(walk, tick, scale, brightest) for tick in range(len(walk.certainty))]


def _frame(walk: MazeWalk, tick: int, scale: int, brightest: float) -> Image.Image:
    frame = Image.new("RGB", (WIDTH * scale, (_TOP + _SIDE + _FOOT) * scale), DARK.paper)
    pen = Pen(frame, scale)
    moves = int((walk.route < 4).sum())
    known = int(np.cumprod(walk.answers[tick] == walk.route).sum())
    right = int((walk.answers[tick] == walk.route)[:moves].sum())
    colour = DARK.thought if right == moves else DARK.wrong
    pen.text((_MARGIN, 10), f"tick {tick + 1} of {len(walk.certainty)}", DARK.ink)
    pen.text((WIDTH - _MARGIN, 10), f"{right} of {moves} steps right", colour, anchor="ra", bold=True)
    frame.paste(_lit(walk, tick, brightest, _SIDE * scale), (_MARGIN * scale, _TOP * scale))
    cell = _SIDE / len(walk.cells)

    def middle(place: np.ndarray) -> tuple[float, float]:
        return _MARGIN + (float(place[1]) + 0.5) * cell, _TOP + (float(place[0]) + 0.5) * cell

    taken = [middle(place) for place in places(walk.cells, walk.answers[tick])]
    pen.line(taken, DARK.wrong, width=2)
    pen.line(taken[: known + 1], DARK.thought, width=2)
    for kind, spot in ((START, DARK.last), (GOAL, DARK.second)):
        pen.dot(middle(np.argwhere(walk.cells == kind)[0]), max(2.0, cell / 4), spot)
    draw_certainty(pen, walk.certainty[: tick + 1], _TOP + _SIDE + 10)
    return frame


def _lit(walk: MazeWalk, tick: int, brightest: float, side: int) -> Image.Image:
    """Dark walls and dim paths, with light of one colour where the network attends."""
    open_cells = Image.fromarray((walk.cells != WALL).astype(np.uint8) * 255)
    paths = np.asarray(open_cells.resize((side, side), Image.Resampling.NEAREST))[..., None] / 255
    light = (attention_map(walk.attention[tick], walk.token_grid, (side, side)) / brightest).clip(0, 1)[..., None]
    dim = 0.13 + 0.2 * paths * np.ones(3)
    bright = _LIGHT * (0.35 + 0.65 * paths)
    return Image.fromarray((255 * (dim + (bright - dim) * light)).round().astype(np.uint8))
