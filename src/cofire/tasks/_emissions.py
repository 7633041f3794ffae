"""What a machine emits that answers symbol by symbol, and when."""

from typing import NamedTuple

import torch
from torch import Tensor

from cofire import checks

NOTHING = -1


class Emissions(NamedTuple):
    """The symbols (B, K) of each example in the order in which they came, and the ticks (B, K) at which they came.

    K is the most that any example emitted; what is missing from the others is -1 in both.
    """

    symbols: Tensor
    ticks: Tensor

    @property
    def counts(self) -> Tensor:
        """How many symbols each example emitted, (B,)."""
        return (self.symbols != NOTHING).sum(dim=1)

    def waits(self) -> Tensor:
        """How many ticks each symbol took since the one before, the first since the thought began; missing ones -1.

        >>> decode(torch.eye(3)[[2, 0, 2, 2, 1]].T[None]).waits()
        tensor([[2, 3]])
        """
        before = torch.cat([torch.full_like(self.ticks[:, :1], -1), self.ticks[:, :-1]], dim=1)
        return torch.where(self.symbols == NOTHING, NOTHING, self.ticks - before)


def decode(logits: Tensor, upto: Tensor | None = None) -> Emissions:
    """Read what logits (B, C, T) emit: the most likely path, equal neighbours merged, blanks (class C - 1) left out.

    A symbol that comes again after a blank is emitted twice. `upto` (B,) ends the reading of each example after that
    tick, counted from 0.

    >>> a, b, blank = torch.eye(3)
    >>> said = decode(torch.stack([a, a, blank, a, b]).T[None])
    >>> said.symbols.tolist(), said.ticks.tolist()
    ([[0, 0, 1]], [[0, 3, 4]])
    """
    B, classes, T = checks.shape("logits", logits, ("B", "C", "T")).shape
    path = logits.argmax(dim=1)  # (B, T)
    blank = classes - 1
    before = torch.cat([torch.full_like(path[:, :1], blank), path[:, :-1]], dim=1)
    emitted = (path != blank) & (path != before)
    if upto is not None:
        emitted &= torch.arange(T, device=path.device) <= checks.shape("upto", upto, (B,))[:, None]
    order = torch.argsort(~emitted, dim=1, stable=True)[:, : int(emitted.sum(dim=1).max()) if B else 0]
    there = emitted.gather(1, order)
    return Emissions(torch.where(there, path.gather(1, order), NOTHING), torch.where(there, order, NOTHING))
