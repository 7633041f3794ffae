"""Perfect mazes drawn from a key, with their shortest routes."""

from dataclasses import dataclass

import numpy as np

from cofire import checks
from cofire.random import Key
from cofire.tasks.mazes import _kernel
from cofire.tasks.mazes._kernel import GOAL, PATH, START, WALL, Part
from cofire.tasks.mazes._symmetry import sources

LARGEST = 2047
COLOURS = {WALL: (0.0, 0.0, 0.0), PATH: (1.0, 1.0, 1.0), START: (1.0, 0.0, 0.0), GOAL: (0.0, 1.0, 0.0)}
_PALETTE = np.array([COLOURS[cell] for cell in range(len(COLOURS))], dtype=np.float32)
_ANY = -1


@dataclass(frozen=True)
class MazeSet:
    """n mazes with their routes.

    cells: 0 wall, 1 path, 2 start, 3 goal, uint8 (n, S, S). routes: what to do step by step, 0 up, 1 down, 2 left,
    3 right, then 4 (wait) once the goal is reached, int64 (n, R). lengths: steps of the whole route, int64 (n,); where
    that is more than R, `routes` holds its first R steps.
    """

    cells: np.ndarray
    routes: np.ndarray
    lengths: np.ndarray

    @property
    def images(self) -> np.ndarray:
        """The mazes as red, green and blue from 0 to 1: black walls, white paths, a red start and a green goal.

        float32 (n, S, S, 3), without the route.
        """
        return _PALETTE[self.cells]

    def at(self, places: np.ndarray) -> "MazeSet":
        """Return the mazes at these places, or where these are true."""
        return MazeSet(self.cells[places], self.routes[places], self.lengths[places])

    def __len__(self) -> int:
        return len(self.cells)


def generate(n: int, size: int, *, key: Key, route_length: int | None = None, first: int = 0) -> MazeSet:
    """Draw n perfect mazes of size x size pixels, each with a start, a goal and the shortest route between them.

    A maze is a tree: one route, and only one, between any two open pixels. Rooms lie where row and column are odd; a
    depth-first walk from a uniformly drawn room goes on to a uniformly drawn neighbour that it has not entered, as long
    as there is one, and then a room back. That makes long corridors with few branches, and all turned and mirrored
    copies of a maze equally likely. Start and goal are two different open pixels, each pair equally likely.

    Arguments: `size`, odd, from 5 to 2047. `route_length`: the length that routes are padded to with 4, or cut to: a
    longer route is left with its first `route_length` steps, as published; without it, that of the longest route.
    `first`: the number of the first maze. Maze i is a function of key, size and i alone, whatever `n` is.

    >>> mazes = generate(2, 5, key=Key(0), route_length=6)
    >>> print("\\n".join("".join("# SG"[cell] for cell in row) for row in mazes.cells[0]))
    #####
    # #G#
    #S# #
    #   #
    #####
    >>> mazes.routes[0].tolist(), mazes.images.shape
    ([1, 3, 3, 0, 0, 4], (2, 5, 5, 3))
    """
    checks.integer("n", n, low=1)
    checks.integer("first", first, low=0)
    if route_length is not None:
        checks.integer("route_length", route_length, low=1)
    drawn = draw(np.arange(first, first + n), check_size(size), key, Part(_ANY, 1, 0, sources(size)))
    return MazeSet(drawn.cells, fit(drawn.routes, route_length or int(drawn.lengths.max())), drawn.lengths)


def check_size(size: int) -> int:
    """Return the size, or raise where no maze has it."""
    checks.integer("size", size, low=5, high=LARGEST, fix="such as 15 or 39")
    if size % 2 == 0:
        fix = "rooms and walls take turns, with a wall at either end"
        raise checks.InvalidValue(checks.message("size", "an odd number", str(size), fix))
    return size


def draw(indices: np.ndarray, size: int, key: Key, part: Part) -> MazeSet:
    """Draw the mazes with these numbers, routes in their whole length (up to all the open pixels)."""
    rooms = ((size - 1) // 2) ** 2
    cells = np.empty((len(indices), size * size), np.uint8)
    routes = np.empty((len(indices), 2 * rooms - 2), np.int8)
    lengths = np.empty(len(indices), np.int64)
    if not _kernel.draw_mazes(np.asarray(indices, np.int64), *key.words, size, part, cells, routes, lengths):
        wanted = f"a size with enough different mazes to hold out one in {part.share}"
        raise checks.InvalidValue(checks.message("size", wanted, str(size), "a larger size, or another key"))
    return MazeSet(cells.reshape(-1, size, size), routes, lengths)


def fit(routes: np.ndarray, length: int) -> np.ndarray:
    """Cut routes, or pad them with waits, to one length: int64 (n, length).

    >>> fit(np.array([[3, 1]]), 4).tolist(), fit(np.array([[3, 1]]), 1).tolist()
    ([[3, 1, 4, 4]], [[3]])
    """
    fitted = np.full((len(routes), length), 4)
    kept = min(length, routes.shape[1])
    fitted[:, :kept] = routes[:, :kept]
    return fitted
