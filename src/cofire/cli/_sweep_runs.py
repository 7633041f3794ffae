"""Ways to train many set-ups: one after the other here, side by side in processes of their own, or on Ray.

Each run goes on where it was stopped, so a sweep that is started again does only what is left.
"""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

from cofire import checks

if TYPE_CHECKING:
    from cofire.train import Hardware
    from cofire.train.presets import Setup

_CHILD = "from cofire.cli import main; raise SystemExit(main())"
_POLL_SECONDS = 0.1


class Job(NamedTuple):
    """A set-up and the folder of its run."""

    setup: "Setup"
    folder: Path


class Ended(NamedTuple):
    """A job that has ended, and what went wrong, "" where nothing did."""

    job: Job
    problem: str


def in_turn(jobs: Sequence[Job], *, hardware: "Hardware", stream: TextIO) -> Iterator[Ended]:
    """Train one after the other in this process, with a progress line each."""
    from cofire.cli._progress import ProgressLine
    from cofire.train import Interrupted, RunFolder

    for job in jobs:
        progress = ProgressLine(job.folder.name, stream)
        problem = ""
        try:
            resume = RunFolder(job.folder).holds_run
            job.setup.start(job.folder, hardware=hardware, resume=resume, on_event=progress)
        except Interrupted:
            raise
        except checks.CofireError as fault:
            problem = str(fault)
        finally:
            progress.close()
        yield Ended(job, problem)


def side_by_side(jobs: Sequence[Job], *, count: int, threads: int, accelerator: str) -> Iterator[Ended]:
    """Train `count` at a time, each by a `cofire train` of its own with so many threads; what it says goes into a log.

    Whoever leaves early, by an error or Ctrl-C, stops them politely: each writes a checkpoint first.
    """
    waiting = list(jobs)
    running: list[tuple[Job, subprocess.Popen[bytes]]] = []
    try:
        while waiting or running:
            while waiting and len(running) < count:
                job = waiting.pop(0)
                running.append((job, _begin(job, threads, accelerator)))
            ended = [one for one in running if one[1].poll() is not None]
            running = [one for one in running if one not in ended]
            for job, process in ended:
                yield Ended(job, _last_words(job, process.returncode) if process.returncode else "")
            if not ended:
                time.sleep(_POLL_SECONDS)
    finally:
        for _, process in running:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        for _, process in running:
            process.wait()


def on_ray(jobs: Sequence[Job], *, address: str, threads: int, hardware: "Hardware") -> Iterator[Ended]:
    """Train on a Ray cluster, as many at a time as it has room for; "local" starts one here, "auto" finds one.

    All its nodes must see the folders of the runs under the same path. Raises MissingExtra without the extra "sweep".
    """
    try:
        import ray  # pyright: ignore[reportMissingImports]
    except ImportError as problem:
        text = checks.message("--ray", "the package ray", "no such package", "pip install 'cofire[sweep]'")
        raise checks.MissingExtra(text) from problem
    try:
        ray.init(address=address, log_to_driver=False, include_dashboard=False)
    except (ConnectionError, ValueError) as problem:
        fix = "ray start --head prints the address; or --ray local"
        raise checks.InvalidValue(checks.message("--ray", "a cluster that answers", str(problem), fix)) from problem
    try:
        needs = {"num_cpus": threads, "num_gpus": int(hardware.accelerator == "cuda"), "max_retries": 0}
        remote = ray.remote(**needs)(_train_there)
        jobs_of = {
            remote.remote(job.setup, str(job.folder.absolute()), threads, hardware): number
            for number, job in enumerate(jobs)
        }
        waiting = list(jobs_of)
        while waiting:
            done, waiting = ray.wait(waiting)
            try:
                problem = ray.get(done[0])
            except ray.exceptions.RayError as fault:  # the worker died
                problem = str(fault).splitlines()[0]
            yield Ended(jobs[jobs_of[done[0]]], problem)
    finally:
        ray.shutdown()


def _train_there(setup: "Setup", folder: str, threads: int, hardware: "Hardware") -> str:
    """What a worker does; returns what went wrong, since not every error travels."""
    import torch

    from cofire.train import RunFolder

    torch.set_num_threads(threads)
    try:
        setup.start(folder, hardware=hardware, resume=RunFolder(folder).holds_run)
    except checks.CofireError as fault:
        return str(fault)
    return ""


def _begin(job: Job, threads: int, accelerator: str) -> "subprocess.Popen[bytes]":
    from cofire.train import RunFolder

    words = [*job.setup.arguments, "--out", str(job.folder), "--threads", str(threads), "--accelerator", accelerator]
    words += ["--resume"] if RunFolder(job.folder).holds_run else []
    job.folder.parent.mkdir(parents=True, exist_ok=True)
    with _log(job).open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-c", _CHILD, *words],
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C reaches this process only, which then stops them one by one
            env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        )


def _last_words(job: Job, code: int) -> str:
    lines = _log(job).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    said = lines[-1].removeprefix("cofire: ") if lines else "nothing said"
    return f"{said} (exit code {code}; see {_log(job)})"


def _log(job: Job) -> Path:
    return job.folder.with_name(f"{job.folder.name}.log")
