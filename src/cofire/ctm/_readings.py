"""The readings of all ticks at once: only they and the activations are kept for the backward pass."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def paired_sums(
    activations: Tensor, start: Tensor, retention: Tensor, scale: Tensor, left: Tensor, right: Tensor
) -> Tensor:
    """S^t = alpha^t scale^t with alpha^t = r alpha^{t-1} + z_i^t z_j^t, from alpha^0 = `start` (B, P).

    Activations (T, B, D), r (P,), scales (T, P) above zero, pairs (P,): (T, B, P).

    >>> half, pair = torch.tensor([0.5]), (torch.tensor([0]), torch.tensor([1]))
    >>> paired_sums(torch.ones(3, 1, 2), torch.ones(1, 1), half, torch.ones(3, 1), *pair).flatten()
    tensor([1.5000, 1.7500, 1.8750])
    """
    return _PairedSums.apply(activations, start, retention, scale, left, right)  # pyright: ignore[reportReturnType]


class _PairedSums(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, activations: Tensor, start: Tensor, retention: Tensor, scale: Tensor, left: Tensor, right: Tensor
    ) -> Tensor:
        read, alpha = start.new_empty(len(activations), *start.shape), start
        for z, factor, out in zip(activations, scale, read, strict=True):
            alpha = torch.addcmul(z.index_select(-1, left) * z.index_select(-1, right), alpha, retention)
            torch.mul(alpha, factor, out=out)
        ctx.save_for_backward(activations, start, retention, scale, left, right, read)
        return read

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        activations, start, retention, scale, left, right, read = ctx.saved_tensors
        flow, later = gradient * scale[:, None], torch.zeros_like(start)
        of_retention, of_scale = torch.zeros_like(retention), torch.empty_like(scale)
        for t in reversed(range(len(flow))):
            later = flow[t].addcmul_(later, retention)
            before = start if t == 0 else read[t - 1] / scale[t - 1]
            of_retention += (later * before).sum(0)
            of_scale[t] = (gradient[t] * read[t]).sum(0) / scale[t]
        of_activations = torch.zeros_like(activations)
        for side, other in ((left, right), (right, left)):
            of_activations.index_add_(-1, side, activations.index_select(-1, other).mul_(flow))
        return of_activations, later * retention, of_retention, of_scale, None, None
