"""`cofire demo`: a machine learns handwritten digits, beside a control that may think for one tick only."""

import os
import signal
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cofire import checks
from cofire.cli._arguments import Stopped, integer

if TYPE_CHECKING:
    from cofire.cli._demo_evidence import Trained
    from cofire.ctm import CTMConfig
    from cofire.tasks import Digits
    from cofire.train import RunFolder

OUT = Path("runs/demo")
CONTROL = "control"  # also the name of its folder in that of the run
SEED = 0


def register(subparsers: Any) -> None:
    """Add the command to a parser."""
    cores = os.cpu_count() or 1
    parser = subparsers.add_parser(
        "demo",
        description="Train a Continuous Thought Machine on 4,000 real handwritten digits, and beside it a control that "
        "thinks for one tick; then write a report of how it thinks about 1,000 others. Ctrl-C keeps everything.",
    )
    parser.add_argument("--out", type=Path, default=OUT, metavar="FOLDER", help=f"folder of the run ({OUT})")
    parser.add_argument("--seed", type=integer("--seed", 0, 2**64 - 1), metavar="N", help=f"of all randomness ({SEED})")
    parser.add_argument("--steps", type=integer("--steps", 1, 10**9), metavar="N", help="updates of each model")
    parser.add_argument("--resume", action="store_true", help="go on with the run in the folder")
    parser.add_argument("--overwrite", action="store_true", help="begin anew in a folder that holds a run")
    threads = integer("--threads", 1, cores, fix=f"this machine has {cores} cores")
    parser.add_argument("--threads", type=threads, metavar="N", help="processor cores to compute on (all)")


def run(arguments: Namespace) -> int:
    """Train both models, write the report, and say what came out."""
    from cofire.train import Interrupted, RunFolder

    folder = RunFolder(arguments.out)
    go_on = "to go on: cofire demo --resume" + ("" if arguments.out == OUT else f" --out {arguments.out}")
    try:
        return _run(arguments, folder)
    except Interrupted as stop:
        part = "the control" if stop.folder != folder.path else "the machine"
        text = f"stopped {part} after step {stop.step} of {stop.steps}; {go_on}"
        raise Stopped(text, stop.signal_number) from stop
    except KeyboardInterrupt as stop:
        text = go_on if folder.holds_run else "nothing was begun"
        raise Stopped(f"stopped; {text}", signal.SIGINT) from stop


class Wish(NamedTuple):
    """What decides the result of a run."""

    seed: int
    steps: int


def _run(arguments: Namespace, folder: "RunFolder") -> int:
    folder.check(resume=arguments.resume, overwrite=arguments.overwrite)
    begun = _as_begun(arguments, folder) if arguments.resume else None

    import torch

    from cofire.cli import _demo_evidence, _demo_setup
    from cofire.random import Key
    from cofire.tasks import Digits
    from cofire.viz import write_thinking_report  # asked for now: what is missing is told before the training

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    seed = SEED if arguments.seed is None else arguments.seed
    wish = begun or Wish(seed, arguments.steps or _demo_setup.STEPS)
    task = Digits(key=Key(wish.seed).fold("digits"))
    machine = _train("machine", task, _demo_setup.demo_config(), folder, wish, arguments)
    beside = folder.__class__(folder.path / CONTROL)
    control = _train(CONTROL, task, _demo_setup.control_config(), beside, wish, arguments)
    print("drawing the report", flush=True)
    command = f"cofire demo --seed {wish.seed} --steps {wish.steps}"
    evidence = _demo_evidence.make_evidence(task, machine, control, command)
    print(_demo_evidence.closing_words(evidence, write_thinking_report(folder.path, evidence)))
    return 0


def _train(
    name: str, task: "Digits", config: "CTMConfig", folder: "RunFolder", wish: Wish, arguments: Namespace
) -> "Trained":
    """Train one of the two, or go on with it where it has begun."""
    from cofire.cli import _demo_evidence, _demo_setup
    from cofire.cli._progress import ProgressLine
    from cofire.ctm import CTM
    from cofire.random import Key
    from cofire.train import train

    key = Key(wish.seed).fold(name)
    model = CTM(config, key=key.fold("weights"))
    progress = ProgressLine(name, sys.stdout)
    try:
        finished = train(
            model,
            task,
            _demo_setup.train_config(wish.steps),
            folder.path,
            key=key.fold("dropout"),
            resume=arguments.resume and folder.holds_run,
            overwrite=arguments.overwrite,
            about={"command": "demo", "seed": wish.seed},
            on_event=progress,
        )
    finally:
        progress.close()
    return _demo_evidence.Trained(model, folder, finished)


def _as_begun(arguments: Namespace, folder: "RunFolder") -> Wish:
    """Return the seed and the steps that the run in the folder was begun with; others are refused."""
    config = folder.read_config()
    try:
        wish = Wish(config["about"]["seed"], config["train"]["steps"])
    except (KeyError, TypeError) as problem:
        text = checks.message(str(folder.path), "a run of cofire demo", "another one", "choose another --out")
        raise checks.FileProblem(text) from problem
    for name, begun in wish._asdict().items():
        given = getattr(arguments, name)
        if given not in (None, begun):
            wanted, fix = f"{begun}, as the run was begun with", "leave it away, or choose another --out"
            raise checks.InvalidValue(checks.message(f"--{name}", wanted, str(given), fix))
    return wish
