"""A model and the loss of its task as one module, with the pressures on its thinking."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from inspect import signature
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cofire import checks
from cofire.random import Key
from cofire.tasks import Batch, Task
from cofire.train._config import TrainConfig
from cofire.train._evaluate import looking
from cofire.train._pressures import expected_ticks, only


class Objective(nn.Module):
    """(batch, step) give the loss and scalars for the log.

    A model whose call takes a `key`, for its dropout, gets that of the step in training, and none in evaluation. What
    differs from device to device is drawn from `key` folded with `rank`. Where the configuration asks for pressures on
    the thinking they act in training only; with a ponder cost the scalar "expected_ticks" joins those of the task.

    Raises InvalidValue where a pressure needs a key, or a model that can think for any number of ticks, and has none.
    """

    def __init__(self, model: nn.Module, task: Task, key: Key | None, config: TrainConfig, rank: int = 0):
        super().__init__()
        self.model = model
        takes = signature(model.forward).parameters
        own = key and key.fold("rank", rank)
        self._task = task
        self._key = own if "key" in takes else None
        self._ponder, self._depth, self._dropout = config.ponder, config.random_depth, config.tick_dropout
        self._depth_key, self._dropout_key = key and key.fold("depth"), own and own.fold("ticks")
        if key is None and (self._depth or self._dropout):
            fix = "train(..., key=Key(0))"
            raise checks.InvalidValue(checks.message("key", "a key to draw the ticks from", "None", fix))
        if self._depth and "ticks" not in takes:
            fix = "random_depth=None"
            raise checks.InvalidValue(checks.message("model", "one that is called with ticks=", "one without", fix))

    def forward(self, batch: Batch, step: int | None = None, part: int = 0) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the scalar loss and the scalars; `part` counts the micro-batches of a step."""
        options = {}
        if step is not None and self._key is not None:
            options["key"] = _of_part(self._key.fold(step), part)
        if step is not None and self._depth and self._depth_key is not None:
            options["ticks"] = self._depth.ticks(self._depth_key, step)
        thought = batch.show(self.model, **options)
        seen = thought
        if step is not None and self._dropout and self._dropout_key is not None:
            seen = only(thought, self._kept(thought.certainty.shape[1], step, part))
        loss, scalars = self._task.loss(seen, batch.targets)
        if self._ponder:
            ticks = expected_ticks(thought.certainty).mean()
            scalars = {**scalars, "expected_ticks": ticks.detach()}
            loss = loss if step is None else loss + self._ponder.cost * ticks
        return loss, scalars

    def _kept(self, ticks: int, step: int, part: int) -> np.ndarray:
        dropout, key = self._dropout, self._dropout_key
        return np.arange(ticks) if dropout is None or key is None else dropout.kept(ticks, _of_part(key, part), step)


def _of_part(key: Key, part: int) -> Key:
    """The key of a micro-batch; that of the first is the key itself, so that a whole batch draws as it always did."""
    return key.fold("part", part) if part else key


class Bounds:
    """Parameters of a model that must not leave an interval, where the gradient of a step comes in parts.

    Whether a step would leave it is a question about the whole gradient; within `parts` it is not asked, and `judge`
    asks it when all is added up.
    """

    def __init__(self, model: nn.Module):
        self._bounded: list[Any] = [module for module in model.modules() if hasattr(module, "bound_gradient")]

    @contextmanager
    def parts(self) -> Iterator[None]:
        """Within this gradients are those of parts."""
        for module in self._bounded:
            module.whole_gradient = False
        try:
            yield
        finally:
            for module in self._bounded:
                module.whole_gradient = True

    def judge(self) -> None:
        """Drop of the whole gradient what would leave an interval."""
        for module in self._bounded:
            module.bound_gradient()


def evaluated_names(model: nn.Module, task: Task, config: TrainConfig) -> list[str]:
    """Return the names of the scalars that an evaluation gives: found out with one held-out example."""
    objective = _plain(model, task, config)
    with _watched(objective):
        _, scalars = _at_one_example(objective, task)
    return ["loss", *scalars]


def has_idle_parameters(model: nn.Module, task: Task, config: TrainConfig) -> bool:
    """Return whether some parameters take no part in every step: found out with one held-out example.

    A head that no loss reads, or the parts that only a second tick needs.
    """
    objective = _plain(model, task, config)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    with _watched(objective):
        loss, _ = _at_one_example(objective, task)
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    return config.random_depth is not None or any(gradient is None for gradient in gradients)


def _plain(model: nn.Module, task: Task, config: TrainConfig) -> Objective:
    """The objective without what is drawn in training."""
    return Objective(model, task, None, replace(config, random_depth=None, tick_dropout=None))


@contextmanager
def _watched(objective: Objective) -> Iterator[None]:
    """Evaluation mode with gradients, for which nothing is compiled that training may not need."""
    with looking(objective), torch.inference_mode(False), torch.enable_grad():
        yield


def _at_one_example(objective: Objective, task: Task) -> tuple[Tensor, dict[str, Tensor]]:
    device = next((parameter.device for parameter in objective.parameters()), torch.device("cpu"))
    return objective(task.test(np.arange(1)).to(device))
