"""Policies that look at each sample by itself: sure enough, steady, no longer rising, past its lowest energy."""

from dataclasses import dataclass

import torch
from torch import Tensor

from cofire import checks
from cofire.ctm.halting._policy import Kept, Seen


def share(name: str, value: float, fix: str) -> None:
    """Check a number strictly between 0 and 1; raises InvalidValue or InvalidType."""
    checks.number(name, value, fix=fix)
    if not 0 < value < 1:
        raise checks.InvalidValue(checks.message(name, "a number between 0 and 1, both excluded", repr(value), fix))


@dataclass(frozen=True, slots=True)
class Certainty:
    """Stop when the certainty, 1 - H(softmax(y)) / log C, reaches `threshold`.

    Raises InvalidValue for a threshold outside (0, 1): certainty lies in [0, 1], so that 0 would stop everything at the
    first tick and 1 nearly nothing.

    >>> Certainty(0.9)
    Certainty(threshold=0.9)
    """

    threshold: float

    def __post_init__(self) -> None:
        share("threshold", self.threshold, "Certainty(0.9)")

    def start(self, batch: int) -> None:
        """Any number of samples."""

    def step(self, seen: Seen, kept: Kept | None) -> tuple[Tensor, Kept]:
        """Stop where c >= threshold."""
        return seen.certainty >= self.threshold, ()


@dataclass(frozen=True, slots=True)
class Patience:
    """Stop when the answer, the class of every position, has not changed for `ticks` ticks.

    With k ticks no sample stops before tick k + 1. Raises InvalidValue for k < 1.
    """

    ticks: int

    def __post_init__(self) -> None:
        checks.integer("ticks", self.ticks, low=1, fix="Patience(3)")

    def start(self, batch: int) -> None:
        """Any number of samples."""

    def step(self, seen: Seen, kept: Kept | None) -> tuple[Tensor, Kept]:
        """Count the ticks without a change."""
        answers = seen.answers()
        if kept is None:
            steady = torch.zeros(len(answers), dtype=torch.int64, device=answers.device)
        else:
            before, steady = kept
            steady = (steady + 1) * (answers == before).all(1)
        return steady >= self.ticks, (answers, steady)


@dataclass(frozen=True, slots=True)
class Plateau:
    """Stop when the certainty has not risen by more than `rise` above its highest for `ticks` ticks.

    Creeping counts as standing still: the highest moves only when it is passed by more than `rise`. `least`: the
    certainty below which nothing stops, since a thought often begins flat. Raises InvalidValue for k < 1, a negative
    rise, or a least outside [0, 1].
    """

    ticks: int
    rise: float = 0.01
    least: float = 0.0

    def __post_init__(self) -> None:
        checks.integer("ticks", self.ticks, low=1, fix="Plateau(3)")
        checks.number("rise", self.rise, low=0, high=1, fix="Plateau(3, rise=0.01)")
        checks.number("least", self.least, low=0, high=1, fix="Plateau(3, least=0.5)")

    def start(self, batch: int) -> None:
        """Any number of samples."""

    def step(self, seen: Seen, kept: Kept | None) -> tuple[Tensor, Kept]:
        """Count the ticks without a rise."""
        now = seen.certainty
        if kept is None:
            highest, still = now, torch.zeros(len(now), dtype=torch.int64, device=now.device)
        else:
            highest, still = kept
            rises = now > highest + self.rise
            highest, still = torch.where(rises, now, highest), (still + 1) * ~rises
        return (still >= self.ticks) & (now >= self.least), (highest, still)


@dataclass(frozen=True, slots=True)
class EnergyMinimum:
    """Stop when the energy has been above its lowest for `ticks` ticks: its minimum is passed.

    For machines with an `EnergyHead` trained by `energy_loss`, whose energy is low where the answer is right. Raises
    InvalidValue for k < 1, and when thinking for a machine without energy.
    """

    ticks: int = 1

    def __post_init__(self) -> None:
        checks.integer("ticks", self.ticks, low=1, fix="EnergyMinimum(1)")

    def start(self, batch: int) -> None:
        """Any number of samples."""

    def step(self, seen: Seen, kept: Kept | None) -> tuple[Tensor, Kept]:
        """Count the ticks since the lowest energy."""
        now = seen.energy
        if now is None:
            fix = "CTMConfig(energy=EnergyHead()), or halting.Certainty(0.9)"
            raise checks.InvalidValue(checks.message("energy", "a machine with an energy head", "none", fix))
        if kept is None:
            lowest, since = now, torch.zeros(len(now), dtype=torch.int64, device=now.device)
        else:
            lowest, since = kept
            falls = now <= lowest
            lowest, since = torch.where(falls, now, lowest), (since + 1) * ~falls
        return since >= self.ticks, (lowest, since)
