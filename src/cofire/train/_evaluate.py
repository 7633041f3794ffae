"""Looking at the held-out examples: without gradient, in evaluation mode, in fixed batches."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from cofire import checks
from cofire.tasks import Task


class Predictions(NamedTuple):
    """What a network answers to N held-out examples: logits (N, C, T), certainty (N, T), and the targets (N, ...)."""

    logits: np.ndarray
    certainty: np.ndarray
    targets: np.ndarray


@contextmanager
def looking(module: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards every part is in the mode it was in."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        for part, training in modes:
            part.training = training


def batches(size: int, batch_size: int, rank: int = 0, world: int = 1) -> Iterator[np.ndarray]:
    """Divide positions 0 to size - 1 into batches, and those into one part per rank; empty parts are left out.

    >>> [part.tolist() for part in batches(5, 2)]
    [[0, 1], [2, 3], [4]]
    """
    for start in range(0, size, batch_size):
        part = np.arange(start, min(start + batch_size, size))[rank::world]
        if part.size:
            yield part


def sums(
    objective: nn.Module, task: Task, *, batch_size: int, device: torch.device, rank: int = 0, world: int = 1
) -> dict[str, Tensor]:
    """Return the sums over this rank's held-out examples of what `objective` returns, and "count", their number.

    `objective(batch)` gives the loss of a batch and a dict of scalars, all of them means over the batch.
    """
    total: dict[str, Tensor] = {}
    with looking(objective):
        for positions in batches(task.test_size, batch_size, rank, world):
            loss, metrics = objective(task.test(positions).to(device))
            for name, value in {"count": torch.ones_like(loss), "loss": loss, **metrics}.items():
                total[name] = total.get(name, 0) + value.double() * len(positions)
    return total


def predict(model: nn.Module, task: Task, *, batch_size: int = 250, ticks: int | None = None) -> Predictions:
    """Return a model's answers to all held-out examples of a task, at every tick.

    The model stays on its device and in its mode. `batch_size` bounds the memory that is needed; `ticks` is another
    number of ticks than the model's own (where it is shown a stream, of those after it).
    """
    checks.integer("batch_size", batch_size, low=1)
    options = {} if ticks is None else {"ticks": ticks}
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    parts: list[Predictions] = []
    with looking(model):
        for positions in batches(task.test_size, batch_size):
            batch = task.test(positions)
            thought = batch.to(device).show(model, **options)
            logits, certainty = (one.float().cpu().numpy() for one in (thought.logits, thought.certainty))
            parts.append(Predictions(logits, certainty, batch.targets.numpy()))
    return Predictions(*(np.concatenate(column) for column in zip(*parts, strict=True)))
