"""Who still thinks: the rows of a batch that is reduced while samples stop, and the diary of what each said."""

from typing import Any

import torch
from torch import Tensor

from cofire.ctm._heads import Said
from cofire.ctm._rows import worth_keeping
from cofire.ctm._thought import Thought


class Crowd:
    """The rows that are computed, and those among them that still think; the others only make up the number.

    `samples` (m,): the sample of each row. `thinking` (b,): the rows that think, in the order of their samples.
    """

    __slots__ = ("samples", "thinking")

    def __init__(self, batch: int, device: torch.device):
        self.samples = self.thinking = torch.arange(batch, device=device)

    @property
    def everyone(self) -> bool:
        """Whether nobody has stopped yet."""
        return self.thinking is self.samples

    def of_thinking(self, said: Said) -> Said:
        """What was said by the rows that think."""
        return said if self.everyone else said.map(lambda part: part[self.thinking])

    def who(self) -> Tensor:
        """The samples that think, (b,)."""
        return self.samples if self.everyone else self.samples[self.thinking]

    def stop(self, stops: Tensor) -> None:
        """Let those (b,) stop."""
        self.thinking = self.thinking[~stops]

    def reduce(self) -> Tensor | None:
        """Leave rows away that nobody needs: the rows that stay, or None where all do. Few of them change their place:
        the last ones fill the holes of those that have stopped.
        """
        rows = len(self.samples)
        keep = worth_keeping(len(self.thinking), rows)
        if keep == rows:
            return None
        needed = torch.zeros(rows, dtype=torch.bool, device=self.samples.device)
        needed[self.thinking] = True
        stay = torch.arange(keep, device=needed.device)
        beyond = needed[keep:].nonzero().squeeze(1) + keep
        holes = (~needed[:keep]).nonzero().squeeze(1)[: len(beyond)]
        stay[holes] = beyond
        self.samples = self.samples[stay]
        thinking = needed[stay].nonzero().squeeze(1)
        self.thinking = thinking[self.samples[thinking].argsort()]
        return stay


class Diary:
    """What the samples that thought have said, tick by tick."""

    def __init__(self) -> None:
        self._said: list[Said] = []
        self._who: list[Tensor] = []

    def write(self, said: Said, who: Tensor) -> None:
        """Note what samples (b,) said at the next tick; they have thought at every tick before."""
        self._said.append(said)
        self._who.append(who)

    def thought(self, batch: int, length: int) -> Thought:
        """All of it, each sample's last tick repeated to the end."""
        who = torch.cat(self._who)
        ticks = torch.bincount(who, minlength=batch)
        counts = torch.tensor([len(one) for one in self._who], device=who.device)
        tick = torch.arange(len(counts), device=who.device).repeat_interleave(counts)
        place = who.new_zeros(len(counts), batch)  # in all that was said, by tick and sample
        place[tick, who] = torch.arange(len(who), device=who.device)
        here = torch.arange(length, device=who.device)[:, None].minimum(ticks - 1)
        place = place.gather(0, here)  # (T, B)

        def of(parts: list[Any]) -> Any:
            return None if parts[0] is None else torch.cat(parts)[place].movedim(0, -1).contiguous()

        logits, certainty, energy = (of([said[part] for said in self._said]) for part in range(3))
        others = {name: of([said.others[name] for said in self._said]) for name in self._said[0].others}
        return Thought(logits, certainty, energy, None, others, ticks)
