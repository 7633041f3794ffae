"""What is done to images before they are shown: in training at random, as numbers drawn by key say; in testing not.

    none           as they are
    warp           moved, turned, stretched and slanted a little, as handwriting varies
    autoaugment    AutoAugment's policy for CIFAR-10
    crop           a random part of the image, 8 to 100 % of it, at 224 x 224, mirrored half of the time;
                   in testing the middle of the image whose shorter side is 256

Source of the crops: Szegedy et al., Going deeper with convolutions, arXiv 1409.4842, as torchvision carries them out.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cofire.tasks._auto_augment import DRAWS, auto_augment

if TYPE_CHECKING:
    import PIL.Image

SHIFT, TURN, STRETCH, SLANT = 0.07, 10.0, 0.1, 0.1  # of the size, degrees, of the size, pixels per pixel; each way
ATTEMPTS = 10  # at a part of the image that fits into it
AREA, RATIO = (0.08, 1.0), (3 / 4, 4 / 3)
MARGIN = 256 / 224  # of the size that the middle of a test image is cut from


class Augmentation(NamedTuple):
    """How images become inputs of `size`, None for the size they have.

    `draws`: uniform numbers per image that `train(image, draws, size)` wants; `test(image, size)`.
    """

    draws: int
    size: int | None
    train: Callable[["PIL.Image.Image", np.ndarray, int | None], "PIL.Image.Image"]
    test: Callable[["PIL.Image.Image", int | None], "PIL.Image.Image"]


def warp(image: "PIL.Image.Image", draws: np.ndarray, size: int | None) -> "PIL.Image.Image":
    """Return an image that is moved, turned, stretched and slanted about its middle, black where it came from.

    draws (6,): how far of the greatest measure, turn, stretch across and down, slant, way across and down.
    """
    from PIL import Image

    image = resized(image, size)
    turn, across, down, slant, right, below = (2 * draws - 1).tolist()
    cosine, sine, slant = math.cos(math.radians(TURN * turn)), math.sin(math.radians(TURN * turn)), SLANT * slant
    across, down = 1 + STRETCH * across, 1 + STRETCH * down
    x = across * cosine, across * (slant * cosine - sine)  # where what is seen lies in the source
    y = down * sine, down * (slant * sine + cosine)
    width, height = image.width / 2, image.height / 2  # Pillow counts from the corner of the first pixel
    left = width * (1 + 2 * SHIFT * right) - x[0] * width - x[1] * height
    top = height * (1 + 2 * SHIFT * below) - y[0] * width - y[1] * height
    return image.transform(image.size, Image.Transform.AFFINE, (*x, left, *y, top), Image.Resampling.BILINEAR)


def random_crop(image: "PIL.Image.Image", draws: np.ndarray, size: int | None) -> "PIL.Image.Image":
    """Return a random part of an image, resized to a square, perhaps mirrored.

    draws (23,): area and ratio of each of ten attempts, the corner, and whether it is mirrored.
    """
    from PIL import Image

    left, top, width, height = _part(image.width, image.height, draws)
    image = resized(image.crop((left, top, left + width, top + height)), size or 224)
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if draws[-1] < 0.5 else image


def centre_crop(image: "PIL.Image.Image", size: int | None) -> "PIL.Image.Image":
    """Return the square in the middle of an image whose shorter side was resized to 8/7 of it."""
    from PIL import Image

    size = size or 224
    shorter, longer = sorted(image.size)
    short = round(size * MARGIN)
    long = int(short * longer / shorter)
    image = image.resize((short, long) if image.width <= image.height else (long, short), Image.Resampling.BILINEAR)
    left, top = (round((side - size) / 2) for side in image.size)
    return image.crop((left, top, left + size, top + size))


def resized(image: "PIL.Image.Image", size: int | None) -> "PIL.Image.Image":
    """Return an image as a square of this size; None leaves it as it is."""
    from PIL import Image

    return image if size is None else image.resize((size, size), Image.Resampling.BILINEAR)


def _part(width: int, height: int, draws: np.ndarray) -> tuple[int, int, int, int]:
    """Return left, top, width and height of the part: the first attempt that fits, else as much of the middle."""
    low, high = (math.log(ratio) for ratio in RATIO)
    for attempt in range(ATTEMPTS):
        area = width * height * (AREA[0] + (AREA[1] - AREA[0]) * draws[2 * attempt])
        ratio = math.exp(low + (high - low) * draws[2 * attempt + 1])
        across, down = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < across <= width and 0 < down <= height:
            left, top = draws[-3] * (width - across + 1), draws[-2] * (height - down + 1)
            return int(left), int(top), across, down
    across, down = min(width, round(height * RATIO[1])), min(height, round(width / RATIO[0]))
    return (width - across) // 2, (height - down) // 2, across, down


AUGMENTATIONS = {
    "warp": Augmentation(6, None, warp, resized),
    "none": Augmentation(0, None, lambda image, draws, size: resized(image, size), resized),
    "autoaugment": Augmentation(
        DRAWS, None, lambda image, draws, size: auto_augment(resized(image, size), draws), resized
    ),
    "crop": Augmentation(2 * ATTEMPTS + 3, 224, random_crop, centre_crop),
}
