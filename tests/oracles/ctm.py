"""The Continuous Thought Machine as its equations say it, without any care for speed.

Every tick projects keys and values anew, concatenates [o; z] and the history, gives each neuron its own small network
by a loop over layers, and reads synchronisation as the sum of its definition: S^t = sum_k r^(t-k) z_i^k z_j^k /
sqrt(sum_k r^(t-k)). It computes with the parameters of a `cofire.CTM`, so that gradients can be compared parameter by
parameter.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from cofire import CTM
from cofire.ctm import Decayed, Snapshot, SynapseBlock


def think(model: CTM, x: Tensor, ticks: int, question: Tensor | None = None) -> dict[str, Tensor]:
    """All traces of a thought about x: ticks first, as `CTM.record` names them.

    Where the observation is streamed, (B, S, ...), the question (B, Q) and then `ticks` of silence follow.
    """
    batch = len(x)
    if model.config.streamed:
        silence = [("fed", torch.zeros(batch, model.synapse.inputs, dtype=x.dtype))] * ticks
        inputs = [("seen", look(model, frame)) for frame in x.unbind(1)] + ask(model, question) + silence
    else:
        inputs = [("seen", look(model, x))] * ticks
    window = model.start_window.expand(batch, -1, -1)  # (B, D, M)
    remembered = model.start_activation.expand(batch, *model.start_activation.shape)
    z = remembered[..., -1] if remembered.dim() == 3 else remembered
    seen = list(remembered.unbind(-1)) if remembered.dim() == 3 else [z]
    traces: dict[str, list[Tensor]] = {}
    for how, features in inputs:
        tick: dict[str, Tensor] = {}
        observed = features
        if model.attention is not None:
            tick["sync_action"] = synchronisation(model, "action", seen)
            if how == "seen":
                observed, tick["attention"] = attend(model, tick["sync_action"], features.flatten(1, -2))
        pre = synapse(model, torch.cat([observed, z], 1))
        window = torch.cat([window[..., 1:], pre[..., None]], 2)
        z = neuron_models(model, window)
        seen.append(z)
        tick |= {"pre_activation": pre, "post_activation": z, "sync_out": synchronisation(model, "out", seen)}
        if model.answer is not None:
            tick["logits"] = model.answer(tick["sync_out"])
            positions = model.config.answer.positions if model.config.answer else 1
            p = tick["logits"].reshape(batch, positions, -1).softmax(-1)
            entropy = -(p * p.log()).sum(-1) / torch.log(torch.tensor(p.shape[-1]))
            tick["certainty"] = 1 - entropy.mean(-1)
        if model.energy is not None:
            tick["energy"] = model.energy(tick["sync_out"]).squeeze(-1)
        for name, value in tick.items():
            traces.setdefault(name, []).append(value)
    return {name: torch.stack(values) for name, values in traces.items()}


def look(model: CTM, x: Tensor) -> Tensor:
    """The tokens of an observation, or its features."""
    features = model.backbone(x)
    return features if model.position is None else features + model.position(features)


def ask(model: CTM, question: Tensor | None) -> list[tuple[str, Tensor]]:
    """What each part of a question feeds: the sines and cosines of a digit's place, or an operator's own vector."""
    width, parts = model.synapse.inputs, []
    for part in [] if question is None else question.unbind(1):
        vectors = []
        for symbol in part.tolist():
            rates = [10000.0 ** (-2 * (k // 2) / width) for k in range(width)]
            waves = [(math.cos if k % 2 else math.sin)(symbol * rate) for k, rate in enumerate(rates)]
            learned = model.question.operators.weight[-symbol - 1] if symbol < 0 else None
            vectors.append(torch.tensor(waves).to(model.start_window) if learned is None else learned)
        parts.append(("fed", torch.stack(vectors)))
    return parts


def synchronisation(model: CTM, side: str, seen: list[Tensor]) -> Tensor:
    """The weighted mean-root sum over what has been seen, pair by pair, (B, P)."""
    part = model.sync_out if side == "out" else model.sync_action
    if isinstance(part.config if hasattr(part, "config") else Snapshot(), Snapshot):
        return seen[-1]
    left, right = part.left, part.right
    if part.config.pairs.dense:
        n = len(left)
        pairs = [(left[i], right[j]) for i in range(n) for j in range(i, n)]
    else:
        pairs = list(zip(left, right, strict=True))
    if not isinstance(part.config, Decayed):
        seen = seen[-model.config.memory_length :]
    columns = []
    for place, (i, j) in enumerate(pairs):
        rate = part.decay[place]
        rate = rate + (rate.clamp(0, part.config.highest_rate) - rate).detach()  # learns outside of its bounds, too
        weights = [torch.exp(-rate * (len(seen) - 1 - k)) for k in range(len(seen))]
        total = sum(w * z[:, i] * z[:, j] for w, z in zip(weights, seen, strict=True))
        columns.append(total / torch.sqrt(sum(weights)))
    return torch.stack(columns, 1)


def attend(model: CTM, query: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Multi-head attention with separate projections, head by head."""
    part = model.attention
    kv = part.tokens_norm(part.tokens(tokens))
    q, k, v = part.query_in(part.query(query)), part.key_in(kv), part.value_in(kv)
    width = q.shape[-1] // part.config.heads
    heads, weights = [], []
    for head in range(part.config.heads):
        cut = slice(head * width, (head + 1) * width)
        scores = torch.einsum("bw,bnw->bn", q[:, cut], k[..., cut]) / width**0.5
        weights.append(scores.softmax(-1))
        heads.append(torch.einsum("bn,bnw->bw", weights[-1], v[..., cut]))
    return part.out(torch.cat(heads, -1)), torch.stack(weights, 1)


def synapse(model: CTM, x: Tensor) -> Tensor:
    """The synapse model of [o; z]."""
    part = model.synapse
    if isinstance(model.config.synapse, SynapseBlock):
        x = part.norm(functional.glu(part.first(x), -1))
        for block in part.more:
            x = block["norm"](functional.glu(block["linear"](x), -1))
        return x
    skips = [functional.silu(part.norm(part.first(x)))]
    for step in part.down:
        skips.append(functional.silu(step.norm(step.linear(skips[-1]))))
    x = skips[-1]
    for level in range(len(part.up) - 1, -1, -1):
        up = functional.silu(part.up[level].norm(part.up[level].linear(x)))
        x = part.skip_norms[level](up + skips[level])
    return x


def neuron_models(model: CTM, window: Tensor) -> Tensor:
    """Each neuron's own layers on its own window (B, D, M)."""
    if not len(model.neuron_models.layers):
        return window[..., -1]
    x = window
    for layer in model.neuron_models.layers:
        if layer.norm is not None:
            x = layer.norm(x)
        x = functional.glu((torch.einsum("bdi,doi->bdo", x, layer.weight) + layer.bias) / layer.temperature, -1)
    return x.squeeze(-1)
