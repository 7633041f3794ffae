"""Reading arguments: every fault becomes one `CofireError`, whose message the command line prints."""

import argparse
import difflib
from collections.abc import Callable
from typing import Any, NoReturn

from cofire import checks


class Usage(checks.CofireError):
    """Arguments that a command cannot use."""


class Stopped(checks.CofireError):
    """The user stopped a command; the message says how to go on."""

    def __init__(self, text: str, signal_number: int):
        self.exit_code = 128 + signal_number
        super().__init__(text)


class Parser(argparse.ArgumentParser):
    """An argument parser that raises `Usage` instead of printing its usage and leaving."""

    def __init__(self, **settings: Any):
        super().__init__(**settings, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Raise `Usage` with the message and where to read more."""
        raise Usage(f"{message}; the usual fix: see {self.prog} --help")

    def refuse(self, unknown: str) -> NoReturn:
        """Raise `Usage` for an argument that is not known, with the nearest ones that are."""
        near = difflib.get_close_matches(unknown.split("=")[0], self._option_string_actions, n=2)
        fix = f"did you mean {' or '.join(near)}?" if near else f"see {self.prog} --help"
        raise Usage(checks.message(self.prog, "an argument that it knows", unknown, fix))


def integer(name: str, low: int, high: int, fix: str = "") -> Callable[[str], int]:
    """Return a reader of integers from `low` to `high`.

    >>> integer("--steps", 1, 9)("3")
    3
    """
    return lambda text: _checked(text, int, lambda value: checks.integer(name, value, low=low, high=high, fix=fix))


def number(name: str, low: float, high: float, fix: str = "") -> Callable[[str], float]:
    """Return a reader of numbers from `low` to `high`.

    >>> number("--leak", 0, 1)("0.5")
    0.5
    """
    return lambda text: _checked(text, float, lambda value: checks.number(name, value, low=low, high=high, fix=fix))


def _checked(text: str, kind: Callable[[str], Any], check: Callable[[Any], Any]) -> Any:
    """The checked value of a text; the check is shown the text itself where it is not of the kind."""
    try:
        value = kind(text)
    except ValueError:
        value = text
    try:
        return check(value)
    except (checks.InvalidValue, checks.InvalidType) as problem:
        raise Usage(str(problem)) from problem  # argparse would hide what it takes for a ValueError of its own
