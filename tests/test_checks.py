"""Every check accepts what fits and says, for what does not: wanted, got, the usual fix."""

import numpy as np
import pytest

from cofire import checks
from cofire.checks import CofireError, InvalidType, InvalidValue


def test_checks_return_what_they_were_given():
    array = np.ones((2, 3))
    assert checks.integer("n", np.int64(4), low=1, high=4) == 4
    assert checks.number("x", 2, above=1) == 2.0
    assert checks.choice("c", "a", ("a", "b")) == "a"
    assert checks.instance("i", 3, (str, int)) == 3
    assert checks.shape("s", array, ("B", 3)) is array
    assert checks.finite("f", array) is array


@pytest.mark.parametrize(
    ("check", "error", "words"),
    [
        (
            lambda: checks.integer("n", 0, low=1, fix="take one"),
            InvalidValue,
            "^n: wanted an integer of at least 1, got 0; the usual fix: take one$",
        ),
        (lambda: checks.integer("n", 5, low=1, high=4), InvalidValue, "an integer from 1 to 4, got 5"),
        (lambda: checks.integer("n", 5, high=4), InvalidValue, "an integer of at most 4, got 5"),
        (lambda: checks.integer("n", True), InvalidType, r"got True \(bool\)"),
        (lambda: checks.integer("n", 1.0), InvalidType, r"got 1.0 \(float\)"),
        (lambda: checks.number("x", float("nan")), InvalidValue, "a finite number, got nan"),
        (lambda: checks.number("x", 1, above=1), InvalidValue, "a finite number above 1, got 1.0"),
        (lambda: checks.number("x", "1"), InvalidType, r"got '1' \(str\)"),
        (
            lambda: checks.choice("c", "meen", ("mean", "last")),
            InvalidValue,
            "one of 'mean', 'last', got 'meen'.*did you mean 'mean'",
        ),
        (lambda: checks.instance("i", None, (str, int)), InvalidType, "wanted str or int, got None"),
        (lambda: checks.shape("s", np.ones((2, 3)), ("B", 4)), InvalidValue, r"shape \(B, 4\), got shape \(2, 3\)"),
        (lambda: checks.shape("s", [1], ("B",)), InvalidType, r"an array of shape \(B\), got \[1\] \(list\)"),
        (lambda: checks.finite("f", np.array([0, np.inf])), InvalidValue, r"finite numbers, got inf at index \(1,\)"),
    ],
)
def test_what_does_not_fit(check, error, words):
    with pytest.raises(error, match=words) as caught:
        check()
    assert isinstance(caught.value, CofireError)
