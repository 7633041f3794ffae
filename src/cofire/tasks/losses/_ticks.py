"""Which ticks of a thought a loss is taken at, and in which precision."""

import torch
from torch import Tensor


def at_two_ticks(losses: Tensor, certainty: Tensor, use_most_certain: bool = True) -> tuple[Tensor, Tensor]:
    """Half the loss at the tick of lowest loss, half at the most certain tick (or the last), over the batch.

        L = mean over examples of (l(argmin l) + l(argmax certainty)) / 2

    Shapes: losses (B, T), certainty (B, T). Returns the scalar loss and the second tick of each example (B,).

    >>> at_two_ticks(torch.tensor([[1.0, 3.0]]), torch.tensor([[0.1, 0.9]]))
    (tensor(2.), tensor([1]))
    """
    lowest = losses.argmin(dim=1)
    tick = certainty.argmax(dim=1) if use_most_certain else torch.full_like(lowest, losses.shape[1] - 1)
    return losses.gather(1, torch.stack([lowest, tick], dim=1)).mean(), tick


def log_shares(logits: Tensor, dim: int = 1) -> Tensor:
    """Log of the softmax over the classes, at least in single precision, whatever the model computes in.

    >>> log_shares(torch.zeros(1, 2, dtype=torch.bfloat16)).dtype
    torch.float32
    """
    return logits.to(torch.promote_types(logits.dtype, torch.float32)).log_softmax(dim=dim)
