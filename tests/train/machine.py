"""A real machine and its task for runs of several processes, and how such processes are started."""

import json
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from cofire import CTM, CTMConfig
from cofire.ctm import Answer, Attention, Decayed, DeepNeuronModel, Direct, RandomPairs
from cofire.random import Key
from cofire.tasks import Batch
from cofire.train import Hardware, NormClip, Progress, TrainConfig, train
from cofire.train._events import Event
from tests.train.stand_in import CONFIG, Stripes, run

ROOT = Path(__file__).parents[2]
MACHINE = CTMConfig(
    neurons=15,
    ticks=4,
    memory_length=3,
    backbone=Direct(features=4),
    attention=Attention(width=8, heads=2),
    neuron_model=DeepNeuronModel(hidden=2),
    sync_out=Decayed(pairs=RandomPairs(pairs=12)),
    sync_action=Decayed(pairs=RandomPairs(pairs=7)),
    answer=Answer(outputs=5),
)
CURVE = TrainConfig(
    steps=6,
    batch_size=12,
    accumulate=2,
    learning_rate=0.01,
    epsilon=1e-4,  # or AdamW blows gradients that are nothing but rounding up to whole steps
    clip=NormClip(0.04),
    average=0.8,
    log_every=1,
    evaluate_every=2,
    test_batch_size=22,  # of 23 examples: the second device has none of the last batch
    save_every=3,
    keep_best="loss",
)


class Tokens(Stripes):
    """Vectors as two tokens each."""

    def _make(self, positions: np.ndarray, part: str) -> Batch:
        batch = super()._make(positions, part)
        return batch._replace(inputs=batch.inputs.unflatten(1, (2, 4)))


def curve(folder: Path, strategy: str = "ddp", config: TrainConfig = CURVE, **options) -> CTM:
    """Train the machine and write the loss of every step beside its run, with all its digits."""
    torch.set_num_threads(1)
    model = CTM(MACHINE, key=Key(0))
    losses: dict[int, float] = {}

    def listen(event: Event) -> None:
        if isinstance(event, Progress):
            losses[event.step] = event.metrics["loss"]

    hardware = Hardware(accelerator="cpu", strategy=strategy, timeout=240.0)
    train(model, Tokens(), config, folder, key=Key(1), hardware=hardware, on_event=listen, **options)
    if losses:
        (folder / "losses.json").write_text(json.dumps(losses))
    return model


def curves(folder: Path) -> None:
    """What every one of two processes does: whole weights, divided ones, and divided ones resumed from the middle."""
    assert not list(folder.glob("fsdp*"))
    curve(folder / "ddp", config=replace(CURVE, accumulate=1))
    model = curve(folder / "fsdp", "fsdp")
    assert all(type(parameter.data) is torch.Tensor for parameter in model.parameters())
    if torch.distributed.get_rank() == 0:
        cut(folder / "fsdp", folder / "fsdp-resumed")
        torch.save(model.state_dict(), folder / "left.pt")
    torch.distributed.barrier()
    curve(folder / "fsdp-resumed", "fsdp", resume=True)


def cut(folder: Path, other: Path) -> None:
    """Copy a run as it was at its first checkpoint."""
    shutil.copytree(folder, other)
    shutil.rmtree(other / "checkpoint" / "step-00000006")


def torchrun(number: int, code: str) -> subprocess.CompletedProcess[str]:
    """Let `torchrun` start processes that run some code."""
    script = ["--standalone", "--nproc-per-node", str(number), "--no-python", sys.executable, "-c", code]
    return subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", *script],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


def announced(rank: int, kind: str, port: int) -> dict[str, str]:
    """The environment of one of two processes as `torchrun` or SLURM's `srun` makes it."""
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    if kind == "torchrun":
        ranks = {name: str(rank) for name in ("RANK", "LOCAL_RANK")}
        sizes = dict.fromkeys(("WORLD_SIZE", "LOCAL_WORLD_SIZE"), "2")
        return {**place, **ranks, **sizes, "GROUP_RANK": "0", "TORCHELASTIC_RUN_ID": "none"}
    facts = {"JOB_NAME": "train", "JOB_ID": "1", "NTASKS": 2, "NTASKS_PER_NODE": 1, "NNODES": 2, "LOCALID": 0}
    facts |= {"PROCID": rank, "NODEID": rank}  # two nodes with one device each
    return {**place, **{f"SLURM_{name}": str(value) for name, value in facts.items()}}


def pair(action: Callable[..., object], kind: str, *arguments: Any) -> list[tuple[int, str]]:
    """Let two processes, which know of each other, call a function; return their exit codes and what they said."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = multiprocessing.get_context("forkserver")  # which imports everything once
    server.set_forkserver_preload([__name__])
    with TemporaryDirectory() as folder:
        said = [Path(folder) / str(rank) for rank in range(2)]
        processes = [
            server.Process(target=_act, args=(said[rank], announced(rank, kind, port), action, arguments))
            for rank in range(2)
        ]
        for process in processes:
            process.start()
        try:
            for process in processes:
                process.join(300)
            codes = [-1 if process.exitcode is None else process.exitcode for process in processes]
            return [(code, file.read_text()) for code, file in zip(codes, said, strict=True)]
        finally:
            for process in processes:
                process.kill()


def _act(said: Path, environment: dict[str, str], action: Callable[..., object], arguments: tuple[Any, ...]) -> None:
    os.environ.update(environment)
    os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT), sys.stderr.fileno())
    action(*arguments)


def killed(folder: Path, rank: int, step: int, resume: bool) -> None:
    """Train the stand-in; one of the processes is killed after `step` completed steps."""

    def die(position: int) -> None:
        own = int(os.environ.get("RANK", os.environ.get("SLURM_PROCID", "")))
        if own == rank and position // CONFIG.batch_size == step:
            os.kill(os.getpid(), signal.SIGKILL)

    run(folder, task=Stripes(when=die), hardware=Hardware(accelerator="cpu", timeout=240.0), resume=resume)


def taken_up(broken: Path, whole: Path) -> None:
    """Go on with a run of the stand-in, then make another one from its beginning."""
    run(broken, resume=True)
    run(whole)
