"""The loss of one answer per example, and what it is made of."""

from torch import Tensor

from cofire import checks
from cofire.tasks.losses._ticks import at_two_ticks, log_shares


def image(logits: Tensor, certainty: Tensor, targets: Tensor, use_most_certain: bool = True) -> tuple[Tensor, Tensor]:
    """Half the cross-entropy at the tick of lowest loss, half at the most certain tick, per example.

        l(t) = -log softmax(logits(t))[target],    L = mean over examples of (l(argmin l) + l(argmax certainty)) / 2

    Shapes: logits (B, C, T), certainty (B, T), targets (B,) integers below C. Returns the scalar loss and the second
    tick of each example (B,), counted from 0: the most certain one, or the last with `use_most_certain=False`.
    Raises `InvalidValue` where shapes do not fit. Source: Darlow et al., Continuous Thought Machines,
    arXiv 2505.05522, section 3.5.

    >>> import torch
    >>> logits = torch.tensor([[[0.0, 2.0], [0.0, -2.0]]])  # undecided, then class 0
    >>> loss, tick = image(logits, torch.tensor([[0.0, 0.9]]), torch.tensor([0]))
    >>> round(loss.item(), 4), tick.tolist()
    (0.0181, [1])
    """
    B, _, T = checks.shape("logits", logits, ("B", "C", "T")).shape
    checks.shape("certainty", certainty, (B, T), fix="one certainty per example and tick")
    checks.shape("targets", targets, (B,), fix="one class per example")
    return at_two_ticks(cross_entropy(logits, targets), certainty, use_most_certain)


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of every tick: logits (B, C, T) and targets (B,) give (B, T).

    >>> import torch
    >>> cross_entropy(torch.zeros(1, 4, 2), torch.tensor([3])).exp().round(decimals=4)
    tensor([[4., 4.]])
    """
    return -log_shares(logits).gather(1, targets[:, None, None].expand(-1, 1, logits.shape[2])).squeeze(1)


def right(logits: Tensor, targets: Tensor, tick: Tensor) -> Tensor:
    """Which examples are right at their tick, 0 or 1: logits (B, C, T), targets (B,), tick (B,) give (B,).

    >>> import torch
    >>> right(torch.tensor([[[0.0, 2.0], [1.0, -2.0]]]), torch.tensor([0]), torch.tensor([1]))
    tensor([1.])
    """
    index = tick[:, None, None].expand(-1, logits.shape[1], 1)
    return (logits.gather(2, index).squeeze(2).argmax(dim=1) == targets).float()


def right_among(count: int, logits: Tensor, targets: Tensor, tick: Tensor) -> Tensor:
    """For which examples the right class is among the `count` most likely ones at their tick; shapes as in `right`.

    >>> import torch
    >>> right_among(2, torch.tensor([[[0.1], [0.3], [0.2]]]), torch.tensor([2]), torch.tensor([0]))
    tensor([1.])
    """
    index = tick[:, None, None].expand(-1, logits.shape[1], 1)
    likely = logits.gather(2, index).squeeze(2).topk(count, dim=1).indices
    return (likely == targets[:, None]).any(dim=1).float()
