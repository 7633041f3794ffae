"""What a call of the machine returns: its answer at every tick, how sure it was, and ways to pick one answer."""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from cofire import checks


def certainty(logits: Tensor, positions: int = 1) -> Tensor:
    """How sure an answer is: one minus the normalised entropy of its distribution.

        c = 1 - H(softmax(y)) / log C,     H(p) = -sum_k p_k log p_k

    Arguments: `logits` (…, out), and the number of `positions` that the answer has: out = positions * C, and the
    certainty is the mean over positions. Returns (…,), 0 for a uniform distribution and 1 for a sure one. Source:
    Darlow et al., Continuous Thought Machines, arXiv 2505.05522, section 3.6.

    >>> certainty(torch.tensor([[0.0, 0.0], [50.0, -50.0]])).tolist()
    [0.0, 1.0]
    """
    y = logits.unflatten(-1, (positions, -1))
    log_p = F.log_softmax(y, -1)
    entropy = -(F.softmax(y, -1) * log_p).sum(-1)  # both by rows: the same numbers however many samples there are
    return 1 - (entropy / torch.log(torch.tensor(float(log_p.shape[-1])))).mean(-1)


@dataclass(frozen=True)
class Thought:
    """A thought of T ticks over B samples.

    `logits` (B, out, T); `certainty` (B, T) in [0, 1]; `energy` (B, T) where the machine has an energy head; `sync_out`
    (B, P, T), the synchronisation that the heads read; `others`: the outputs of further heads by name, (B, out, T)
    each. `ticks` (B,): how many of the T ticks each sample thought, where a policy stopped some; from there on a
    sample's last tick is repeated. None where all thought all of them.

    >>> logits = torch.tensor([[[0.0, 9.0, 1.0], [0.0, 0.0, 2.0]]])
    >>> thought = Thought(logits, certainty(logits.movedim(-1, 1)))
    >>> thought.most_certain().tolist(), thought.answer().tolist()
    ([1], [[9.0, 0.0]])
    """

    logits: Tensor
    certainty: Tensor
    energy: Tensor | None = None
    sync_out: Tensor | None = None
    others: dict[str, Tensor] = field(default_factory=dict)
    ticks: Tensor | None = None

    def most_certain(self) -> Tensor:
        """The tick (counted from 0) of highest certainty, the first of equals, (B,)."""
        return self.certainty.argmax(1)

    def at(self, tick: Tensor) -> Tensor:
        """The logits at one tick per sample (B,): (B, out)."""
        index = tick[:, None, None].expand(-1, self.logits.shape[1], 1)
        return self.logits.gather(2, index).squeeze(2)

    def answer(self) -> Tensor:
        """The logits at the most certain tick, (B, out)."""
        return self.at(self.most_certain())

    def last(self) -> Tensor:
        """The logits at the last tick, (B, out)."""
        return self.logits[..., -1]

    def mean(self) -> Tensor:
        """The mean of the logits over the ticks that were thought, (B, out)."""
        if self.ticks is None:
            return self.logits.mean(-1)
        return (self.logits * self._thought()[:, None]).sum(-1) / self.ticks[:, None]

    def weighted(self) -> Tensor:
        """The mean of the logits over the ticks that were thought, weighted by certainty, (B, out)."""
        certainty = self.certainty if self.ticks is None else self.certainty * self._thought()
        weights = certainty / certainty.sum(1, keepdim=True)
        return (self.logits * weights[:, None]).sum(-1)

    def lowest_energy(self) -> Tensor:
        """The logits at the tick of lowest energy, (B, out)."""
        if self.energy is None:
            raise checks.InvalidValue(
                checks.message("energy", "a machine with an energy head", "none", "CTMConfig(energy=EnergyHead())")
            )
        return self.at(self.energy.argmin(1))

    def _thought(self) -> Tensor:
        """Which ticks were thought, (B, T)."""
        length = torch.arange(self.certainty.shape[1], device=self.certainty.device)
        return length < (len(length) if self.ticks is None else self.ticks[:, None])
