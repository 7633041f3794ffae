"""Thinking again: mazes with routes longer than an answer are walked piece by piece."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from cofire import checks
from cofire.tasks.mazes._generate import MazeSet
from cofire.tasks.mazes._kernel import GOAL, PATH, START, WALL
from cofire.tasks.mazes._symmetry import WAIT
from cofire.tasks.mazes._task import Mazes

MOST = 20  # applications, as published


@dataclass(frozen=True)
class Walks:
    """How far n mazes were walked.

    reached: whether the goal was, bool (n,). applications: how often the network was asked, int64 (n,).
    trail: the cells (row * S + column) that were stood on, the start first, -1 after the last, int64 (n, L).
    pieces: by which application each of them was reached, counted from 0, int64 (n, L).
    """

    reached: np.ndarray
    applications: np.ndarray
    trail: np.ndarray
    pieces: np.ndarray


def walk(
    model: nn.Module, task: Mazes, mazes: MazeSet, *, most: int = MOST, faults: int = 0, batch_size: int = 100
) -> Walks:
    """Let a network walk through mazes of any size: its route is followed, and it is asked again from where that ends.

    The picture of the whole maze is shown with the start where the walk stands. The route at the most certain tick is
    followed to its end, or to the goal, or until it runs into walls more than `faults` times (such a step is left
    out). A maze is given up after `most` applications, or where one of them leads nowhere. The model is used in the
    mode and on the device that it has.

    Source: Darlow et al., Continuous Thought Machines, arXiv 2505.05522, section 4.
    """
    checks.integer("most", most, low=1)
    checks.integer("faults", faults, low=0)
    checks.integer("batch_size", batch_size, low=1)
    parts = []
    for first in range(0, len(mazes), batch_size):
        places = np.arange(first, min(first + batch_size, len(mazes)))
        parts.append(_walk(model, task, mazes.at(places), most, faults))
    return _joined(parts)


def _walk(model: nn.Module, task: Mazes, mazes: MazeSet, most: int, faults: int) -> Walks:
    n, size = mazes.cells.shape[:2]
    cells = mazes.cells.reshape(n, -1).copy()
    here, goal = (cells == START).argmax(axis=1), (cells == GOAL).argmax(axis=1)
    trail = np.full((n, 1 + most * task.route_length), -1)
    trail[:, 0] = here
    applications = np.zeros(n, np.int64)
    walking = np.arange(n)
    for piece in range(most):
        shown = MazeSet(cells[walking].reshape(-1, size, size), mazes.routes[walking], mazes.lengths[walking])
        before = here[walking]
        after, steps = follow(cells[walking], before, _answers(model, task, shown), faults)
        trail[walking, 1 + piece * task.route_length : 1 + (piece + 1) * task.route_length] = steps
        applications[walking] += 1
        here[walking] = after
        walking = walking[(after != before) & (after != goal[walking])]
        if not walking.size:
            break
        cells[walking] = np.where(cells[walking] == START, PATH, cells[walking])
        cells[walking, here[walking]] = START
    pieces = np.concatenate([np.zeros(1, np.int64), np.arange(most).repeat(task.route_length)])
    order = np.argsort(trail < 0, axis=1, kind="stable")  # what was walked first, in its order
    length = int((trail >= 0).sum(axis=1).max())
    trail, pieces = np.take_along_axis(trail, order, axis=1), pieces[order]
    return Walks(here == goal, applications, trail[:, :length], pieces[:, :length])


def follow(cells: np.ndarray, here: np.ndarray, routes: np.ndarray, faults: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Follow routes (n, R) from cells `here` (n,) of square mazes (n, S * S), to the goal at most.

    Steps into walls and out of the picture are left out; after more than `faults` of them a walk ends. Returns the
    cells reached (n,), and the cell that each action led to (n, R), -1 where it led to none.

    >>> maze = np.array([[0, 0, 0, 2, 1, 3, 0, 0, 0]])  # a corridor of three cells
    >>> follow(maze, np.array([3]), np.array([[0, 3, 3]]), faults=1)
    (array([5]), array([[-1,  4,  5]]))
    """
    n, size = len(cells), math.isqrt(cells.shape[1])
    down, right = np.array([-1, 1, 0, 0, 0]), np.array([0, 0, -1, 1, 0])
    each, steps = np.arange(n), np.full(routes.shape, -1)
    going, left = np.ones(n, bool), np.full(n, faults)
    for k, action in enumerate(routes.T):
        going &= cells[each, here] != GOAL
        y, x = here // size + down[action], here % size + right[action]
        inside = (y >= 0) & (y < size) & (x >= 0) & (x < size)
        to = np.where(inside, y * size + x, here)
        free = inside & (cells[each, to] != WALL)
        left -= going & ~free
        going &= left >= 0
        moves = going & free & (action != WAIT)
        steps[moves, k] = to[moves]
        here = np.where(moves, to, here)
    return here, steps


def _joined(parts: list[Walks]) -> Walks:
    """All walks together, as long as the longest."""
    length = max(part.trail.shape[1] for part in parts)
    trail, pieces = (
        np.concatenate([np.pad(one, ((0, 0), (0, length - one.shape[1])), constant_values=-1) for one in column])
        for column in ([part.trail for part in parts], [part.pieces for part in parts])
    )
    reached = np.concatenate([part.reached for part in parts])
    return Walks(reached, np.concatenate([part.applications for part in parts]), trail, pieces)


def _answers(model: nn.Module, task: Mazes, mazes: MazeSet) -> np.ndarray:
    """The routes (n, R) at the most certain tick."""
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    with torch.inference_mode():
        thought = task.batch(mazes).to(device).show(model)
        return task.routes(thought.logits, thought.certainty.argmax(dim=1)).cpu().numpy()
