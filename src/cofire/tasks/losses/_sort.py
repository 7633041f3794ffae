"""The loss of an answer that is emitted symbol by symbol, at times of the machine's own choice."""

import torch
from torch import Tensor
from torch.nn import functional

from cofire import checks
from cofire.tasks.losses._ticks import log_shares


def sort(logits: Tensor, targets: Tensor) -> Tensor:
    """Connectionist temporal classification: the chance that the ticks spell the target, whatever the timing.

        L = mean over examples of -log P(target) / N,
        P(target) = sum over paths that collapse to the target of prod_t softmax(logits(t))[path_t]

    A path names a symbol at every tick; it collapses by merging equal neighbours and then leaving out blanks, the last
    of the classes. Shapes: logits (B, N + 1, T), targets (B, N) of 0 .. N - 1. Returns the scalar loss.

    Raises `InvalidValue` where shapes do not fit, and where there are fewer ticks than symbols to be emitted: a target
    of N symbols, R of which repeat the one before, takes N + R ticks.
    Source: Graves et al., Connectionist temporal classification, ICML 2006.

    >>> import torch
    >>> half = torch.log(torch.tensor([0.25, 0.25, 0.5]))[None, :, None].expand(1, 3, 2)  # two ticks, all alike
    >>> round(sort(half, torch.tensor([[0, 1]])).item(), 4)  # one path only: -log(1 / 16) / 2
    1.3863
    """
    B, classes, T = checks.shape("logits", logits, ("B", "C", "T")).shape
    N = checks.shape("targets", targets, (B, "N"), fix="one list per example").shape[1]
    targets = targets.cpu()
    needed = N + int((targets[:, 1:] == targets[:, :-1]).sum(dim=1).max())
    checks.integer("ticks", T, low=needed, fix="a symbol takes a tick, and a blank between two equal ones another")
    blank = classes - 1
    checks.integer("targets", int(targets.max()), high=blank - 1, fix="the last class is the blank")
    shares = log_shares(logits).permute(2, 0, 1).cpu()  # other devices sum in another order each time
    lengths = (torch.full((B,), count, dtype=torch.int64) for count in (T, N))
    return functional.ctc_loss(shares, targets, *lengths, blank=blank).to(logits.device)
