"""Small random deformations of images: moved, turned, stretched, bent; addressed by key, epoch and place."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cofire import checks
from cofire.random import Key

KNOTS = 5  # of the coarse grid whose displacements bend the image


@dataclass(frozen=True, kw_only=True)
class Warp:
    """How far an image may be deformed. Every measure is the greatest one, except `bend`, a standard deviation.

    shift: pixels, each way. turn: degrees, each way. stretch: of the size, 0.1 makes it up to 10 % larger or smaller.
    slant: pixels that a row moves sideways per pixel of height. bend: pixels by which the knots of a 5 x 5 grid laid
    over the image are displaced; the image between them follows smoothly.

    >>> Warp(shift=2.0).turn
    0.0
    """

    shift: float = 0.0
    turn: float = 0.0
    stretch: float = 0.0
    slant: float = 0.0
    bend: float = 0.0

    def __post_init__(self):
        for name, value in asdict(self).items():
            checks.number(name, value, low=0)
        checks.number("stretch", self.stretch, high=0.9, fix="give a part of the size, such as 0.1")

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)

    def draw(self, size: int, key: Key, epoch: int) -> "Deformations":
        """Draw the deformations of a whole epoch of `size` examples."""
        draws = key.uniform((size, 6), step=epoch, low=-1.0, high=1.0)
        angle = np.deg2rad(self.turn) * draws[:, 0]
        zoom = 1 + self.stretch * draws[:, 1:3]
        cosine, sine, slant = np.cos(angle), np.sin(angle), self.slant * draws[:, 3]
        linear = np.empty((size, 2, 2), dtype=np.float32)  # rows: where x and y of the source lie
        linear[:, 0, 0] = zoom[:, 0] * cosine
        linear[:, 0, 1] = zoom[:, 0] * (slant * cosine - sine)
        linear[:, 1, 0] = zoom[:, 1] * sine
        linear[:, 1, 1] = zoom[:, 1] * (slant * sine + cosine)
        offset = (self.shift * draws[:, 4:6]).astype(np.float32)
        if not self.bend:
            return Deformations(linear, offset, None)
        return Deformations(linear, offset, key.fold("bend").normal((size, 2, KNOTS, KNOTS), step=epoch, std=self.bend))


class Deformations:
    """One deformation for each example of an epoch, ready to be applied to any of them."""

    def __init__(self, linear: np.ndarray, offset: np.ndarray, knots: np.ndarray | None):
        self._linear = linear
        self._offset = offset
        self._knots = knots

    def apply(self, images: Tensor, places: np.ndarray) -> Tensor:
        """Return images (B, H, W), each deformed as its place (B,) in the epoch says, with bilinear interpolation.

        Beyond the border lies 0. Only products and sums element by element are used, so that an image comes out the
        same to the bit in whatever batch it stands.
        """
        H, W = images.shape[1:]
        x = np.arange(W, dtype=np.float32) - np.float32((W - 1) / 2)
        y = np.arange(H, dtype=np.float32)[:, None] - np.float32((H - 1) / 2)
        linear = self._linear[places][:, :, :, None, None]
        source = linear[:, :, 0] * x + linear[:, :, 1] * y + self._offset[places][:, :, None, None]
        if self._knots is not None:
            source += _between(_between(self._knots[places], W).swapaxes(2, 3), H)
        source *= np.array([2 / max(W - 1, 1), 2 / max(H - 1, 1)], dtype=np.float32)[:, None, None]
        grid = torch.from_numpy(source).permute(0, 2, 3, 1)
        return torch.nn.functional.grid_sample(images[:, None], grid, align_corners=True)[:, 0]


def _between(knots: np.ndarray, size: int) -> np.ndarray:
    """Interpolate the last axis from evenly spaced knots to `size` points, by cubic B-splines."""
    points = np.linspace(0, knots.shape[-1] - 1, size)
    distance = np.abs(points - np.arange(knots.shape[-1])[:, None])
    near = 2 / 3 - distance**2 * (1 - distance / 2)
    far = np.clip(2 - distance, 0, None) ** 3 / 6
    weights = np.where(distance < 1, near, far).astype(np.float32)  # (knots, size)
    total = knots[..., 0, None] * weights[0]
    for index in range(1, len(weights)):  # in a fixed order: a matrix product would choose its own
        total += knots[..., index, None] * weights[index]
    return total
