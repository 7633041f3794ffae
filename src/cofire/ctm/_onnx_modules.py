"""A machine as plain modules that export to ONNX: what is perceived before the first tick, and one tick.

The state of a tick is a tuple of tensors, the history is shifted by concatenation, and everything that is constant over
ticks is a constant of the module. A tick is handed what it sees; picking it from a stream is the business of the loop.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cofire.ctm._attention import Percept
from cofire.ctm._model import CTM
from cofire.ctm._neuron_models import FEW_SAMPLES, NeuronConstants
from cofire.ctm._questions import QuestionEmbedding
from cofire.ctm._synchronisation import Accumulator, Decayed, Windowed


class Perceive(nn.Module):
    """Observations (N, …) to keys (N H, w, tokens) and values (N H, tokens, w), or to features (N, I)."""

    def __init__(self, model: CTM):
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """The tensors that the machine sees."""
        return tuple(one for one in self.model._senses().percept(x) if isinstance(one, Tensor))


class Ask(nn.Module):
    """Questions (B, Q) to the vectors (Q, B, I) that are fed one after the other."""

    def __init__(self, embedding: QuestionEmbedding):
        super().__init__()
        self.embedding = embedding

    def forward(self, question: Tensor) -> Tensor:
        """The vectors."""
        return self.embedding.embed(question).transpose(0, 1)


class OneTick(nn.Module):
    """A tick: the state and what is seen to the new state and what is said."""

    def __init__(self, model: CTM, traces: tuple[str, ...]):
        super().__init__()
        self.model, self.traces = model, traces
        self.states = len(start_state(model, 1))
        with torch.no_grad():
            self.constants = _detached(model.constants(FEW_SAMPLES))

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """From the tensors of `start_state` and what is seen, to those of `start_state`, the heads and the traces."""
        model, constants = self.model, self.constants
        window, activation, *kept = tensors[: self.states]
        out: Any
        out, kept = _unflat(kept, activation, model.config.sync_out)
        traces: dict[str, Tensor] = {}
        action: Any = None
        if model.sync_action is not None:
            action, _ = _unflat(kept, activation, model.config.sync_action)
            traces["sync_action"] = model.sync_action.read(action, constants.action)
        observed, project = self._observe(tensors[self.states :], traces)
        pre = model.synapse(observed, activation, constants.synapse, 0, project=project)
        window = torch.cat([window[:, 1:], pre.t()[:, None]], 1)
        activation = _neurons(window, constants.neurons).t()
        out = model.sync_out.update(out, activation, constants.out)
        state = [window, activation, *_flat(out, model.config.sync_out)]
        if model.sync_action is not None:
            action = model.sync_action.update(action, activation, constants.action)
            state += _flat(action, model.config.sync_action)
        read: Tensor = model.sync_out.read(out, constants.out)
        said = model._heads().read(read)
        traces |= {"pre_activation": pre, "post_activation": activation, "sync_out": read}
        heads = [one for one in (said.logits, said.certainty, said.energy) if one is not None]
        given = [*state, *heads, *said.others.values(), *(traces[name] for name in self.traces)]
        return tuple(one.clone() for one in given)  # no two results of the graph are one tensor

    def _observe(self, seen: tuple[Tensor, ...], traces: dict[str, Tensor]) -> tuple[Tensor, bool]:
        """What the synapse model is given, and whether it is still to be projected."""
        model, constants = self.model, self.constants.attention
        if model.attention is None or constants is None:
            return seen[0], False
        keys, values, *fed = seen
        percept = Percept(keys, values, None)
        observed, weights = model.attention.attend(traces["sync_action"], percept, constants, 0)
        if not fed:
            traces["attention"] = weights
            return observed, True
        vector, looking = fed  # a stream: what is fed where there is nothing to look at
        traces["attention"] = weights * looking
        projected = F.linear(observed, model.attention.out.weight, model.attention.out.bias)
        return torch.where(looking, projected, vector), False


def start_state(model: CTM, batch: int) -> dict[str, Tensor]:
    """The tensors of the start state by name: window (D, M, B), activation (B, D), and what the readings keep."""
    with torch.no_grad():
        constants = model.constants(FEW_SAMPLES)
        remembered = model.start_activation.expand(batch, *model.start_activation.shape)
        activation = remembered[..., -1] if remembered.dim() == 3 else remembered
        state = {"window": model.start_window[..., None].expand(-1, -1, batch), "activation": activation}
        kept = _flat(model.sync_out.start(remembered, constants.out), model.config.sync_out)
        state |= {f"out_{place}": one for place, one in enumerate(kept)}
        if model.sync_action is not None:
            kept = _flat(model.sync_action.start(activation, constants.action), model.config.sync_action)
            state |= {f"action_{place}": one for place, one in enumerate(kept)}
        return {name: one.detach().clone() for name, one in state.items()}


def _neurons(window: Tensor, model: NeuronConstants) -> Tensor:
    """The neuron-level models of windows (D, M, B), whatever the batch: activations (D, B)."""
    if not model.weights:
        return window[:, -1]
    x = window
    for layer, (weight, bias) in enumerate(zip(model.weights, model.biases, strict=True)):
        if model.scales:
            inputs = weight.shape[2:]
            x = F.layer_norm(x.transpose(1, 2), inputs, model.scales[layer], model.shifts[layer]).transpose(1, 2)
        x = F.glu(torch.baddbmm(bias.unsqueeze(2), weight, x), 1)
    return x.squeeze(1)


def _detached(value: Any) -> Any:
    """The same constants, apart from the parameters that they were made of."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, tuple):
        parts = [_detached(one) for one in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value


def _flat(state: Any, config: Any) -> list[Tensor]:
    """What a reading keeps, as tensors."""
    if isinstance(config, Decayed):
        return [state.alpha, state.beta]
    return [torch.stack(state, -1)] if isinstance(config, Windowed) else []


def _unflat(tensors: list[Tensor], activation: Tensor, config: Any) -> tuple[Any, list[Tensor]]:
    """What a reading kept, from its tensors and the activations, and the tensors that are left."""
    if isinstance(config, Decayed):
        return Accumulator(tensors[0], tensors[1]), tensors[2:]
    if isinstance(config, Windowed):
        return tensors[0].unbind(-1), tensors[1:]
    return activation, tensors
