"""Processes that make one run together: what the others say when one of them is gone."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from torch.distributed import DistError

from cofire import checks

_WORDS = r"gloo|nccl|connection (closed|reset|refused)|broken pipe|timed out|timeout|pair closure|socket"
_GONE = re.compile(_WORDS, re.IGNORECASE)


class RankLost(checks.CofireError):
    """Another process of the run has ended, or answers no more."""


@contextmanager
def together(world: int) -> Iterator[None]:
    """Within this, the loss of one of `world` processes is told as `RankLost`."""
    try:
        yield
    except RuntimeError as problem:
        if world == 1 or not (isinstance(problem, DistError) or _GONE.search(str(problem))):
            raise
        said = " ".join(str(problem).split())[:160]
        fix = "see what that process said last; resume=True (--resume) goes on from the last checkpoint"
        got = f"one that has ended or does not answer ({said})"
        text = checks.message("devices", f"{world} processes that work together", got, fix)
        raise RankLost(text) from problem
