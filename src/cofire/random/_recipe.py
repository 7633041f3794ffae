"""The arithmetic of every draw, written once, from counter and key to words, uniforms and normals.

Each function uses only integer operations on 64-bit integers and double operations that IEEE 754 rounds exactly (sum,
product, quotient, square root), so that every backend returns the same bits. What differs between backends are the six
primitives below, here those of NumPy arrays; `bind` makes the same functions over the primitives of another backend.

Words are unsigned 32-bit values held in int64. Functions broadcast over arrays.

Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
Box-Muller: Box, Muller, "A note on the generation of random normal deviates", 1958.
"""

import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

# --- primitives of NumPy ---


def double(x):
    """The integer x (below 2**53) as a double."""
    return np.asarray(x).astype(np.float64)


def single(x):
    """The double x rounded to float32."""
    return np.asarray(x).astype(np.float32)


def bits(x):
    """The 64 bits of the double x as int64."""
    return np.asarray(x, dtype=np.float64).view(np.int64)


def from_bits(x):
    """The double that has the bits x."""
    return np.asarray(x, dtype=np.int64).view(np.float64)


def root(x):
    """The exactly rounded square root of a double."""
    return np.sqrt(x)


def select(condition, x, y):
    """x where the condition holds, y elsewhere."""
    return np.where(condition, x, y)


PRIMITIVES = ("double", "single", "bits", "from_bits", "root", "select")

# --- the recipe ---


def philox(c0, c1, c2, c3, k0, k1):
    """Four random words of the counter (c0, c1, c2, c3) under the key (k0, k1): Philox4x32 in ten rounds."""
    for _ in range(10):
        p0 = c0 * 0xD2511F53
        p1 = c2 * 0xCD9E8D57
        c0, c1, c2, c3 = (
            ((p1 >> 32) & 0xFFFFFFFF) ^ c1 ^ k0,
            p1 & 0xFFFFFFFF,
            ((p0 >> 32) & 0xFFFFFFFF) ^ c3 ^ k1,
            p0 & 0xFFFFFFFF,
        )
        k0 = (k0 + 0x9E3779B9) & 0xFFFFFFFF
        k1 = (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0, c1, c2, c3


def unit_single(w):
    """A multiple of 2**-24 in [0, 1) from one word, as a double."""
    return double(w >> 8) * 5.9604644775390625e-08


def unit_double(w0, w1):
    """A multiple of 2**-53 in [0, 1) from two words."""
    return double((w0 << 21) | (w1 >> 11)) * 1.1102230246251565e-16


def negative_log_single(w):
    """-ln((w + 1/2) / 2**32) of a word, to a relative 2**-37: exponentials with tails to 22.9."""
    x = double(2 * w + 1)
    exponent = (bits(x) - 0x3FE6A09E667F3BCD) >> 52  # the mantissa lies in [sqrt(1/2), sqrt(2))
    mantissa = from_bits(bits(x) - (exponent << 52))
    s = (mantissa - 1.0) / (mantissa + 1.0)
    y = s * s
    p = 0.2853498594942233 + y * 0.23617465780651037
    p = s * (2.000000000008424 + y * (0.666666652404629 + y * (0.4000038586815039 + y * p)))
    return double(33 - exponent) * 0.6931471805599453 - p


def turn_single(w):
    """(cos a, sin a) for the angle a = 2 pi (w + 1/2) / 2**32 of a word, each to a relative 2**-34."""
    angle = 2 * w + 1  # in units of 2**-33 turns
    quadrant = (angle + 0x40000000) >> 31
    x = double(angle - (quadrant << 31)) * 9.313225746154785e-10  # in (-1, 1): the offset from the axis, in pi / 4
    y = x * x
    c = -0.0003259365004579077 + y * 3.528761630708642e-06
    c = 0.9999999999439377 + y * (-0.30842513489119555 + y * (0.015854323912274534 + y * c))
    s = -3.6572348656849155e-05 + y * 3.089747553459067e-07
    s = x * (0.785398163393875 + y * (-0.08074551201280356 + y * (0.002490393182594559 + y * s)))
    odd = (quadrant & 1) == 1
    cosine = from_bits(bits(select(odd, s, c)) ^ (((quadrant + 1) & 2) << 62))
    sine = from_bits(bits(select(odd, c, s)) ^ ((quadrant & 2) << 62))
    return cosine, sine


def normals_single(w0, w1):
    """Two independent standard normals from two words (Box-Muller), as doubles still to be rounded to float32."""
    radius = root(2.0 * negative_log_single(w0))
    cosine, sine = turn_single(w1)
    return radius * cosine, radius * sine


RECIPE = (philox, unit_single, unit_double, negative_log_single, turn_single, normals_single)


def bind(primitives: Mapping[str, Any], compiled: Callable[[Any], Any] = lambda function: function) -> dict[str, Any]:
    """The recipe over the primitives of another backend, each function passed through its compiler."""
    namespace: dict[str, Any] = {name: primitives[name] for name in PRIMITIVES}
    for function in RECIPE:
        namespace[function.__name__] = compiled(
            types.FunctionType(function.__code__, namespace, function.__name__, function.__defaults__)
        )
    return namespace
