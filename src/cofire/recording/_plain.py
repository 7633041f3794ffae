"""Turn what a caller writes into labels and provenance into what JSON can hold, or say why it cannot."""

import json
from collections.abc import Mapping
from os import PathLike, fspath
from typing import Any

import numpy as np

from cofire import checks


def plain(name: str, value: Any) -> Any:
    """Python numbers, strings, lists and dictionaries from the same plus NumPy values, paths and `to_json` objects.

    >>> plain("provenance", {"seed": np.int64(3), "sizes": (1, 2)})
    {'seed': 3, 'sizes': [1, 2]}
    """
    try:
        return json.loads(json.dumps(value, default=_convert))
    except (TypeError, ValueError) as error:
        fix = "keep to numbers, strings, lists and dictionaries"
        raise checks.InvalidType(checks.message(name, "values that JSON can hold", str(error), fix)) from error


def _convert(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, PathLike):
        return fspath(value)
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "to_json"):
        return value.to_json()
    raise TypeError(f"{type(value).__name__} is not one of them")
