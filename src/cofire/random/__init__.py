"""Keyed randomness: every random number is an address.

``Key(seed).fold("cortex", "L4")`` names a stream; the step, the kind of draw and the unit's place address one number in
it. Nothing depends on the order of drawing, on batches, threads or devices.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cofire.random._key import Key as Key

if TYPE_CHECKING:
    from cofire.random import torch_ as torch_

_NAMES: dict[str, str] = {}
_MODULES = ("torch_",)
__all__ = ["Key", *_NAMES, *_MODULES]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"cofire.random.{name}")
    if name in _NAMES:
        return getattr(import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'cofire.random' has no attribute {name!r}; it has {', '.join(__all__)}")
