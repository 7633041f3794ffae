"""FourRooms: walk through four rooms to a goal, seeing only what lies ahead.

A grid of 19 x 19 cells with walls around it and between the rooms, one door in each of the four inner walls, and an
agent that turns, walks, and sees the 7 x 7 cells ahead of it as far as walls allow. Reaching the goal at step s of at
most L gives 1 - 0.9 s / L. Doors, agent and goal are drawn anew for every episode. Source: Sutton, Precup & Singh,
Artificial Intelligence 112 (1999), as in the environment `MiniGrid-FourRooms-v0` of Minigrid, whose transitions and
views these are.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from cofire import checks
from cofire.random import Key
from cofire.tasks.control._environment import Transition

SIZE, MIDDLE, VIEW = 19, 9, 7
PADDING = VIEW - 1  # cells outside the grid that a view can reach
WIDTH = SIZE + 2 * PADDING
STEPS = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])  # right, down, left, up
UNSEEN, EMPTY, WALL, GOAL = np.array([[0, 0, 0], [1, 0, 0], [2, 5, 0], [8, 1, 0]], dtype=np.uint8)
LEFT, RIGHT, FORWARD = 0, 1, 2  # of seven actions; the other four are for things that are not here


@dataclass(frozen=True, kw_only=True)
class FourRooms:
    """Four rooms with a goal: object, colour and state of the 7 x 7 cells ahead are seen, uint8 (7, 7, 3).

    Seven actions, of which turn left, turn right and walk have an effect. States are cells as whole numbers: the four
    doors, agent, direction, goal. An episode is over at the goal, and cut off after `limit` steps.

    >>> world = FourRooms()
    >>> world.observe(world.begin(Key(0), np.arange(2))).shape
    (2, 7, 7, 3)
    """

    limit: int = 300

    name = "four-rooms"
    shape = (VIEW, VIEW, 3)
    actions = 7

    def __post_init__(self):
        checks.integer("limit", self.limit, low=1)

    @property
    def settings(self) -> dict[str, Any]:
        """The fields, for JSON."""
        return {"environment": self.name, "limit": self.limit}

    def begin(self, key: Key, episodes: np.ndarray) -> np.ndarray:
        """A door anywhere in each inner wall, the agent in any free cell, the goal in any other one, (N, 7)."""
        near, far = (
            key.fold("doors", name).units(episodes).integers(range(2), low, low + MIDDLE - 1)
            for name, low in (("near", 1), ("far", MIDDLE + 1))
        )
        doors = np.stack(
            [_cell(MIDDLE, near[0]), _cell(near[1], MIDDLE), _cell(far[0], MIDDLE), _cell(MIDDLE, far[1])], 1
        )
        count = len(_room_cells()) + 4
        agent = key.fold("agent").units(episodes).integers(0, 0, count)
        goal = key.fold("goal").units(episodes).integers(0, 0, count - 1)
        goal = goal + (goal >= agent)
        direction = key.fold("direction").units(episodes).integers(0, 0, 4)
        free = np.concatenate([np.tile(_room_cells(), (len(doors), 1)), doors], axis=1)
        rows = np.arange(len(doors))
        return np.column_stack([doors, free[rows, agent], direction, free[rows, goal]])

    def step(self, states: np.ndarray, actions: np.ndarray, steps: np.ndarray) -> Transition:
        """Turn, or walk to the cell ahead unless it is wall."""
        doors, agent, direction, goal = states[:, :4], states[:, 4], states[:, 5], states[:, 6]
        ahead = agent + _offset(*STEPS[direction].T)
        walks = (actions == FORWARD) & ~_walled(ahead[:, None], doors)[:, 0]
        over = walks & (ahead == goal)
        turned = (direction + (actions == RIGHT) - (actions == LEFT)) % 4
        after = np.column_stack([doors, np.where(walks, ahead, agent), turned, goal])
        return Transition(after, np.where(over, 1 - 0.9 * (steps / self.limit), 0.0), over)

    def observe(self, states: np.ndarray) -> np.ndarray:
        """The cells ahead, uint8 (N, 7, 7, 3): first axis left to right, second from far ahead to the agent's own."""
        doors, agent, direction, goal = states[:, :4], states[:, 4], states[:, 5], states[:, 6]
        cells = agent[:, None, None] + _view_offsets()[direction]
        flat = cells.reshape(len(cells), -1)
        walls = _walled(flat, doors).reshape(cells.shape)
        seen = np.where(walls[..., None], WALL, EMPTY)
        seen[cells == goal[:, None, None]] = GOAL
        seen[~_visible(walls)] = UNSEEN
        seen[:, VIEW // 2, VIEW - 1] = EMPTY  # under the agent
        return seen


def corners(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return column x and row y, each 0 to 18, of cells as states hold them."""
    y, x = np.divmod(cells, WIDTH)
    return x - PADDING, y - PADDING


def walls() -> np.ndarray:
    """Return the walls of the grid without doors, bool (19, 19) by row and column."""
    inside = np.zeros((SIZE, SIZE), dtype=bool)
    inside[[0, MIDDLE, -1]] = inside[:, [0, MIDDLE, -1]] = True
    return inside


def _cell(x: np.ndarray | int, y: np.ndarray | int) -> Any:
    return (np.asarray(y) + PADDING) * WIDTH + np.asarray(x) + PADDING


def _offset(dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
    return dy * WIDTH + dx


@cache
def _padded_walls() -> np.ndarray:
    return np.pad(walls(), PADDING, constant_values=True).ravel()


@cache
def _room_cells() -> np.ndarray:
    return np.flatnonzero(~_padded_walls())


def _walled(cells: np.ndarray, doors: np.ndarray) -> np.ndarray:
    """Which cells (N, k) are wall, where doors (N, 4) are open."""
    result = _padded_walls()[cells]
    for door in doors.T:
        result &= cells != door[:, None]
    return result


@cache
def _view_offsets() -> np.ndarray:
    """Where the cells of a view lie, from the agent's cell, for each direction: (4, 7, 7)."""
    ahead = VIEW - 1 - np.arange(VIEW)[None, :]
    right = np.arange(VIEW)[:, None] - VIEW // 2
    parts = [_offset(ahead * dx - right * dy, ahead * dy + right * dx) for dx, dy in STEPS]
    return np.stack(parts)


@cache
def _sight() -> tuple[np.ndarray, np.ndarray]:
    """How sight spreads in one row of a view, for every pair of seven bits: which cells are seen already, and which
    let sight through. The bits seen in the row after it has spread, and those that it lends to the row ahead.
    """
    seen, clear = np.divmod(np.arange(1 << 2 * VIEW, dtype=np.int64), 1 << VIEW)
    all_but_last, all_but_first = (1 << VIEW - 1) - 1, (1 << VIEW) - 2
    for _ in range(VIEW - 1):
        seen = seen | (seen & clear & all_but_last) << 1
    ahead = seen & clear & all_but_last
    ahead = ahead | ahead << 1
    for _ in range(VIEW - 1):
        seen = seen | (seen & clear & all_but_first) >> 1
    back = seen & clear & all_but_first
    return seen, ahead | back | back >> 1


def _visible(walls: np.ndarray) -> np.ndarray:
    """Which cells of views (N, 7, 7) are seen from the agent's own."""
    bits = 1 << np.arange(VIEW)
    clear = np.einsum("nij,i->jn", ~walls, bits)
    seen = np.full(len(walls), 1 << VIEW // 2, dtype=np.int64)
    after, lent = _sight()
    rows = [seen] * VIEW
    for j in reversed(range(VIEW)):
        address = (seen << VIEW) + clear[j]
        rows[j], seen = after[address], lent[address]
    return (np.stack(rows)[:, :, None] & bits != 0).transpose(1, 2, 0)
