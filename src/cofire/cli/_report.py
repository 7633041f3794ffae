"""`cofire report`: a page about a run, beside its one-tick control, over several seeds where there are several."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cofire import checks
from cofire.cli._arguments import integer

if TYPE_CHECKING:
    from cofire.train import Run
    from cofire.viz._run_evidence import RunEvidence


def register(subparsers: Any) -> None:
    """Add the command to a parser."""
    parser = subparsers.add_parser(
        "report",
        description="Write a self-contained page about a run. Several runs that differ by their seed give mean and "
        "spread: those that are given, or with one alone all that lie beside it. A one-tick control that is given, or "
        "lies beside the run, is shown beside it.",
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folders of runs")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="folder of the page (that of the first run)")
    parser.add_argument("--batch-size", type=integer("--batch-size", 1, 10**6), metavar="N", help="(that of training)")
    parser.add_argument("--threads", type=integer("--threads", 1, 4096), metavar="N", help="to compute on (all)")


def run(arguments: Namespace) -> int:
    """Load, look, draw and say where the page is."""
    import torch

    from cofire.cli._demo_evidence import describe_machine
    from cofire.viz._run_report import write_run_report  # asked for now: what is missing is told before the work

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    machines, controls = gather(arguments.runs)
    evidence = together(machines, controls, arguments.batch_size)
    facts = describe_machine()
    report = write_run_report(arguments.out or arguments.runs[0], evidence, command=command(machines[0]), facts=facts)
    print(f"report     {report}")
    return 0


def gather(folders: Sequence[Path]) -> tuple[list["Run"], list["Run"]]:
    """Return the runs of the machine, the first folder's first, and those of its one-tick control.

    Of one folder alone the runs of other seeds that lie beside it are taken as well.

    Raises InvalidValue for a run that is neither the same with another seed nor the control.
    """
    from cofire.train import load_run

    first, *others = [load_run(folder) for folder in folders]
    machines, controls = [first], []
    for other in others:
        if same(first, other):
            machines.append(other)
        elif is_control(first, other):
            controls.append(other)
        else:
            wanted = f"the same as {first.folder} with another seed, or its one-tick control"
            got = f"{other.name} {other.preset}".strip() + " with other settings"
            raise checks.InvalidValue(checks.message(str(other.folder), wanted, got, "give it a report of its own"))
    if not others:
        machines += other_seeds(first)
    return machines, controls or controls_beside(machines)


def neighbours(machine: "Run") -> list[Path]:
    """Return the folders of runs that lie beside a run, or in it."""
    folder = machine.folder.absolute()
    found = {config.parent.resolve() for place in (folder, folder.parent) for config in place.glob("*/config.json")}
    return sorted(found - {folder.resolve()})


def other_seeds(machine: "Run") -> list["Run"]:
    """Return the runs beside a run that differ from it by their seed alone and have come to their end."""
    from cofire.train import load_run

    found = {machine.seed: machine}
    for folder in neighbours(machine):
        config = described(folder)
        if all(config.get(part) == machine.config[part] for part in ("model", "train")):
            other = load_run(folder)
            if other.seed not in found and same(machine, other) and ended(other):
                found[other.seed] = other
    return list(found.values())[1:]


def ended(run: "Run") -> bool:
    """Whether a run is not still under way: it has made all its steps, or may have stopped before."""
    train = run.config["train"]
    return run.steps == train["steps"] or bool(train.get("early_stop"))


def controls_beside(machines: Sequence["Run"]) -> list["Run"]:
    """Return the one-tick controls that lie beside the runs, or in them: those of the same seeds, where there are."""
    from cofire.train import load_run

    found: dict[Path, Run] = {}
    for machine in machines:
        for folder in neighbours(machine):
            if folder not in found and may_be_control(machine, folder):
                other = load_run(folder)
                if is_control(machine, other):
                    found[folder] = other
    seeds = {machine.seed for machine in machines}
    matched = [other for other in found.values() if other.seed in seeds]
    return matched or list(found.values())[:1]


def may_be_control(machine: "Run", folder: Path) -> bool:
    """Whether it is worth to load what lies in a folder."""
    try:
        config = described(folder)
        return config["task"]["name"] == machine.name and config["model"]["config"]["ticks"] == 1
    except (KeyError, TypeError):
        return False  # something else that lies there


def described(folder: Path) -> dict[str, Any]:
    """Return what the run in a folder says of itself, nothing where there is none that has weights."""
    from cofire.train import RunFolder

    place = RunFolder(folder)
    try:
        return place.read_config() if place.weights.exists() else {}
    except checks.FileProblem:
        return {}


def same(first: "Run", other: "Run") -> bool:
    """Whether two runs differ by nothing but their seed."""
    return other.model_config == first.model_config and alike(first, other)


def is_control(machine: "Run", other: "Run") -> bool:
    """Whether the other is the machine with a single tick of thought, trained in the same way."""
    from cofire.ctm import FeedForwardConfig, one_tick_control

    config = machine.model_config
    if isinstance(config, FeedForwardConfig) or config.ticks == 1:
        return False
    return other.model_config == one_tick_control(config) and alike(machine, other)


def alike(first: "Run", other: "Run") -> bool:
    """Whether task and training are the same, whatever the key."""
    settings = [{**run.config["task"]["settings"], "key": None} for run in (first, other)]
    return (first.name, first.config["train"], settings[0]) == (other.name, other.config["train"], settings[1])


def together(machines: Sequence["Run"], controls: Sequence["Run"], batch_size: int | None) -> "RunEvidence":
    """Show every run the held-out examples, and put what it says together."""
    from dataclasses import replace

    first, *others = [look(machine, batch_size) for machine in machines]
    beside = [look(control, batch_size) for control in controls]
    control = replace(beside[0], others=tuple(beside[1:])) if beside else None
    return replace(first, others=tuple(others), control=control)


def look(run: "Run", batch_size: int | None, ticks: int | None = None) -> "RunEvidence":
    """Show a run all held-out examples, where its task has some, on the accelerator that there is.

    Raises InvalidValue where an answer is not a number.
    """
    import numpy as np
    import torch

    from cofire.train import predict
    from cofire.viz._run_evidence import RunEvidence

    if not hasattr(run.task, "test_size"):
        return RunEvidence.of(run, None)
    size = batch_size or run.config["train"]["test_batch_size"]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    predictions = predict(run.model.to(device), run.task, batch_size=size, ticks=ticks)
    run.model.to("cpu")  # where sections of a report look at it further
    wrong = ~np.isfinite(predictions.logits).all(axis=(1, 2))
    if wrong.any():
        got, fix = f"NaN or infinity for held-out example {wrong.argmax()}", "look where its loss diverged: metrics.csv"
        raise checks.InvalidValue(checks.message(f"answers of {run.folder}", "finite numbers", got, fix))
    return RunEvidence.of(run, predictions)


def command(run: "Run") -> str:
    """What trains a run again, "" where it was not begun from a preset."""
    from cofire.train.presets import Setup

    try:
        return Setup.begun(run.folder).command
    except checks.FileProblem:
        return ""
