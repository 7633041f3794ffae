"""Running synchronisation on CUDA devices: one kernel for any number of ticks, and its gradient.

The definition is `cofire.ctm._synchronisation`; sums are float32 here whatever the activations are.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from cofire.ctm._gpu import LAUNCH, launched, on_device, power_of_two

PAIRS = 32  # pairs and samples that one program computes: few, since it goes through the ticks one by one
SAMPLES = 4
ROWS = 16  # samples and ticks, and neurons, whose gradient one program adds up
NEURONS = 32


class Incidence(NamedTuple):
    """The pairs that each neuron is in: entries starts[d] up to starts[d + 1] of the lists."""

    starts: Tensor  # (D + 1,)
    pair: Tensor  # (2 P,)
    other: Tensor  # (2 P,) the neuron at the other end

    @staticmethod
    def of(left: Tensor, right: Tensor, neurons: int) -> "Incidence":
        """Those of pairs (left_p, right_p); a pair of a neuron with itself is there twice."""
        ends, order = torch.cat([left, right]).sort(stable=True)
        starts = torch.searchsorted(ends, torch.arange(neurons + 1, device=left.device, dtype=left.dtype))
        return Incidence(starts, order % len(left), torch.cat([right, left])[order])


def running(
    z: Tensor, alpha: Tensor, beta: Tensor, left: Tensor, right: Tensor, retention: Tensor, incidence: Incidence | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Go through activations z (T, B, D) from the sums alpha (B, P) and beta (P,).

    Returns S after every tick, (T, B, P) in the precision of z, and the last alpha and beta, float32. `incidence`, of
    the pairs, saves a sort in the backward pass.
    """
    return _Running.apply(z, alpha, beta, left, right, retention, incidence)  # pyright: ignore[reportReturnType]


class _Running(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        z: Tensor,
        alpha: Tensor,
        beta: Tensor,
        left: Tensor,
        right: Tensor,
        retention: Tensor,
        incidence: Incidence | None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        from cofire.kernels.gpu import _pairs

        z = z if z.stride(-1) == 1 else z.contiguous()
        alpha, beta, left, right = (one.contiguous() for one in (alpha, beta, left, right))
        (ticks, batch, _), pairs = z.shape, len(left)
        read = z.new_empty(ticks, batch, pairs)
        last = z.new_empty(batch, pairs, dtype=torch.float32)
        betas = z.new_empty(ticks + 1, pairs, dtype=torch.float32)
        tensors = z, alpha, beta, left, right, retention.contiguous(), read, last, betas
        numbers = ticks, batch, pairs, batch * pairs, *z.stride()[:2]
        with on_device(z):
            launched(_pairs.forward)[_grid(batch, pairs)](*tensors, *numbers, **_blocks(batch))
        ctx.incidence = incidence
        ctx.save_for_backward(z, alpha, left, right, retention, read, betas)
        return read, last, betas[-1]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, read_flow: Tensor, last_flow: Tensor, beta_flow: Tensor) -> tuple[Tensor | None, ...]:
        from cofire.kernels.gpu import _pairs

        z, alpha, left, right, retention, read, betas = ctx.saved_tensors
        (ticks, batch, neurons), pairs = z.shape, alpha.shape[1]
        product_flow = z.new_empty(ticks, batch, pairs, dtype=torch.float32)
        alpha_flow = torch.empty_like(last_flow, memory_format=torch.contiguous_format)
        grid = _grid(batch, pairs)
        shares = z.new_empty(2, grid[1], pairs, dtype=torch.float32)
        flows = read_flow.contiguous(), last_flow.contiguous(), beta_flow.contiguous()
        known = read, alpha, betas, retention.contiguous()
        numbers = ticks, batch, pairs, batch * pairs
        with on_device(z):
            launched(_pairs.backward)[grid](
                *flows, *known, product_flow, alpha_flow, *shares, *numbers, **_blocks(batch)
            )
        z_flow = None
        if ctx.needs_input_grad[0]:
            z_flow = _spread(product_flow, z, ctx.incidence or Incidence.of(left, right, neurons))
        beta_share, retention_share = shares.sum(1)
        return z_flow, alpha_flow, beta_share, None, None, retention_share, None


def _spread(product_flow: Tensor, z: Tensor, incidence: Incidence) -> Tensor:
    """From the gradients of z_i z_j (T, B, P) to that of z (T, B, D)."""
    from cofire.kernels.gpu import _pairs

    ticks, batch, neurons = z.shape
    flow = torch.empty_like(z, memory_format=torch.contiguous_format)
    rows, pairs = ticks * batch, product_flow.shape[-1]
    grid = -(-neurons // NEURONS), -(-rows // ROWS)
    numbers = rows, batch, neurons, pairs, *z.stride()[:2]
    with on_device(z):
        launched(_pairs.spread)[grid](product_flow, z, *incidence, flow, *numbers, ROWS=ROWS, NEURONS=NEURONS, **LAUNCH)
    return flow


def _grid(batch: int, pairs: int) -> tuple[int, int]:
    return -(-pairs // PAIRS), -(-batch // _blocks(batch)["SAMPLES"])


def _blocks(batch: int) -> dict[str, Any]:
    return {"SAMPLES": power_of_two(batch, 1, SAMPLES), "PAIRS": PAIRS, **LAUNCH}
