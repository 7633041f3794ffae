"""Who still thinks: the rows of a batch that is reduced while samples stop, and the diary of what each said."""

from collections.abc import Callable

import torch
from torch import Tensor

from cofire.ctm._heads import Said
from cofire.ctm._rows import worth_keeping
from cofire.ctm._thought import Thought
from cofire.ctm.halting._replay import cut


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
    """What each of B samples said at each of up to T ticks, as long as it thought."""

    def __init__(self, length: int, batch: int):
        self._length, self._batch = length, batch
        self._pages: Said | None = None
        self._ticks: Tensor | None = None

    def write(self, tick: int, said: Said, who: Tensor) -> None:
        """Note what samples (b,) said at a tick from 0 on; they have thought that long."""
        if self._pages is None or self._ticks is None:
            self._pages = said.map(lambda part: part.new_zeros((self._length, self._batch, *part.shape[1:])))
            self._ticks = torch.zeros(self._batch, dtype=torch.int64, device=who.device)
        _each(self._pages, said, lambda pages, part: pages[tick].index_copy_(0, who, part))
        self._ticks[who] = tick + 1

    def thought(self) -> Thought:
        """All of it, each sample's last tick repeated to the end."""
        pages, ticks = self._pages, self._ticks
        if pages is None or ticks is None or pages.logits is None or pages.certainty is None:
            raise RuntimeError("a diary is read after its first tick")
        whole = Thought(
            logits=pages.logits.permute(1, 2, 0),
            certainty=pages.certainty.t(),
            energy=None if pages.energy is None else pages.energy.t(),
            others={name: output.permute(1, 2, 0) for name, output in pages.others.items()},
        )
        return cut(whole, ticks)


def _each(pages: Said, said: Said, write: Callable[[Tensor, Tensor], object]) -> None:
    """Do something with each head's pages and what it said."""
    for one, part in ((pages.logits, said.logits), (pages.certainty, said.certainty), (pages.energy, said.energy)):
        if one is not None and part is not None:
            write(one, part)
    for name, one in pages.others.items():
        write(one, said.others[name])
