"""Heads: what is read from the synchronisation of a tick."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cofire import checks, kernels
from cofire.ctm._dense import FEWEST_OUTPUTS, SMALL, few, many
from cofire.ctm._thought import Thought, certainty
from cofire.ctm._torch_threads import Work, readable

TOGETHER = 16  # rows from which on a product gives a row the same bits however many there are


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A linear map to `outputs` logits, which are `positions` answers over outputs / positions classes each.

    >>> Answer(outputs=50, positions=10).classes
    5
    """

    outputs: int
    positions: int = 1

    def __post_init__(self) -> None:
        checks.integer("outputs", self.outputs, low=1)
        checks.integer("positions", self.positions, low=1)
        if self.outputs % self.positions:
            got = f"{self.outputs} for {self.positions} positions"
            raise checks.InvalidValue(
                checks.message("outputs", "a multiple of the positions", got, "positions x classes")
            )

    @property
    def classes(self) -> int:
        """Classes per position."""
        return self.outputs // self.positions

    def build(self, width: int) -> nn.Module:
        """The module (…, P) -> (…, outputs)."""
        return _Linear(width, self.outputs)


@dataclass(frozen=True, kw_only=True, slots=True)
class EnergyHead:
    """A small network that judges the state at every tick: E = w2 . SiLU(W1 S + b1) + b2, low where the answer is
    right.
    """

    hidden: int = 64

    def __post_init__(self) -> None:
        checks.integer("hidden", self.hidden, low=1)

    def build(self, width: int) -> nn.Module:
        """The module (…, P) -> (…, 1)."""
        return _Energy(width, self.hidden)


class _Linear(nn.Linear):
    """A linear layer that gives a row the same bits however many there are, where no gradient is wanted."""

    def forward(self, x: Tensor) -> Tensor:
        if not readable(x):
            return super().forward(x)
        rows = x.reshape(-1, x.shape[-1]).contiguous()
        if self.weight.numel() < SMALL and self.out_features >= FEWEST_OUTPUTS:
            return few(rows, self.weight, self.bias).view(*x.shape[:-1], -1)
        filled = F.pad(rows, (0, 0, 0, max(0, TOGETHER - len(rows))))
        return many(filled, self.weight, self.bias)[: len(rows)].view(*x.shape[:-1], -1)


class _Energy(nn.Module):
    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.first, self.second = _Linear(width, hidden), _Linear(hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.first(x)
        return self.second(F.glu(torch.cat([hidden, hidden], -1), -1))  # SiLU by rows: the same bits in any batch


class Said(NamedTuple):
    """What the heads make of synchronisations (…, P); absent heads say None."""

    logits: Tensor | None  # (…, out)
    certainty: Tensor | None  # (…,)
    energy: Tensor | None  # (…,)
    others: dict[str, Tensor]  # (…, out) each

    def map(self, change: Callable[[Tensor], Tensor]) -> "Said":
        """The same with every part changed."""
        logits, certainty, energy = (None if part is None else change(part) for part in self[:3])
        return Said(logits, certainty, energy, {name: change(part) for name, part in self.others.items()})


class Heads(NamedTuple):
    """The heads of a machine, with the answer's configuration."""

    answer: nn.Module | None
    config: Answer | None
    energy: nn.Module | None
    more: nn.ModuleDict

    def read(self, sync: Tensor) -> Said:
        """Outputs of all heads for synchronisations (…, P), the same bits for any number of them."""
        logits = sure = energy = None
        if self.answer is not None and self.config is not None:
            logits = self.answer(sync)
            sure = _certainty(logits, self.config.positions)
        if self.energy is not None:
            energy = self.energy(sync).squeeze(-1)
        return Said(logits, sure, energy, {name: head(sync) for name, head in self.more.items()})

    def thought(self, sync: Tensor) -> Thought:
        """The thought that synchronisations of all ticks (T, B, P) amount to."""
        said = self.read(sync)
        if said.logits is None or said.certainty is None:
            fix = "model.observe(state, x) for a machine without one"
            raise checks.InvalidValue(checks.message("answer", "a machine with an answer head", "none", fix))
        return Thought(
            logits=said.logits.permute(1, 2, 0),
            certainty=said.certainty.t(),
            energy=None if said.energy is None else said.energy.t(),
            sync_out=sync.permute(1, 2, 0),
            others={name: output.permute(1, 2, 0) for name, output in said.others.items()},
        )


def _certainty(logits: Tensor, positions: int) -> Tensor:
    """How sure answers (…, out) are, (…,): `certainty`, compiled where that is possible."""
    classes = logits.shape[-1] // positions
    if not readable(logits) or classes < 2:
        return certainty(logits, positions)
    logits = logits.contiguous()
    sure = logits.new_empty(logits.shape[:-1])
    sizes = [sure.numel(), positions, classes]
    Work(kernels.certainty.address, [*sizes, logits.data_ptr(), sure.data_ptr(), 4 * positions * classes])()
    return sure
