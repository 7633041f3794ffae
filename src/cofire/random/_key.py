"""`Key`: a named tree of streams. A random number is a function of its key, its kind, its step and its place."""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, final

import numpy as np

from cofire import checks

Name = str | int | float | bool
Shape = int | tuple[int, ...]

SEED_LIMIT = 2**64


@final
@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Key:
    """A stream of random numbers with an address: a seed and a path of names.

    Folding names in gives the key of a part; equal paths give equal streams, different paths give streams that do not
    meet. A name counts with its type: ``1``, ``1.0``, ``"1"`` and ``True`` are four names. Nothing is consumed by
    drawing: the same key, kind of draw and `step` (tick, epoch, batch index) give the same numbers for ever, and
    element i of a draw does not depend on how many are drawn.

    >>> key = Key(7).fold("cortex", "L4")
    >>> key.fold("membrane")
    Key(7).fold('cortex', 'L4', 'membrane')
    >>> key.integers(0, 10, 5)
    array([5, 4, 8, 4, 5])
    >>> key == Key(7).fold("cortex").fold("L4")
    True

    Args:
        seed: an integer from 0 to 2**64 - 1.
    """

    seed: int
    path: tuple[Name, ...] = field(init=False, default=())
    digest: bytes = field(init=False, default=b"")

    def __post_init__(self):
        seed = checks.integer("seed", self.seed, low=0, high=SEED_LIMIT - 1, fix="take a seed from 0 to 2**64 - 1")
        object.__setattr__(self, "seed", seed)
        object.__setattr__(self, "digest", _digest(b"", struct.pack("<Q", seed)))

    def fold(self, *names: Name | np.integer | np.bool_) -> "Key":
        """The key of the part with these names; ``key.fold("a", 1)`` is ``key.fold("a").fold(1)``.

        Raises:
            InvalidType: a name that is not a string, integer, float or boolean.
        """
        path, digest = self.path, self.digest
        for name in names:
            plain = _plain(name)
            path, digest = (*path, plain), _digest(digest, _encoded(plain))
        folded = object.__new__(Key)
        for attribute, value in (("seed", self.seed), ("path", path), ("digest", digest)):
            object.__setattr__(folded, attribute, value)
        return folded

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
        self, shape: Shape = (), *, step: int = 0, low: float = 0.0, high: float = 1.0, dtype: Any = np.float32
    ) -> Any:
        """Uniform numbers in [low, high), float32 (24 random bits) or float64 (53).

        >>> Key(0).uniform(3).round(3)
        array([0.25 , 0.74 , 0.393], dtype=float32)
        """
        from cofire.random import _draws

        return _draws.uniform(self, shape, step, low, high, dtype)

    def normal(
        self, shape: Shape = (), *, step: int = 0, mean: float = 0.0, std: float = 1.0, dtype: Any = np.float32
    ) -> Any:
        """Normal numbers with this mean and standard deviation, in float32.

        >>> Key(0).normal(3).round(3)
        array([ 0.483, -0.213,  1.211], dtype=float32)
        """
        from cofire.random import _draws

        return _draws.normal(self, shape, step, mean, std, dtype)

    def integers(self, low: int, high: int, shape: Shape = (), *, step: int = 0) -> Any:
        """Integers in [low, high), each equally likely, as int64.

        >>> Key(0).integers(0, 10, 5)
        array([9, 6, 2, 8, 5])
        """
        from cofire.random import _draws

        return _draws.integers(self, low, high, shape, step)

    def permutation(self, n: int, *, step: int = 0) -> np.ndarray:
        """The numbers 0 to n - 1 in random order, as int64.

        >>> sorted(Key(0).permutation(5).tolist())
        [0, 1, 2, 3, 4]
        """
        from cofire.random import _draws

        return _draws.permutation(self, n, step)

    def choice(self, n: int, size: Shape, *, step: int = 0, replace: bool = True) -> np.ndarray:
        """Random members of 0 to n - 1, with or without replacement, as int64."""
        from cofire.random import _draws

        return _draws.choice(self, n, size, step, replace)


def _plain(name: Any) -> Name:
    """The name as a plain Python value; NumPy scalars count as what they hold."""
    if isinstance(name, np.generic):
        name = name.item()
    if isinstance(name, float) and not math.isfinite(name):
        raise checks.InvalidValue(checks.message("name", "a finite number", repr(name), "fold a string or an integer"))
    return checks.instance("name", name, (str, bool, int, float), fix="fold strings or integers")


def _encoded(name: Name) -> bytes:
    """Type and value, such that no two names share an encoding."""
    if isinstance(name, bool):
        return b"b1" if name else b"b0"
    if isinstance(name, int):
        return b"i%d" % name
    return b"f" + struct.pack("<d", name) if isinstance(name, float) else b"s" + name.encode("utf-8")


def _digest(parent: bytes, encoded: bytes) -> bytes:
    return blake2b(parent + encoded, digest_size=32, person=b"cofire.Key.1").digest()
