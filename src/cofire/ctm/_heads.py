"""Heads: what is read from the synchronisation of a tick."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from cofire import checks


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
        return nn.Linear(width, self.outputs)


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


class _Energy(nn.Module):
    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.first, self.second = nn.Linear(width, hidden), nn.Linear(hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(F.silu(self.first(x)))
