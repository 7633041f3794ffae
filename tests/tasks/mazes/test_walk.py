"""Walking piece by piece: networks whose answers are known, against walks taken by hand."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cofire.checks import InvalidValue
from cofire.ctm import Thought
from cofire.random import Key
from cofire.tasks import Mazes, mazes
from cofire.tasks.mazes._walk import follow
from tests.tasks.mazes.oracles import GOAL, START, distances, find, walked

TASK = Mazes(key=Key(0), size=9, route_length=6)


class Guide(nn.Module):
    """Knows the way: solves the maze that it sees, and says so at the first of two ticks, surely."""

    def __init__(self, mistake: int | None = None):
        super().__init__()
        self.asked: list[int] = []
        self.mistake = mistake

    def forward(self, x: Tensor) -> Thought:
        self.asked.append(len(x))
        pictures = TASK.pictures(x)
        cells = np.where(
            pictures[..., 0] > 0.5, np.where(pictures[..., 1] > 0.5, 1, 2), np.where(pictures[..., 1] > 0.5, 3, 0)
        )
        routes = torch.tensor([self.route(one) for one in cells])
        logits = torch.zeros(len(x), 30, 2)
        logits[:, :, 0] = nn.functional.one_hot(routes, 5).flatten(1).float()
        return Thought(logits, torch.tensor([[0.9, 0.1]]).expand(len(x), 2))

    def route(self, cells: np.ndarray) -> list[int]:
        goal, at, route = find(cells, GOAL), find(cells, START), []
        away = distances(cells, goal)
        while at != goal and len(route) < 6:
            action = min(range(4), key=lambda one: away.get(beside(at, one), 10**6))
            route.append(action)
            at = beside(at, action)
        route += [4] * (6 - len(route))
        if self.mistake is not None:
            route[self.mistake] = 4
        return route


def beside(place: tuple[int, int], action: int) -> tuple[int, int]:
    down, right = ((-1, 0), (1, 0), (0, -1), (0, 1))[action]
    return place[0] + down, place[1] + right


@pytest.mark.parametrize("size", [9, 15])
def test_who_knows_the_way_arrives_in_as_few_pieces_as_there_are(size: int):
    drawn = mazes.generate(25, size, key=Key(1))
    walks = mazes.walk(Guide(), TASK, drawn, batch_size=7)
    short = drawn.lengths <= 20 * 6
    assert np.array_equal(walks.reached, short)
    assert np.array_equal(walks.applications, np.minimum(-(-drawn.lengths // 6), 20))
    for place in np.flatnonzero(short):
        start, route = find(drawn.cells[place], START), drawn.routes[place, : drawn.lengths[place]].tolist()
        expected = [y * size + x for y, x in walked(drawn.cells[place], start, route)]
        trail = walks.trail[place]
        assert trail[trail >= 0].tolist() == expected
        assert walks.pieces[place, 1 : len(expected)].tolist() == [step // 6 for step in range(len(route))]
    assert (walks.trail[:, -1] >= 0).any()  # no longer than the longest


def test_a_maze_is_given_up_after_the_most_applications_or_where_nothing_moves():
    drawn = mazes.generate(25, 15, key=Key(1))
    walks = mazes.walk(Guide(), TASK, drawn, most=2)
    assert np.array_equal(walks.reached, drawn.lengths <= 12)
    assert walks.applications.max() == 2
    lost = Guide(mistake=0)  # waits, then takes the steps after the first, which may run into walls at once
    walks = mazes.walk(lost, TASK, drawn)
    assert not walks.reached.all()
    assert (walks.applications <= 20).all()
    assert sum(lost.asked) == walks.applications.sum()


def test_steps_into_walls_are_left_out_up_to_so_many_faults():
    corridor = np.array([[0, 0, 0, 0, 0, 2, 1, 1, 1, 3] + [0] * 15])  # the second row of five: S, three cells, goal
    routes = np.array([[0, 3, 3, 1, 3, 3, 3]])
    here = np.array([5])
    for faults, reached, steps in (
        (0, 5, [-1] * 7),
        (1, 7, [-1, 6, 7, -1, -1, -1, -1]),
        (2, 9, [-1, 6, 7, -1, 8, 9, -1]),  # and what comes after the goal is left out
    ):
        after, trail = follow(corridor, here, routes, faults)
        assert after.tolist() == [reached]
        assert trail.tolist() == [steps]


def test_nobody_walks_out_of_a_picture_without_walls_around():
    free = np.array([[2, 1, 1, 1, 1, 1, 1, 1, 3]])
    for action, place in ((0, 0), (2, 0), (1, 6), (3, 2)):
        after, _ = follow(free, np.array([0]), np.full((1, 5), action))
        assert after.tolist() == [place]


def test_bounds_are_checked():
    with pytest.raises(InvalidValue, match="most: wanted an integer of at least 1, got 0"):
        mazes.walk(Guide(), TASK, mazes.generate(1, 9, key=Key(0)), most=0)
