"""Deformations against SciPy's interpolation of the same map, and their limits."""

import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline
from scipy.ndimage import map_coordinates

from cofire.checks import InvalidValue
from cofire.random import Key
from cofire.tasks import Warp
from cofire.tasks._warp import KNOTS, Deformations, _between

SIZE = 12
IMAGES = torch.from_numpy(Key(1).uniform((4, SIZE, SIZE)))
CENTRED = np.arange(SIZE) - (SIZE - 1) / 2


def test_no_deformation_changes_nothing():
    still = Warp().draw(4, Key(0), epoch=0)
    torch.testing.assert_close(still.apply(IMAGES, np.arange(4)), IMAGES, rtol=0, atol=1e-5)


def test_a_whole_pixel_moves_the_image():
    move = Deformations(np.tile(np.eye(2, dtype=np.float32), (1, 1, 1)), np.array([[2.0, 0.0]], np.float32), None)
    moved = move.apply(IMAGES[:1], np.array([0]))[0]
    torch.testing.assert_close(moved[:, :-2], IMAGES[0, :, 2:], rtol=0, atol=1e-5)
    assert moved[:, -1].abs().max() < 1e-5  # beyond the border lies 0


def test_it_is_bilinear_interpolation_at_the_deformed_places():
    warp = Warp(shift=2.0, turn=20.0, stretch=0.2, slant=0.2, bend=1.0)
    drawn = warp.draw(4, Key(2), epoch=3)
    result = drawn.apply(IMAGES, np.arange(4))
    y, x = np.meshgrid(CENTRED, CENTRED, indexing="ij")
    assert drawn._knots is not None
    for b in range(4):
        bend = _between(_between(drawn._knots[b], SIZE).swapaxes(1, 2), SIZE)
        source = np.einsum("ij,jhw->ihw", drawn._linear[b], np.stack([x, y])) + drawn._offset[b][:, None, None] + bend
        wanted = map_coordinates(IMAGES[b].numpy(), source[::-1] + (SIZE - 1) / 2, order=1, mode="grid-constant")
        np.testing.assert_allclose(result[b], wanted, atol=2e-5)


def test_between_knots_lie_cubic_splines():
    knots = Key(3).normal((KNOTS,))
    points = np.linspace(0, KNOTS - 1, 28)
    spline = BSpline(np.arange(-3, KNOTS + 3), np.pad(knots, 1)[: KNOTS + 2], 3)  # knot i peaks at i
    np.testing.assert_allclose(_between(knots, 28), spline(points), atol=1e-6)


@pytest.mark.parametrize(
    ("warp", "low", "high"),
    [(Warp(shift=3.0), 0.0, 3.0), (Warp(turn=10.0), 0.0, 0.0), (Warp(stretch=0.1), 0.0, 0.0)],
)
def test_measures_are_the_greatest_ones(warp: Warp, low: float, high: float):
    drawn = warp.draw(2000, Key(4), epoch=0)
    assert low <= np.abs(drawn._offset).max() <= high
    if high:
        assert np.abs(drawn._offset).max() > 0.99 * high
    angle = np.rad2deg(np.arctan2(drawn._linear[:, 1, 0], drawn._linear[:, 1, 1]))
    assert np.abs(angle).max() <= warp.turn + 1e-4
    size = np.hypot(drawn._linear[:, 0, 0], drawn._linear[:, 0, 1])
    assert np.abs(size - 1).max() <= warp.stretch + 1e-6


def test_impossible_measures_are_refused():
    with pytest.raises(InvalidValue, match="shift: wanted a finite number of at least 0, got -1"):
        Warp(shift=-1.0)
    with pytest.raises(InvalidValue, match="a part of the size"):
        Warp(stretch=1.0)
