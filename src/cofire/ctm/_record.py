"""From the traces of a thought to a `Recording`."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from cofire.ctm._json import described
from cofire.ctm._thought import Thought
from cofire.recording import Recording, Trace


def to_recording(model: Any, steps: Sequence[Any], activations: Tensor, read: Tensor, thought: Thought) -> Recording:
    """Every trace that the machine has, ticks first, with what it is and where it came from."""
    traces = {
        "post_activation": _trace(activations, "neuron", "the activations"),
        "sync_out": _trace(read, "pair", "synchronisation read for the answer"),
        "logits": _trace(thought.logits.permute(2, 0, 1), "output", "the answer of each tick"),
        "certainty": _trace(thought.certainty.t(), None, "1 - normalised entropy of the answer"),
    }
    if steps[0].pre_activation is not None:
        received = torch.stack([step.pre_activation for step in steps])
        traces["pre_activation"] = _trace(received, "neuron", "what each neuron receives")
    if model.sync_action is not None:
        action = torch.stack([step.sync_action for step in steps])
        traces["sync_action"] = _trace(action, "action_pair", "synchronisation read for the query")
    seen = [step.attention for step in steps if step.attention is not None]
    if seen and len({tuple(weights.shape) for weights in seen}) == 1:
        traces["attention"] = _attention(steps, seen)
    if thought.energy is not None:
        traces["energy"] = _trace(thought.energy.t(), None, "the energy head's judgement")
    provenance = {"made_by": f"cofire.ctm.{type(model).__name__}.record", "config": described(model.config)}
    return Recording(traces, provenance=provenance)


def _trace(values: Tensor, last: str | None, description: str) -> Trace:
    axes = ("tick", "batch") if last is None else ("tick", "batch", last)
    return Trace(values.cpu().numpy(), axes=axes, description=description)


def _attention(steps: Sequence[Any], seen: Sequence[Tensor]) -> Trace:
    """Attention per tick; ticks that were fed something else looked at nothing, which is zero everywhere."""
    nothing = torch.zeros_like(seen[0])
    weights = torch.stack([nothing if step.attention is None else step.attention for step in steps])
    return Trace(weights.cpu().numpy(), axes=("tick", "batch", "head", "token"), description="attention of each head")
