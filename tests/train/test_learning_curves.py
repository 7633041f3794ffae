"""Learning curves: the machine and the loop against a plain machine in a plain loop, step by step.

Both start from the same weights and see the same examples, in double precision, so that rounding does not part them.
The plain side uses nothing of cofire's but the parameters: the machine of tests/oracles, cross-entropies tick by tick,
torch's AdamW and gradient clipping.
"""

import copy
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cofire import CTM, CTMConfig, Key
from cofire.ctm import (
    Answer,
    Attention,
    Decayed,
    DeepNeuronModel,
    Direct,
    RandomPairs,
    Rotational1D,
    Thought,
    TokenEmbedding,
)
from cofire.tasks import ModularAddition, Parity, Sort, Task
from cofire.train import NormClip, TrainConfig, read_metrics, train
from tests.oracles.ctm import think

STEPS, BATCH, PEAK, WARMUP, FINAL, DECAY, LONGEST = 50, 8, 1e-2, 10, 1e-3, 0.1, 0.5
PlainLoss = Callable[[Tensor, Tensor, Tensor], Tensor]


class Doubled(nn.Module):
    """A machine that takes what it is shown in double precision."""

    def __init__(self, machine: CTM):
        super().__init__()
        self.machine = machine.double()

    def forward(self, x: Tensor, *, key: Key | None = None) -> Thought:
        return self.machine(x.double(), key=key)


def machine(answer: Answer, vocabulary: int | None, ticks: int = 4, features: int = 8) -> CTMConfig:
    """A small machine: with attention to tokens where there is a vocabulary, else fed directly."""
    parts: dict[str, Any] = {"backbone": Direct(features=features)}
    if vocabulary is not None:
        parts = {
            "backbone": TokenEmbedding(features=8, vocabulary=vocabulary, signed=vocabulary == 2),
            "position": Rotational1D(),
            "attention": Attention(width=8, heads=2),
            "sync_action": Decayed(pairs=RandomPairs(pairs=4)),
        }
    return CTMConfig(
        neurons=16,
        ticks=ticks,
        memory_length=3,
        neuron_model=DeepNeuronModel(hidden=2),
        sync_out=Decayed(pairs=RandomPairs(pairs=6)),
        answer=answer,
        **parts,
    )


def at_two_ticks(positions: int) -> PlainLoss:
    """Per example: mean cross-entropy of the positions, at its lowest tick and at the most certain one."""

    def loss(logits: Tensor, certainty: Tensor, targets: Tensor) -> Tensor:
        total = torch.zeros((), dtype=torch.float64)
        for said, sure, wanted in zip(logits, certainty, targets.reshape(len(logits), positions), strict=True):
            by_tick = torch.stack(
                [nn.functional.cross_entropy(tick.reshape(positions, -1), wanted) for tick in said.unbind(-1)]
            )
            total = total + (by_tick.min() + by_tick[sure.argmax()]) / 2
        return total / len(logits)

    return loss


def emitted(logits: Tensor, certainty: Tensor, targets: Tensor) -> Tensor:
    """Minus the log of the chance that the target is spelled, by the forward recursion over blanks and symbols."""
    shares = logits.log_softmax(1)
    blank, total = logits.shape[1] - 1, torch.zeros((), dtype=torch.float64)
    for row, wanted in zip(shares, targets.tolist(), strict=True):
        symbols = [blank, *(part for symbol in wanted for part in (symbol, blank))]
        reached: list[Tensor | None] = [row[blank, 0], row[symbols[1], 0]] + [None] * (len(symbols) - 2)
        for tick in range(1, row.shape[1]):
            before, reached = reached, []
            for place, symbol in enumerate(symbols):
                jumps = place >= 2 and symbol not in (blank, symbols[place - 2])
                ways = [before[one] for one in (place, place - 1, place - 2 if jumps else -1) if one >= 0]
                there = [way for way in ways if way is not None]
                reached.append(torch.logsumexp(torch.stack(there), 0) + row[symbol, tick] if there else None)
        ends = [one for one in reached[-2:] if one is not None]
        total = total - torch.logsumexp(torch.stack(ends), 0) / len(wanted)
    return total / len(logits)


def stop_at_bounds(model: CTM) -> None:
    """Decay rates do not learn where a step of descent would lead out of their bounds."""
    for name, rate in model.named_parameters():
        if name.endswith("decay") and rate.grad is not None:
            rate.grad[((rate <= 0) & (rate.grad > 0)) | ((rate >= 15) & (rate.grad < 0))] = 0


def plain_curve(model: CTM, task: Task, loss: PlainLoss) -> list[float]:
    """The losses of a plain training of these weights."""
    matrices = [
        one
        for name, one in model.named_parameters()
        if one.ndim > 1 and not {"bias", "start"} & set(re.split(r"[._]", name))
    ]
    others = [one for one in model.parameters() if all(one is not matrix for matrix in matrices)]
    optimiser = torch.optim.AdamW([{"params": matrices, "weight_decay": DECAY}, {"params": others, "weight_decay": 0}])
    curve = []
    for step in range(STEPS):
        batch = task.train(np.arange(step * BATCH, (step + 1) * BATCH))
        traces = think(model, batch.inputs.double(), model.config.ticks, batch.question)
        value = loss(traces["logits"].permute(1, 2, 0), traces["certainty"].t(), batch.targets)
        optimiser.zero_grad()
        value.backward()
        stop_at_bounds(model)
        nn.utils.clip_grad_norm_(model.parameters(), LONGEST)
        done = (step + 1 - WARMUP) / (STEPS - WARMUP)
        cosine = FINAL + (PEAK - FINAL) * (1 + math.cos(math.pi * done)) / 2
        for group in optimiser.param_groups:
            group["lr"] = PEAK * (step + 1) / WARMUP if done <= 0 else cosine
        optimiser.step()
        curve.append(value.item())
    return curve


TASKS = {
    "parity": (Parity(length=5, key=Key(1)), machine(Answer(outputs=10, positions=5), 2), at_two_ticks(5)),
    "sort": (Sort(count=3, key=Key(1)), machine(Answer(outputs=4), None, ticks=5, features=3), emitted),
    "modular-addition": (ModularAddition(modulus=5, key=Key(1)), machine(Answer(outputs=5), 5), at_two_ticks(1)),
}


@pytest.mark.parametrize("name", TASKS)
def test_machine_and_loop_learn_as_the_plain_ones_do(name: str, tmp_path: Path):
    task, config, loss = TASKS[name]
    model = Doubled(CTM(config, key=Key(2)))
    expected = plain_curve(copy.deepcopy(model.machine), task, loss)
    settings = TrainConfig(
        steps=STEPS,
        batch_size=BATCH,
        learning_rate=PEAK,
        final_learning_rate=FINAL,
        warmup_steps=WARMUP,
        weight_decay=DECAY,
        clip=NormClip(LONGEST),
        precision="float32",
    )
    train(model, task, settings, tmp_path / "run")
    curve = read_metrics(tmp_path / "run" / "metrics.csv")["loss"]
    assert len(curve) == STEPS
    assert np.ptp(expected) > 0.02  # it moves
    np.testing.assert_allclose(curve, expected, rtol=6e-6)  # the file keeps six digits
