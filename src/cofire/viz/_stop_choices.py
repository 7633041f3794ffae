"""Policies that keep the accuracy: set on one half of what was held out, judged on the other, and the halves exchanged.

Nothing is thought again: a policy is replayed on the full run, of which it would have been a part.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, final

import numpy as np
import torch
from torch import Tensor

from cofire.ctm import Thought, halting
from cofire.ctm.halting._replay import answered_right
from cofire.random import Key
from cofire.viz._run_evidence import RunEvidence
from cofire.viz._words import near_one

LOSS = 0.002  # of accuracy that a policy may lose where it is set: 0.2 points
ROUNDING = 1e-9


@final
@dataclass(frozen=True)
class HeldOut:
    """Full runs over N examples with T ticks in which a sample may stop, and the share of each answer that is right.

    `thought`: logits (N, out, T) and certainty (N, T). `right` (N, T). `positions` of the answer.
    """

    thought: Thought
    right: Tensor
    positions: int

    @classmethod
    def of(cls, evidence: RunEvidence) -> "HeldOut":
        """What a run has answered, from the end of the stream on where it is shown one."""
        answers, config, count = evidence.answers, evidence.model.config, len(evidence.tick)
        begin = max(0, evidence.ticks - config.ticks) if getattr(config, "streamed", False) else 0
        scores = [evidence.scores_at(np.full(count, tick))["accuracy"] for tick in range(begin, evidence.ticks)]
        logits, certainty = (torch.from_numpy(one[..., begin:]) for one in answers[:2])
        positions = config.answer.positions if config.answer else 1
        return cls(Thought(logits, certainty), torch.from_numpy(np.stack(scores, axis=1)), positions)

    @cached_property
    def answered(self) -> Tensor:
        """How right it is when read at its most certain tick, cut after each tick, (N, T)."""
        return answered_right(self.thought, self.right.double())

    @property
    def full(self) -> float:
        """The accuracy of the full run."""
        return self.answered[:, -1].mean().item()

    @property
    def ticks(self) -> int:
        """T."""
        return self.right.shape[1]

    def __len__(self) -> int:
        return len(self.right)

    def part(self, rows: np.ndarray) -> "HeldOut":
        """The examples at some places."""
        places = torch.from_numpy(rows)
        chosen = Thought(self.thought.logits[places], self.thought.certainty[places])
        return replace(self, thought=chosen, right=self.right[places])

    def stopped(self, policy: halting.Policy) -> tuple[Tensor, Tensor]:
        """How long each example thinks under a policy, (N,), and how right it is then, (N,)."""
        ticks = halting.replay(policy, self.thought, positions=self.positions).ticks
        ticks = torch.full((len(self),), self.ticks) if ticks is None else ticks
        return ticks, self.answered.gather(1, ticks[:, None] - 1).squeeze(1)


class Judged(NamedTuple):
    """What a policy came to on examples it was not set on: accuracy, mean ticks, and its settings in words."""

    name: str
    accuracy: float
    ticks: float
    settings: tuple[str, ...] = ()


def choose(held: HeldOut, loss: float = LOSS) -> dict[str, halting.Policy]:
    """Of every kind of policy the one with the fewest ticks of which a `loss` of at most so much is to be expected.

    Where all of a kind lose more here than `halting.allowance` says, the one that loses least. Budgets are those of the
    calibrated policy's ticks.
    """
    kinds: dict[str, list[halting.Policy]] = {
        "certainty": [halting.Certainty(n / 40) for n in range(1, 40)],
        "patience": [halting.Patience(k) for k in range(1, held.ticks)],
        "plateau": [halting.Plateau(k, 0.01, n / 10) for k in (1, 2, 3) for n in range(10)],
    }
    chosen = {name: _cheapest(held, policies, loss) for name, policies in kinds.items() if policies}
    calibrated = halting.calibrate(held.thought, held.right, positions=held.positions, loss=loss)
    total = int(held.stopped(calibrated)[0].sum())
    return {
        "calibrated confidence": calibrated,
        **chosen,
        "budget": halting.Budget(total),
        "budget by confidence": halting.Budget(total, calibrated),
    }


def judge(held: HeldOut, loss: float = LOSS) -> list[Judged]:
    """Every policy, each half of the examples judged with the settings of the other; they take turns."""
    halves = tuple(map(held.part, halve(len(held))))
    found: dict[str, list[tuple[Tensor, Tensor, str]]] = {}
    for known, new in (halves, halves[::-1]):
        for name, policy in choose(known, loss).items():
            rule = for_so_many(policy, len(known), len(new))
            found.setdefault(name, []).append((*new.stopped(rule), told(policy, len(known))))
    judged = []
    for name, parts in found.items():
        ticks, right, settings = zip(*parts, strict=True)
        means = torch.cat(right).mean().item(), torch.cat(ticks).double().mean().item()
        judged.append(Judged(name, *means, settings=tuple(dict.fromkeys(settings))))
    return judged


def halve(count: int) -> tuple[np.ndarray, np.ndarray]:
    """The places of two halves, drawn by key: whatever the order of the examples, both have some of every kind.

    >>> [half.size for half in halve(5)]
    [2, 3]
    """
    order = Key(0).fold("halves of what is held out").permutation(count)
    return np.sort(order[: count // 2]), np.sort(order[count // 2 :])


def for_so_many(policy: halting.Policy, known: int, new: int) -> halting.Policy:
    """A policy that was set on `known` examples for `new` ones: a budget grows with them."""
    if not isinstance(policy, halting.Budget):
        return policy
    return halting.Budget(max(new, policy.total * new // known), policy.confidence)


def told(policy: halting.Policy, examples: int) -> str:
    """The setting of a policy in words.

    >>> told(halting.Patience(3), 10), told(halting.Budget(54), 10)
    ('3 ticks', '5.4 ticks each')
    """
    match policy:
        case halting.Calibrated():
            return f"{near_one(policy.threshold)} at temperature {policy.temperature:.2f}"
        case halting.Certainty():
            return near_one(policy.threshold)
        case halting.Patience():
            return f"{policy.ticks} tick{'' if policy.ticks == 1 else 's'}"
        case halting.Plateau():
            return f"{policy.ticks} tick{'' if policy.ticks == 1 else 's'}, from {policy.least:g} on"
        case halting.Budget():
            return f"{policy.total / examples:.1f} ticks each"
    return repr(policy)


def _cheapest(held: HeldOut, policies: list[halting.Policy], loss: float) -> halting.Policy:
    wanted = held.full - halting.allowance(loss, len(held)) - ROUNDING
    costs = []
    for policy in policies:
        ticks, right = held.stopped(policy)
        costs.append((max(0.0, wanted - right.mean().item()), ticks.double().mean().item()))
    return policies[min(range(len(costs)), key=costs.__getitem__)]
