"""The interface between a task and the one training loop."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor


class Batch(NamedTuple):
    """Some examples: what the network is shown, what it should answer, and what it is asked (where it is asked)."""

    inputs: Tensor
    targets: Tensor
    question: Tensor | None = None

    def to(self, device: torch.device | str) -> "Batch":
        """Return the batch on a device."""
        return Batch(*(None if part is None else part.to(device) for part in self))  # pyright: ignore[reportArgumentType]

    def show(self, model: Callable[..., Any], **options: Any) -> Any:
        """Return what a model thinks of the inputs, and of the question where there is one."""
        if self.question is None:
            return model(self.inputs, **options)
        return model(self.inputs, question=self.question, **options)


@runtime_checkable
class Thoughtlike(Protocol):
    """What a loss reads of a thought: logits (B, C, T) and certainty (B, T)."""

    @property
    def logits(self) -> Tensor:
        """The answer at every tick."""
        ...

    @property
    def certainty(self) -> Tensor:
        """How certain the network is at every tick, from 0 to 1."""
        ...


@runtime_checkable
class Task(Protocol):
    """Examples and a loss.

    The training examples form one endless stream. Its position `p` lies in epoch `p // train_size`; what stands there
    is a function of `p` and of the task's key alone, so that batch size, workers and ranks change nothing, and a run
    is resumed by going on at the next position. Held-out examples are fixed.
    """

    @property
    def name(self) -> str:
        """A short name for logs and files."""
        ...

    @property
    def train_size(self) -> int:
        """Training examples per epoch."""
        ...

    @property
    def test_size(self) -> int:
        """Held-out examples."""
        ...

    @property
    def settings(self) -> Mapping[str, Any]:
        """What it takes to make the same task again, ready for JSON; kept beside the trained weights."""
        ...

    def train(self, positions: np.ndarray) -> Batch:
        """Return the training examples at these positions of the stream."""
        ...

    def test(self, positions: np.ndarray) -> Batch:
        """Return the held-out examples at these positions, each below `test_size`."""
        ...

    def loss(self, thought: Thoughtlike, targets: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the scalar loss of a batch, and scalars for the log (means over the batch)."""
        ...

    def score(self, logits: Tensor, targets: Tensor, tick: Tensor) -> dict[str, Tensor]:
        """Return how good the answer is that each example gives at its tick, by name: (B,) each, from 0 to 1.

        logits (B, out, T), tick (B,). The first score is "accuracy": the share of an example's answer that is right.
        """
        ...
