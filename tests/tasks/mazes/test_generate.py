"""Drawn mazes: trees, their routes against breadth-first search, their chances against those counted out."""

import numpy as np
import pytest
from scipy import stats

from cofire.checks import InvalidValue
from cofire.random import Key
from cofire.tasks import mazes
from tests.tasks.mazes.oracles import GOAL, START, WALL, distances, find, tree_of, walk_chances, walked

CHANCE = 1e-6  # of a false alarm, for each test of a distribution


@pytest.mark.parametrize("size", [5, 7, 9, 15, 39])
def test_a_maze_is_a_tree_of_rooms_inside_walls(size: int):
    drawn = mazes.generate(20, size, key=Key(1))
    rooms = ((size - 1) // 2) ** 2
    for cells in drawn.cells:
        assert (cells[[0, -1]] == WALL).all()
        assert (cells[:, [0, -1]] == WALL).all()
        assert (cells[1::2, 1::2] != WALL).all()
        assert (cells[::2, ::2] == WALL).all()
        assert (cells != WALL).sum() == 2 * rooms - 1  # as many passages as a tree has edges
        assert len(distances(cells, find(cells, START))) == 2 * rooms - 1  # and everything is connected


@pytest.mark.parametrize("size", [5, 9, 39])
def test_routes_are_the_shortest(size: int):
    drawn = mazes.generate(50, size, key=Key(2))
    for cells, route, length in zip(drawn.cells, drawn.routes, drawn.lengths, strict=True):
        start, goal = find(cells, START), find(cells, GOAL)
        assert length == distances(cells, start)[goal]
        assert walked(cells, start, route[:length].tolist())[-1] == goal
        assert (route[length:] == 4).all()


def test_routes_are_padded_with_waits_or_cut():
    whole, cut = (mazes.generate(50, 15, key=Key(2), route_length=length) for length in (100, 10))
    free = mazes.generate(50, 15, key=Key(2))
    assert whole.routes.shape == (50, 100)
    assert free.routes.shape == (50, free.lengths.max())
    assert np.array_equal(whole.routes[:, : free.routes.shape[1]], free.routes)
    assert (whole.routes[:, free.routes.shape[1] :] == 4).all()
    assert np.array_equal(cut.routes, whole.routes[:, :10])
    assert np.array_equal(cut.lengths, whole.lengths)


def test_images_have_a_red_start_a_green_goal_and_no_route():
    drawn = mazes.generate(3, 9, key=Key(3))
    images = drawn.images
    assert images.shape == (3, 9, 9, 3)
    assert images.dtype == np.float32
    for image, cells in zip(images, drawn.cells, strict=True):
        assert image[find(cells, START)].tolist() == [1, 0, 0]
        assert image[find(cells, GOAL)].tolist() == [0, 1, 0]
        colours, counts = np.unique(image.reshape(-1, 3), axis=0, return_counts=True)
        assert colours.tolist() == [[0, 0, 0], [0, 1, 0], [1, 0, 0], [1, 1, 1]]
        assert counts[1:3].tolist() == [1, 1]


def test_the_walk_takes_every_way_with_its_chance():
    chances = walk_chances(3)
    assert len(chances) == 88  # of the 192 spanning trees of three by three rooms, those that such a walk can make
    trees, counts = np.unique(
        [hash(tree_of(cells)) for cells in mazes.generate(40_000, 7, key=Key(4)).cells], return_counts=True
    )
    expected = {hash(tree): float(chance) * 40_000 for tree, chance in chances.items()}
    assert set(trees.tolist()) <= set(expected)
    seen = dict(zip(trees.tolist(), counts.tolist(), strict=True))
    table = [(seen.get(tree, 0), often) for tree, often in expected.items()]
    assert stats.chisquare(*np.array(table).T).pvalue > CHANCE


def test_starts_and_goals_are_any_two_open_cells():
    drawn = mazes.generate(42_000, 5, key=Key(5))
    pairs = []
    for cells in drawn.cells:
        opened = np.flatnonzero(cells != WALL).tolist()
        start, goal = (opened.index(int(np.flatnonzero(cells == end)[0])) for end in (START, GOAL))
        pairs.append(start * 7 + goal)
    counts = np.bincount(pairs, minlength=49).reshape(7, 7)
    assert np.diag(counts).sum() == 0
    assert stats.chisquare(counts[~np.eye(7, dtype=bool)]).pvalue > CHANCE


def test_a_maze_is_a_function_of_key_size_and_number():
    many = mazes.generate(30, 15, key=Key(6), route_length=60)
    few = mazes.generate(4, 15, key=Key(6), route_length=60, first=11)
    assert np.array_equal(few.cells, many.cells[11:15])
    assert np.array_equal(few.routes, many.routes[11:15])
    other = mazes.generate(30, 15, key=Key(7))
    assert (other.cells != many.cells).any(axis=(1, 2)).all()
    assert len(np.unique(many.cells.reshape(30, -1), axis=0)) == 30


def test_mazes_that_cannot_be_are_refused():
    with pytest.raises(InvalidValue, match=r"size: wanted an odd number, got 10.*a wall at either end"):
        mazes.generate(1, 10, key=Key(0))
    with pytest.raises(
        InvalidValue, match=r"size: wanted an integer from 5 to 2047, got 3; the usual fix: such as 15 or 39"
    ):
        mazes.generate(1, 3, key=Key(0))
    with pytest.raises(InvalidValue, match="n: wanted an integer of at least 1, got 0"):
        mazes.generate(0, 9, key=Key(0))
    with pytest.raises(InvalidValue, match="route_length: wanted an integer of at least 1, got 0"):
        mazes.generate(1, 9, key=Key(0), route_length=0)
