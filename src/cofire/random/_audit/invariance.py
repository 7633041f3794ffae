"""Asking again: does the noise depend on the order of calls, on the company of other units, on batch, chunk or device?

Independence cannot see this: one generator drawn in a fixed order is as independent as keyed streams, but whoever asks
in another order gets other numbers. Comparisons are bit for bit.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from cofire.random._audit.noise import KEYWORDS, parameters, plain_array, takes_no_step
from cofire.random._audit.report import INVARIANCE, Cause, Condition

REPLAYED = 48  # steps that a callable f(step) is asked for again
CHUNK = 8
Ask = Callable[..., np.ndarray]

SAYS = {
    "order of calls": "the numbers depend on what was asked for before",
    "run again": "a second run gives other numbers",
    "shuffled units": "the numbers belong to a place in the array, not to a unit",
    "fewer units": "leaving units out changes the noise of those that stay",
    "added unit": "one more unit changes the noise of all others",
    "batch": "a trial's noise depends on how many trials run beside it",
    "chunk": "the noise depends on how many steps are drawn at once",
    "threads": "the noise depends on the number of threads",
    "device": "the noise depends on the device",
}


def conditions(source: Callable[..., Any], steps: int) -> list[Condition]:
    """Ask the source again in every way it understands.

    A callable f(step) is asked for its first steps forwards and then backwards. Keywords that it names in its signature
    are tried: `units=ids` (array of integers; it has the units 0 to N - 1 without), `batch=size` (a leading axis),
    `chunk=steps` (that many steps from `step` on, a leading axis), `threads=count`, `device=name`. A callable without
    positional parameters is run again as a whole with the same keywords; a batch is then its second axis.
    """
    whole = takes_no_step(source)
    known = [parameter.name for parameter in parameters(source) if parameter.name in KEYWORDS]
    ask: Ask = partial(run, source) if whole else partial(replay, source, min(steps, REPLAYED))
    reference = ask()
    again = compared("run again", reference, ask()) if whole else compared("order of calls", reference, ask(order=-1))
    found = [again]
    tests = {"units": unit_tests, "batch": batch_test, "threads": thread_test, "device": device_test}
    for keyword in known:
        if keyword == "chunk":
            found.append(chunk_test(source, ask, reference, whole))
        else:
            found += tests[keyword](ask, reference)
    return found


def run(source: Callable[..., Any], **keywords: Any) -> np.ndarray:
    """A whole run as one array (T, ...)."""
    return as_array(source(**keywords))


def replay(source: Callable[..., Any], steps: int, order: int = 1, **keywords: Any) -> np.ndarray:
    """The first steps, asked for forwards or backwards (order -1), as one array (T, ...)."""
    return np.stack([as_array(source(step, **keywords)) for step in range(steps)[::order]])[::order]


def as_array(values: Any) -> np.ndarray:
    """An array of what was returned; the variables of a mapping one after the other along the last axis."""
    if isinstance(values, Mapping):
        return np.concatenate([plain_array(values[name]) for name in values], axis=-1)
    return plain_array(values)


def unit_tests(ask: Ask, reference: np.ndarray) -> list[Condition]:
    """Shuffled, left out, and added: a unit is its id, and its noise follows it."""
    N = reference.shape[-1]
    ids = np.arange(N)
    shuffled = np.concatenate([ids[1::2][::-1], ids[::2]])
    half = ids[N // 2 :]
    return [
        compared("shuffled units", reference[..., shuffled], ask(units=shuffled)),
        compared("fewer units", reference[..., half], ask(units=half)),
        compared("added unit", reference, ask(units=np.arange(N + 1))[..., :N]),
    ]


def batch_test(ask: Ask, reference: np.ndarray) -> list[Condition]:
    """One trial alone, and the same trial beside two others."""
    return [compared("batch", ask(batch=1)[:, :1], ask(batch=3)[:, :1])]


def thread_test(ask: Ask, reference: np.ndarray) -> list[Condition]:
    """One thread and two."""
    return [compared("threads", ask(threads=1), ask(threads=2))]


def device_test(ask: Ask, reference: np.ndarray) -> list[Condition]:
    """The processor, and the graphics card where there is one."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return []
    return [compared("device", ask(device="cpu"), ask(device="cuda"))]


def chunk_test(source: Callable[..., Any], ask: Ask, reference: np.ndarray, whole: bool) -> Condition:
    """One step at a time, and several at once."""
    if whole:
        return compared("chunk", ask(chunk=1), ask(chunk=CHUNK - 1))
    steps = len(reference) // CHUNK * CHUNK
    blocks = [as_array(source(step, chunk=CHUNK)) for step in range(0, steps, CHUNK)]
    return compared("chunk", reference[:steps], np.concatenate(blocks))


def compared(name: str, one: np.ndarray, other: np.ndarray) -> Condition:
    """The first step at which two answers differ in any bit."""
    if one.shape != other.shape:
        says = f"changes: shape {other.shape} in place of {one.shape}"
        return Condition(name=name, same=False, first_step=0, difference=None, says=says)
    differs = (one != other).reshape(len(one), -1).any(axis=1)
    if not differs.any():
        return Condition(name=name, same=True, first_step=None, difference=0.0, says=f"same in {len(one)} steps")
    step = int(differs.argmax())
    size = float(np.abs(one.astype(np.float64) - other.astype(np.float64)).max())
    says = f"changes from step {step} on (by up to {size:.3g}): {SAYS[name]}"
    return Condition(name=name, same=False, first_step=step, difference=size, says=says)


def causes(found: Sequence[Condition]) -> Iterator[Cause]:
    """One cause for all changes: what the noise depends on besides seed, unit and step."""
    changed = [condition for condition in found if not condition.same]
    if not changed:
        return
    first = min(changed, key=lambda condition: condition.first_step or 0)
    place = {"conditions": [one.name for one in changed], "step": first.first_step}
    history = {"order of calls", "run again"} & set(place["conditions"])
    name = "noise depends on the order of drawing" if history else "noise depends on how it is asked for"
    says = f"{SAYS[changed[0].name]}, from step {changed[0].first_step} on"
    remedy = "make each number a function of key, unit and step: Key(seed).fold(name).normal(..., step=step)"
    strength = len(changed) / len(found)
    yield Cause(name=name, kind=INVARIANCE, strength=strength, place=place, says=says, remedy=remedy)
