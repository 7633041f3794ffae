"""Some samples of a batch: the parts of a state or of what is observed, for the rows that are wanted."""

from typing import Any

from torch import Tensor

from cofire.ctm._attention import Percept
from cofire.ctm._heads import TOGETHER
from cofire.ctm._synchronisation import Accumulator


def worth_keeping(wanted: int, rows: int) -> int:
    """How many of `rows` rows to go on with where `wanted` are: a multiple of 16, or all where too little is saved.

    >>> worth_keeping(20, 64), worth_keeping(1, 64), worth_keeping(60, 64), worth_keeping(2, 12), worth_keeping(2, 17)
    (32, 16, 64, 12, 16)
    """
    fewer = max(1, -(-wanted // TOGETHER)) * TOGETHER
    return fewer if rows - fewer >= rows / 8 or (fewer < rows <= 2 * TOGETHER) else rows


def reading_rows(kept: Any, rows: Tensor) -> Any:
    """Those rows of what a reading keeps between ticks."""
    if kept is None:
        return None
    if isinstance(kept, Accumulator):
        shared = kept.beta.dim() == 1  # the same for all samples
        return Accumulator(kept.alpha[rows], kept.beta if shared else kept.beta[rows])
    return kept[rows] if isinstance(kept, Tensor) else tuple(part[rows] for part in kept)


def percept_rows(percept: Percept, rows: Tensor, heads: int) -> Percept:
    """Those rows of what a batch of samples observes; keys and values have as many for each as there are heads."""

    def of(part: Tensor | None) -> Tensor | None:
        return None if part is None else part.unflatten(0, (-1, heads))[rows].flatten(0, 1)

    features = None if percept.features is None else percept.features[rows]
    return Percept(of(percept.keys), of(percept.values), features)
