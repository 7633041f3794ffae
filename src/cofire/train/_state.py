"""The state of a run, and one step of it."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from cofire.random import Key
from cofire.tasks import Batch, Task
from cofire.train._average import WeightAverage
from cofire.train._checkpoint import Checkpoint
from cofire.train._clip import shorten
from cofire.train._config import TrainConfig
from cofire.train._evaluate import sums
from cofire.train._optimiser import make_optimiser, optimiser_state, restore_optimiser, trainable

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class Objective(nn.Module):
    """A model and the loss of its task as one module: (batch, step) give the loss and scalars for the log.

    A model whose call takes a `key`, for its dropout, gets that of the step in training, and none in evaluation.
    """

    def __init__(self, model: nn.Module, task: Task, key: Key | None):
        super().__init__()
        self.model = model
        self._task = task
        self._key = key if "key" in signature(model.forward).parameters else None

    def forward(self, batch: Batch, step: int | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the scalar loss and the scalars."""
        options = {} if self._key is None or step is None else {"key": self._key.fold(step)}
        return self._task.loss(batch.show(self.model, **options), batch.targets)


class TrainState:
    """Weights, buffers, optimiser and recent gradient norms: with the number of steps, all that a run is."""

    def __init__(self, fabric: "Fabric", model: nn.Module, task: Task, config: TrainConfig, key: Key | None = None):
        self._fabric, self._model, self._task, self._config = fabric, model, task, config
        self._plain = Objective(model.to(fabric.device), task, key and key.fold("rank", fabric.global_rank))
        self._optimiser = make_optimiser(model, config, fabric.device)
        self._objective, self._wrapped = fabric.setup(self._plain, self._optimiser)
        self._parameters: list[Tensor] = list(trainable(model).values())
        self._recent = torch.zeros(config.clip.history if config.clip else 0, device=fabric.device)
        self._average = WeightAverage(model, config.average) if config.average else None
        self.names: list[str] = []  # of the scalars that a step returns, known after the first

    def step(self, step: int) -> Tensor:
        """Make the update that completes `step + 1` and return its scalars, those in `names`, as one tensor."""
        fabric, size = self._fabric, self._config.batch_size
        positions = np.arange(step * size, (step + 1) * size)[fabric.global_rank :: fabric.world_size]
        loss, metrics = self._objective(self._task.train(positions).to(fabric.device), step)
        fabric.backward(loss)
        norm = shorten(self._parameters, self._config.clip, self._recent, step)
        for group in self._optimiser.param_groups:
            group["lr"] = self._config.learning_rate_at(step + 1)
        self._wrapped.step()
        self._wrapped.zero_grad()
        if self._average:
            self._average.update(step + 1)
        self.names = ["loss", "gradient_norm", *metrics]
        return torch.stack([loss.detach().float(), norm.float(), *(value.float() for value in metrics.values())])

    def mean(self, scalars: list[Tensor]) -> list[list[float]]:
        """Return the scalars of some steps as numbers, each the mean over the ranks."""
        return self._reduced(torch.stack(scalars), "mean").tolist()

    def evaluate(self) -> dict[str, float]:
        """Return the means of the loss and the task's scalars over the held-out examples."""
        fabric = self._fabric
        if fabric.world_size > 1:
            for buffer in self._model.buffers():  # running statistics are those of rank 0 for everybody
                torch.distributed.broadcast(buffer, src=0)
        with fabric.autocast(), self._result():
            total = sums(
                self._plain,
                self._task,
                batch_size=self._config.test_batch_size,
                device=fabric.device,
                rank=fabric.global_rank,
                world=fabric.world_size,
            )
        names = ["count", "loss", *self.names[2:]]
        nothing = torch.zeros((), dtype=torch.float64, device=fabric.device)
        count, *values = self._reduced(torch.stack([total.get(name, nothing) for name in names]), "sum").tolist()
        return {f"test_{name}": value / count for name, value in zip(names[1:], values, strict=True)}

    def weights(self) -> dict[str, Tensor]:
        """Return the parameters and buffers that the run has come to, by name: averages, where it averages."""
        with self._result():
            return {name: value.detach().cpu().clone() for name, value in self._model.state_dict().items()}

    def settle(self) -> None:
        """Leave the model with the weights that the run has come to."""
        if self._average:
            self._average.settle()

    def checkpoint(self, step: int, seconds: float, machine: Mapping[str, Any]) -> Checkpoint:
        """Return everything, by name, as it is after `step` steps."""
        parts = {"weights": self._model.state_dict(), "optimiser": optimiser_state(self._optimiser, self._model)}
        if self._average:
            parts["average"] = self._average.values
        tensors = {f"{part}/{name}": value for part, named in parts.items() for name, value in named.items()}
        return Checkpoint(step, seconds, machine, {"recent_norms": self._recent, **tensors})

    def restore(self, checkpoint: Checkpoint) -> None:
        """Put back what `checkpoint` returned."""
        tensors = checkpoint.tensors
        self._recent.copy_(tensors["recent_norms"])
        self._model.load_state_dict(_below("weights/", tensors))
        restore_optimiser(self._optimiser, self._model, _below("optimiser/", tensors))
        if self._average:
            self._average.restore(_below("average/", tensors))

    def agree(self, number: int) -> int:
        """Return the greatest number that any rank holds."""
        if self._fabric.world_size == 1:
            return number
        return int(self._reduced(torch.tensor(number, device=self._fabric.device), "max"))

    def _result(self) -> AbstractContextManager[None]:
        return self._average.in_use() if self._average else nullcontext()

    def _reduced(self, tensor: Tensor, how: str) -> Tensor:
        if self._fabric.world_size == 1:
            return tensor
        reduced = self._fabric.all_reduce(tensor, reduce_op=how)
        return reduced if isinstance(reduced, Tensor) else tensor


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
