"""The compiled inner loops: a maze carved, a route found, a picture told from its turned copies.

Pictures are flat arrays of cells: WALL, PATH, START, GOAL. A maze of S x S cells has its rooms where row and column are
odd; between two neighbouring rooms stands a wall or a passage. `no_type_check` keeps run-time type checks out of what
numba compiles.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

from cofire.random.numba_ import fill_uniform

WALL, PATH, START, GOAL = 0, 1, 2, 3
ATTEMPTS = 1000
FIXED_DRAWS = 4  # the first room's row and column, the start, the goal


class Part(NamedTuple):
    """Which mazes are wanted: those that the key holds out, all others, or any."""

    held_out: int  # 1 held out, 0 the others, -1 any
    share: int  # one maze in so many is held out
    salt: int  # by which keys hold out different mazes
    sources: np.ndarray  # the pixels' order under each symmetry


@njit(cache=True, nogil=True)
@no_type_check
def draw_mazes(indices, k0, k1, size, part, cells, routes, lengths):
    """Maze `indices[i]` of the key into row i of cells (n, S * S), routes (n, open cells) and lengths (n,).

    Row 0 of a maze's draws are the units 0, 1, … at step `indices[i]`; a maze of the wrong part is drawn again from the
    units that follow. Returns False where none of the right part was found.
    """
    rooms = ((size - 1) // 2) ** 2
    draws = FIXED_DRAWS + rooms - 1
    u = np.empty(draws, np.float32)
    room = np.empty(size * size, np.int64)
    toward = np.empty(size * size, np.int8)
    for i in range(len(indices)):
        found = False
        for attempt in range(ATTEMPTS):
            fill_uniform(u, k0, k1, attempt * draws, indices[i])
            carve(u, size, cells[i], room)
            place_ends(u, 2 * rooms - 1, cells[i])
            found = part.held_out < 0 or held_out(cells[i], part) == part.held_out
            if found:
                break
        if not found:
            return False
        lengths[i] = find_route(cells[i], size, size, toward, room, routes[i])
    return True


@njit(cache=True, nogil=True)
@no_type_check
def carve(u, size, cells, room):
    """A depth-first walk through all rooms, which opens the wall to each room that it enters for the first time.

    From a room the walk goes to one of the neighbours not yet entered, each equally likely, and where there is none, a
    room back. The first room is drawn uniformly. `room` is scratch (the way back).
    """
    side = (size - 1) // 2
    cells[:] = WALL
    at = (1 + 2 * int(u[0] * side)) * size + 1 + 2 * int(u[1] * side)
    cells[at] = PATH
    options = np.empty(4, np.int64)
    depth, draw = 0, FIXED_DRAWS
    while True:
        y, x = at // size, at % size
        count = 0
        if y > 1 and cells[at - 2 * size] == WALL:
            options[count] = -size
            count += 1
        if y < size - 2 and cells[at + 2 * size] == WALL:
            options[count] = size
            count += 1
        if x > 1 and cells[at - 2] == WALL:
            options[count] = -1
            count += 1
        if x < size - 2 and cells[at + 2] == WALL:
            options[count] = 1
            count += 1
        if count:
            step = options[int(u[draw] * count)]
            draw += 1
            room[depth] = at
            depth += 1
            cells[at + step] = PATH
            at += 2 * step
            cells[at] = PATH
        elif depth:
            depth -= 1
            at = room[depth]
        else:
            return


@njit(cache=True, nogil=True)
@no_type_check
def place_ends(u, count, cells):
    """START on one of the `count` open cells, GOAL on one of the others, each equally likely."""
    start = int(u[2] * count)
    goal = int(u[3] * (count - 1))
    goal += goal >= start
    seen = 0
    for place in range(len(cells)):
        if cells[place] != WALL:
            if seen == start:
                cells[place] = START
            elif seen == goal:
                cells[place] = GOAL
            seen += 1


@njit(cache=True, nogil=True)
@no_type_check
def find_route(cells, height, width, toward, queue, route):
    """The shortest route from START to GOAL by breadth-first search from the goal; returns its length, -1 for none.

    `route` is filled up to its end with waits (4); a longer route is cut there. `toward` and `queue` are scratch.
    """
    toward[:] = -1
    start = goal = -1
    for place in range(len(cells)):
        if cells[place] == START:
            start = place
        elif cells[place] == GOAL:
            goal = place
    queue[0] = goal
    toward[goal] = 4
    head, tail = 0, 1
    while head < tail and toward[start] < 0:
        at = queue[head]
        head += 1
        y, x = at // width, at % width
        for action in range(4):  # the way on from the neighbour is the way back to here
            if action == 0 and y < height - 1:
                neighbour = at + width
            elif action == 1 and y > 0:
                neighbour = at - width
            elif action == 2 and x < width - 1:
                neighbour = at + 1
            elif action == 3 and x > 0:
                neighbour = at - 1
            else:
                continue
            if cells[neighbour] != WALL and toward[neighbour] < 0:
                toward[neighbour] = action
                queue[tail] = neighbour
                tail += 1
    route[:] = 4
    if toward[start] < 0:
        return -1
    length, at = 0, start
    while at != goal:
        action = toward[at]
        if length < len(route):
            route[length] = action
        length += 1
        at += (-width, width, -1, 1)[action]
    return length


@njit(cache=True, nogil=True)
@no_type_check
def held_out(cells, part):
    """1 where the picture belongs to those held out, 0 elsewhere; turned and mirrored copies do as it does."""
    return int(fingerprint(cells, part.sources, part.salt) % part.share == 0)


@njit(cache=True, nogil=True)
@no_type_check
def fingerprint(cells, sources, salt):
    """A number of 63 bits that a picture shares with its turned and mirrored copies, and with nothing else by design.

    The least of the hashes of all eight; each multiplies and shifts cell by cell.
    """
    least = np.uint64(0xFFFFFFFFFFFFFFFF)
    for g in range(len(sources)):
        value = np.uint64(salt) ^ np.uint64(0x9E3779B97F4A7C15)
        for place in sources[g]:
            value = (value ^ np.uint64(cells[place])) * np.uint64(0xBF58476D1CE4E5B9)
            value ^= value >> np.uint64(29)
        least = min(least, value)
    return np.int64(least >> np.uint64(1))
