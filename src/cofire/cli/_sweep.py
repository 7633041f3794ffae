"""`cofire sweep`: several presets with several seeds, and a table of what came out."""

import json
import os
import signal
import sys
from argparse import Namespace
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cofire import checks
from cofire.cli._arguments import Stopped, Usage, integer
from cofire.cli._train import add_settings, changed, changes, hardware

if TYPE_CHECKING:
    from cofire.cli._sweep_runs import Ended, Job


def register(subparsers: Any) -> None:
    """Add the command to a parser."""
    cores = os.cpu_count() or 1
    parser = subparsers.add_parser(
        "sweep",
        description="Train several presets of a task, each with several seeds, and compare them. Started again, it "
        "goes on where it was stopped. One-tick controls keep their one tick, whatever model.ticks is set to.",
    )
    parser.add_argument("task", metavar="TASK", help="see cofire presets")
    parser.add_argument("--presets", type=names, default=("small",), metavar="A,B", help="(small)")
    parser.add_argument("--seeds", type=seeds, default=(0, 1, 2), metavar="N,M", help="(0,1,2)")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="of all runs (runs/TASK-sweep)")
    parser.add_argument("--jobs", type=integer("--jobs", 1, 4096), default=1, metavar="N", help="at a time (1)")
    parser.add_argument("--ray", default="", metavar="ADDRESS", help="of a Ray cluster; local starts one here")
    threads = integer("--threads", 1, 4096)
    parser.add_argument("--threads", type=threads, metavar="N", help=f"of each run ({cores} cores divided by jobs)")
    parser.add_argument("--accelerator", metavar="NAME", help="auto, cpu, cuda or mps (auto)")
    parser.set_defaults(devices=None, nodes=None, strategy=None)
    add_settings(parser)


def names(text: str) -> tuple[str, ...]:
    """Names with commas between them.

    >>> names("small,small-lstm")
    ('small', 'small-lstm')
    """
    return tuple(dict.fromkeys(one.strip() for one in text.split(",") if one.strip()))


def seeds(text: str) -> tuple[int, ...]:
    """Numbers with commas between them.

    >>> seeds("0,1,2")
    (0, 1, 2)
    """
    found = tuple(integer("--seeds", 0, 2**64 - 1)(one) for one in names(text))
    if not found:
        raise Usage(checks.message("--seeds", "one number or more", repr(text), "--seeds 0,1,2"))
    return found


def run(arguments: Namespace) -> int:
    """Train whatever is left, and print the table."""
    out = arguments.out or Path("runs") / f"{arguments.task}-sweep"
    jobs = plan(arguments, out)
    problems: list[Ended] = []
    try:
        for ended in start(jobs, arguments):
            if ended.problem:
                problems.append(ended)
            if arguments.jobs > 1 or arguments.ray:
                print(f"{ended.job.folder.name}: {ended.problem or 'done'}", flush=True)
    except checks.CofireError as stop:
        if not hasattr(stop, "signal_number"):
            raise
        raise Stopped("stopped; the same command goes on", getattr(stop, "signal_number", signal.SIGINT)) from stop
    except KeyboardInterrupt as stop:
        raise Stopped("stopped; the same command goes on", signal.SIGINT) from stop
    failed = {one.job.folder for one in problems}
    found = results([job for job in jobs if job.folder not in failed])
    write(out, found)
    print(table(found))
    print("\n".join(reports([job for job in jobs if job.folder not in failed])))
    if problems:
        listed = "; ".join(f"{one.job.folder}: {one.problem}" for one in problems)
        raise checks.InvalidValue(checks.message("sweep", f"{len(jobs)} runs", f"{len(found)}, for {listed}"))
    return 0


def plan(arguments: Namespace, out: Path) -> list["Job"]:
    """Every preset with every seed; what is wrong with one is told before any is trained.

    A one-tick control keeps its one tick. Raises InvalidValue where ticks are set and all are such controls.
    """
    from cofire.cli._sweep_runs import Job
    from cofire.train.presets import Setup, find_preset
    from cofire.train.presets._partners import TICKS, changes_for

    found = [find_preset(arguments.task, name) for name in arguments.presets]
    fields = changes(arguments)
    taken = {preset.name: changes_for(preset.name, fields) for preset in found}
    if TICKS in fields and not any(TICKS in own for own in taken.values()):
        got, fix = f"only {', '.join(taken)}", f"leave {TICKS} away, or add the preset of the machine"
        raise checks.InvalidValue(checks.message(f"--set {TICKS}", "a preset that takes it", got, fix))
    pairs = [(preset, seed) for preset in found for seed in arguments.seeds]
    setups = [changed(Setup.of(one, seed=seed), taken[one.name], arguments.warm_start) for one, seed in pairs]
    return [Job(setup, out / f"{setup.preset}-{setup.seed}") for setup in setups]


def start(jobs: Sequence["Job"], arguments: Namespace) -> Iterable["Ended"]:
    """Train them in the way that was asked for."""
    import torch

    from cofire.cli import _sweep_runs

    threads = arguments.threads or max(1, (os.cpu_count() or 1) // arguments.jobs)
    wished = hardware(arguments)
    if arguments.ray:
        return _sweep_runs.on_ray(jobs, address=arguments.ray, threads=arguments.threads or 1, hardware=wished)
    if arguments.jobs > 1:
        count = min(arguments.jobs, len(jobs))
        return _sweep_runs.side_by_side(jobs, count=count, threads=threads, accelerator=wished.accelerator)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    return _sweep_runs.in_turn(jobs, hardware=wished, stream=sys.stdout)


def results(jobs: Sequence["Job"]) -> list[dict[str, Any]]:
    """What each run has written down at its end: preset, seed, seconds and the held-out scalars."""
    from cofire.train import RunFolder, read_metrics

    rows = []
    for setup, folder in jobs:
        metrics = read_metrics(RunFolder(folder).metrics)
        tested = {name.removeprefix("test_"): float(one[-1]) for name, one in metrics.items() if "test_" in name}
        scores = {name: value for name, value in tested.items() if value == value}
        seconds = float(metrics["seconds"][-1])
        rows.append({"preset": setup.preset, "seed": setup.seed, "seconds": seconds, "held_out": scores})
    return rows


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Mean and deviation over the seeds, a line for each preset."""
    columns = list(dict.fromkeys(name for row in rows for name in row["held_out"]))
    presets = list(dict.fromkeys(row["preset"] for row in rows))
    width = max([len("preset"), *(len(one) for one in presets)])
    lines = [f"{'preset':<{width}}{'seeds':>7}" + "".join(f"{name:>18}" for name in columns) + f"{'seconds':>12}"]
    for preset in presets:
        chosen = [row for row in rows if row["preset"] == preset]
        cells = [_cell(name, [row["held_out"].get(name) for row in chosen]) for name in columns]
        seconds = sum(row["seconds"] for row in chosen) / len(chosen)
        lines.append(
            f"{preset:<{width}}{len(chosen):>7}" + "".join(f"{cell:>18}" for cell in cells) + f"{seconds:>12.0f}"
        )
    return "\n".join(lines)


def reports(jobs: Sequence["Job"]) -> list[str]:
    """What shows the runs of each preset, its seeds and its control together."""
    first: dict[str, Path] = {}
    for setup, folder in jobs:
        if setup.model.ticks > 1:  # the others are what these are compared with
            first.setdefault(setup.preset, folder)
    return [f"to see {name}: cofire report {folder}" for name, folder in first.items()]


def write(out: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Keep the results of every run beside the runs."""
    from cofire.files import write_atomically

    content = json.dumps(list(rows), indent=1, allow_nan=False) + "\n"
    write_atomically(out / "sweep.json", lambda file: file.write(content.encode()))


def _cell(name: str, values: Sequence[float | None]) -> str:
    from cofire.viz._run_summary import Spread

    known = [value for value in values if value is not None]
    if not known:
        return "-"
    found = Spread.of(known)
    if name in ("accuracy", "whole"):
        return found.percent()
    return f"{found.mean:.4g}" + (f" ± {found.deviation:.2g}" if found.runs > 1 else "")
