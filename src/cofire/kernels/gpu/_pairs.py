"""Running synchronisation for CUDA devices: any number of ticks in one pass, and back.

For pair p of neurons i and j with retention r, from sums alpha (B, P) and beta (P,),

    alpha <- r alpha + z_i z_j,   beta <- r beta + 1,   S = alpha / sqrt(beta)

One program has a block of samples and pairs and keeps their sums in registers over all ticks; the two neurons are
gathered where they lie. Numbers may be float32 or bfloat16; every sum is float32.

The gradient with respect to the activations is gathered too, neuron by neuron over the pairs that it is in, so that it
is added up in one order: the same bits in every run.

Layouts: activations (T, B, D) with strides of their own for ticks and samples; all else contiguous, B P = `step`.
"""

import triton
import triton.language as tl


@triton.jit
def forward(
    z,
    alpha,
    beta,
    left,
    right,
    retention,
    read,
    last,
    betas,
    ticks,
    batch,
    pairs,
    step,
    tick_stride,
    sample_stride,
    SAMPLES: tl.constexpr,
    PAIRS: tl.constexpr,
):
    """Write S of every tick (T, B, P), the last alpha (B, P), and beta at the start and after every tick (T + 1, P)."""
    p = tl.program_id(0) * PAIRS + tl.arange(0, PAIRS)
    b = tl.program_id(1).to(tl.int64) * SAMPLES + tl.arange(0, SAMPLES)
    known = p < pairs
    both = (b < batch)[:, None] & known[None, :]
    writes = p < tl.where(tl.program_id(1) == 0, pairs, 0)  # one block of samples does
    i, j = tl.load(left + p, mask=known, other=0), tl.load(right + p, mask=known, other=0)
    r = tl.load(retention + p, mask=known, other=0.0).to(tl.float32)
    place = b[:, None] * pairs + p[None, :]
    total = tl.load(alpha + place, mask=both, other=0.0).to(tl.float32)
    weight = tl.load(beta + p, mask=known, other=1.0).to(tl.float32)
    tl.store(betas + p, weight, mask=writes)
    rows, read, betas = z + b[:, None] * sample_stride, read + place, betas + p
    for _ in range(ticks):
        zi = tl.load(rows + i[None, :], mask=both, other=0.0).to(tl.float32)
        zj = tl.load(rows + j[None, :], mask=both, other=0.0).to(tl.float32)
        total = total * r[None, :] + zi * zj
        weight = weight * r + 1.0
        s = total * tl.rsqrt(weight)[None, :]
        tl.store(read, s.to(read.dtype.element_ty), mask=both)
        rows, read, betas = rows + tick_stride, read + step, betas + pairs
        tl.store(betas, weight, mask=writes)
    tl.store(last + place, total, mask=both)


@triton.jit
def backward(
    read_gradient,
    last_gradient,
    last_beta_gradient,
    read,
    alpha,
    betas,
    retention,
    product_gradient,
    alpha_gradient,
    beta_shares,
    retention_shares,
    ticks,
    batch,
    pairs,
    step,
    SAMPLES: tl.constexpr,
    PAIRS: tl.constexpr,
):
    """Write the gradients of z_i z_j at every tick (T, B, P) and of the first alpha (B, P), and what each block of
    samples adds to those of the first beta and of the retention, of which the first has the last beta's.
    """
    p = tl.program_id(0) * PAIRS + tl.arange(0, PAIRS)
    b = tl.program_id(1).to(tl.int64) * SAMPLES + tl.arange(0, SAMPLES)
    known = p < pairs
    both = (b < batch)[:, None] & known[None, :]
    r = tl.load(retention + p, mask=known, other=0.0).to(tl.float32)
    place = b[:, None] * pairs + p[None, :]
    flow = tl.load(last_gradient + place, mask=both, other=0.0).to(tl.float32)
    first = tl.load(alpha + place, mask=both, other=0.0).to(tl.float32)
    once = p < tl.where(tl.program_id(1) == 0, pairs, 0)
    drift = tl.load(last_beta_gradient + p, mask=once, other=0.0)  # the gradient of beta, this block's share
    share = tl.zeros((PAIRS,), tl.float32)
    betas += ticks * pairs + p
    weight = tl.load(betas, mask=known, other=1.0)
    here = place + (ticks - 1) * step
    for _ in range(ticks):
        betas -= pairs
        before = tl.load(betas, mask=known, other=1.0)
        outer = tl.load(read_gradient + here, mask=both, other=0.0).to(tl.float32)
        s = tl.load(read + here, mask=both, other=0.0).to(tl.float32)
        scale = tl.rsqrt(weight)
        flow += outer * scale[None, :]
        drift -= tl.sum(outer * s, axis=0) * 0.5 * scale * scale
        tl.store(product_gradient + here, flow, mask=both)
        here -= step
        inner = both & (here >= 0)
        earlier = tl.load(read + here, mask=inner, other=0.0).to(tl.float32) * tl.sqrt(before)[None, :]
        share += tl.sum(flow * tl.where(inner, earlier, first), axis=0) + drift * before
        flow *= r[None, :]
        drift *= r
        weight = before
    tl.store(alpha_gradient + place, flow, mask=both)
    block = tl.program_id(1) * pairs + p
    tl.store(beta_shares + block, drift, mask=known)
    tl.store(retention_shares + block, share, mask=known)


@triton.jit
def spread(
    product_gradient,
    z,
    starts,
    pair,
    other,
    z_gradient,
    rows,
    batch,
    neurons,
    pairs,
    tick_stride,
    sample_stride,
    ROWS: tl.constexpr,
    NEURONS: tl.constexpr,
):
    """Write the gradient of the activations (T B, D): the sum over the pairs of a neuron, `starts[d]` up to
    `starts[d + 1]` of the lists `pair` and `other` (the neuron at its other end).
    """
    d = tl.program_id(0) * NEURONS + tl.arange(0, NEURONS)
    row = tl.program_id(1).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    known = d < neurons
    there = (row < rows)[:, None]
    start = tl.load(starts + d, mask=known, other=0)
    end = tl.load(starts + d + 1, mask=known, other=0)
    activations = z + (row // batch * tick_stride + row % batch * sample_stride)[:, None]
    total = tl.zeros((ROWS, NEURONS), tl.float32)
    for n in range(tl.max(end - start, axis=0)):  # pyright: ignore[reportArgumentType]
        has = start + n < end
        p, k = tl.load(pair + start + n, mask=has, other=0), tl.load(other + start + n, mask=has, other=0)
        mask = there & has[None, :]
        flow = tl.load(product_gradient + row[:, None] * pairs + p[None, :], mask=mask, other=0.0)
        total += flow * tl.load(activations + k[None, :], mask=mask, other=0.0).to(tl.float32)
    place = row[:, None] * neurons + d[None, :]
    tl.store(z_gradient + place, total.to(z_gradient.dtype.element_ty), mask=there & known[None, :])
