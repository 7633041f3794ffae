"""Keyed randomness: every random number has an address.

``Key(seed).fold("cortex", "L4")`` names a stream; the step, the kind of draw and the unit address one number in it.
Nothing depends on the order of drawing, on batches, chunks, threads or devices. `docs/stream-guarantee.md` says what is
promised about the bits. `torch_` draws torch tensors, `numba_` draws inside compiled loops; `audit` looks for coupling
in noise of any origin.

>>> noise = Key(0).fold("cortex", "L4", "membrane").units(range(1000))
>>> noise.normal(step=25).shape
(1000,)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cofire.random._key import Key as Key

if TYPE_CHECKING:
    from cofire.random import numba_ as numba_
    from cofire.random import torch_ as torch_
    from cofire.random._audit import AuditReport as AuditReport
    from cofire.random._audit import audit as audit
    from cofire.random._audit import audit_bits as audit_bits
    from cofire.random._philox import philox as philox
    from cofire.random._process import OrnsteinUhlenbeck as OrnsteinUhlenbeck
    from cofire.random._units import Units as Units

_NAMES = {
    "AuditReport": "cofire.random._audit",
    "OrnsteinUhlenbeck": "cofire.random._process",
    "Units": "cofire.random._units",
    "audit": "cofire.random._audit",
    "audit_bits": "cofire.random._audit",
    "philox": "cofire.random._philox",
}
_MODULES = ("numba_", "torch_")
__all__ = ["Key", *_NAMES, *_MODULES]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"cofire.random.{name}")
    if name in _NAMES:
        return getattr(import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'cofire.random' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return __all__
