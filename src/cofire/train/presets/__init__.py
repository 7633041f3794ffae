"""Every published configuration, and small ones that learn on a laptop, by name.

A task's presets are made when they are asked for.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from cofire import checks
from cofire.train.presets._partners import partners as partners
from cofire.train.presets._preset import Preset as Preset
from cofire.train.presets._preset import with_steps as with_steps

if TYPE_CHECKING:
    from cofire.train.presets._setup import Setup as Setup

__all__ = ["Preset", "Setup", "find_preset", "partners", "preset_tasks", "presets", "with_steps"]

# Name of a task, and the modules whose PRESETS are its presets.
_MODULES = {
    "digits": ("_digits",),
    "parity": ("_parity",),
    "sort": ("_sort",),
    "modular-addition": ("_modular_addition",),
    "multi-digit-addition": ("_multi_digit_addition",),
    "delayed-match": ("_delayed_match",),
    "mazes": ("_mazes",),
    "qamnist": ("_qamnist",),
    "images": ("_images", "_images_mnist", "_images_cifar", "_images_imagenet"),
    "control": ("_control",),
}


def preset_tasks() -> tuple[str, ...]:
    """Return the tasks that have presets.

    >>> "digits" in preset_tasks()
    True
    """
    return tuple(task for task, modules in _MODULES.items() if any(map(_there, modules)))


def presets(task: str | None = None) -> tuple[Preset, ...]:
    """Return the presets of a task, or all; raises InvalidValue for a task that has none.

    >>> [one.name for one in presets("digits")][:2]
    ['small', 'small-lstm']
    """
    tasks = preset_tasks() if task is None else (checks.choice("task", task, preset_tasks()),)
    modules = [module for one in tasks for module in _MODULES[one] if _there(module)]
    return tuple(preset for module in modules for preset in import_module(f"{__name__}.{module}").PRESETS)


def find_preset(task: str, name: str) -> Preset:
    """Return a preset of a task by its name; raises InvalidValue, with the nearest names, where there is none.

    >>> find_preset("digits", "small").model.ticks
    15
    """
    found = {preset.name: preset for preset in presets(task)}
    return found[checks.choice(f"preset of {task}", name, found)]


def __getattr__(name: str) -> Any:
    if name == "Setup":  # brings the loop with it
        return import_module(f"{__name__}._setup").Setup
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")


def _there(module: str) -> bool:
    return find_spec(f"{__name__}.{module}") is not None
