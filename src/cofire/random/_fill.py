"""Arrays of numbers from addresses: plain NumPy for a few, compiled loops and threads for many, with the same bits."""

import math
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from cofire import checks
from cofire.random import _recipe
from cofire.random._address import WORD, Kind, tag

if TYPE_CHECKING:
    from cofire.random._units import Units

BREAK_EVEN = 1 << 21  # numbers that NumPy draws in the time that loading numba takes
ROW_COST = 2000  # numbers that NumPy draws in the time that it takes to begin
THREAD_SHARE = 1 << 18  # numbers per thread at least
_spent = 0


def by_block(
    function: Callable[..., tuple[np.ndarray, ...]],
    lanes: int,
    units: "Units",
    step: int,
    channel: int,
    *,
    attempt: int = 0,
    chosen: np.ndarray | None = None,
) -> np.ndarray:
    """For each unit its one of the `lanes` results that the function makes of a block's four words, by NumPy.

    `chosen` picks some of the units by index.
    """
    numbers = units.numbers if chosen is None else units.numbers[chosen]
    shift = lanes.bit_length() - 1
    blocks, place = np.unique(numbers >> shift, return_inverse=True)
    c2, c3 = np.array([step & WORD]), np.array([step >> 32 << 24 | tag(channel, attempt)])
    drawn = _recipe.philox(blocks & WORD, blocks >> 32, c2, c3, *units.key.words)
    return np.stack(function(*drawn), axis=1)[place, numbers & (lanes - 1)]


def fill(
    out: np.ndarray,
    units: "Units",
    steps: np.ndarray,
    kind: Kind,
    *,
    low: float = 0.0,
    scale: float = 1.0,
    edge: float = math.inf,
    threads: int | None = None,
    hot: bool = False,
) -> np.ndarray:
    """Write min(low + scale x, edge) for every step and unit into out (S, N), x being the kind's plain numbers.

    `hot` says that the call will be repeated, so that compiling pays however small the array.
    """
    if threads is not None:
        checks.integer("threads", threads, low=1, fix="ask for one thread or more, or leave it to the machine")
    if hot or _loaded(kind, units) or _by_now(out.size + ROW_COST * len(out)) >= BREAK_EVEN:
        by_loop(out, units, steps, kind, (low, scale, edge), _threads(threads, out.size))
    else:
        by_arrays(out, units, steps, kind, (low, scale, edge))
    return out


def by_arrays(out: np.ndarray, units: "Units", steps: np.ndarray, kind: Kind, affine: tuple[float, float, float]):
    """`fill` by NumPy."""
    low, scale, edge = affine
    for row, step in zip(out, steps.tolist(), strict=True):
        x = by_block(getattr(_recipe, kind.block), kind.lanes, units, step, kind.channel)
        x = x.astype(np.float32).astype(np.float64) if kind.lanes == 4 else x
        row[:] = np.minimum(low + scale * x, edge)


def _by_now(cost: int) -> int:
    """What drawing by NumPy has cost this process, this draw included, in numbers."""
    global _spent
    _spent += cost
    return _spent


def _loaded(kind: Kind, units: "Units") -> bool:
    loops = sys.modules.get("cofire.random._compiled")
    return loops is not None and loops.kernel_name(kind.block, units.first is not None) in loops.KERNELS


def by_loop(
    out: np.ndarray, units: "Units", steps: np.ndarray, kind: Kind, affine: tuple[float, float, float], threads: int
):
    """`fill` by compiled loops, which threads share by units or by steps."""
    from cofire.random._compiled import kernel

    loop = kernel(kind.block, kind.lanes, units.first is not None)
    where = units.numbers if units.first is None else units.first
    rest = (tag(kind.channel), *units.key.words, *affine)

    def over_steps(start: int, stop: int):
        for i in range(start, stop):
            loop(out[i], where, steps[i], *rest)

    def over_units(start: int, stop: int):
        part = units.numbers[start:stop] if units.first is None else units.first + start
        loop(out[0, start:stop], part, steps[0], *rest)

    share, size = (over_units, len(units)) if len(steps) == 1 else (over_steps, len(steps))
    if threads == 1:
        share(0, size)
        return
    bounds = [size * i // threads for i in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(share, bounds[:-1], bounds[1:]))


def _threads(wanted: int | None, size: int) -> int:
    """As many as were asked for, else as numba was told (NUMBA_NUM_THREADS), else as there are cores and work for."""
    if wanted is not None:
        return min(wanted, size)
    if size < 2 * THREAD_SHARE:
        return 1
    told = os.environ.get("NUMBA_NUM_THREADS", "")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(int(told) if told.isdigit() else cores, size // THREAD_SHARE))
