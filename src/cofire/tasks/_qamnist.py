"""Q&A MNIST: digits are shown one after the other, then a sum or difference of some of them is asked for."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from cofire import checks
from cofire.random import Key
from cofire.tasks import losses
from cofire.tasks._digit_sets import Pictures, digit_sets
from cofire.tasks._digits import DEVIATION, MEAN
from cofire.tasks._question_batch import QuestionBatch
from cofire.tasks._questions import Kinds, Questions, Range, draw_questions
from cofire.tasks._stream import check_positions
from cofire.tasks._task import Thoughtlike
from cofire.tasks._warp import Warp


class QuestionsMNIST:
    """Remember digits, then compute with them: (d[i] + d[j] - ...) mod 10, ten classes.

    An example takes (n + 1 + 2 K) R ticks, and then those in which the answer is awaited: each of n images of digits is
    shown for R = `repeats` ticks, then the question's 1 + 2 K parts, a place and K times an operator and a place, are
    asked for as long. The answer is judged at the last `answer_ticks` ticks. Inputs are float32 (B, n R, 1, size,
    size), normalised by MNIST's mean and deviation, questions int64 (B, (1 + 2 K) R) as `cofire.ctm.DigitQuestions`
    reads them, targets int64 (B,).

    n and K are drawn from `digits` and `operations`, ranges with both ends included, once for each `block` of positions
    of the stream, so that a batch that is a block is of one kind; batches of several kinds are shown kind by kind, see
    `QuestionBatch`. `upper_exclusive` leaves the upper ends out, as the published code did. Where K is 0 the question
    is for the name of a digit. `tested`, numbers of digits and operations, makes all test questions of that one kind.

    Training images, and those of the `questions` test questions, are two disjoint sets: of the 5,000 images of the
    "extract", `held_out` of each class are kept for testing; "full" is MNIST as it is split, from `folder` or where
    Hugging Face's `datasets` finds it. Training images can be deformed (`warp`), anew each time. `use_most_certain`
    False judges the last tick in place of the most certain one, as the published recurrent baseline was trained.

    Raises `MissingExtra` or `FileProblem` where the images are not there, `InvalidValue` for an empty range.
    Source: Darlow et al., Continuous Thought Machines, arXiv 2505.05522, section on Q&A MNIST.

    >>> task = QuestionsMNIST(key=Key(0), digits=(2, 3), operations=(1, 1), repeats=2)
    >>> batch = task.test(np.arange(4))
    >>> batch.inputs.shape[2:], batch.asked[0].tolist(), batch.targets.shape
    (torch.Size([1, 32, 32]), [0, 0, -2, -2, 0, 0], torch.Size([4]))
    """

    name = "qamnist"

    def __init__(
        self,
        *,
        key: Key,
        digits: Range = (1, 5),
        operations: Range = (1, 5),
        repeats: int = 1,
        answer_ticks: int = 1,
        upper_exclusive: bool = False,
        tested: Range | None = None,
        block: int = 64,
        size: int = 32,
        warp: Warp | None = None,
        images: str = "extract",
        folder: str | None = None,
        held_out: int = 100,
        questions: int = 1000,
        use_most_certain: bool = True,
    ):
        self._repeats = checks.integer("repeats", repeats, low=1)
        self._answer_ticks = checks.integer("answer_ticks", answer_ticks, low=1)
        self._block = checks.integer("block", block, low=1)
        self._size = checks.integer("size", size, low=28, fix="28 leaves the images as they are")
        self._kinds = Kinds(digits, operations, upper_exclusive=upper_exclusive, key=key.fold("kinds"))
        self._key, self._warp, self._use_most_certain = key, warp, use_most_certain
        self._tested = tested
        if tested is not None:
            checks.integer("tested digits", tested[0], low=1)
            checks.integer("tested operations", tested[1], low=0)
        self._training, self._testing = digit_sets(images, folder, held_out=held_out, key=key.fold("split"))
        self.train_size = len(self._training.labels)
        self.test_size = checks.integer("questions", questions, low=1)
        self.settings: Mapping[str, Any] = {
            "key": key.to_json(),
            "digits": list(digits),
            "operations": list(operations),
            "repeats": repeats,
            "answer_ticks": answer_ticks,
            "upper_exclusive": upper_exclusive,
            "tested": None if tested is None else list(tested),
            "block": block,
            "size": size,
            "warp": warp.to_json() if warp else None,
            "images": images,
            "folder": folder,
            "held_out": held_out,
            "questions": questions,
            "use_most_certain": use_most_certain,
        }

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> "QuestionsMNIST":
        """Return the task whose `settings` these are; what is left out takes its default."""
        given = dict(settings)
        key = Key.from_json(given.pop("key"))
        given |= {name: tuple(given[name]) for name in ("digits", "operations", "tested") if given.get(name)}
        if given.get("warp"):
            given["warp"] = Warp(**given["warp"])
        return cls(key=key, **given)

    @property
    def kinds(self) -> Kinds:
        """The numbers of digits and operations that questions have."""
        return self._kinds

    def train(self, positions: np.ndarray) -> QuestionBatch:
        """Return the training examples at these positions (B,) of the stream."""
        return self._examples(check_positions(positions), "train", self._training)

    def test(self, positions: np.ndarray) -> QuestionBatch:
        """Return the held-out examples at these positions (B,)."""
        return self._examples(check_positions(positions, self.test_size), "test", self._testing)

    def ask(self, digits: int, operations: int, count: int) -> QuestionBatch:
        """Return `count` fixed questions of one kind, whatever the ranges, about held-out images.

        >>> QuestionsMNIST(key=Key(0)).ask(10, 1, count=3).inputs.shape
        torch.Size([3, 10, 1, 32, 32])
        """
        for name, value, low in (("digits", digits, 1), ("operations", operations, 0), ("count", count, 1)):
            checks.integer(name, value, low=low)
        key = self._key.fold("asked", digits)
        images = len(self._testing.labels)
        questions = draw_questions(key, operations, count, digits=digits, operations=operations, images=images)
        return self._batch(questions, self._testing, self._pictures(questions.images, self._testing))

    def loss(self, thought: Thoughtlike, targets: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return `losses.qamnist`, with accuracy and thinking time (ticks) at the most certain tick of the last."""
        logits, certainty = (part[..., -self._answer_ticks :] for part in (thought.logits, thought.certainty))
        loss, tick = losses.qamnist(logits, certainty, targets, self._use_most_certain)
        scores = self.score(logits.detach(), targets, tick)
        return loss, {"accuracy": scores["accuracy"].mean(), "thinking_time": tick.float().mean() + 1}

    def score(self, logits: Tensor, targets: Tensor, tick: Tensor) -> dict[str, Tensor]:
        """Return which examples are right at their tick (B,), as "accuracy" (B,)."""
        return {"accuracy": losses.right(logits, targets, tick)}

    def pictures(self, inputs: Tensor) -> np.ndarray:
        """Return inputs (..., 1, H, W) as pictures (..., H, W) again: ink 1 on paper 0."""
        return (inputs[..., 0, :, :].float() * DEVIATION + MEAN).clamp(0, 1).cpu().numpy()

    def _examples(self, positions: np.ndarray, part: str, source: Pictures) -> QuestionBatch:
        """Return examples block by block, in the order of the positions."""
        blocks, places = np.divmod(positions, self._block)
        batches, order = [], []
        for block in np.unique(blocks):
            here = np.flatnonzero(blocks == block)
            batches.append(self._of_block(int(block), places[here], part, source))
            order.append(here)
        if len(batches) == 1:
            return batches[0]
        return QuestionBatch.join(batches, torch.from_numpy(np.concatenate(order)).argsort())

    def _of_block(self, block: int, places: np.ndarray, part: str, source: Pictures) -> QuestionBatch:
        key = self._key.fold(part)
        digits, operations = (self._tested if part == "test" else None) or self._kinds.draw(part, block)
        every = draw_questions(key, block, self._block, digits=digits, operations=operations, images=len(source.labels))
        pictures = self._pictures(every.images[places], source)
        if self._warp and part == "train":
            deformations = self._warp.draw(self._block * digits, key.fold("warp"), block)
            slots = (places[:, None] * digits + np.arange(digits)).ravel()
            pictures = deformations.apply(pictures.flatten(0, 1), slots).unflatten(0, pictures.shape[:2])
        return self._batch(Questions(*(one[places] for one in every)), source, pictures)

    def _pictures(self, chosen: np.ndarray, source: Pictures) -> Tensor:
        """Return the images of indices (k, n) as ink on paper, float32 (k, n, 28, 28)."""
        return torch.from_numpy(source.images[chosen]).float().div_(255)

    def _batch(self, questions: Questions, source: Pictures, pictures: Tensor) -> QuestionBatch:
        if self._size != pictures.shape[-1]:
            pictures = functional.interpolate(pictures, size=(self._size, self._size), mode="bilinear")
        inputs = pictures.sub_(MEAN).div_(DEVIATION)[:, :, None].repeat_interleave(self._repeats, 1)
        asked = torch.from_numpy(questions.tokens()).repeat_interleave(self._repeats, 1)
        return QuestionBatch(inputs, torch.from_numpy(questions.answers(source.labels)), asked)
