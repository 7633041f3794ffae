"""Turned and mirrored mazes: routes stay the shortest, the eight symmetries are a group, and each is equally likely."""

import numpy as np
from scipy import stats

from cofire.random import Key
from cofire.tasks import Mazes, mazes
from cofire.tasks.mazes._sources import fingerprints
from cofire.tasks.mazes._symmetry import SYMMETRIES, actions, sources, turn
from tests.tasks.mazes.oracles import GOAL, START, distances, find, walked


def test_turned_routes_lead_through_turned_mazes():
    drawn = mazes.generate(64, 15, key=Key(1))
    cells, routes = turn(drawn.cells, drawn.routes, np.arange(64) % SYMMETRIES)
    for maze, route, length in zip(cells, routes, drawn.lengths, strict=True):
        start, goal = find(maze, START), find(maze, GOAL)
        assert walked(maze, start, route[:length].tolist())[-1] == goal
        assert length == distances(maze, start)[goal]
        assert (route[length:] == 4).all()


def test_they_are_the_turns_and_mirrorings_of_numpy():
    picture = np.arange(25).reshape(5, 5)
    plain = [np.rot90(mirrored, turns) for mirrored in (picture, picture[:, ::-1]) for turns in range(4)]
    assert sorted(map(bytes, plain)) == sorted(bytes(picture.ravel()[source]) for source in sources(5))
    assert len({tuple(row) for row in actions().tolist()}) == SYMMETRIES


def test_the_published_coins_make_all_eight_equally_likely():
    """A quarter turn with 1/2, either way; mirrored left and right with 1/2; mirrored top and bottom with 1/2."""
    picture = np.arange(9).reshape(3, 3)
    chances = dict.fromkeys((picture.ravel()[source].tobytes() for source in sources(3)), 0.0)
    for turns, chance in ((0, 0.5), (1, 0.25), (-1, 0.25)):
        for sideways in (False, True):
            for upside_down in (False, True):
                made = np.rot90(picture, turns)
                made = np.fliplr(made) if sideways else made
                chances[(np.flipud(made) if upside_down else made).tobytes()] += chance / 4
    assert set(chances.values()) == {1 / 8}


def test_augmentation_draws_each_symmetry_as_often_and_by_position():
    plain, turned = (Mazes(key=Key(2), size=9, route_length=30, augment=augment) for augment in (False, True))
    positions = np.arange(4000)
    before, after = plain.train(positions), turned.train(positions)
    counts = np.zeros(SYMMETRIES)
    for source, table, g in zip(sources(9), actions(), range(SYMMETRIES), strict=True):
        same = (before.inputs.flatten(2)[:, :, source] == after.inputs.flatten(2)).flatten(1).all(1).numpy()
        counts[g] = same.sum()
        assert np.array_equal(table[before.targets[same]], after.targets[same])
    assert counts.sum() == 4000  # no maze with one start and one goal looks the same turned, unless both lie on an axis
    assert stats.chisquare(counts).pvalue > 1e-6


def test_fingerprints_are_shared_by_the_eight_copies_and_by_nothing_else():
    cells = mazes.generate(2000, 9, key=Key(3)).cells
    first = fingerprints(cells)
    for g in range(SYMMETRIES):
        copies, _ = turn(cells, np.zeros((2000, 1), np.int64), np.full(2000, g))
        assert np.array_equal(fingerprints(copies), first)
    canonical = {min(bytes(maze.ravel()[source]) for source in sources(9)) for maze in cells}
    assert len(np.unique(first)) == len(canonical)
