"""Argument checks with one message shape: what was wanted, what was got, the usual fix.

    ticks: wanted an integer of at least 1, got 0; the usual fix: give the number of internal ticks

Every check returns the value it was given, so that it can stand inside an expression; nothing is repaired.
"""

import difflib
import math
import numbers
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np


class CofireError(Exception):
    """What cofire raises for a fault that its caller can mend; the command line prints it in one line."""


class InvalidValue(CofireError, ValueError):  # noqa: N818 - reads as what it is: the value is invalid
    """A value of the right type that cannot be used."""


class InvalidType(CofireError, TypeError):  # noqa: N818
    """A value of a type that cannot be used."""


class FileProblem(CofireError, OSError):  # noqa: N818
    """A file or folder that cannot be read, written, or is not what it should be."""


class MissingExtra(CofireError, ImportError):  # noqa: N818
    """An optional dependency that the call needs and the environment lacks."""


def message(name: str, wanted: str, got: str, fix: str = "") -> str:
    """The one shape of every message.

    >>> message("ticks", "an integer of at least 1", "0", "think for one tick or more")
    'ticks: wanted an integer of at least 1, got 0; the usual fix: think for one tick or more'
    """
    text = f"{name}: wanted {wanted}, got {got}"
    return f"{text}; the usual fix: {fix}" if fix else text


def integer(name: str, value: Any, *, low: int | None = None, high: int | None = None, fix: str = "") -> int:
    """An integer in [low, high]; booleans and floats are refused.

    >>> integer("ticks", 3, low=1)
    3
    """
    wanted = "an integer" + _bounds(low, high)
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise InvalidType(message(name, wanted, _describe(value), fix))
    if (low is not None and value < low) or (high is not None and value > high):
        raise InvalidValue(message(name, wanted, str(value), fix))
    return int(value)


def number(
    name: str,
    value: Any,
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    fix: str = "",
) -> float:
    """A finite real number in [low, high], or strictly above `above`.

    >>> number("rate", 0.5, low=0, high=1)
    0.5
    """
    wanted = "a finite number" + (f" above {above}" if above is not None else "") + _bounds(low, high)
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise InvalidType(message(name, wanted, _describe(value), fix))
    value = float(value)
    outside = (low is not None and value < low) or (high is not None and value > high)
    if not math.isfinite(value) or outside or (above is not None and value <= above):
        raise InvalidValue(message(name, wanted, repr(value), fix))
    return value


def choice(name: str, value: Any, options: Iterable[Any], *, fix: str = "") -> Any:
    """One of the options; the nearest names are offered.

    >>> choice("selection", "random", ["random", "first-last"])
    'random'
    """
    known = list(options)
    if value in known:
        return value
    near = difflib.get_close_matches(str(value), [str(option) for option in known], n=3)
    hint = fix or (f"did you mean {' or '.join(repr(one) for one in near)}?" if near else "")
    raise InvalidValue(message(name, f"one of {', '.join(repr(one) for one in known)}", repr(value), hint))


def instance(name: str, value: Any, kind: type | tuple[type, ...], *, fix: str = "") -> Any:
    """An instance of one of the types."""
    if isinstance(value, kind):
        return value
    kinds = kind if isinstance(kind, tuple) else (kind,)
    raise InvalidType(message(name, " or ".join(one.__name__ for one in kinds), _describe(value), fix))


def shape(name: str, array: Any, wanted: Sequence[int | str], *, fix: str = "") -> Any:
    """An array (NumPy or torch) whose shape fits: integers must match, names stand for any size.

    >>> shape("x", np.zeros((2, 3)), ("B", 3)).shape
    (2, 3)
    """
    got = tuple(getattr(array, "shape", ()))
    fits = len(got) == len(wanted) and all(isinstance(w, str) or w == g for w, g in zip(wanted, got, strict=True))
    if not hasattr(array, "shape"):
        raise InvalidType(message(name, f"an array of shape ({', '.join(map(str, wanted))})", _describe(array), fix))
    if not fits:
        raise InvalidValue(message(name, f"shape ({', '.join(map(str, wanted))})", f"shape {got}", fix))
    return array


def finite(name: str, array: np.ndarray, *, fix: str = "") -> np.ndarray:
    """A NumPy array without NaN or infinity; the message names the first place that has one.

    >>> finite("x", np.ones(2))
    array([1., 1.])
    """
    bad = ~np.isfinite(array)
    if bad.any():
        place = tuple(int(index) for index in np.argwhere(bad)[0])
        got = f"{array[place]} at index {place} ({int(bad.sum())} such values)"
        raise InvalidValue(message(name, "finite numbers", got, fix))
    return array


def _bounds(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f" from {low} to {high}"
    if low is not None:
        return f" of at least {low}"
    return f" of at most {high}" if high is not None else ""


def _describe(value: Any) -> str:
    text = repr(value)
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(value).__name__})"
