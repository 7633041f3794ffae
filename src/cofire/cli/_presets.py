"""`cofire presets`: what can be trained by name."""

import json
import shutil
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cofire.train.presets import Preset


def register(subparsers: Any) -> None:
    """Add the command to a parser."""
    parser = subparsers.add_parser(
        "presets",
        description="List the named set-ups of a task, or of all tasks; with a name, tell all about that one.",
    )
    parser.add_argument("task", nargs="?", metavar="TASK", help="(all)")
    parser.add_argument("name", nargs="?", metavar="NAME", help="of a preset, to read all about it")


def run(arguments: Namespace) -> int:
    """Print a line for each, or everything about one."""
    from cofire.train.presets import find_preset, preset_tasks, presets

    if arguments.name:
        print(everything(find_preset(arguments.task, arguments.name)))
        return 0
    columns = shutil.get_terminal_size((120, 24)).columns
    for task in (arguments.task,) if arguments.task else preset_tasks():
        print(f"{task}\n{listing(presets(task), columns)}")
    return 0


def listing(presets: Sequence["Preset"], columns: int) -> str:
    """A line for each preset: name, parameters, ticks, steps and the beginning of what it is."""
    width = max(len(preset.name) for preset in presets)
    rows = []
    for preset in presets:
        ticks = f"{preset.model.ticks:>3} tick{' ' if preset.model.ticks == 1 else 's'}"
        facts = f"{parameters(preset):>11,} parameters  {ticks}  {preset.train.steps:>9,} steps"
        line = f"  {preset.name:<{width}}  {facts}  {preset.about}"
        rows.append(line if len(line) <= columns else line[: columns - 1] + "…")
    return "\n".join(rows)


def everything(preset: "Preset") -> str:
    """All about one preset: what it is, and every setting."""
    parts = {"task": dict(preset.settings), "train": preset.train.to_json(), "model": preset.model.to_json()}
    settings = "\n".join(f"{name:<10} {json.dumps(values)}" for name, values in parts.items())
    facts = f"{parameters(preset):,} parameters, {preset.model.ticks} ticks, {preset.train.steps:,} steps"
    command = f"cofire train {preset.task} --preset {preset.name}"
    return f"{preset.task} {preset.name}: {preset.about}\n{facts}\n{settings}\nto train it: {command}"


def parameters(preset: "Preset") -> int:
    """How many numbers the model of a preset learns, an agent's heads among them; nothing is drawn for this."""
    from cofire.ctm import build_model
    from cofire.train._run import parameter_count

    if preset.task != "control":
        return parameter_count(build_model(preset.model, key=None))
    from cofire.tasks.control import make_environment
    from cofire.train.ppo import make_agent

    return parameter_count(make_agent(preset.model, make_environment(preset.settings), key=None))
