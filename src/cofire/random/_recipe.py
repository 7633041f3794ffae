"""The arithmetic of every draw, written once: from counter and key to words, from words to uniforms and normals.

Each function uses only operations on 64-bit integers, and sums, products, quotients and square roots of doubles, which
IEEE 754 rounds exactly; so every backend returns the same bits. What differs between backends are the six primitives
below, here those of NumPy arrays; `bind` makes the same functions over the primitives of another backend.

Words are unsigned 32-bit values held in int64. Functions broadcast over arrays. Polynomials are minimax fits.

Sources: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011 (Philox4x32-10); Box,
Muller, "A note on the generation of random normal deviates", Ann. Math. Statist. 29, 1958.
"""

import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

# --- the primitives, of NumPy arrays ---


def double(x):
    """The integer x (at most 2**53) as a double."""
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
    """The exactly rounded square root of the double x."""
    return np.sqrt(x)


def select(condition, x, y):
    """x where the condition holds, y elsewhere."""
    return np.where(condition, x, y)


# --- words ---


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


# --- one number ---


def unit_single(w):
    """A multiple of 2**-24 in [0, 1) from one word."""
    return double(w >> 8) * 5.9604644775390625e-08


def unit_double(w0, w1):
    """A multiple of 2**-53 in [0, 1) from two words."""
    return double((w0 << 21) | (w1 >> 11)) * 1.1102230246251565e-16


def log_parts(x):
    """(n, s) such that ln x = n ln 2 + 2 atanh(s), with |s| < 0.172, for a positive normal double x."""
    n = (bits(x) - 0x3FE6A09E667F3BCD) >> 52  # takes the mantissa into [sqrt(1/2), sqrt(2))
    mantissa = from_bits(bits(x) - (n << 52))
    return n, (mantissa - 1.0) / (mantissa + 1.0)


def atanh_single(s):
    """2 atanh(s), to a relative 2**-37."""
    y = s * s
    p = 0.2853498594942233 + y * 0.23617465780651037
    return s * (2.000000000008424 + y * (0.666666652404629 + y * (0.4000038586815039 + y * p)))


def atanh_double(s):
    """2 atanh(s), to a relative 2**-52."""
    y = s * s
    p = 0.15387165192737826 + y * (0.13248673836809852 + y * 0.13262862008600462)
    p = 0.2857142856880817 + y * (0.22222222678393638 + y * (0.18181773631817597 + y * p))
    return s * (2.0 + y * (0.6666666666666666 + y * (0.40000000000007535 + y * p)))


def exponential_single(w):
    """-ln((w + 1/2) / 2**32): the exponential quantile of one word, at most 22.9."""
    n, s = log_parts(double(2 * w + 1))
    return double(33 - n) * 0.6931471805599453 - atanh_single(s)


def exponential_double(w0, w1):
    """-ln((v + 1/2) / 2**52) with v the first 52 bits of two words, at most 36.7."""
    n, s = log_parts(double(2 * ((w0 << 20) | (w1 >> 12)) + 1))
    return double(53 - n) * 0.6931471805599453 - atanh_double(s)


def rotated(quadrant, c, s):
    """(cos, sin) of the angle that lies `quadrant` quarter turns beyond the one with cosine c and sine s."""
    odd = (quadrant & 1) == 1
    cosine = from_bits(bits(select(odd, s, c)) ^ (((quadrant + 1) & 2) << 62))
    sine = from_bits(bits(select(odd, c, s)) ^ ((quadrant & 2) << 62))
    return cosine, sine


def turn_single(w):
    """(cos a, sin a) of the angle a = 2 pi (w + 1/2) / 2**32 of one word, to a relative 2**-34."""
    angle = 2 * w + 1  # in units of 2**-33 turns
    quadrant = (angle + 0x40000000) >> 31
    x = double(angle - (quadrant << 31)) * 9.313225746154785e-10  # the offset from the axis in pi / 4, within (-1, 1)
    y = x * x
    c = -0.0003259365004579077 + y * 3.528761630708642e-06
    c = 0.9999999999439377 + y * (-0.30842513489119555 + y * (0.015854323912274534 + y * c))
    s = -3.6572348656849155e-05 + y * 3.089747553459067e-07
    s = x * (0.785398163393875 + y * (-0.08074551201280356 + y * (0.002490393182594559 + y * s)))
    return rotated(quadrant, c, s)


def turn_double(w0, w1):
    """(cos a, sin a), a = 2 pi (v + 1/2) / 2**52, with v the first 52 bits of two words, to a relative 2**-52."""
    angle = 2 * ((w0 << 20) | (w1 >> 12)) + 1  # in units of 2**-53 turns
    quadrant = (angle + 0x4000000000000) >> 51
    x = double(angle - (quadrant << 51)) * 8.881784197001252e-16
    y = x * x
    c = -2.4611363826395682e-08 + y * (1.1500497025985454e-10 + y * -3.857762082754661e-13)
    c = -0.00032599188692668756 + y * (3.5908604458858387e-06 + y * c)
    c = 1.0 + y * (-0.30842513753404244 + y * (0.01585434424381541 + y * c))
    s = -1.7572474176213894e-09 + y * (6.948152038366775e-12 + y * -2.0225313919482744e-14)
    s = -3.65762041821464e-05 + y * (3.133616889173281e-07 + y * s)
    s = x * (0.7853981633974483 + y * (-0.08074551218828079 + y * (0.0024903945701927163 + y * s)))
    return rotated(quadrant, c, s)


# --- one block of four words, for four units or for two ---


def uniforms_single(w0, w1, w2, w3):
    """Four uniforms in [0, 1) with 24 random bits."""
    return unit_single(w0), unit_single(w1), unit_single(w2), unit_single(w3)


def uniforms_double(w0, w1, w2, w3):
    """Two uniforms in [0, 1) with 53 random bits."""
    return unit_double(w0, w1), unit_double(w2, w3)


def normals_single(w0, w1, w2, w3):
    """Four standard normals (Box-Muller), each within 2**-32 of its true value: what float32 rounds correctly."""
    r0, r1 = root(2.0 * exponential_single(w0)), root(2.0 * exponential_single(w2))
    (c0, s0), (c1, s1) = turn_single(w1), turn_single(w3)
    return r0 * c0, r0 * s0, r1 * c1, r1 * s1


def normals_double(w0, w1, w2, w3):
    """Two standard normals (Box-Muller) in double precision."""
    radius = root(2.0 * exponential_double(w0, w1))
    cosine, sine = turn_double(w2, w3)
    return radius * cosine, radius * sine


def exponentials_single(w0, w1, w2, w3):
    """Four standard exponentials."""
    return exponential_single(w0), exponential_single(w1), exponential_single(w2), exponential_single(w3)


def exponentials_double(w0, w1, w2, w3):
    """Two standard exponentials in double precision."""
    return exponential_double(w0, w1), exponential_double(w2, w3)


RECIPE = (
    philox,
    *(unit_single, unit_double, log_parts, atanh_single, atanh_double, exponential_single, exponential_double),
    *(rotated, turn_single, turn_double),
    *(uniforms_single, uniforms_double, normals_single, normals_double, exponentials_single, exponentials_double),
)


def rebound(function: Any, namespace: dict[str, Any], name: str = "") -> Any:
    """The same code under another name, with its free names looked up in this namespace."""
    copy = types.FunctionType(function.__code__, namespace, name or function.__name__)
    copy.__qualname__, copy.__module__ = copy.__name__, function.__module__
    return copy


def bind(primitives: Mapping[str, Any], compiled: Callable[[Any], Any] = lambda function: function) -> dict[str, Any]:
    """The recipe over the primitives of another backend, by name, each function passed through its compiler."""
    namespace: dict[str, Any] = dict(primitives)
    for function in RECIPE:
        namespace[function.__name__] = compiled(rebound(function, namespace))
    return namespace
