"""Neuron-level models for CUDA devices: from the window of pre-activations to activations in one pass, and back.

For neuron d, with temperatures divided into weights and biases beforehand (`cofire.ctm._neuron_models`),

    p = P_d A_d + b_p     q = Q_d A_d + b_q     h = p * sigmoid(q)
    v = V_d h + b_v       g = G_d h + b_g       z_d = v * sigmoid(g)

One program computes one neuron for a block of samples, so that its weights are read once per block and nothing between
window and activation leaves the registers. Hidden units and columns are taken in blocks too, whatever their number.
Numbers may be float32 or bfloat16; every sum is float32.

Layouts: windows (D, M, B), the samples of a column side by side, with strides of their own for neurons and columns;
weights (D, 2 H, M) and (D, 2, H), biases (D, 2 H) and (D, 2), contiguous; activations (B, D). Linear models have one
layer: LAYERS = 1, H = 1, v = p and g = q.
"""

import triton
import triton.language as tl


@triton.jit
def product(x, y, PRECISION: tl.constexpr, MANY: tl.constexpr):
    """The product of (I, K) and (K, J), both float32: by tiles, or where J or K is a few samples, by plain sums."""
    if MANY:
        return tl.dot(x, y, input_precision=PRECISION)
    return tl.sum(x[:, :, None] * y[None, :, :], axis=1)


@triton.jit
def columns(window, fresh, m, b, inside, stride, M: tl.constexpr):
    """Columns m of a window for samples b, float32; the newest, which is `fresh`, need not be there yet."""
    known = tl.load(window + m[:, None] * stride + b[None, :], mask=(m < M - 1)[:, None] & inside[None, :], other=0.0)
    return tl.where(m[:, None] == M - 1, fresh[None, :], known.to(tl.float32))


@triton.jit
def first_layer(
    window,
    fresh,
    w1,
    b1,
    h,
    b,
    inside,
    stride,
    M: tl.constexpr,
    H: tl.constexpr,
    HIDDEN: tl.constexpr,
    COLUMNS: tl.constexpr,
    SAMPLES: tl.constexpr,
    PRECISION: tl.constexpr,
    MANY: tl.constexpr,
):
    """Both halves p and q, before the gate, of hidden units h."""
    p = tl.zeros((HIDDEN, SAMPLES), tl.float32)
    q = tl.zeros((HIDDEN, SAMPLES), tl.float32)
    for start in range(0, M, COLUMNS):
        m = start + tl.arange(0, COLUMNS)
        a = columns(window, fresh, m, b, inside, stride, M)
        place, there = h[:, None] * M + m[None, :], (h < H)[:, None] & (m < M)[None, :]
        p += product(tl.load(w1 + place, mask=there, other=0.0).to(tl.float32), a, PRECISION, MANY)
        q += product(tl.load(w1 + H * M + place, mask=there, other=0.0).to(tl.float32), a, PRECISION, MANY)
    p += tl.load(b1 + h, mask=h < H, other=0.0).to(tl.float32)[:, None]
    q += tl.load(b1 + H + h, mask=h < H, other=0.0).to(tl.float32)[:, None]
    return p, q


@triton.jit
def second_layer(
    window,
    fresh,
    w1,
    b1,
    w2,
    b2,
    b,
    inside,
    stride,
    M: tl.constexpr,
    H: tl.constexpr,
    LAYERS: tl.constexpr,
    HIDDEN: tl.constexpr,
    COLUMNS: tl.constexpr,
    SAMPLES: tl.constexpr,
    PRECISION: tl.constexpr,
    MANY: tl.constexpr,
):
    """Both halves v and g, before the gate, of the last layer."""
    v = tl.zeros((SAMPLES,), tl.float32)
    g = tl.zeros((SAMPLES,), tl.float32)
    for start in range(0, H, HIDDEN):
        h = start + tl.arange(0, HIDDEN)
        p, q = first_layer(window, fresh, w1, b1, h, b, inside, stride, M, H, HIDDEN, COLUMNS, SAMPLES, PRECISION, MANY)
        if LAYERS == 1:
            v += tl.sum(p, axis=0)  # only one of them is not zero
            g += tl.sum(q, axis=0)
        else:
            hidden = p * tl.sigmoid(q)
            v += tl.sum(tl.load(w2 + h, mask=h < H, other=0.0).to(tl.float32)[:, None] * hidden, axis=0)
            g += tl.sum(tl.load(w2 + H + h, mask=h < H, other=0.0).to(tl.float32)[:, None] * hidden, axis=0)
    if LAYERS == 2:
        v += tl.load(b2).to(tl.float32)
        g += tl.load(b2 + 1).to(tl.float32)
    return v, g


@triton.jit
def forward(
    window,
    newest,
    out,
    w1,
    b1,
    w2,
    b2,
    batch,
    neuron_stride,
    column_stride,
    newest_stride,
    out_stride,
    M: tl.constexpr,
    H: tl.constexpr,
    LAYERS: tl.constexpr,
    HIDDEN: tl.constexpr,
    COLUMNS: tl.constexpr,
    SAMPLES: tl.constexpr,
    PRECISION: tl.constexpr,
    MANY: tl.constexpr,
):
    """Write pre-activations `newest` (B, D) into the last column of the window, and activations into `out` (B, D)."""
    d = tl.program_id(0).to(tl.int64)
    b = tl.program_id(1).to(tl.int64) * SAMPLES + tl.arange(0, SAMPLES)
    inside = b < batch
    window += d * neuron_stride
    fresh = tl.load(newest + b * newest_stride + d, mask=inside, other=0.0).to(window.dtype.element_ty)
    tl.store(window + (M - 1) * column_stride + b, fresh, mask=inside)
    w1, b1, w2, b2 = w1 + d * 2 * H * M, b1 + d * 2 * H, w2 + d * 2 * H, b2 + d * 2
    v, g = second_layer(
        window,
        fresh.to(tl.float32),
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
    tl.store(out + b * out_stride + d, (v * tl.sigmoid(g)).to(out.dtype.element_ty), mask=inside)
