"""What a halting policy is: after every tick it sees how the samples that still think stand, and says which stop."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

from cofire import checks


class Seen(NamedTuple):
    """What a policy sees after a tick: the b samples that have thought it, and none that stopped before."""

    logits: Tensor  # (b, out)
    certainty: Tensor  # (b,)
    energy: Tensor | None  # (b,), of a machine with an energy head
    tick: int  # ticks thought so far in which a sample could have stopped, this one included: 1 at the first
    left: int  # ticks that there can be after this one
    positions: int  # of the answer: out = positions x classes

    def answers(self) -> Tensor:
        """The class that is answered at every position, (b, positions)."""
        return self.logits.unflatten(1, (self.positions, -1)).argmax(-1)


Kept = tuple[Tensor, ...]  # what a policy remembers, samples first; samples that stop leave it


@runtime_checkable
class Policy(Protocol):
    """When to stop thinking. A policy is immutable; what it remembers of the samples is handed to it."""

    def start(self, batch: int) -> None:
        """Raise InvalidValue where this policy cannot serve so many samples."""
        ...

    def step(self, seen: Seen, kept: Kept | None) -> tuple[Tensor, Kept]:
        """Say which samples stop, (b,) booleans, and what to remember; `kept` is None at the first tick."""
        ...


class Rule(NamedTuple):
    """A function of what is seen, as a policy without a memory."""

    function: Callable[[Seen], Any]

    def start(self, batch: int) -> None:
        """Any number of samples."""

    def step(self, seen: Seen, kept: Kept | None) -> tuple[Tensor, Kept]:
        """Ask the function, and check what it says."""
        wanted = "a boolean for each sample that is seen, from the function given as halt"
        stops = checks.instance("stops", self.function(seen), Tensor, fix="lambda seen: seen.certainty > 0.9")
        if stops.dtype != torch.bool or stops.shape != seen.certainty.shape:
            got = f"{stops.dtype} of shape {tuple(stops.shape)} for {len(seen.certainty)} samples"
            raise checks.InvalidValue(checks.message("stops", wanted, got, "lambda seen: seen.certainty > 0.9"))
        return stops, ()


def as_policy(halt: Any) -> Policy:
    """A policy as it is, a function of `Seen` as a policy, None as one that never stops.

    Raises InvalidType for anything else.
    """
    if halt is None:
        return Rule(lambda seen: torch.zeros_like(seen.certainty, dtype=torch.bool))
    if isinstance(halt, Policy) and not isinstance(halt, type):
        return halt
    if isinstance(halt, type) or not callable(halt):
        fix = "halting.Certainty(0.9), or lambda seen: seen.certainty > 0.9"
        raise checks.InvalidType(checks.message("halt", "a policy or a function of what it sees", repr(halt), fix))
    return Rule(halt)
