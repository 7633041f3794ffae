"""A question put to the noise, before its answer is judged together with all others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from cofire.random._audit.null import holm
from cofire.random._audit.report import Check


@final
@dataclass(frozen=True, kw_only=True)
class Question:
    """A statistic and its p-value under independence; `edge(p)` is what chance reaches with probability p."""

    name: str
    asks: str
    measured: float
    p_value: float
    edge: Callable[[float], float]
    place: str = ""


def judged(questions: Sequence[Question], false_alarms: float) -> list[Check]:
    """The checks: adjusted by Holm so that all of them together alarm falsely at the stated rate at most."""
    adjusted = holm(np.array([question.p_value for question in questions]))
    level = false_alarms / max(1, len(questions))
    return [
        Check(
            name=question.name,
            asks=question.asks,
            measured=float(question.measured),
            edge=float(question.edge(level)),
            p_value=float(question.p_value),
            adjusted=float(p),
            place=question.place,
            found=bool(p < false_alarms),
        )
        for question, p in zip(questions, adjusted, strict=True)
    ]
