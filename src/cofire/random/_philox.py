"""The bit function, for whoever wants words of a counter of his own."""

from typing import Any

import numpy as np

from cofire import checks
from cofire.random import _recipe


def philox(counter: Any, key: Any) -> np.ndarray:
    """Philox4x32-10: four random words of each counter.

    Args:
        counter: words from 0 to 2**32 - 1, (..., 4).
        key: two such words, (..., 2).

    Returns:
        uint32 (..., 4).

    Raises:
        InvalidType: words that are no integers.
        InvalidValue: words out of range, or not four and two of them.

    >>> [hex(word) for word in philox([0, 0, 0, 0], [0, 0])]
    ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']

    Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
    """
    c, k = _words("counter", counter, 4), _words("key", key, 2)
    shape = np.broadcast_shapes(c.shape[:-1], k.shape[:-1])
    drawn = _recipe.philox(*np.moveaxis(np.atleast_2d(c), -1, 0), *np.moveaxis(np.atleast_2d(k), -1, 0))
    return np.stack(np.broadcast_arrays(*drawn), axis=-1).astype(np.uint32).reshape(*shape, 4)


def _words(name: str, words: Any, count: int) -> np.ndarray:
    array = np.asarray(words)
    fix = "give unsigned 32-bit words"
    if array.dtype.kind not in "iu":
        raise checks.InvalidType(checks.message(name, "integers", str(array.dtype), fix))
    if array.ndim == 0 or array.shape[-1] != count:
        raise checks.InvalidValue(checks.message(name, f"shape (..., {count})", f"shape {array.shape}", fix))
    outside = (array < 0) | (array > 0xFFFFFFFF)
    if outside.any():
        raise checks.InvalidValue(checks.message(name, "words from 0 to 2**32 - 1", str(array[outside][0]), fix))
    return array.astype(np.int64)
