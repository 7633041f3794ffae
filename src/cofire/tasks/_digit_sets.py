"""The digits that questions are about: images to learn from, and others to be examined with."""

from typing import NamedTuple

import numpy as np

from cofire import checks
from cofire.random import Key
from cofire.tasks import _digits
from cofire.tasks._image_sets import as_arrays, find_image_sets

SOURCES = ("extract", "full")


class Pictures(NamedTuple):
    """Images uint8 (N, 28, 28), ink 255 on paper 0, and the digit on each, int64 (N,)."""

    images: np.ndarray
    labels: np.ndarray


def digit_sets(source: str, folder: str | None, *, held_out: int, key: Key) -> tuple[Pictures, Pictures]:
    """Return training and held-out digits of MNIST.

    "extract": the 5,000 images of an installed package, `held_out` of each class drawn by key. "full": its 60,000 and
    10,000 as they are split, read by the extra "data", from `folder` where one is given. Raises `MissingExtra` or
    `FileProblem` where they are not there.
    """
    checks.choice("images", source, SOURCES)
    if source == "full":
        training, testing = find_image_sets("mnist", folder, held_out=0.1, key=key)
        return Pictures(*as_arrays(training)), Pictures(*as_arrays(testing))
    if folder is not None:
        wanted, fix = "none for the extract, which is part of a package", 'images="full" reads a folder'
        raise checks.InvalidValue(checks.message("folder", wanted, folder, fix))
    checks.integer("held_out", held_out, low=1, high=499, fix="each class has 500 images")
    images, labels = _digits.read_digits(_digits.find_images())
    parts = _digits.split(labels, held_out, key)
    return Pictures(images[parts.training], labels[parts.training]), Pictures(
        images[parts.testing], labels[parts.testing]
    )
