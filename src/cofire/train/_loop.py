"""The training loop. Everything random is addressed by the step, so that a run is its weights and a number."""

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

import cofire
from cofire import checks
from cofire.random import Key
from cofire.tasks import Task
from cofire.train._checkpoint import Checkpoint, has_checkpoint, load_checkpoint
from cofire.train._config import TrainConfig
from cofire.train._events import Finished, Listener, Started, ignore
from cofire.train._feed import Feed
from cofire.train._folder import RunFolder
from cofire.train._hardware import Hardware, deterministic
from cofire.train._interrupt import Interrupted, StopRequest
from cofire.train._journal import Journal
from cofire.train._keep import Keeper
from cofire.train._objective import evaluated_names, has_idle_parameters
from cofire.train._ranks import together
from cofire.train._settings import as_of_today, describe
from cofire.train._state import TrainState
from cofire.train._warm import WarmStart
from cofire.train._watch import Watch

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def train(
    model: nn.Module,
    task: Task,
    config: TrainConfig,
    folder: Path | str,
    *,
    key: Key | None = None,
    hardware: Hardware | None = None,
    resume: bool = False,
    overwrite: bool = False,
    warm_start: Path | str | None = None,
    about: Mapping[str, Any] | None = None,
    on_event: Listener = ignore,
) -> Finished:
    """Train a model on a task, in a folder from which the run can be taken up again at any time.

    The folder receives `config.json` (model, task, `config`, and `about`: what else the caller wants to be kept and
    compared), `metrics.csv` (a row per step), `checkpoint/` (the last few states), `weights.safetensors` (the
    weights of the last one) and, where the configuration wants it, `best.safetensors` (those that were evaluated best).
    A folder that holds a run already is entered with `resume` or `overwrite` only. With `warm_start`, the folder of
    another run or of a saved machine, or a file of weights, the run begins with the weights and buffers in there.

    **A resumed run ends with the same weights, to the bit**, as one that was never interrupted, on the same machine
    with the same number of threads and devices: step n sees the examples at positions n B to (n + 1) B - 1 of the
    task's stream, the learning rate is a function of n, dropout draws from `key` folded with n, and the checkpoint
    holds the rest. The process may be killed at any moment.

    The model is changed in place, and left in training mode on the device of the run; where the run averages its
    weights (`config.average`), averages are evaluated, kept in `weights.safetensors`, and what the model ends with.
    `on_event` receives `Started`, `Progress`, `Evaluated` and `Finished`. SIGINT or SIGTERM let the step under way end,
    write a checkpoint, and raise `Interrupted`. On more devices than one every process calls this function.

    Raises `FileProblem` where the folder cannot be entered or written or its checkpoint is damaged, `InvalidValue`
    where a run is resumed with other settings, started warm with weights that do not fit, or told to keep or stop by a
    scalar that evaluations do not give (before anything is written), `Diverged` where the loss is no longer finite,
    `OutOfMemory` where a batch does not fit (it says which would), `RankLost` where another process of the run is gone,
    `MissingExtra` without the extra "train".

    >>> from tempfile import TemporaryDirectory
    >>> from cofire import CTM, CTMConfig
    >>> from cofire.ctm import Answer, Attention, Convolutional, Decayed, DeepNeuronModel, RandomPairs
    >>> from cofire.tasks import Digits
    >>> config = CTMConfig(
    ...     neurons=16, ticks=3, memory_length=2, backbone=Convolutional(features=4),
    ...     attention=Attention(width=8, heads=2), neuron_model=DeepNeuronModel(hidden=2),
    ...     sync_out=Decayed(pairs=RandomPairs(pairs=16)), sync_action=Decayed(pairs=RandomPairs(pairs=8)),
    ...     answer=Answer(outputs=10),
    ... )
    >>> model = CTM(config, key=Key(0).fold("weights"))
    >>> with TemporaryDirectory() as folder:
    ...     train(model, Digits(key=Key(0)), TrainConfig(steps=2), folder).step
    2
    """
    run, hardware = RunFolder(folder), hardware or Hardware()
    resumed = run.check(resume=resume, overwrite=overwrite)
    start = None if warm_start is None else WarmStart(warm_start)
    settings = describe(model, task, config, key, about or {}, start and start.digest)
    if resumed:
        _compare(run, settings, model, task)
    if start:
        start.fill(model)
    if config.keep_best or config.early_stop:
        Watch(config).check(evaluated_names(model, task, config))
    several = hardware.counts() != (1, 1) and not hardware.divides
    fabric = hardware.launch(config.precision, idle_parameters=several and has_idle_parameters(model, task, config))
    first, least = fabric.is_global_zero, fabric.world_size * config.accumulate
    checks.integer("batch_size", config.batch_size, low=least, fix="an example for each device and each part")
    alone = run.alone() if first else nullcontext()
    with alone, deterministic(), StopRequest() as stop, together(fabric.world_size):
        fabric.barrier()  # all have looked at the folder before anything is written there
        if first and not resumed:
            run.begin({"cofire": cofire.__version__, **settings}, overwrite=overwrite)
        fabric.barrier()
        state = TrainState(fabric, model, task, config, key)
        checkpoint = load_checkpoint(run.checkpoints)
        if checkpoint:
            state.restore(checkpoint)
        model.train()
        state.train()
        place = {"rank": fabric.global_rank, "world": fabric.world_size, "ahead": hardware.ahead(fabric.device)}
        feed = Feed(task, config, checkpoint.step if checkpoint else 0, **place)
        try:
            return _go_on(fabric, state, config, run, checkpoint, feed, stop, on_event if first else ignore)
        finally:
            feed.close()


def _go_on(
    fabric: "Fabric",
    state: TrainState,
    config: TrainConfig,
    run: RunFolder,
    checkpoint: Checkpoint | None,
    feed: Feed,
    stop: StopRequest,
    tell: Listener,
) -> Finished:
    """Make the steps that are left, and after each what is due."""
    machine = _machine(fabric)
    begin, seconds = (checkpoint.step, checkpoint.seconds) if checkpoint else (0, 0.0)
    tell(Started(begin, config.steps, machine["device"], machine["precision"], _changes(checkpoint, machine)))
    journal = Journal(state, config, run.metrics if fabric.is_global_zero else None, begin, seconds, tell)
    keeper = Keeper(run, state, journal, config, machine, writes=fabric.is_global_zero)
    step, over = begin, begin == config.steps or state.watch.is_over
    if over:
        keeper.keep_weights()  # the run may have been killed just before it wrote them
    try:
        while not over:
            step += 1
            journal.note(step, state.step(step - 1, feed.take()))
            evaluates = _due(step, config.evaluate_every, config.steps)
            reports = evaluates or _due(step, config.log_every, config.steps)
            stopped = state.agree(stop.signal_number) if reports or fabric.world_size == 1 else 0
            tested: dict[str, float] = {}
            if evaluates:
                feed.rest()
                tested = state.evaluate()
            saves = _due(step, config.save_every, config.steps)
            if reports or saves or stopped:
                journal.write(tested)
            if tested and state.watch.note(tested, step):
                keeper.keep_best()
            over = step == config.steps or state.watch.is_over
            if saves or stopped or over:
                keeper.keep(step)
            if stopped:
                fabric.barrier()
                raise Interrupted(run.path, step, config.steps, stopped)
    finally:
        journal.close()
    fabric.barrier()
    state.settle()
    finished = Finished(step, journal.seconds if begin < step else seconds)
    tell(finished)
    return finished


def _due(step: int, every: int, steps: int) -> bool:
    """Whether what is done every so many steps, and at the end, is due; 0 for never."""
    return every > 0 and (step == steps or step % every == 0)


def _compare(run: RunFolder, settings: dict[str, Any], model: nn.Module, task: Task) -> None:
    """Raise `InvalidValue` where a run cannot go on with these settings."""
    before = run.read_config().get("warm_start")
    if settings["warm_start"] is None and before is not None:
        if not has_checkpoint(run.checkpoints):
            text = checks.message("warm_start", "the weights that the run began with", "None", "give them again")
            raise checks.InvalidValue(text)
        settings = {**settings, "warm_start": before}
    run.compare(settings, lambda older: as_of_today(older, model, task))


def _machine(fabric: "Fabric") -> dict[str, Any]:
    """What the last bits of a sum may depend on."""
    device = fabric.device
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "devices": fabric.world_size,
        "precision": str(fabric._precision.precision),
        "threads": torch.get_num_threads(),
        "torch": str(torch.__version__),
    }


def _changes(checkpoint: Checkpoint | None, machine: Mapping[str, Any]) -> tuple[str, ...]:
    before = checkpoint.machine if checkpoint else machine
    return tuple(f"{name} {before.get(name)} -> {now}" for name, now in machine.items() if now != before.get(name))
