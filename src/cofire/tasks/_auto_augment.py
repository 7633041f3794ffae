"""AutoAugment with the policy that was learned on CIFAR-10: two operations in a row, chosen and carried out at random.

Source: Cubuk et al., AutoAugment, arXiv 1805.09501, table of policies for CIFAR-10; the magnitudes are those of
torchvision, ten steps each.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import PIL.Image

DRAWS = 5  # which of the policies, whether its two operations are carried out, and their signs
STEPS = 10
WIDEST_SHIFT = 150 / 331  # of the size of the image

# (operation, probability, magnitude from 0 to 9) twice; operations without a magnitude have 0
POLICIES = (
    (("invert", 0.1, 0), ("contrast", 0.2, 6)),
    (("rotate", 0.7, 2), ("translate_x", 0.3, 9)),
    (("sharpness", 0.8, 1), ("sharpness", 0.9, 3)),
    (("shear_y", 0.5, 8), ("translate_y", 0.7, 9)),
    (("auto_contrast", 0.5, 0), ("equalize", 0.9, 0)),
    (("shear_y", 0.2, 7), ("posterize", 0.3, 7)),
    (("colour", 0.4, 3), ("brightness", 0.6, 7)),
    (("sharpness", 0.3, 9), ("brightness", 0.7, 9)),
    (("equalize", 0.6, 0), ("equalize", 0.5, 0)),
    (("contrast", 0.6, 7), ("sharpness", 0.6, 5)),
    (("colour", 0.7, 7), ("translate_x", 0.5, 8)),
    (("equalize", 0.3, 0), ("auto_contrast", 0.4, 0)),
    (("translate_y", 0.4, 3), ("sharpness", 0.2, 6)),
    (("brightness", 0.9, 6), ("colour", 0.2, 8)),
    (("solarize", 0.5, 2), ("invert", 0.0, 0)),
    (("equalize", 0.2, 0), ("auto_contrast", 0.6, 0)),
    (("equalize", 0.2, 0), ("equalize", 0.6, 0)),
    (("colour", 0.9, 9), ("equalize", 0.6, 0)),
    (("auto_contrast", 0.8, 0), ("solarize", 0.2, 8)),
    (("brightness", 0.1, 3), ("colour", 0.7, 0)),
    (("solarize", 0.4, 5), ("auto_contrast", 0.9, 0)),
    (("translate_y", 0.9, 9), ("translate_y", 0.7, 9)),
    (("auto_contrast", 0.9, 0), ("solarize", 0.8, 3)),
    (("equalize", 0.8, 0), ("invert", 0.1, 0)),
    (("translate_y", 0.7, 9), ("auto_contrast", 0.9, 0)),
)


def auto_augment(image: "PIL.Image.Image", draws: np.ndarray) -> "PIL.Image.Image":
    """Return an image augmented as five uniform numbers (5,) in [0, 1) say.

    The first chooses the policy; of its two operations each is carried out with its probability, those with a
    direction in either.
    """
    policy = POLICIES[int(draws[0] * len(POLICIES))]
    for (operation, probability, magnitude), chance, sign in zip(policy, draws[1:3], draws[3:5], strict=True):
        if chance < probability:
            image = OPERATIONS[operation](image, magnitude, 1 if sign < 0.5 else -1)
    return image


def _shear_x(image: "PIL.Image.Image", magnitude: int, sign: int) -> "PIL.Image.Image":
    return _affine(image, (1, sign * _step(0.3, magnitude), 0, 0, 1, 0))


def _shear_y(image: "PIL.Image.Image", magnitude: int, sign: int) -> "PIL.Image.Image":
    return _affine(image, (1, 0, 0, sign * _step(0.3, magnitude), 1, 0))


def _translate_x(image: "PIL.Image.Image", magnitude: int, sign: int) -> "PIL.Image.Image":
    return _affine(image, (1, 0, -sign * int(_step(WIDEST_SHIFT * image.width, magnitude)), 0, 1, 0))


def _translate_y(image: "PIL.Image.Image", magnitude: int, sign: int) -> "PIL.Image.Image":
    return _affine(image, (1, 0, 0, 0, 1, -sign * int(_step(WIDEST_SHIFT * image.height, magnitude))))


def _rotate(image: "PIL.Image.Image", magnitude: int, sign: int) -> "PIL.Image.Image":
    return image.rotate(sign * _step(30.0, magnitude))


def _posterize(image: "PIL.Image.Image", magnitude: int, sign: int) -> "PIL.Image.Image":
    from PIL import ImageOps

    return ImageOps.posterize(image, 8 - round(magnitude / ((STEPS - 1) / 4)))


def _solarize(image: "PIL.Image.Image", magnitude: int, sign: int) -> "PIL.Image.Image":
    from PIL import ImageOps

    return ImageOps.solarize(image, 255.0 - _step(255.0, magnitude))  # pyright: ignore[reportArgumentType]


def _auto_contrast(image: "PIL.Image.Image", magnitude: int, sign: int) -> "PIL.Image.Image":
    from PIL import ImageOps

    return ImageOps.autocontrast(image)


def _equalize(image: "PIL.Image.Image", magnitude: int, sign: int) -> "PIL.Image.Image":
    from PIL import ImageOps

    return ImageOps.equalize(image)


def _invert(image: "PIL.Image.Image", magnitude: int, sign: int) -> "PIL.Image.Image":
    from PIL import ImageOps

    return ImageOps.invert(image)


def _enhanced(kind: str) -> Callable[["PIL.Image.Image", int, int], "PIL.Image.Image"]:
    """Return the operation that mixes an image with a grey, blurred, colourless or black one."""

    def enhance(image: "PIL.Image.Image", magnitude: int, sign: int) -> "PIL.Image.Image":
        from PIL import ImageEnhance

        return getattr(ImageEnhance, kind)(image).enhance(1 + sign * _step(0.9, magnitude))

    return enhance


OPERATIONS: dict[str, Callable[["PIL.Image.Image", int, int], "PIL.Image.Image"]] = {
    "shear_x": _shear_x,
    "shear_y": _shear_y,
    "translate_x": _translate_x,
    "translate_y": _translate_y,
    "rotate": _rotate,
    "brightness": _enhanced("Brightness"),
    "colour": _enhanced("Color"),
    "contrast": _enhanced("Contrast"),
    "sharpness": _enhanced("Sharpness"),
    "posterize": _posterize,
    "solarize": _solarize,
    "auto_contrast": _auto_contrast,
    "equalize": _equalize,
    "invert": _invert,
}


def _step(greatest: float, magnitude: int) -> float:
    return greatest * magnitude / (STEPS - 1)


def _affine(image: "PIL.Image.Image", matrix: tuple[int | float, ...]) -> "PIL.Image.Image":
    """Take the pixel at (x, y) from (a x + b y + c, d x + e y + f); black where there is none."""
    from PIL import Image

    return image.transform(image.size, Image.Transform.AFFINE, matrix)
