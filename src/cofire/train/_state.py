"""The state of a run, and one step of it."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from cofire.random import Key
from cofire.tasks import Task
from cofire.train._average import WeightAverage
from cofire.train._checkpoint import Checkpoint
from cofire.train._clip import shorten
from cofire.train._config import TrainConfig
from cofire.train._evaluate import looking, sums
from cofire.train._feed import Parts, share
from cofire.train._memory import OutOfMemory, is_out_of_memory, largest_that_fits, too_large
from cofire.train._objective import Bounds, Objective
from cofire.train._optimiser import make_optimiser, optimiser_state, restore_optimiser, trainable
from cofire.train._scaler import restore_scaler, scaler_state
from cofire.train._shards import divided_like, whole
from cofire.train._watch import Watch

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class TrainState:
    """Weights, buffers, optimiser, gradient norms and records: with the number of steps, all that a run is.

    Where the weights are divided over the devices, those of a copy are, and the model gets the result in `settle`.
    """

    def __init__(self, fabric: "Fabric", model: nn.Module, task: Task, config: TrainConfig, key: Key | None = None):
        self._fabric, self._task, self._config = fabric, task, config
        self._given = model.to(fabric.device)
        self.sharded = _divides(fabric)
        self._model = deepcopy(model) if self.sharded else model
        self._plain = Objective(self._model, task, key, config, fabric.global_rank)
        self._objective = fabric.setup_module(self._plain)
        self._optimiser = make_optimiser(self._model, config, fabric.device)
        self._wrapped: Any = fabric.setup_optimizers(self._optimiser)
        self._scaler: torch.amp.GradScaler | None = getattr(fabric._precision, "scaler", None)
        self._bounds = Bounds(self._model)
        self._parameters: list[Tensor] = list(trainable(self._model).values())
        self._recent = torch.zeros(config.clip.history if config.clip else 0, device=fabric.device)
        self._average = WeightAverage(self._model, config.average) if config.average else None
        self.watch = Watch(config)
        self.names: list[str] = []  # of the scalars that a step returns, known after the first

    def train(self) -> None:
        """Put what is trained in training mode."""
        self._model.train()

    @property
    def may_skip(self) -> bool:
        """Whether a step may be left out because its scaled gradient overflows."""
        return self._scaler is not None

    def step(self, step: int, parts: Parts) -> Tensor:
        """Make the update that completes `step + 1` and return its scalars, those in `names`, as one tensor.

        Raises `OutOfMemory`, with the batch size that would fit, where this one does not.
        """
        try:
            comes_in_parts = self._fabric.world_size > 1 or len(parts) > 1
            with self._bounds.parts() if comes_in_parts else nullcontext():
                scalars = self._accumulate(step, parts)
            if self._scaler:
                self._scaler.unscale_(self._optimiser)
            if comes_in_parts:
                self._bounds.judge()
            norm = shorten(self._parameters, self._config.clip, self._recent, step)
            for group in self._optimiser.param_groups:
                group["lr"] = self._config.learning_rate_at(step + 1)
            self._wrapped.step()
            self._wrapped.zero_grad()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            problem = error.with_traceback(None)  # which held all that was computed
        else:
            if self._average:
                self._average.update(step + 1)
            loss = scalars.pop("loss")
            self.names = ["loss", "gradient_norm", *scalars]
            return torch.stack([loss, norm.float(), *scalars.values()])
        raise self._too_large(step) from problem

    def mean(self, scalars: list[Tensor]) -> list[list[float]]:
        """Return the scalars of some steps as numbers, each the mean over the ranks."""
        return self._reduced(torch.stack(scalars), "mean").tolist()

    def evaluate(self) -> dict[str, float]:
        """Return the means of the loss and the task's scalars over the held-out examples.

        Raises `OutOfMemory` where a batch of them does not fit.
        """
        fabric = self._fabric
        if fabric.world_size > 1:
            for buffer in self._model.buffers():  # running statistics are those of rank 0 for everybody
                torch.distributed.broadcast(buffer, src=0)
        with self._result(), self._gathered(), fabric.autocast():
            total = self._sums()
        names = ["count", "loss", *self.names[2:]]
        nothing = torch.zeros((), dtype=torch.float64, device=fabric.device)
        count, *values = self._reduced(torch.stack([total.get(name, nothing) for name in names]), "sum").tolist()
        return {f"test_{name}": value / count for name, value in zip(names[1:], values, strict=True)}

    def weights(self) -> dict[str, Tensor]:
        """Return the parameters and buffers that the run has come to, by name: averages, where it averages."""
        with self._result():
            return {name: whole(value.detach()).cpu().clone() for name, value in self._model.state_dict().items()}

    def settle(self) -> None:
        """Leave the model with the weights that the run has come to."""
        if self._average:
            self._average.settle()
        if self.sharded:
            self._given.load_state_dict({name: whole(value) for name, value in self._model.state_dict().items()})

    def checkpoint(self, step: int, seconds: float, machine: Mapping[str, Any]) -> Checkpoint:
        """Return everything, by name, as it is after `step` steps; where it is divided, all ranks have to ask."""
        parts = {"weights": self._model.state_dict(), "optimiser": optimiser_state(self._optimiser, self._model)}
        if self._average:
            parts["average"] = self._average.values
        parts["watch"], parts["scaler"] = self.watch.state, scaler_state(self._scaler)
        tensors = {f"{part}/{name}": whole(value) for part, named in parts.items() for name, value in named.items()}
        return Checkpoint(step, seconds, machine, {"recent_norms": self._recent, **tensors})

    def restore(self, checkpoint: Checkpoint) -> None:
        """Put back what `checkpoint` returned, on whatever number of devices."""
        tensors = checkpoint.tensors
        self._recent.copy_(tensors["recent_norms"])
        weights, current = _below("weights/", tensors), self._model.state_dict()
        self._model.load_state_dict({name: divided_like(current[name], one) for name, one in weights.items()})
        restore_optimiser(self._optimiser, self._model, _below("optimiser/", tensors))
        if self._average:
            self._average.restore(_below("average/", tensors))
        self.watch.restore(_below("watch/", tensors))
        restore_scaler(self._scaler, _below("scaler/", tensors))

    def agree(self, number: int) -> int:
        """Return the greatest number that any rank holds."""
        if self._fabric.world_size == 1:
            return number
        return int(self._reduced(torch.tensor(number, device=self._fabric.device), "max"))

    def _accumulate(self, step: int, parts: Parts) -> dict[str, Tensor]:
        """Add up the gradients and the scalars of the micro-batches, each with its share of the examples."""
        fabric, config = self._fabric, self._config
        total: dict[str, Tensor] = {}
        for part, positions in enumerate(self._positions(step)):
            weight = len(positions) * fabric.world_size / config.batch_size
            waits = fabric.world_size > 1 and part + 1 < len(parts)
            with fabric.no_backward_sync(self._objective) if waits else nullcontext():
                loss, scalars = self._objective(parts[part].to(fabric.device), step, part)
                fabric.backward(loss if weight == 1 else loss * weight)
            for name, value in {"loss": loss, **scalars}.items():
                total[name] = total.get(name, 0) + value.detach().float() * weight
        return total

    def _sums(self) -> dict[str, Tensor]:
        fabric, size = self._fabric, self._config.test_batch_size
        place: dict[str, Any] = {"rank": fabric.global_rank, "world": fabric.world_size}
        try:
            return sums(self._plain, self._task, batch_size=size, device=fabric.device, **place)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            problem = error.with_traceback(None)

        def trial(count: int) -> None:
            with looking(self._plain):
                self._plain(self._task.test(np.arange(count)).to(fabric.device))

        world = fabric.world_size
        at_once = -(-min(size, self._task.test_size) // world)
        fits = largest_that_fits(trial, at_once)
        raise too_large("test_batch_size", size, at_once, fits, devices=world) from problem

    def _too_large(self, step: int) -> OutOfMemory:
        fabric, config = self._fabric, self._config
        self._optimiser.zero_grad()
        positions = self._positions(step)[0]

        def trial(count: int) -> None:
            with fabric.autocast():
                loss, _ = self._plain(self._task.train(positions[:count]).to(fabric.device), step)
            torch.autograd.grad(loss, self._parameters, allow_unused=True)  # which no other device waits for

        at_once = len(positions)
        fits = at_once // 2 if self.sharded else largest_that_fits(trial, at_once)
        place = {"devices": fabric.world_size, "parts": config.accumulate}
        return too_large("batch_size", config.batch_size, at_once, fits, tried=not self.sharded, **place)

    def _positions(self, step: int) -> list[np.ndarray]:
        return share(step, self._config, self._fabric.global_rank, self._fabric.world_size)

    def _result(self) -> AbstractContextManager[None]:
        return self._average.in_use() if self._average else nullcontext()

    @contextmanager
    def _gathered(self) -> Iterator[None]:
        """Within this every device has all the weights, and none waits for another one."""
        objective: Any = self._plain
        if self.sharded:
            objective.unshard()
        try:
            yield
        finally:
            if self.sharded:
                objective.reshard()

    def _reduced(self, tensor: Tensor, how: str) -> Tensor:
        if self._fabric.world_size == 1:
            return tensor
        reduced = self._fabric.all_reduce(tensor, reduce_op=how)
        return reduced if isinstance(reduced, Tensor) else tensor


def _divides(fabric: "Fabric") -> bool:
    from lightning_fabric.strategies.model_parallel import ModelParallelStrategy

    return isinstance(fabric.strategy, ModelParallelStrategy)


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
