"""Which units belong together: copies as groups, and how to name units, pairs and groups in a report."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cofire.random._audit.noise import Noise

SHOWN = 12  # names listed in a report; the rest are counted
COPY = 0.98  # a correlation beyond this makes two units copies of each other


def grouped(pairs: Iterable[tuple[int, int]], units: int) -> list[list[int]]:
    """The groups of two and more that the pairs connect, largest first.

    >>> grouped([(0, 1), (1, 3)], 5)
    [[0, 1, 3]]
    """
    root = np.arange(units)
    for first, second in pairs:
        one, other = root[first], root[second]
        root[root == max(one, other)] = min(one, other)
    members = [np.flatnonzero(root == leader).tolist() for leader in np.unique(root)]
    return sorted((group for group in members if len(group) > 1), key=len, reverse=True)


def listing(names: Sequence[str]) -> str:
    """Names for a sentence, cut after a few.

    >>> listing(["3", "7"])
    'units 3, 7'
    """
    shown = ", ".join(names[:SHOWN])
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"unit{'s' if len(names) > 1 else ''} {shown}{more}"


def units_place(noise: Noise, rows: Sequence[int] | np.ndarray, **more: Any) -> dict[str, Any]:
    """The place of a cause that concerns units: their names (cut after a few) and their number."""
    return {"units": noise.labels(list(rows)[:SHOWN]), "count": len(rows), **more}


def pairs_place(noise: Noise, pairs: Sequence[tuple[int, int]], **more: Any) -> dict[str, Any]:
    """The place of a cause that concerns pairs of units, strongest first."""
    return {"pairs": [noise.labels(pair) for pair in pairs[:SHOWN]], "count": len(pairs), **more}


def different_variables(noise: Noise, pairs: Iterable[tuple[int, int]]) -> bool:
    """Whether the pairs join different variables."""
    of = noise.variable_of
    return all(of[first] != of[second] for first, second in pairs)


def variable_names(noise: Noise, pairs: Iterable[tuple[int, ...]]) -> list[str]:
    """The variables that the pairs touch."""
    touched = {int(noise.variable_of[row]) for pair in pairs for row in pair}
    return [noise.variables[variable] for variable in sorted(touched)]
