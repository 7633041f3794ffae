"""`Units`: the members of a population, each with an address of its own under one key."""

from collections.abc import Iterable
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, final

import numpy as np

from cofire import checks
from cofire.random import _rejection, _variates
from cofire.random._address import EXPONENTIAL, NAMED_UNIT, NORMAL, UNIFORM
from cofire.random._fill import fill
from cofire.random._names import encoded, plain
from cofire.random._parameters import (
    check_each,
    check_floating,
    check_normal,
    check_out,
    check_range,
    check_scale,
    check_steps,
    check_truncation,
    check_uniform,
    check_weights,
)

if TYPE_CHECKING:
    from cofire.random._key import Key

MOST_RATE = 2.0**40
FIX = "number units from 0, or name them by strings"


@final
class Units:
    """Draws for units that are told apart by their own ids, whatever their order and whoever else is there.

    Made by ``key.units(ids)``. A number is a function of key, kind of draw, step and id: adding, removing, shuffling
    or splitting units leaves every other unit's numbers unchanged. Each method takes one step and returns an array
    (N,), or a sequence of S steps and returns (S, N). Element i of ``key.normal(n, step=t)`` is what unit i draws.

    >>> from cofire.random import Key
    >>> noise = Key(0).fold("membrane")
    >>> bool(noise.units([4, 2, 9]).normal(7)[1] == noise.units([2]).normal(7)[0] == noise.normal(5, step=7)[2])
    True
    >>> noise.units(["basket", "chandelier"]).normal(range(100)).shape
    (100, 2)
    """

    def __init__(self, key: "Key", ids: Iterable[Any]):
        self.key = key
        self.first: int | None = None  # of neighbours first, first + 1, ...; for others `numbers` tells
        if isinstance(ids, range) and ids.step == 1 and len(ids):
            self.first = checks.integer("ids", ids[0], low=0, high=NAMED_UNIT - len(ids), fix=FIX)
            self.count = len(ids)
        else:
            self.numbers = _numbers(ids)
            self.count = len(self.numbers)

    @cached_property
    def numbers(self) -> np.ndarray:
        """The units' numbers in the counter, int64 (N,)."""
        first = self.first or 0
        return np.arange(first, first + self.count)

    def __len__(self) -> int:
        return self.count

    def __repr__(self) -> str:
        return f"{self.key!r}.units(<{self.count} units>)"

    def bits(self, step: Any) -> np.ndarray:
        """Raw words, uint32; see `Key.bits`."""
        return self._each(step, _variates.bits)

    def uniform(
        self,
        step: Any,
        *,
        low: float = 0.0,
        high: float = 1.0,
        dtype: Any = np.float32,
        out: np.ndarray | None = None,
        threads: int | None = None,
    ) -> np.ndarray:
        """Uniform numbers in [low, high); see `Key.uniform`."""
        hot = out is not None
        steps, out = self._target(step, dtype, out)
        low, scale, edge = check_uniform(low, high, out.dtype)
        rows, kind = out.reshape(len(steps), -1), UNIFORM[out.dtype]
        fill(rows, self, steps, kind, low=low, scale=scale, edge=edge, threads=threads, hot=hot)
        return out

    def normal(
        self,
        step: Any,
        *,
        mean: float = 0.0,
        std: float = 1.0,
        dtype: Any = np.float32,
        out: np.ndarray | None = None,
        threads: int | None = None,
    ) -> np.ndarray:
        """Normal numbers; see `Key.normal`."""
        hot = out is not None
        steps, out = self._target(step, dtype, out)
        mean, std = check_normal(mean, std, out.dtype)
        rows, kind = out.reshape(len(steps), -1), NORMAL[out.dtype]
        fill(rows, self, steps, kind, low=mean, scale=std, threads=threads, hot=hot)
        return out

    def exponential(self, step: Any, *, scale: float = 1.0, dtype: Any = np.float32) -> np.ndarray:
        """Exponential numbers of mean `scale`; see `Key.exponential`."""
        steps, out = self._target(step, dtype, None)
        scale = check_scale(scale, out.dtype, most=37.0)
        fill(out.reshape(len(steps), -1), self, steps, EXPONENTIAL[out.dtype], scale=scale)
        return out

    def bernoulli(self, step: Any, probability: Any) -> np.ndarray:
        """True with this probability, one or one per unit; see `Key.bernoulli`."""
        return _variates.bernoulli(self, step, probability)

    def integers(self, step: Any, low: int, high: int) -> np.ndarray:
        """Integers in [low, high); see `Key.integers`."""
        return self._each(step, _variates.integers, *check_range(low, high))

    def categorical(self, step: Any, weights: Any) -> np.ndarray:
        """Categories with these weights, (C,) or one row per unit (N, C); see `Key.categorical`."""
        return self._each(step, _variates.categorical, check_weights(weights, self.count))

    def gamma(self, step: Any, concentration: Any, *, scale: float = 1.0, dtype: Any = np.float32) -> np.ndarray:
        """Gamma numbers of this concentration, one or one per unit; see `Key.gamma`."""
        concentration, dtype = check_each("concentration", concentration, self.count, least=1e-3), check_floating(dtype)
        scale = check_scale(scale, dtype, most=2.0 * float(concentration.max()) + 100.0)
        return self._each(step, _rejection.gamma, concentration, scale).astype(dtype)

    def poisson(self, step: Any, rate: Any) -> np.ndarray:
        """Counts of this mean, one or one per unit; see `Key.poisson`."""
        return self._each(step, _rejection.poisson, check_each("rate", rate, self.count, least=0, most=MOST_RATE))

    def truncated_normal(
        self, step: Any, low: float, high: float, *, mean: float = 0.0, std: float = 1.0, dtype: Any = np.float32
    ) -> np.ndarray:
        """Normal numbers given that they lie in [low, high]; see `Key.truncated_normal`."""
        bounds = check_truncation(low, high, mean, std, check_floating(dtype))
        return self._each(step, _rejection.truncated_normal, *bounds).astype(dtype)

    def _each(self, step: Any, draw: Any, *parameters: Any) -> np.ndarray:
        """The draw at one step (N,), or at each of several (S, N)."""
        drawn = [draw(self, one, *parameters) for one in check_steps(step).tolist()]
        return drawn[0] if np.ndim(step) == 0 else np.stack(drawn)

    def _target(self, step: Any, dtype: Any, out: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        steps = check_steps(step)
        shape = (self.count,) if type(step) is int or np.ndim(step) == 0 else (len(steps), self.count)
        return steps, check_out(out, shape, check_floating(dtype))


def _numbers(ids: Iterable[Any]) -> np.ndarray:
    """One number per id: itself for a small integer, a 62-bit hash beyond those for a name; no two alike."""
    if isinstance(ids, str) or not isinstance(ids, Iterable):
        raise checks.InvalidType(
            checks.message("ids", "a sequence of ids", repr(ids), "give range(n) or a list of names")
        )
    listed: Any = ids if isinstance(ids, np.ndarray) else list(ids)
    whole = isinstance(listed, np.ndarray) and listed.dtype.kind in "iu"
    if len(listed) == 0 or np.ndim(listed) != 1:
        raise checks.InvalidValue(
            checks.message("ids", "at least one id, in one dimension", f"shape {np.shape(listed)}", FIX)
        )
    if whole:
        for extreme in (listed.min(), listed.max()):
            checks.integer("ids", int(extreme), low=0, high=NAMED_UNIT - 1, fix=FIX)
        numbers = listed.astype(np.int64)
    else:
        numbers = np.array([_number(one) for one in listed], dtype=np.int64)
    found, counts = np.unique(numbers, return_counts=True)
    if len(found) < len(numbers):
        place = int(np.flatnonzero(numbers == found[counts > 1][0])[1])
        got = f"{listed[place]!r} twice"
        raise checks.InvalidValue(
            checks.message("ids", "ids that differ", got, "name each unit once; two of one id would share their noise")
        )
    return numbers


def _number(name: Any) -> int:
    name = plain(name)
    if isinstance(name, int) and not isinstance(name, bool):
        return checks.integer("ids", name, low=0, high=NAMED_UNIT - 1, fix=FIX)
    digest = blake2b(encoded(name), digest_size=8, person=b"cofire.Unit.1").digest()
    return NAMED_UNIT | int.from_bytes(digest, "little") >> 2
