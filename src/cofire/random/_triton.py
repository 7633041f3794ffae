"""The recipe as Triton kernels, for tensors on CUDA devices.

Compiled without fused multiply-add, since the recipe's bits rest on each product and each sum being rounded. Doubles
are passed by their bits: Triton takes a Python float for a float32.
"""

import struct
from typing import Any

import torch
import triton
import triton.language as tl

from cofire.random import _recipe
from cofire.random._address import WORD, Kind, tag

BLOCKS = 256  # blocks of four words per program


@triton.jit
def double(x):
    """See the recipe."""
    return x.to(tl.float64)


@triton.jit
def single(x):
    """See the recipe."""
    return x.to(tl.float32)


@triton.jit
def bits(x):
    """See the recipe."""
    return x.to(tl.int64, bitcast=True)


@triton.jit
def from_bits(x):
    """See the recipe."""
    return x.to(tl.float64, bitcast=True)


@triton.jit
def root(x):
    """See the recipe."""
    return tl.sqrt(x)


@triton.jit
def select(condition, x, y):
    """See the recipe."""
    return tl.where(condition, x, y)


PRIMITIVES = {
    "double": double,
    "single": single,
    "bits": bits,
    "from_bits": from_bits,
    "root": root,
    "select": select,
    "tl": tl,
}
RECIPE = _recipe.bind(PRIMITIVES, triton.jit)
philox = RECIPE["philox"]
KERNELS: dict[str, Any] = {}


def block(w0, w1, w2, w3) -> Any:
    """Stands in the templates for the function of the recipe that makes numbers of a block."""
    raise NotImplementedError


def fill4(out, count, c2, c3, k0, k1, low, scale, edge, size: tl.constexpr):
    """The numbers of the units 0 ... count - 1, float32, into out."""
    b = tl.program_id(0).to(tl.int64) * size + tl.arange(0, size)
    zero = b - b  # makes int64 of the scalars
    w0, w1, w2, w3 = philox(b & 0xFFFFFFFF, b >> 32, zero + c2, zero + c3, zero + k0, zero + k1)
    x0, x1, x2, x3 = block(w0, w1, w2, w3)
    x = double(single(tl.interleave(tl.interleave(x0, x2), tl.interleave(x1, x3))))
    i = tl.program_id(0).to(tl.int64) * size * 4 + tl.arange(0, size * 4)
    zero = i - i
    y = from_bits(zero + low) + from_bits(zero + scale) * x
    y = tl.where(y < from_bits(zero + edge), y, from_bits(zero + edge))
    tl.store(out + i, single(y), mask=i < count)


def fill2(out, count, c2, c3, k0, k1, low, scale, edge, size: tl.constexpr):
    """As `fill4` for float64, where two units share a block."""
    b = tl.program_id(0).to(tl.int64) * size + tl.arange(0, size)
    zero = b - b
    w0, w1, w2, w3 = philox(b & 0xFFFFFFFF, b >> 32, zero + c2, zero + c3, zero + k0, zero + k1)
    x0, x1 = block(w0, w1, w2, w3)
    x = tl.interleave(x0, x1)
    i = tl.program_id(0).to(tl.int64) * size * 2 + tl.arange(0, size * 2)
    zero = i - i
    y = from_bits(zero + low) + from_bits(zero + scale) * x
    y = tl.where(y < from_bits(zero + edge), y, from_bits(zero + edge))
    tl.store(out + i, y, mask=i < count)


def kernel(kind: str, lanes: int) -> Any:
    """The Triton kernel of one kind of draw."""
    if kind not in KERNELS:
        namespace = {**RECIPE, "block": RECIPE[kind]}
        KERNELS[kind] = triton.jit(_recipe.rebound(fill4 if lanes == 4 else fill2, namespace))
    return KERNELS[kind]


def fill(
    out: torch.Tensor, words: tuple[int, int], step: int, kind: Kind, low: float, scale: float, edge: float
) -> torch.Tensor:
    """Write min(low + scale x, edge) for the units 0, 1, ... into a contiguous tensor, float32 for four lanes."""
    grid = (triton.cdiv(out.numel(), BLOCKS * kind.lanes),)
    counter = step & WORD, step >> 32 << 24 | tag(kind.channel)
    affine = (struct.unpack("<q", struct.pack("<d", value))[0] for value in (low, scale, edge))
    kernel(kind.block, kind.lanes)[grid](
        out, out.numel(), *counter, *words, *affine, size=BLOCKS, enable_fp_fusion=False
    )
    return out
