"""Names that tell keys and units apart: by type and value."""

import math
import struct
from typing import Any

import numpy as np

from cofire import checks

Name = str | int | float | bool


def plain(name: Any) -> Name:
    """The name as a plain Python value; a NumPy scalar counts as what it holds.

    Raises:
        InvalidType: not a string, integer, float or boolean.
        InvalidValue: a float that is not finite.
    """
    if isinstance(name, np.generic):
        name = name.item()
    if isinstance(name, float) and not math.isfinite(name):
        raise checks.InvalidValue(checks.message("name", "a finite number", repr(name), "fold a string or an integer"))
    return checks.instance("name", name, (str, bool, int, float), fix="fold strings or integers")


def encoded(name: Name) -> bytes:
    """Type and value as bytes; no two names share an encoding.

    >>> encoded(1), encoded("1"), encoded(True)
    (b'i1', b's1', b'b1')
    """
    if isinstance(name, bool):
        return b"b1" if name else b"b0"
    if isinstance(name, int):
        return b"i%d" % name
    return b"f" + struct.pack("<d", name) if isinstance(name, float) else b"s" + name.encode("utf-8")
