"""What a draw accepts: steps, shapes and parameters, each with an error that names the fix."""

import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from cofire import checks
from cofire.random._address import DOUBLE, SINGLE, STEP_BITS

FARTHEST = 1e8  # standard deviations between the mean and an interval to draw from


def check_step(step: Any) -> int:
    """A step that fits its field."""
    fix = "count steps from 0; fold what else tells draws apart into the key"
    return checks.integer("step", step, low=0, high=(1 << STEP_BITS) - 1, fix=fix)


def check_steps(step: Any) -> np.ndarray:
    """One step, or a sequence of steps, as int64 (S,)."""
    if type(step) is int and 0 <= step < 1 << STEP_BITS:  # the hot loop's way
        return np.array([step])
    if isinstance(step, range) and len(step):
        for extreme in (step[0], step[-1]):
            check_step(extreme)
        return np.arange(step.start, step.stop, step.step, dtype=np.int64)
    if isinstance(step, Sequence | np.ndarray) and not isinstance(step, str):
        if not len(step):
            raise checks.InvalidValue(checks.message("step", "at least one step", "none", "ask for a step or a range"))
        return np.array([check_step(one) for one in step], dtype=np.int64)
    return np.array([check_step(step)], dtype=np.int64)


def check_shape(shape: Any) -> tuple[int, ...]:
    """A shape as a tuple; an empty draw is taken for a mistake upstream."""
    sizes = shape if isinstance(shape, tuple | list) else (shape,)
    return tuple(checks.integer("shape", size, low=1, fix="draw at least one number") for size in sizes)


def check_floating(dtype: Any) -> np.dtype:
    """float32 or float64."""
    if dtype is np.float32:
        return SINGLE
    for known in (SINGLE, DOUBLE):
        with suppress(TypeError):
            if np.dtype(dtype) == known:
                return known
    fix = "draw one of these and convert what was drawn"
    raise checks.InvalidType(checks.message("dtype", "float32 or float64", str(dtype), fix))


def check_out(out: Any, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An array to be filled: the one given, if it fits, or a new one."""
    if out is None:
        return np.empty(shape, dtype)
    checks.instance("out", out, np.ndarray, fix="give a NumPy array")
    if out.dtype not in (SINGLE, DOUBLE) or not out.flags.c_contiguous or not out.flags.writeable:
        got = (
            f"{out.dtype}{'' if out.flags.c_contiguous else ', strided'}{'' if out.flags.writeable else ', read-only'}"
        )
        wanted = "a writable contiguous array of float32 or float64"
        raise checks.InvalidValue(checks.message("out", wanted, got, "make it with np.empty(shape, np.float32)"))
    return checks.shape("out", out, shape, fix="give an array of the shape that is drawn")


def check_uniform(low: Any, high: Any, dtype: np.dtype) -> tuple[float, float, float]:
    """(low, high - low, the greatest number of this dtype below high)."""
    low, high = checks.number("low", low), checks.number("high", high)
    if low >= high:
        raise checks.InvalidValue(checks.message("high", f"more than low ({low})", repr(high), "swap the two"))
    _check_span(dtype, "low, high", low, high, high - low)
    return low, high - low, float(np.nextafter(dtype.type(high), dtype.type(low)))


def check_normal(mean: Any, std: Any, dtype: np.dtype) -> tuple[float, float]:
    """(mean, std)."""
    if type(mean) is type(std) is float and mean == 0.0 and std == 1.0:  # the hot loop's way
        return mean, std
    mean, std = checks.number("mean", mean), checks.number("std", std, low=0)
    _check_span(dtype, "mean, std", abs(mean) + 10 * std)
    return mean, std


def check_range(low: Any, high: Any) -> tuple[int, int]:
    """(low, number of integers) of a range whose high end is exclusive."""
    low = checks.integer("low", low, low=-(2**63), high=2**63 - 1)
    high = checks.integer("high", high, low=low + 1, high=2**63, fix="high is exclusive: give more than low")
    return low, high - low


def check_each(name: str, values: Any, count: int, *, least: float, most: float = np.inf) -> np.ndarray:
    """One finite number in [least, most] for all units, or one per unit, as float64 (N,)."""
    array = _numbers(name, values)
    if array.shape not in ((), (1,), (count,)):
        fix = "give one for all or one for each"
        raise checks.InvalidValue(checks.message(name, f"one number or {count}", f"shape {array.shape}", fix))
    array = checks.finite(name, np.atleast_1d(array))
    if (array < least).any() or (array > most).any():
        bad = float(array[(array < least) | (array > most)][0])
        limit = f" and at most {most:g}" if most < np.inf else ""
        raise checks.InvalidValue(checks.message(name, f"at least {least:g}{limit}", f"{bad:g}", "check the parameter"))
    return np.broadcast_to(array, count)


def flattened(name: str, values: Any, shape: tuple[int, ...]) -> np.ndarray:
    """A parameter per number, broadcast to the shape of the draw, in one dimension; one number stays as it is."""
    array = _numbers(name, values)
    try:
        return np.broadcast_to(array, shape).reshape(-1) if array.ndim else array
    except ValueError:
        fix = "give one number, or an array that broadcasts to the shape of the draw"
        wanted = f"a shape that broadcasts to {shape}"
        raise checks.InvalidValue(checks.message(name, wanted, f"shape {array.shape}", fix)) from None


def check_weights(weights: Any, count: int) -> np.ndarray:
    """Weights (C,) or (N, C): finite, not negative, and in each row one that is positive."""
    array = checks.finite("weights", _numbers("weights", weights))
    fix = "give one weight per category, or a row of them per unit"
    if array.ndim not in (1, 2) or array.shape[-1] < 1 or (array.ndim == 2 and len(array) != count):
        raise checks.InvalidValue(checks.message("weights", f"shape (C,) or ({count}, C)", f"shape {array.shape}", fix))
    if (array < 0).any() or not (array > 0).any(axis=-1).all():
        wanted = "weights of at least 0 with one above 0 in each row"
        raise checks.InvalidValue(checks.message("weights", wanted, f"a least weight of {array.min():g}", fix))
    return array


def check_truncation(
    low: Any, high: Any, mean: Any, std: Any, dtype: np.dtype
) -> tuple[float, float, float, float, float, float]:
    """(a, b, mean, std, low, high): the interval in standard deviations, and its outermost numbers of this dtype."""
    mean, std = checks.number("mean", mean), checks.number("std", std, above=0)
    low = low if low == -math.inf else checks.number("low", low)
    high = high if high == math.inf else checks.number("high", high)
    if low >= high:
        raise checks.InvalidValue(checks.message("high", f"more than low ({low})", repr(high), "swap the two"))
    _check_span(dtype, "mean, std", abs(mean) + 10 * std)
    a, b = (low - mean) / std, (high - mean) / std
    if max(a, -b) > FARTHEST:
        got = f"an interval {max(a, -b):g} of them away"
        raise checks.InvalidValue(
            checks.message("low, high", f"at most {FARTHEST:g} std from the mean", got, "move them")
        )
    least, most = dtype.type(low), dtype.type(high)
    least = np.nextafter(least, dtype.type(math.inf)) if float(least) < low else least
    most = np.nextafter(most, dtype.type(-math.inf)) if float(most) > high else most
    if least > most:
        fix = "widen the interval or draw float64"
        raise checks.InvalidValue(
            checks.message("low, high", f"an interval that holds a {dtype}", f"[{low}, {high}]", fix)
        )
    return a, b, mean, std, float(least), float(most)


def check_scale(scale: Any, dtype: np.dtype, most: float) -> float:
    """A scale, above 0, by which numbers up to `most` are multiplied."""
    scale = checks.number("scale", scale, above=0)
    _check_span(dtype, "scale", scale * most)
    return scale


def _numbers(name: str, values: Any) -> np.ndarray:
    """An array of real numbers as float64."""
    try:
        array = np.asarray(values)
    except ValueError:  # rows of unequal length
        array = np.array(None)
    if array.dtype.kind not in "iuf":
        raise checks.InvalidType(checks.message(name, "numbers", repr(values)[:60], "give one number or an array"))
    return array.astype(np.float64)


def _check_span(dtype: np.dtype, name: str, *values: float):
    """Refuse parameters whose draws would overflow the dtype."""
    most = float(np.finfo(dtype).max)
    worst = max(map(abs, values))
    if worst > most:
        raise checks.InvalidValue(
            checks.message(name, f"numbers within {most:g} for {dtype}", f"{worst:g}", "scale them down")
        )
