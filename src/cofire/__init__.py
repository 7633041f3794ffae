"""Neural networks that compute with time.

A network is a step function, a run of it is a recording, and synchronisation is how a recording is read.
Everything here is loaded on first use, so that ``import cofire`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cofire import ctm as ctm
    from cofire import random as random
    from cofire import recording as recording
    from cofire import spiking as spiking
    from cofire import sync as sync
    from cofire import tasks as tasks
    from cofire import train as train
    from cofire import viz as viz
    from cofire.ctm import CTM as CTM
    from cofire.ctm import CTMConfig as CTMConfig
    from cofire.ctm import Thought as Thought
    from cofire.random import Key as Key
    from cofire.recording import Recording as Recording

__version__ = "0.1.0"

_PACKAGES = ("ctm", "random", "recording", "spiking", "sync", "tasks", "train", "viz")
_NAMES = {
    "CTM": "cofire.ctm",
    "CTMConfig": "cofire.ctm",
    "Key": "cofire.random",
    "Recording": "cofire.recording",
    "Thought": "cofire.ctm",
}
__all__ = [*sorted(_NAMES), *_PACKAGES]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return import_module(f"cofire.{name}")
    if name in _NAMES:
        return getattr(import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'cofire' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
