"""Batches that do not fit in memory: which size would."""

from collections.abc import Callable

import torch

from cofire import checks

_WORDS = ("can't allocate memory", "not enough memory", "out of memory")


class OutOfMemory(checks.CofireError):
    """A batch needs more memory than the device has."""


def is_out_of_memory(problem: BaseException) -> bool:
    """Return whether an error says that memory ran out, on a CPU or an accelerator.

    >>> is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"))
    True
    """
    if isinstance(problem, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(problem, RuntimeError) and any(word in str(problem) for word in _WORDS)


def largest_that_fits(trial: Callable[[int], object], size: int) -> int:
    """Return the largest of size / 2, size / 4, … for which `trial` does not run out of memory; 0 where none is.

    >>> def trial(size):
    ...     if size > 12:
    ...         raise MemoryError
    >>> largest_that_fits(trial, 64)
    8
    """
    while size > 1:
        size //= 2
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        try:
            trial(size)
        except (RuntimeError, MemoryError, ValueError) as problem:
            if is_out_of_memory(problem):
                continue
            return 0  # what stops a batch of this size is another matter
        return size
    return 0


def too_large(
    name: str, size: int, at_once: int, fits: int, *, tried: bool = True, devices: int = 1, parts: int = 0
) -> OutOfMemory:
    """Return the error for a batch of `size`, `at_once` on each device, of which `fits` would fit there.

    parts: the micro-batches that a device makes of its share, 0 where nothing is accumulated (an evaluation). tried:
    whether `fits` was seen to fit.

    >>> print(too_large("batch_size", 64, 64, 16, parts=1))
    batch_size: wanted a batch that fits in memory, got 64, 64 at once on a device, where 16 fit; the usual fix:
    batch_size=16, or accumulate=4 for the same update in smaller parts
    """
    got = f"{size}, {at_once} at once on a device" + (f", where {fits} {'fit' if tried else 'may fit'}" if fits else "")
    fix = f"{name}={fits * devices * max(parts, 1)}"
    if parts:
        fix += f", or accumulate={-(-size // (devices * fits)) if fits else 0} for the same update in smaller parts"
    if not fits:
        fix = "no smaller batch was found to fit: a smaller model, fewer ticks, or precision='bfloat16'"
    return OutOfMemory(checks.message(name, "a batch that fits in memory", got, fix))
