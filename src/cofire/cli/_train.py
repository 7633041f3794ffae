"""`cofire train`: train a preset of a task, in a folder from which it can be taken up again."""

import json
import os
import shlex
import signal
import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cofire import checks
from cofire.cli._arguments import Stopped, Usage, integer

if TYPE_CHECKING:
    from cofire.train import Hardware
    from cofire.train.presets import Setup

PRESET, SEED = "small", 0


def register(subparsers: Any) -> None:
    """Add the command to a parser."""
    parser = subparsers.add_parser(
        "train",
        description="Train a preset of a task (see cofire presets). Ctrl-C keeps everything, and --resume goes on.",
    )
    parser.add_argument("task", metavar="TASK", help="parity, mazes and so on; cofire presets lists them")
    parser.add_argument("--preset", metavar="NAME", help=f"({PRESET})")
    parser.add_argument("--seed", type=integer("--seed", 0, 2**64 - 1), metavar="N", help=f"of all randomness ({SEED})")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="of the run (runs/TASK-PRESET-SEED)")
    parser.add_argument("--resume", action="store_true", help="go on with the run in the folder")
    parser.add_argument("--overwrite", action="store_true", help="begin anew in a folder that holds a run")
    parser.add_argument("--tensorboard", action="store_true", help="write scalars into FOLDER/tensorboard as well")
    add_settings(parser)
    add_hardware(parser)


def add_settings(parser: Any) -> None:
    """Add what changes a preset."""
    parser.add_argument("--steps", type=integer("--steps", 1, 10**9), metavar="N", help="updates of the model")
    parser.add_argument("--batch-size", type=integer("--batch-size", 1, 10**9), metavar="N", help="over all devices")
    parser.add_argument("--precision", metavar="NAME", help="auto, float32, bfloat16 or float16 (of the preset)")
    parts = integer("--accumulate", 1, 10**9)
    parser.add_argument("--accumulate", type=parts, metavar="N", help="parts of each update, for less memory")
    best = "scalar of the evaluation whose best weights are kept: accuracy, loss, and so on"
    parser.add_argument("--keep-best", metavar="NAME", help=best)
    start = "run, saved machine or file whose weights to begin with, and nothing else of it"
    parser.add_argument("--warm-start", type=Path, metavar="PATH", help=start)
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        type=assignment,
        metavar="FIELD=VALUE",
        help="change a field: learning_rate=3e-4, model.neurons=512, task.length=16; put a pressure on: "
        "ponder.cost=0.01, early_stop.patience=5, random_depth.least=5 with random_depth.most=20, "
        "tick_dropout.rate=0.2 (may be repeated)",
    )


def add_hardware(parser: Any) -> None:
    """Add where to compute."""
    cores = os.cpu_count() or 1
    threads = integer("--threads", 1, cores, fix=f"this machine has {cores} cores")
    parser.add_argument("--threads", type=threads, metavar="N", help="processor cores to compute on (all)")
    parser.add_argument("--accelerator", metavar="NAME", help="auto, cpu, cuda or mps (auto)")
    parser.add_argument("--devices", type=integer("--devices", 1, 10**6), metavar="N", help="per node (1)")
    parser.add_argument("--nodes", type=integer("--nodes", 1, 10**6), metavar="N", help="(1)")
    parser.add_argument("--strategy", metavar="NAME", help="of many devices: ddp, whole weights on each; fsdp, divided")


def assignment(text: str) -> tuple[str, Any]:
    """A field and its value, which is JSON or else a plain word.

    >>> assignment("learning_rate=3e-4"), assignment("precision=float32")
    (('learning_rate', 0.0003), ('precision', 'float32'))
    """
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise Usage(checks.message("--set", "FIELD=VALUE", repr(text), "learning_rate=3e-4, or the like"))
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def changes(arguments: Namespace) -> dict[str, Any]:
    """The fields that the command line changes, those with an option of their own first."""
    own = {name: getattr(arguments, name) for name in ("steps", "batch_size", "precision", "accumulate", "keep_best")}
    return {name: value for name, value in own.items() if value is not None} | dict(arguments.set)


def changed(setup: "Setup", fields: Mapping[str, Any], warm_start: Path | None) -> "Setup":
    """A set-up with what the command line changes in it."""
    made = setup.change(fields)
    return made.begin_with(warm_start) if warm_start else made


def run(arguments: Namespace) -> int:
    """Train, and say what came out."""
    from cofire.train import Interrupted, RunFolder

    preset, seed = arguments.preset or PRESET, SEED if arguments.seed is None else arguments.seed
    folder = RunFolder(arguments.out or Path("runs") / f"{arguments.task}-{preset}-{seed}")
    setup = wished(arguments, folder.path if arguments.resume else None)
    words = ("cofire", "train", setup.task, "--resume", "--out", str(folder.path), *around(arguments))
    go_on = f"to go on: {shlex.join(words)}"
    try:
        train(setup, folder.path, arguments)
    except Interrupted as stop:
        text = f"stopped after step {stop.step} of {stop.steps}; {go_on}"
        raise Stopped(text, stop.signal_number) from stop
    except KeyboardInterrupt as stop:
        text = go_on if folder.holds_run else "nothing was begun"
        raise Stopped(f"stopped; {text}", signal.SIGINT) from stop
    if first_process():
        print(closing_words(folder.path))
    return 0


def around(arguments: Namespace) -> list[str]:
    """The words that were given of what a folder does not remember: where to compute, and what to write besides."""
    words = ["--tensorboard"] if arguments.tensorboard else []
    for name in ("threads", "accelerator", "devices", "nodes", "strategy"):
        value = getattr(arguments, name)
        words += [] if value is None else [f"--{name}", str(value)]
    return words


def wished(arguments: Namespace, begun_in: Path | None) -> "Setup":
    """What is to be trained: a preset, or what was begun in a folder; what is given besides must not differ then."""
    from cofire.train import RunFolder
    from cofire.train.presets import Setup, find_preset

    if begun_in is None:
        setup = Setup.of(find_preset(arguments.task, arguments.preset or PRESET), seed=arguments.seed or SEED)
        return changed(setup, changes(arguments), arguments.warm_start)
    RunFolder(begun_in).check(resume=True)
    begun = Setup.begun(begun_in)
    given = {name: getattr(arguments, name) for name in ("task", "preset", "seed")}
    given["warm_start"] = arguments.warm_start and str(arguments.warm_start.absolute())
    for name, value in given.items():
        before = getattr(begun, name)
        if value not in (None, before):
            wanted = f"{'none' if before == '' else before}, as the run was begun with"
            fix = "leave it away, or choose another --out"
            raise checks.InvalidValue(checks.message(name, wanted, str(value), fix))
    return begun.change(changes(arguments))


def train(setup: "Setup", folder: Path, arguments: Namespace) -> None:
    """Train with a progress line."""
    import torch

    from cofire.cli._progress import ProgressLine
    from cofire.train import TensorBoard

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    progress = ProgressLine(setup.name, sys.stdout)
    listener = TensorBoard(folder / "tensorboard", also=progress) if arguments.tensorboard else progress
    try:
        setup.start(
            folder,
            hardware=hardware(arguments),
            resume=arguments.resume,
            overwrite=arguments.overwrite,
            on_event=listener,
        )
    finally:
        progress.close()


def hardware(arguments: Namespace) -> "Hardware":
    """Where the command line wants it to compute."""
    from cofire.train import Hardware

    return Hardware(
        accelerator=arguments.accelerator or "auto",
        devices=arguments.devices,
        nodes=arguments.nodes,
        strategy=arguments.strategy or "auto",
    )


def first_process() -> bool:
    """Whether this is the process that speaks for all of a run."""
    ranks = ("RANK", "SLURM_PROCID", "LOCAL_RANK")
    return next((os.environ[name] for name in ranks if name in os.environ), "0") == "0"


def closing_words(folder: Path) -> str:
    """What came out, in a few lines, from what the run has written down."""
    from cofire.cli._progress import minutes, results
    from cofire.train import load_run

    run = load_run(folder)
    tested = {name.removeprefix("test_"): column[-1] for name, column in run.metrics.items() if "test_" in name}
    measured = {name: float(value) for name, value in tested.items() if value == value}
    found = results(measured) if measured else f"not looked at; to do it: cofire eval {folder}"
    return (
        f"held out   {found}\n"
        f"training   {run.steps:,} steps in {minutes(run.seconds)}, {run.parameters:,} parameters, seed {run.seed}\n"
        f"run        {folder}; to see it: cofire report {folder}"
    )
