"""The gradient of the neuron-level models: the hidden layer is computed again, nothing of it was kept.

One program has one neuron and all samples, block after block, so that the gradients of its weights are added up in one
order: the same bits in every run. Layouts and letters are those of `_neurons`; gradients are added to what is there.
"""

import triton
import triton.language as tl

from cofire.kernels.gpu._neurons import columns, first_layer, product, second_layer


@triton.jit
def add(target, more, mask):
    """Add to what is stored, in the precision of `more`."""
    known = tl.load(target, mask=mask, other=0.0)
    tl.store(target, (known.to(tl.float32) + more).to(target.dtype.element_ty), mask=mask)


@triton.jit
def gate_back(flow, value, gate):
    """From the gradient of value * sigmoid(gate) to those of both."""
    opened = tl.sigmoid(gate)
    return flow * opened, flow * value * opened * (1.0 - opened)


@triton.jit
def add_columns(
    window,
    window_gradient,
    fresh,
    w1,
    w1_gradient,
    flow_p,
    flow_q,
    h,
    b,
    inside,
    column_stride,
    gradient_stride,
    M: tl.constexpr,
    H: tl.constexpr,
    COLUMNS: tl.constexpr,
    PRECISION: tl.constexpr,
    MANY: tl.constexpr,
):
    """Add the shares of hidden units h in the gradients of the window and of the first layer's weights."""
    for start in range(0, M, COLUMNS):
        m = start + tl.arange(0, COLUMNS)
        place, there = h[:, None] * M + m[None, :], (h < H)[:, None] & (m < M)[None, :]
        p = tl.trans(tl.load(w1 + place, mask=there, other=0.0).to(tl.float32))
        q = tl.trans(tl.load(w1 + H * M + place, mask=there, other=0.0).to(tl.float32))
        share = product(p, flow_p, PRECISION, MANY) + product(q, flow_q, PRECISION, MANY)
        target = window_gradient + m[:, None] * gradient_stride + b[None, :]
        add(target, share, (m < M)[:, None] & inside[None, :])
        a = tl.trans(columns(window, fresh, m, b, inside, column_stride, M))
        add(w1_gradient + place, product(flow_p, a, PRECISION, MANY), there)
        add(w1_gradient + H * M + place, product(flow_q, a, PRECISION, MANY), there)


@triton.jit
def backward(
    gradient,
    window,
    window_gradient,
    w1,
    b1,
    w2,
    b2,
    w1_gradient,
    b1_gradient,
    w2_gradient,
    b2_gradient,
    batch,
    activation_stride,
    neuron_stride,
    column_stride,
    gradient_neuron_stride,
    gradient_column_stride,
    M: tl.constexpr,
    H: tl.constexpr,
    LAYERS: tl.constexpr,
    HIDDEN: tl.constexpr,
    COLUMNS: tl.constexpr,
    SAMPLES: tl.constexpr,
    PRECISION: tl.constexpr,
    MANY: tl.constexpr,
):
    """Add what the gradient of the activations (B, D) means for the window (D, M, B), weights and biases."""
    d = tl.program_id(0).to(tl.int64)
    window, window_gradient = window + d * neuron_stride, window_gradient + d * gradient_neuron_stride
    w1, b1, w2, b2 = w1 + d * 2 * H * M, b1 + d * 2 * H, w2 + d * 2 * H, b2 + d * 2
    w1_gradient, b1_gradient = w1_gradient + d * 2 * H * M, b1_gradient + d * 2 * H
    w2_gradient, b2_gradient = w2_gradient + d * 2 * H, b2_gradient + d * 2
    for first in range(0, batch, SAMPLES):
        b = tl.arange(0, SAMPLES).to(tl.int64) + first
        inside = b < batch
        fresh = tl.load(window + (M - 1) * column_stride + b, mask=inside, other=0.0).to(tl.float32)
        v, g = second_layer(
            window,
            fresh,
            w1,
            b1,
            w2,
            b2,
            b,
            inside,
            column_stride,
            M,
            H,
            LAYERS,
            HIDDEN,
            COLUMNS,
            SAMPLES,
            PRECISION,
            MANY,
        )
        flow = tl.load(gradient + b * activation_stride + d, mask=inside, other=0.0).to(tl.float32)
        flow_v, flow_g = gate_back(flow, v, g)
        if LAYERS == 2:
            add(b2_gradient, tl.sum(flow_v, axis=0), True)
            add(b2_gradient + 1, tl.sum(flow_g, axis=0), True)
        for start in range(0, H, HIDDEN):
            h = start + tl.arange(0, HIDDEN)
            known = h < H
            if LAYERS == 2:
                p, q = first_layer(
                    window, fresh, w1, b1, h, b, inside, column_stride, M, H, HIDDEN, COLUMNS, SAMPLES, PRECISION, MANY
                )
                hidden = p * tl.sigmoid(q)
                add(w2_gradient + h, tl.sum(hidden * flow_v[None, :], axis=1), known)
                add(w2_gradient + H + h, tl.sum(hidden * flow_g[None, :], axis=1), known)
                back = tl.load(w2 + h, mask=known, other=0.0).to(tl.float32)[:, None] * flow_v[None, :]
                back += tl.load(w2 + H + h, mask=known, other=0.0).to(tl.float32)[:, None] * flow_g[None, :]
                flow_p, flow_q = gate_back(back, p, q)
            else:
                flow_p = tl.where(h[:, None] == 0, flow_v[None, :], 0.0)
                flow_q = tl.where(h[:, None] == 0, flow_g[None, :], 0.0)
            add(b1_gradient + h, tl.sum(flow_p, axis=1), known)
            add(b1_gradient + H + h, tl.sum(flow_q, axis=1), known)
            add_columns(
                window,
                window_gradient,
                fresh,
                w1,
                w1_gradient,
                flow_p,
                flow_q,
                h,
                b,
                inside,
                column_stride,
                gradient_column_stride,
                M,
                H,
                COLUMNS,
                PRECISION,
                MANY,
            )
            tl.debug_barrier()  # what was added is read again by other threads
