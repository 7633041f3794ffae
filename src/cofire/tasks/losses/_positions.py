"""Answers with several positions: a loss and a score for each of them, and for all together."""

from torch import Tensor

from cofire import checks
from cofire.tasks.losses._ticks import at_two_ticks, log_shares


def position_losses(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of every position and tick: logits (B, R, C, T) and targets (B, R) give (B, R, T).

    Raises `InvalidValue` where shapes do not fit.

    >>> import torch
    >>> position_losses(torch.zeros(1, 2, 5, 3), torch.tensor([[4, 0]])).exp().round(decimals=4)[0]
    tensor([[5., 5., 5.],
            [5., 5., 5.]])
    """
    B, R, _, T = checks.shape("logits", logits, ("B", "R", "C", "T")).shape
    checks.shape("targets", targets, (B, R), fix="one class per example and position")
    return -log_shares(logits, dim=2).gather(2, targets[:, :, None, None].expand(-1, -1, 1, T)).squeeze(2)


def sequence(
    logits: Tensor, certainty: Tensor, targets: Tensor, use_most_certain: bool = True
) -> tuple[Tensor, Tensor]:
    """The mean cross-entropy of all positions: half at the tick where it is lowest, half at the most certain tick.

        l(t) = mean over positions k of -log softmax(logits_k(t))[target_k]
        L = mean over examples of (l(argmin l) + l(argmax certainty)) / 2

    Shapes: logits (B, R, C, T), certainty (B, T), targets (B, R). Returns the scalar loss and the second tick of each
    example (B,), counted from 0: the most certain one, or the last with `use_most_certain=False`. Raises `InvalidValue`
    where shapes do not fit.

    >>> import torch
    >>> loss, _ = sequence(torch.zeros(3, 8, 10, 5), torch.zeros(3, 5), torch.zeros(3, 8, dtype=torch.int64))
    >>> round(loss.exp().item(), 4)
    10.0
    """
    B, _, _, T = checks.shape("logits", logits, ("B", "R", "C", "T")).shape
    checks.shape("certainty", certainty, (B, T), fix="one certainty per example and tick")
    return at_two_ticks(position_losses(logits, targets).mean(dim=1), certainty, use_most_certain)


def right_positions(logits: Tensor, targets: Tensor, tick: Tensor) -> Tensor:
    """Which positions are right at the tick of their example: (B, R, C, T), (B, R) and (B,) give bool (B, R).

    >>> import torch
    >>> logits = torch.tensor([[[[0.0, 2.0], [1.0, -2.0]]]])  # one position: class 1 first, then class 0
    >>> right_positions(logits, torch.tensor([[0]]), torch.tensor([1]))
    tensor([[True]])
    """
    B, R, C, _ = checks.shape("logits", logits, ("B", "R", "C", "T")).shape
    checks.shape("targets", targets, (B, R), fix="one class per example and position")
    index = checks.shape("tick", tick, (B,))[:, None, None, None].expand(-1, R, C, 1)
    return logits.gather(3, index).squeeze(3).argmax(dim=2) == targets
