"""Held out by content: whether an example may be trained on is a function of what it contains, and of a key.

An endless stream of drawn examples could meet a test example by chance. Here the space of all examples is divided: a
keyed hash h of an example is compared with a bound,

    h(x) = mix(sum_k w_k (x_k + 1) mod 2**64),      held out where h(x) < share 2**64,

the training stream draws again where it meets an example that is held out, and the test set takes only such ones. No
example can be in both, however long the stream; the mixing leaves no simple rule that would tell one from the other.
Source of the mixing: Steele, Lea & Flood, Fast splittable pseudorandom number generators, OOPSLA 2014.
"""

from collections.abc import Callable

import numpy as np

from cofire.random import Key

Draw = Callable[[int, np.ndarray], np.ndarray]
CHUNK = 4096  # test candidates that are drawn at a time


class HeldOut:
    """The examples (n,) of integers that are held out under a key: about `share` of them.

    >>> held_out = HeldOut(8, key=Key(0), share=0.25)
    >>> everything = np.arange(256)[:, None] >> np.arange(8) & 1
    >>> int(held_out.contains(everything).sum())
    55
    """

    def __init__(self, length: int, *, key: Key, share: float):
        high, low = (key.bits(length, step=half).astype(np.uint64) for half in (0, 1))
        self._words = (high << np.uint64(32) | low) | np.uint64(1)
        self.bound = np.uint64(min(int(share * 2.0**64), 2**64 - 1))

    def hashes(self, examples: np.ndarray) -> np.ndarray:
        """Return the hash of each example (B, n) of integers, uint64 (B,)."""
        mixed = ((examples.astype(np.uint64) + np.uint64(1)) * self._words).sum(axis=1, dtype=np.uint64)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            mixed = (mixed ^ mixed >> np.uint64(shift)) * np.uint64(factor)
        return mixed ^ mixed >> np.uint64(31)

    def contains(self, examples: np.ndarray) -> np.ndarray:
        """Return which examples (B, n) are held out, bool (B,)."""
        return self.hashes(examples) < self.bound

    def keep_lowest(self, examples: np.ndarray, count: int) -> np.ndarray:
        """Hold out exactly `count` of all examples (N, n), those of the lowest hashes; return them."""
        hashes = self.hashes(examples)
        order = np.argsort(hashes)
        self.bound = hashes[order[count]]
        return examples[order[:count]]

    def training(self, positions: np.ndarray, draw: Draw) -> np.ndarray:
        """Return the examples at these positions (B,): of each the first draw that is not held out.

        `draw(attempt, positions)` gives the examples (B, n) of an attempt, counted from 0.
        """
        examples = draw(0, positions)
        attempt, again = 0, np.flatnonzero(self.contains(examples))
        while again.size:
            attempt += 1
            examples[again] = draw(attempt, positions[again])
            again = again[self.contains(examples[again])]
        return examples

    def test(self, count: int, draw: Draw) -> np.ndarray:
        """Return the first `count` draws that are held out and that differ from each other, (count, n)."""
        found: dict[bytes, np.ndarray] = {}
        start = 0
        while len(found) < count:
            examples = draw(0, np.arange(start, start + CHUNK))
            for example in examples[self.contains(examples)]:
                found.setdefault(example.tobytes(), example)
            start += CHUNK
        return np.stack(list(found.values())[:count])
