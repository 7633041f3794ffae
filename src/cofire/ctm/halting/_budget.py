"""A budget: so many tick-samples for a whole batch, spent where there is doubt."""

from dataclasses import dataclass

import torch
from torch import Tensor

from cofire import checks
from cofire.ctm.halting._calibrated import Calibrated
from cofire.ctm.halting._policy import Kept, Seen

WORTH_A_TICK = 0.5  # a sample stops when less than half a tick of what is left falls to it


@dataclass(frozen=True, slots=True)
class Budget:
    """Good answers for at most `total` ticks over all samples of a batch together; their sum never exceeds it.

    After every tick what is left is shared among those who still think, in proportion to the square of their doubt, one
    minus certainty, and no more than the thought is long:

        share_i = min(lambda (1 - c_i)^2, ticks left),     sum_i share_i = budget left

    A sample with a share below half a tick stops, and where not everybody can be given another tick, the least
    certain are. So a batch thinks together while all are in doubt, and what sure samples leave goes to the others.
    `confidence`: a `Calibrated` whose confidence takes the place of certainty; it knows better what early ticks are
    worth.

    Raises InvalidValue for less than one tick per sample: every sample thinks once.
    """

    total: int
    confidence: Calibrated | None = None

    def __post_init__(self) -> None:
        checks.integer("total", self.total, low=1, fix="Budget(5 * len(x)), five ticks per sample on average")
        if self.confidence is not None:
            checks.instance("confidence", self.confidence, Calibrated, fix="halting.calibrate(logits, right)")

    def start(self, batch: int) -> None:
        """Raise InvalidValue where the budget does not pay one tick for each sample."""
        fix = f"Budget({5 * batch}), five ticks per sample on average"
        checks.integer(f"total of the budget for {batch} samples", self.total, low=batch, fix=fix)

    def step(self, seen: Seen, kept: Kept | None) -> tuple[Tensor, Kept]:
        """Share what is left; `kept` holds it, written beside every sample."""
        sure = seen.certainty if self.confidence is None else self.confidence.confidence(seen.logits, seen.positions)
        thinking = len(sure)
        left = (self.total if kept is None else int(kept[0][0])) - thinking
        doubt = (1 - sure.double()).clamp(min=0).square()
        goes_on = int((shares(doubt, left, seen.left) >= WORTH_A_TICK).sum())
        goes_on = min(goes_on, left)
        order = torch.argsort(doubt, descending=True, stable=True)
        stops = torch.ones(thinking, dtype=torch.bool, device=sure.device)
        stops[order[:goes_on]] = False
        return stops, (torch.full((thinking,), left, device=sure.device),)


def shares(doubt: Tensor, left: int, most: int) -> Tensor:
    """Share `left` ticks in proportion to doubts (b,), none above `most`: (b,) real numbers.

    >>> shares(torch.tensor([4.0, 2.0, 1.0, 1.0]), 8, 3)
    tensor([3.0000, 2.5000, 1.2500, 1.2500])
    """
    if left >= most * len(doubt):
        return torch.full_like(doubt, most)
    order = doubt.argsort(descending=True, stable=True)
    sorted_doubt = doubt[order]
    behind = sorted_doubt.flip(0).cumsum(0).flip(0)  # the doubt of each and of all behind it
    full = torch.arange(len(doubt), device=doubt.device)  # so many before it have as many as they can use
    numbers = torch.finfo(doubt.dtype)
    scale = ((left - most * full) / behind.clamp(min=numbers.tiny)).clamp(numbers.min, numbers.max)  # of no doubt: none
    fits = (scale * sorted_doubt <= most) & (scale >= 0)
    first = int(fits.to(torch.int64).argmax()) if bool(fits.any()) else len(doubt) - 1
    return (doubt * scale[first]).clamp(0, most)
