"""Questions about digits that were shown: which digits, which of them are asked for, and what is right.

A question is a sequence of integers: the place of a digit, then an operator and another place, as often as there are
operations. It is read from left to right,

    v_0 = d[i_0],     v_k = v_{k-1} + d[i_k]  or  v_{k-1} - d[i_k],     answer = v_K mod 10.

Source: Darlow et al., Continuous Thought Machines, arXiv 2505.05522, section on Q&A MNIST.
"""

from typing import NamedTuple

import numpy as np

from cofire import checks
from cofire.random import Key

PLUS, MINUS = -1, -2  # how the operators stand in a question, beside places that count from 0
Range = tuple[int, int]


class Questions(NamedTuple):
    """Some questions of one kind: of n digits and K operations."""

    images: np.ndarray  # (k, n): which image of the set is shown at each place
    places: np.ndarray  # (k, K + 1): the digits that are asked for
    operators: np.ndarray  # (k, K): PLUS or MINUS

    def tokens(self) -> np.ndarray:
        """Return the questions as they are asked, (k, 2 K + 1): a place, an operator, a place, ...

        >>> Questions(np.zeros((1, 3)), np.array([[2, 0]]), np.array([[MINUS]])).tokens()
        array([[ 2, -2,  0]])
        """
        asked = np.empty((len(self.places), 2 * self.places.shape[1] - 1), dtype=np.int64)
        asked[:, ::2], asked[:, 1::2] = self.places, self.operators
        return asked

    def answers(self, labels: np.ndarray) -> np.ndarray:
        """Return the right answers (k,), from the digit (N,) on every image of the set.

        >>> Questions(np.array([[4, 5]]), np.array([[0, 1]]), np.array([[MINUS]])).answers(np.arange(10))
        array([9])
        """
        digits = np.take_along_axis(labels[self.images], self.places, axis=1)
        signs = np.where(self.operators == PLUS, 1, -1)
        return (digits[:, 0] + (signs * digits[:, 1:]).sum(axis=1)) % 10


class Kinds:
    """The numbers of digits and of operations that questions have, the same throughout a block of the stream.

    `digits` and `operations` are ranges that include both ends; without an operation a question asks for the name of
    one digit. With `upper_exclusive` their upper ends never come
    up, as in the published code, which meant 1 to 5 and drew 1 to 4.
    """

    def __init__(self, digits: Range, operations: Range, *, upper_exclusive: bool, key: Key):
        self.digits = _check_range("digits", digits, 1, upper_exclusive)
        self.operations = _check_range("operations", operations, 0, upper_exclusive)
        self._key = key

    def draw(self, part: str, block: int) -> tuple[int, int]:
        """Return the numbers of digits and of operations of a block of a part of the data."""
        key = self._key.fold(part)
        (fewest, most), (least, greatest) = self.digits, self.operations
        digits = key.fold("digits").integers(fewest, most + 1, step=block)
        return int(digits), int(key.fold("operations").integers(least, greatest + 1, step=block))


def draw_questions(key: Key, block: int, size: int, *, digits: int, operations: int, images: int) -> Questions:
    """Draw the questions of a block: any image of the set at any place, any digits asked for, either operator.

    >>> questions = draw_questions(Key(0), 7, 64, digits=3, operations=2, images=4000)
    >>> questions.images.shape, questions.tokens().shape
    ((64, 3), (64, 5))
    """
    none = np.empty((size, 0), dtype=np.int64)
    return Questions(
        key.fold("images").integers(0, images, (size, digits), step=block),
        key.fold("places").integers(0, digits, (size, operations + 1), step=block),
        key.fold("operators").integers(MINUS, PLUS + 1, (size, operations), step=block) if operations else none,
    )


def _check_range(name: str, given: Range, least: int, upper_exclusive: bool) -> Range:
    """Return the range with both ends included."""
    low, high = given
    checks.integer(f"lowest number of {name}", low, low=least)
    fix = "the upper end of the range never comes up with upper_exclusive=True" if upper_exclusive else ""
    checks.integer(f"highest number of {name}", high, low=low + upper_exclusive, fix=fix)
    return int(low), int(high) - upper_exclusive
