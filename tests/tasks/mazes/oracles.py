"""Plain definitions: breadth-first search in dictionaries, and the chances of a depth-first walk counted out."""

from collections import defaultdict, deque
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

WALL, PATH, START, GOAL = range(4)
MOVES = ((-1, 0), (1, 0), (0, -1), (0, 1))
Cell = tuple[int, int]


def find(cells: np.ndarray, kind: int) -> Cell:
    (place,) = np.argwhere(cells == kind)
    return int(place[0]), int(place[1])


def neighbours(cells: np.ndarray, place: Cell) -> Iterator[tuple[int, Cell]]:
    """Open cells beside a place, each with the action that leads to it."""
    for action, (down, right) in enumerate(MOVES):
        y, x = place[0] + down, place[1] + right
        if 0 <= y < cells.shape[0] and 0 <= x < cells.shape[1] and cells[y, x] != WALL:
            yield action, (y, x)


def distances(cells: np.ndarray, start: Cell) -> dict[Cell, int]:
    """Steps from the start to every open cell that can be reached."""
    found, queue = {start: 0}, deque([start])
    while queue:
        at = queue.popleft()
        for _, place in neighbours(cells, at):
            if place not in found:
                found[place] = found[at] + 1
                queue.append(place)
    return found


def walked(cells: np.ndarray, start: Cell, route: list[int]) -> list[Cell]:
    """The cells that a route stands on, the start first; a step into a wall fails."""
    trail = [start]
    for action in route:
        trail.append(dict(neighbours(cells, trail[-1]))[action])
    return trail


def walk_chances(side: int) -> dict[frozenset[frozenset[Cell]], Fraction]:
    """The chance of every spanning tree of a grid of rooms, by following every choice of a depth-first walk."""
    chances: dict[frozenset[frozenset[Cell]], Fraction] = defaultdict(Fraction)
    rooms = [(y, x) for y in range(side) for x in range(side)]

    def go_on(way: tuple[Cell, ...], entered: frozenset[Cell], tree: frozenset, chance: Fraction) -> None:
        if not way:
            chances[tree] += chance
            return
        y, x = way[-1]
        new = [room for dy, dx in MOVES if (room := (y + dy, x + dx)) in rooms and room not in entered]
        for room in new:
            go_on((*way, room), entered | {room}, tree | {frozenset({way[-1], room})}, chance / len(new))
        if not new:
            go_on(way[:-1], entered, tree, chance)

    for room in rooms:
        go_on((room,), frozenset({room}), frozenset(), Fraction(1, len(rooms)))
    return chances


def tree_of(cells: np.ndarray) -> frozenset[frozenset[Cell]]:
    """The passages of a maze, each as the two rooms that it joins."""
    joined = set()
    for y, x in np.argwhere(cells != WALL).tolist():
        if y % 2 != x % 2:
            ends = ((y, x - 1), (y, x + 1)) if y % 2 else ((y - 1, x), (y + 1, x))
            joined.add(frozenset((row // 2, column // 2) for row, column in ends))
    return frozenset(joined)
