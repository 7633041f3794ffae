"""The loss of a sequence of yes-or-no answers."""

from torch import Tensor

from cofire import checks
from cofire.tasks.losses._positions import sequence


def parity(logits: Tensor, certainty: Tensor, targets: Tensor, use_most_certain: bool = True) -> tuple[Tensor, Tensor]:
    """The mean cross-entropy of all positions: half at the tick where it is lowest, half at the most certain tick.

        l(t) = mean over positions k of -log softmax(logits_k(t))[target_k]
        L = mean over examples of (l(argmin l) + l(argmax certainty)) / 2

    Shapes: logits (B, L, 2, T), certainty (B, T), targets (B, L) of 0 and 1. Returns the scalar loss and the second
    tick of each example (B,), counted from 0: the most certain one, or the last with `use_most_certain=False`.
    Raises `InvalidValue` where shapes do not fit. Source: Darlow et al., Continuous Thought Machines,
    arXiv 2505.05522, sections 3.5 and 8.

    >>> import torch
    >>> loss, tick = parity(torch.zeros(3, 8, 2, 5), torch.rand(3, 5), torch.zeros(3, 8, dtype=torch.int64))
    >>> round(loss.exp().item(), 4), tuple(tick.shape)
    (2.0, (3,))
    """
    checks.shape("logits", logits, ("B", "L", 2, "T"), fix="two classes per position")
    return sequence(logits, certainty, targets, use_most_certain)
