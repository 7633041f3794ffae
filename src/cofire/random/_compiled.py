"""The recipe compiled by numba, and the loops that fill arrays with it.

A loop is a template with the free names `philox`, `block` and `element`; `kernel` makes one of it per kind of draw.
Loops run without the interpreter's lock, so that plain threads share the work. Compiled code is cached on disk; the
cache does not notice an edited recipe, whose bits are frozen by the stream guarantee.
"""

import math
from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic

from cofire.random import _recipe

BASE = {"error_model": "numpy", "nogil": True}


@intrinsic
def bits(typing_context, x):
    """The 64 bits of a double."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(types.int64))

    return types.int64(types.float64), generate


@intrinsic
def from_bits(typing_context, x):
    """The double with these bits."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(types.float64))

    return types.float64(types.int64), generate


def inlined(function: Any) -> Any:
    """Compiled, and merged into its caller before LLVM vectorises the loops."""
    return numba.njit(function, forceinline=True, **BASE)


PRIMITIVES = {
    "double": inlined(lambda x: np.float64(x)),
    "single": inlined(lambda x: np.float32(x)),
    "bits": bits,
    "from_bits": from_bits,
    "root": inlined(lambda x: math.sqrt(x)),
    "select": inlined(lambda condition, x, y: x if condition else y),
}
RECIPE = _recipe.bind(PRIMITIVES, inlined)
philox, single = RECIPE["philox"], RECIPE["single"]


def block(w0, w1, w2, w3) -> Any:
    """Stands in the templates for the function of the recipe that makes numbers of a block."""
    raise NotImplementedError


def element4(unit, c2, c3, k0, k1):
    """One unit's number, where four units share a block."""
    w0, w1, w2, w3 = philox((unit >> 2) & 0xFFFFFFFF, unit >> 34, c2, c3, k0, k1)
    x0, x1, x2, x3 = block(w0, w1, w2, w3)
    lane = unit & 3
    low = x0 if lane == 0 else x1
    high = x2 if lane == 2 else x3
    return single(low if lane < 2 else high)


def element2(unit, c2, c3, k0, k1):
    """One unit's number, where two units share a block."""
    w0, w1, w2, w3 = philox((unit >> 1) & 0xFFFFFFFF, unit >> 33, c2, c3, k0, k1)
    x0, x1 = block(w0, w1, w2, w3)
    return x1 if unit & 1 else x0


element = element4  # in the templates: one of the two
KERNELS: dict[str, Any] = {}


@inlined
def placed(x, low, scale, edge):
    """low + scale x, kept at or below the edge (rounding may reach beyond it)."""
    y = low + scale * x
    return y if y < edge else edge


@inlined
def counter_words(step, tag):
    """Words 2 and 3 of the counter."""
    return step & 0xFFFFFFFF, (step >> 32) << 24 | tag


def fill4(out, first, step, tag, k0, k1, low, scale, edge):
    """The numbers of the units first, first + 1, ... at one step, into out (N,)."""
    c2, c3 = counter_words(step, tag)
    head = min(-first & 3, len(out))
    body = (len(out) - head) >> 2
    for i in range(body):
        b = ((first + head) >> 2) + i
        w0, w1, w2, w3 = philox(b & 0xFFFFFFFF, b >> 32, c2, c3, k0, k1)
        x0, x1, x2, x3 = block(w0, w1, w2, w3)
        j = np.uint64(head + 4 * i)  # unsigned: no wrap-around to check, so that the loop vectorises
        out[j] = placed(single(x0), low, scale, edge)
        out[j + np.uint64(1)] = placed(single(x1), low, scale, edge)
        out[j + np.uint64(2)] = placed(single(x2), low, scale, edge)
        out[j + np.uint64(3)] = placed(single(x3), low, scale, edge)
    for i in range(len(out) - 4 * body):  # the ends that fill no block
        j = i if i < head else i + 4 * body
        out[j] = placed(element(first + j, c2, c3, k0, k1), low, scale, edge)


def fill2(out, first, step, tag, k0, k1, low, scale, edge):
    """As `fill4`, where two units share a block."""
    c2, c3 = counter_words(step, tag)
    head = min(-first & 1, len(out))
    body = (len(out) - head) >> 1
    for i in range(body):
        b = ((first + head) >> 1) + i
        w0, w1, w2, w3 = philox(b & 0xFFFFFFFF, b >> 32, c2, c3, k0, k1)
        x0, x1 = block(w0, w1, w2, w3)
        j = np.uint64(head + 2 * i)
        out[j] = placed(x0, low, scale, edge)
        out[j + np.uint64(1)] = placed(x1, low, scale, edge)
    for i in range(len(out) - 2 * body):
        j = i if i < head else i + 2 * body
        out[j] = placed(element(first + j, c2, c3, k0, k1), low, scale, edge)


def gather(out, units, step, tag, k0, k1, low, scale, edge):
    """The numbers of any units (N,) at one step, into out (N,)."""
    c2, c3 = counter_words(step, tag)
    for i in range(len(out)):
        j = np.uint64(i)
        out[j] = placed(element(units[j], c2, c3, k0, k1), low, scale, edge)


def compiled(function: Any) -> Any:
    """Compiled, and cached on disk where some folder can be written."""
    try:
        return numba.njit(function, cache=True, **BASE)
    except RuntimeError:
        return numba.njit(function, **BASE)


def element_of(kind: str, lanes: int) -> Any:
    """The compiled `element4` or `element2` of one kind of draw."""
    namespace = {**globals(), "block": RECIPE[kind]}
    template = element4 if lanes == 4 else element2
    return inlined(_recipe.rebound(template, namespace, f"element_{kind}"))


def kernel(kind: str, lanes: int, neighbours: bool) -> Any:
    """The compiled loop of one kind of draw, over neighbouring units or over any."""
    name = kernel_name(kind, neighbours)
    if name not in KERNELS:
        template = (fill4 if lanes == 4 else fill2) if neighbours else gather
        namespace = {**globals(), "block": RECIPE[kind], "element": element_of(kind, lanes)}
        KERNELS[name] = compiled(_recipe.rebound(template, namespace, name))
    return KERNELS[name]


def kernel_name(kind: str, neighbours: bool) -> str:
    """What the loop of a kind of draw is called in the cache on disk."""
    return f"{'fill' if neighbours else 'gather'}_{kind}"
