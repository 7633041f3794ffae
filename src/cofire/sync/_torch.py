"""Cumulative and decayed synchronisation in torch: differentiable, for batches, on any device.

The recurrence is that of `cofire.sync.decayed`: α ← r α + z_i z_j, β ← r β + 1, S = α / sqrt(β).
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class _DecayedSums(torch.autograd.Function):
    """All running sums at once: one buffer forward, one backward, nothing kept per tick."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, retention: Tensor) -> Tensor:
        sums = x.clone()
        for tick in range(1, len(sums)):
            sums[tick].addcmul_(sums[tick - 1], retention)
        ctx.save_for_backward(sums, retention)
        return sums

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:  # pyright: ignore[reportIncompatibleMethodOverride]
        sums, retention = ctx.saved_tensors
        flow = gradient.clone()
        for tick in range(len(flow) - 2, -1, -1):
            flow[tick].addcmul_(flow[tick + 1], retention)
        return flow, (flow[1:] * sums[:-1]).flatten(0, -2).sum(0)


def decayed_sums(x: Tensor, retention: Tensor) -> Tensor:
    """The running sums s_t = r s_{t-1} + x_t along the first axis: x (T, ..., P), r (P,), result like x.

    >>> decayed_sums(torch.ones(3, 1), torch.tensor([0.5])).flatten().tolist()
    [1.0, 1.5, 1.75]
    """
    return _DecayedSums.apply(x, retention)  # pyright: ignore[reportReturnType]


def decayed(z: Tensor, rates: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Decayed synchrony of the pairs (left_p, right_p) at every tick.

    Parameters
    ----------
    z
        (T, ..., D).
    rates
        r ≥ 0 per tick, (P,).
    left, right
        Indices (P,).

    Returns
    -------
    Tensor
        (T, ..., P), differentiable once in z and the rates.

    >>> pair = torch.tensor([0]), torch.tensor([1])
    >>> decayed(torch.ones(4, 2), torch.zeros(1), *pair).flatten().tolist()[3]
    2.0
    """
    retention = torch.exp(-rates)
    alpha = decayed_sums(z[..., left] * z[..., right], retention)
    beta = decayed_sums(torch.ones(len(z), len(rates), dtype=z.dtype, device=z.device), retention)
    return alpha / beta.sqrt().reshape(len(z), *(1,) * (z.ndim - 2), -1)


def cumulative(z: Tensor, *, warmup: int = 0) -> Tensor:
    """S = Z Zᵀ over the ticks from `warmup` on: z (T, ..., D), result (..., D, D).

    >>> cumulative(torch.tensor([[1.0, 2.0], [0.0, 1.0]])).tolist()
    [[1.0, 2.0], [2.0, 5.0]]
    """
    kept = z[warmup:]
    return torch.einsum("t...i,t...j->...ij", kept, kept)
