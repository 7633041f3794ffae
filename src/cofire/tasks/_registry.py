"""The tasks by name. A task's module is read when the task is asked for."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from cofire import checks
from cofire.tasks._task import Task

# Name of a task, and where its class is. Control is no such task: its examples depend on what the network does.
TASKS = {
    "digits": ("cofire.tasks._digits", "Digits"),
    "parity": ("cofire.tasks._parity", "Parity"),
    "sort": ("cofire.tasks._sort", "Sort"),
    "modular-addition": ("cofire.tasks._modular_addition", "ModularAddition"),
    "multi-digit-addition": ("cofire.tasks._multi_digit_addition", "MultiDigitAddition"),
    "delayed-match": ("cofire.tasks._delayed_match", "DelayedMatch"),
    "mazes": ("cofire.tasks.mazes", "Mazes"),
    "qamnist": ("cofire.tasks._qamnist", "QuestionsMNIST"),
    "images": ("cofire.tasks._images", "Images"),
}


def make_task(name: str, settings: Mapping[str, Any]) -> Task:
    """Return the task of a name with the settings that its `settings` gave (its key among them).

    Raises InvalidValue for a name that no task has, and where a setting does not fit.

    >>> from cofire import Key
    >>> make_task("digits", {"key": Key(0).to_json(), "held_out": 50}).test_size
    500
    """
    module, kind = TASKS[checks.choice("task", name, TASKS)]
    return getattr(import_module(module), kind).from_settings(settings)
