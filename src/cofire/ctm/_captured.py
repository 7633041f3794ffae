"""The ticks of a thought as one CUDA graph: a tick is some twenty short kernels, and launching them one by one takes
longer than they do. A graph is launched once for all ticks.

The same steps as a call of the machine without gradients, recorded at one batch size; what is observed is perceived
outside. No CUDA device was at hand when this was written: what is tested is all but the recording itself.
"""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from cofire import checks
from cofire.ctm import _gpu
from cofire.ctm._attention import Percept
from cofire.ctm._thought import Thought

if TYPE_CHECKING:
    from cofire.ctm._model import CTM

WARM_UP = 3  # runs before the recording, in which kernels are compiled and libraries make their workspaces


class CapturedThought:
    """Thoughts of a machine on a CUDA device about batches of one shape, without gradients.

    Arguments: `model`, on a CUDA device, in evaluation mode where it drops out, for observations that are no streams;
    `x`, an observation (B, …) whose shape all later ones have; `ticks` as for a call of the machine. Weights that are
    changed in place are used as they are at the time of the call; a machine that is moved must be captured again.

    Raises InvalidValue for a machine or an observation that cannot be captured.

        think = CapturedThought(model, x)
        thought = think(x)
    """

    def __init__(self, model: "CTM", x: Tensor, *, ticks: int | None = None):
        _check(model, x)
        self._model, self._shape, self._ticks = model, x.shape, model._ticks(ticks)
        with torch.no_grad():
            percept = self._perceived(x)
            keys, values, features = (None if part is None else part.clone() for part in percept[:3])
            self._percept = Percept(keys, values, features)
            self._replay, self._thought = recorded(self._think)

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Thought:
        """Think about observations (B, …)."""
        if x.shape != self._shape:
            fix = "capture the machine once for each shape"
            raise checks.InvalidValue(checks.message("x", f"shape {tuple(self._shape)}", f"{tuple(x.shape)}", fix))
        for place, part in zip(self._percept[:3], self._perceived(x)[:3], strict=True):
            if place is not None and part is not None:
                place.copy_(part)
        self._replay()
        return _copied(self._thought)

    def _perceived(self, x: Tensor) -> Percept:
        return self._model._senses().percept(x)

    def _think(self) -> Thought:
        model, batch = self._model, self._shape[0]
        constants = model.constants(batch)
        state = model._start(constants, batch, self._ticks)
        steps = model._think([self._percept] * self._ticks, constants, state)
        activations = torch.stack([step.activation for step in steps])
        return model._heads().thought(model.sync_out.read_all(state.sync_out, activations, constants.out))


def recorded(function: Callable[[], Thought]) -> tuple[Callable[[], None], Thought]:
    """What a function does on the current CUDA device as a graph: the call that does it again, and what it writes."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UP):
            function()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        thought = function()
    return graph.replay, thought


def _check(model: "CTM", x: Tensor) -> None:
    checks.instance("x", x, Tensor, fix="torch.from_numpy(array)")
    device = model.start_window.device
    checks.integer("samples in x", len(x), low=1, fix="think about one sample or more")
    if device.type not in _gpu.DEVICES:
        fix = "model.cuda(); on a processor call the machine itself"
        raise checks.InvalidValue(checks.message("model", "a machine on a CUDA device", f"one on {device}", fix))
    if model.config.streamed:
        fix = "call the machine itself"
        raise checks.InvalidValue(checks.message("model", "one observation for all ticks", "a stream", fix))
    if model.training and model._drops():
        fix = "model.eval(): a graph would drop the same places again and again"
        raise checks.InvalidValue(checks.message("model", "a machine without dropout", "one in training", fix))


def _copied(thought: Thought) -> Thought:
    """A thought that the next replay leaves alone."""
    parts = {one.name: getattr(thought, one.name) for one in fields(thought)}
    tensors = {name: part.clone() for name, part in parts.items() if isinstance(part, Tensor)}
    return replace(thought, **tensors, others={name: part.clone() for name, part in thought.others.items()})
