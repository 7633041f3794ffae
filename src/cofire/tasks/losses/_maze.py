"""The loss of a route: as many steps of it count as the network knows already, and a few more."""

import torch
from torch import Tensor

from cofire import checks
from cofire.tasks.losses._positions import position_losses
from cofire.tasks.losses._ticks import at_two_ticks


def maze(
    logits: Tensor, certainty: Tensor, targets: Tensor, use_most_certain: bool = True, lookahead: int = 5
) -> tuple[Tensor, Tensor, Tensor]:
    """Cross-entropy of the first steps of a route, at the tick of lowest loss and at the most certain one.

        l(t) = mean over k < u of -log softmax(logits(k, t))[target(k)],     u = max(L, 1) - 1 + lookahead

    with L the longest run of right steps from the first one on, over all ticks: a curriculum that every example sets
    itself. The two ticks are those of `image`.

    Shapes: logits (B, R, C, T), certainty (B, T), targets (B, R) integers below C. Returns the scalar loss, the second
    tick of each example (B,), and u of each example (B,); a u above R means the whole route. Raises `InvalidValue`
    where shapes do not fit. Source: Darlow et al., Continuous Thought Machines, arXiv 2505.05522, section 4.

    >>> logits = torch.zeros(1, 3, 5, 2)
    >>> logits[0, :, 1, 1] = 9.0  # at the second tick: down, down, down
    >>> loss, tick, upto = maze(logits, torch.tensor([[0.0, 1.0]]), torch.tensor([[1, 1, 2]]), lookahead=1)
    >>> round(loss.item(), 4), tick.tolist(), upto.tolist()
    (0.0005, [1], [2])
    """
    B, R, _, T = checks.shape("logits", logits, ("B", "R", "C", "T"), fix="logits.unflatten(1, (R, 5))").shape
    checks.shape("certainty", certainty, (B, T), fix="one certainty per example and tick")
    checks.integer("lookahead", lookahead, low=1, fix="the first step must count")
    losses = position_losses(logits, targets)  # (B, R, T)
    known = (logits.argmax(dim=2) == targets[:, :, None]).cumprod(dim=1).sum(dim=1).amax(dim=1)
    upto = known.clamp(min=1) - 1 + lookahead
    counts = torch.arange(R, device=upto.device) < upto[:, None]
    means = (losses * counts[:, :, None]).sum(dim=1) / counts.sum(dim=1, keepdim=True)
    loss, tick = at_two_ticks(means, certainty, use_most_certain)
    return loss, tick, upto
