"""Thoughts that go on from one observation to the next: states as plain tensors, and episodes that begin in between.

Where a machine acts, its state is carried across the steps of its environment, and replaced by the learned start where
an episode begins. A `Carried` holds a state as named tensors with the samples first, which can be indexed, kept in a
file, and mixed with another; a `Passage` takes a machine through many observations with everything that is constant
computed once.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from cofire import checks
from cofire.ctm._attention import Percept
from cofire.ctm._history import SPARE_TICKS, History
from cofire.ctm._lstm import LSTMBaseline, LSTMObservation, LSTMState
from cofire.ctm._model import CTM, CTMState, Observation
from cofire.ctm._synchronisation import Accumulator

Carried = dict[str, Tensor]
Mind = CTM | LSTMBaseline


def check_mind(model: Any) -> Mind:
    """Return a machine or baseline that can act; raises InvalidValue for one with attention, questions or dropout."""
    checks.instance("model", model, (CTM, LSTMBaseline), fix="build_model(config, key=key) with a CTMConfig")
    config = model.config
    odd = [name for name in ("position", "attention", "question") if getattr(config, name) is not None]
    parts = (getattr(config, name, None) for name in ("synapse", "neuron_model"))
    odd += ["dropout"] if any(getattr(part, "dropout", 0) for part in (config, *parts)) else []
    if odd:
        wanted = "a machine that is fed its backbone's features, without attention, questions or dropout"
        raise checks.InvalidValue(checks.message("model", wanted, f"one with {', '.join(odd)}", "leave them away"))
    return model


def carry(state: CTMState | LSTMState) -> Carried:
    """Return a state as tensors (B, …); gradients flow through."""
    if isinstance(state, LSTMState):
        parts = {f"hidden.{layer}": one for layer, one in enumerate(state.hidden)}
        parts |= {f"cell.{layer}": one for layer, one in enumerate(state.cell)}
        batch = len(state.hidden[0])
    else:
        parts = {"history": state.history.window().permute(2, 0, 1), "activation": state.activation}
        batch = len(state.activation)
    for side, kept in (("out", state.sync_out), ("action", state.sync_action)):
        if isinstance(kept, Accumulator):
            parts |= {f"{side}.alpha": kept.alpha, f"{side}.beta": kept.beta.expand(batch, -1)}
        elif isinstance(kept, tuple):
            parts[f"{side}.window"] = torch.stack(kept, 1)
        elif kept is not None:
            parts[f"{side}.snapshot"] = kept
    return parts


def start(model: Mind, batch: int) -> Carried:
    """Return the learned start for a batch."""
    return {name: one.expand(batch, *one.shape[1:]) for name, one in carry(model.init_state(1)).items()}


def keep(carried: Carried) -> Carried:
    """Return a copy that shares nothing with the machine and that no gradient flows through."""
    return {name: one.detach().clone(memory_format=torch.contiguous_format) for name, one in carried.items()}


def renew(carried: Carried, fresh: Carried, where: Tensor) -> Carried:
    """Return `carried` with the samples that `where` (B,) names taken from `fresh`, whose tensors are (1 or B, …)."""
    return {
        name: torch.where(where.reshape(-1, *[1] * (old.dim() - 1)), fresh[name], old) for name, old in carried.items()
    }


class Passage:
    """A machine on its way through observations, from a carried state on.

    Each call of `see` takes what the backbone makes of a step's observations, features (B, I), and which samples begin
    an episode with them; those start anew. `ticks` is the number that the passage will take at most, as far as known.
    """

    def __init__(self, model: Mind, carried: Carried, *, ticks: int = SPARE_TICKS):
        self._model = model
        self._batch = len(next(iter(carried.values())))
        self._constants: Any = model.constants(self._batch) if isinstance(model, CTM) else model.constants()
        self._fresh = carry(model.init_state(1))
        self._state: Any = self._resumed(carried, ticks)

    def see(
        self, features: Float[Tensor, "B I"], begins: Tensor | None = None, *, ticks: int = SPARE_TICKS
    ) -> Float[Tensor, "B P"]:
        """Think about what is seen and return what is read; `ticks` as above, from here on."""
        self._begin(begins, ticks)
        read, self._state = self._observe(features, self._model.config.ticks)
        return read

    def watch(
        self, features: Float[Tensor, "B I"], begins: Tensor | None = None
    ) -> tuple[Float[Tensor, "B P"], Float[Tensor, "T B D"]]:
        """Like `see`, with the activations of every tick."""
        self._begin(begins, SPARE_TICKS)
        read, seen = None, []
        for _ in range(self._model.config.ticks):
            read, self._state = self._observe(features, 1)
            seen.append(self._state.hidden[-1] if isinstance(self._state, LSTMState) else self._state.activation)
        return read, torch.stack(seen)  # pyright: ignore[reportReturnType]

    def carried(self) -> Carried:
        """Return where the passage has come to."""
        return carry(self._state)

    def _begin(self, begins: Tensor | None, ticks: int) -> None:
        if begins is not None:
            self._state = self._resumed(renew(carry(self._state), self._fresh, begins), ticks)

    def _observe(self, features: Tensor, ticks: int) -> tuple[Tensor, Any]:
        percept = Percept(None, None, features)
        if isinstance(self._model, CTM):
            return self._model.observe(self._state, Observation(percept, self._constants), ticks=ticks)
        return self._model.observe(self._state, LSTMObservation(percept, self._constants), ticks=ticks)

    def _resumed(self, carried: Carried, ticks: int) -> Any:
        out, action = (_kept(carried, side) for side in ("out", "action"))
        if isinstance(self._model, LSTMBaseline):
            layers = range(self._model.config.layers)
            hidden, cell = (tuple(carried[f"{part}.{layer}"] for layer in layers) for part in ("hidden", "cell"))
            return LSTMState(hidden, cell, out, action, 0)
        window = carried["history"].permute(1, 2, 0)
        history = History.begin(self._constants.neurons, window, self._batch, ticks)
        return CTMState(history, carried["activation"], out, action)


def unroll(model: Mind, carried: Carried, observations: Tensor, begins: Tensor) -> tuple[Tensor, Carried]:
    """Think through S steps of B sequences at once, differentiably.

    Arguments: the state to start from, observations (S, B, …), and where episodes begin (S, B). Returns what is read
    after every step, (S, B, P), and the state after the last.
    """
    steps, ticks = len(observations), model.config.ticks
    features = model.backbone(observations.flatten(0, 1)).unflatten(0, observations.shape[:2])
    anew = begins.any(1).tolist()
    left = [ticks * (next((n for n in range(s + 1, steps) if anew[n]), steps) - s) for s in range(steps)]
    passage = Passage(model, carried, ticks=left[0])
    reads = [passage.see(features[s], begins[s] if anew[s] else None, ticks=left[s]) for s in range(steps)]
    return torch.stack(reads), passage.carried()


def _kept(carried: Carried, side: str) -> Any:
    """What the reading of a side keeps."""
    if f"{side}.alpha" in carried:
        return Accumulator(carried[f"{side}.alpha"], carried[f"{side}.beta"])
    if f"{side}.window" in carried:
        return carried[f"{side}.window"].unbind(1)
    return carried.get(f"{side}.snapshot")
