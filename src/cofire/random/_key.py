"""`Key`: a named tree of streams. A random number is a function of its key, its kind, its step and its place."""

import math
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, final

import numpy as np

from cofire import checks
from cofire.random._names import Name, encoded, plain

if TYPE_CHECKING:
    from cofire.random._units import Units

Shape = int | tuple[int, ...]
PER_NUMBER = {"probability", "concentration", "rate"}  # parameters that may be arrays of the shape of the draw


@final
@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Key:
    """A stream of random numbers with an address: a seed and a path of names.

    Folding names in gives the key of a part; equal paths give equal streams, different paths give streams that do not
    meet. A name counts with its type: ``1``, ``1.0``, ``"1"`` and ``True`` are four names. Nothing is consumed by
    drawing: the same key, kind of draw and `step` (tick, epoch, batch index: 0 to 2**40 - 1) give the same numbers for
    ever. Element i of a draw is that of unit i, whatever the shape; each kind of draw has numbers of its own. A draw of
    shape () is a scalar.

    >>> key = Key(7).fold("cortex", "L4")
    >>> key.fold("membrane")
    Key(7).fold('cortex', 'L4', 'membrane')
    >>> key == Key(7).fold("cortex").fold("L4")
    True
    >>> key.integers(0, 10, 5)
    array([5, 4, 8, 4, 5])
    >>> key.integers(0, 10, 3, step=1)
    array([7, 7, 3])

    Args:
        seed: an integer from 0 to 2**64 - 1.

    Raises:
        InvalidType: the seed is no integer.
        InvalidValue: the seed is out of range. Draws raise the same two for steps, shapes and parameters.

    Two given paths share a stream with a chance of 2**-64 (BLAKE2b folds the names, Philox4x32-10 draws the words).
    """

    seed: int
    path: tuple[Name, ...] = field(init=False, default=())
    digest: bytes = field(init=False, default=b"")

    def __post_init__(self):
        seed = checks.integer("seed", self.seed, low=0, high=2**64 - 1, fix="take a seed from 0 to 2**64 - 1")
        object.__setattr__(self, "seed", seed)
        object.__setattr__(self, "digest", _digest(b"", struct.pack("<Q", seed)))

    def fold(self, *names: Name | np.integer | np.bool_) -> "Key":
        """The key of the part with these names; ``key.fold("a", 1)`` is ``key.fold("a").fold(1)``.

        Raises:
            InvalidType: a name that is not a string, integer, float or boolean.
        """
        path, digest = self.path, self.digest
        for name in map(plain, names):
            path, digest = (*path, name), _digest(digest, encoded(name))
        folded = object.__new__(Key)
        for attribute, value in (("seed", self.seed), ("path", path), ("digest", digest)):
            object.__setattr__(folded, attribute, value)
        return folded

    def units(self, ids: Iterable[Any]) -> "Units":
        """Per-unit addresses from the units' own ids: integers from 0 to 2**62 - 1, or names.

        >>> Key(0).units(["a", "b", 7]).normal(step=3).shape
        (3,)
        """
        from cofire.random._units import Units

        return Units(self, ids)

    @property
    def words(self) -> tuple[int, int]:
        """The two 32-bit words that key the bit function."""
        low, high = struct.unpack_from("<II", self.digest)
        return low, high

    def to_json(self) -> dict[str, Any]:
        """The key as plain JSON values, which `from_json` reads.

        >>> Key(7).fold("cortex", 4).to_json()
        {'seed': 7, 'path': ['cortex', 4]}
        """
        return {"seed": self.seed, "path": list(self.path)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Key":
        """The key that `to_json` described.

        Raises:
            InvalidType: the document is no mapping with "seed" and "path".
        """
        fix = 'give what Key.to_json returned: {"seed": 0, "path": []}'
        if not isinstance(document, Mapping) or set(document) != {"seed", "path"}:
            raise checks.InvalidType(checks.message("key", "a mapping with seed and path", repr(document), fix))
        return cls(document["seed"]).fold(*checks.instance("path", document["path"], (list, tuple), fix=fix))

    def __eq__(self, other: object) -> bool:
        return self.digest == other.digest if isinstance(other, Key) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Key({self.seed})" + (f".fold({', '.join(map(repr, self.path))})" if self.path else "")

    def uniform(
        self,
        shape: Shape = (),
        *,
        step: int = 0,
        low: float = 0.0,
        high: float = 1.0,
        dtype: Any = np.float32,
        out: np.ndarray | None = None,
        threads: int | None = None,
    ) -> Any:
        """Uniform numbers in [low, high): 24 random bits in float32, 53 in float64.

        `out`, a contiguous array of this shape, is filled in place and decides the dtype; `threads` limits those that
        share a large draw (as many as NUMBA_NUM_THREADS says, or as there are cores). The numbers do not depend on it.

        >>> Key(0).uniform(3).round(3)
        array([0.25 , 0.74 , 0.393], dtype=float32)
        """
        return self._drawn("uniform", shape, step, out, low=low, high=high, dtype=dtype, threads=threads)

    def normal(
        self,
        shape: Shape = (),
        *,
        step: int = 0,
        mean: float = 0.0,
        std: float = 1.0,
        dtype: Any = np.float32,
        out: np.ndarray | None = None,
        threads: int | None = None,
    ) -> Any:
        """Normal numbers: Box-Muller within 0.51 ulp and 6.7 std in float32, within 4 ulp and 8.5 std in float64.

        `out` and `threads` are as in `uniform`.

        >>> Key(0).normal(3).round(3)
        array([ 0.483, -0.213,  1.211], dtype=float32)
        """
        return self._drawn("normal", shape, step, out, mean=mean, std=std, dtype=dtype, threads=threads)

    def bits(self, shape: Shape = (), *, step: int = 0) -> Any:
        """Random words, uint32."""
        return self._drawn("bits", shape, step)

    def bernoulli(self, probability: Any, shape: Shape = (), *, step: int = 0) -> Any:
        """True with this probability, which may be an array of this shape.

        >>> int(Key(0).bernoulli(0.25, 1000).sum())
        262
        """
        return self._drawn("bernoulli", shape, step, probability=probability)

    def integers(self, low: int, high: int, shape: Shape = (), *, step: int = 0) -> Any:
        """Integers in [low, high), each equally likely, int64.

        >>> Key(0).integers(0, 10, 5)
        array([9, 6, 2, 8, 5])
        """
        return self._drawn("integers", shape, step, low=low, high=high)

    def exponential(self, shape: Shape = (), *, step: int = 0, scale: float = 1.0, dtype: Any = np.float32) -> Any:
        """Exponential numbers of mean `scale`."""
        return self._drawn("exponential", shape, step, scale=scale, dtype=dtype)

    def gamma(
        self, concentration: Any, shape: Shape = (), *, step: int = 0, scale: float = 1.0, dtype: Any = np.float32
    ) -> Any:
        """Gamma numbers of mean ``concentration * scale``; the concentration may be an array of this shape."""
        return self._drawn("gamma", shape, step, concentration=concentration, scale=scale, dtype=dtype)

    def poisson(self, rate: Any, shape: Shape = (), *, step: int = 0) -> Any:
        """Poisson counts of mean `rate`, which may be an array of this shape, int64.

        >>> Key(0).poisson(3.0, 8)
        array([1, 3, 0, 1, 0, 3, 2, 2])
        """
        return self._drawn("poisson", shape, step, rate=rate)

    def truncated_normal(
        self,
        low: float,
        high: float,
        shape: Shape = (),
        *,
        step: int = 0,
        mean: float = 0.0,
        std: float = 1.0,
        dtype: Any = np.float32,
    ) -> Any:
        """Numbers of the normal with this mean and std, given that they lie in [low, high]; an end may be infinite."""
        return self._drawn("truncated_normal", shape, step, low=low, high=high, mean=mean, std=std, dtype=dtype)

    def categorical(self, weights: Any, shape: Shape = (), *, step: int = 0) -> Any:
        """Categories 0 to C - 1, each with a chance in proportion to its weight (C,), int64.

        Weights (N, C) with shape N draw one category per row.

        >>> np.bincount(Key(0).categorical([1, 0, 3], 1000))
        array([258,   0, 742])
        """
        return self._drawn("categorical", shape, step, weights=weights)

    def permutation(self, n: int, *, step: int = 0) -> np.ndarray:
        """The numbers 0 to n - 1 in random order, int64 (n,).

        >>> sorted(Key(0).permutation(5).tolist())
        [0, 1, 2, 3, 4]
        """
        from cofire.random import _variates

        return _variates.permutation(self.units(range(checks.integer("n", n, low=1))), step)

    def choice(self, n: int, size: Shape, *, step: int = 0, replace: bool = True) -> np.ndarray:
        """Random members of 0 to n - 1, int64 of shape `size`; without replacement none comes twice.

        Raises:
            InvalidValue: more members than n are wanted without replacement.
        """
        from cofire.random import _variates
        from cofire.random._parameters import check_shape

        size, n = check_shape(size), checks.integer("n", n, low=1, high=2**63)
        units = self.units(range(n if not replace else math.prod(size)))
        return _variates.choice(units, step, n, math.prod(size), replace).reshape(size)

    def _drawn(self, kind: str, shape: Shape, step: int, out: np.ndarray | None = None, **parameters: Any) -> Any:
        """What the units 0, 1, ... draw, in this shape."""
        from cofire.random._parameters import check_out, check_shape, check_step, flattened

        shape = check_shape(shape)
        for name in PER_NUMBER & parameters.keys():
            parameters[name] = flattened(name, parameters[name], shape)
        if out is not None:
            parameters["out"] = check_out(out, shape, None).reshape(-1)
        units = self.units(range(math.prod(shape)))
        drawn = getattr(units, kind)(check_step(step), **parameters)
        if out is not None:
            return out
        return drawn.reshape(shape) if shape else drawn[0]


def _digest(parent: bytes, name: bytes) -> bytes:
    return blake2b(parent + name, digest_size=32, person=b"cofire.Key.1").digest()
