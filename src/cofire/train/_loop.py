"""The training loop. Everything random is addressed by the step, so that a run is its weights and a number."""

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save as save_tensors
from torch import nn

import cofire
from cofire import checks
from cofire.files import write_atomically
from cofire.random import Key
from cofire.tasks import Task
from cofire.train._checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from cofire.train._config import TrainConfig
from cofire.train._events import Finished, Listener, Started, ignore
from cofire.train._folder import RunFolder
from cofire.train._hardware import Hardware, deterministic
from cofire.train._interrupt import Interrupted, StopRequest
from cofire.train._journal import Journal
from cofire.train._state import TrainState

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
    about: Mapping[str, Any] | None = None,
    on_event: Listener = ignore,
) -> Finished:
    """Train a model on a task, in a folder from which the run can be taken up again at any time.

    The folder receives `config.json` (model, task, `config`, and `about`: what else the caller wants to be kept and
    compared), `metrics.csv` (a row per step), `checkpoint/` (the last few states) and `weights.safetensors` (the
    weights of the last one). A folder that holds a run already is entered with `resume` or `overwrite` only.

    **A resumed run ends with the same weights, to the bit**, as one that was never interrupted, on the same machine
    with the same number of threads: step n sees the examples at positions n B to (n + 1) B - 1 of the task's stream,
    the learning rate is a function of n, dropout draws from `key` folded with n, and the checkpoint holds the rest.
    The process may be killed at any moment.

    The model is changed in place, and left in training mode on the device of the run; where the run averages its
    weights (`config.average`), averages are evaluated, kept in `weights.safetensors`, and what the model ends with.
    `on_event` receives `Started`, `Progress`, `Evaluated` and `Finished`. SIGINT or SIGTERM let the step under way end,
    write a checkpoint, and raise
    `Interrupted`.

    Raises `FileProblem` where the folder cannot be entered or written or its checkpoint is damaged, `InvalidValue`
    where a run is resumed with other settings, `Diverged` where the loss is no longer finite, `MissingExtra` without
    the extra "train".

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
    run = RunFolder(folder)
    resumed = run.check(resume=resume, overwrite=overwrite)
    settings = _settings(model, task, config, key, about or {})
    if resumed:
        run.compare(settings)
    fabric = (hardware or Hardware()).launch(config.precision)
    checks.integer("batch_size", config.batch_size, low=fabric.world_size, fix="an example for each device")
    with run.alone() if fabric.is_global_zero else nullcontext(), deterministic(), StopRequest() as stop:
        if fabric.is_global_zero and not resumed:
            run.begin({"cofire": cofire.__version__, **settings}, overwrite=overwrite)
        fabric.barrier()
        state = TrainState(fabric, model, task, config, key)
        checkpoint = load_checkpoint(run.checkpoints)
        if checkpoint:
            state.restore(checkpoint)
        model.train()
        return _go_on(fabric, state, config, run, checkpoint, stop, on_event)


def _go_on(
    fabric: "Fabric",
    state: TrainState,
    config: TrainConfig,
    run: RunFolder,
    checkpoint: Checkpoint | None,
    stop: StopRequest,
    on_event: Listener,
) -> Finished:
    """Make the steps that are left, and after each what is due."""
    first = fabric.is_global_zero
    tell = on_event if first else ignore
    machine = _machine(fabric)
    begin, seconds = (checkpoint.step, checkpoint.seconds) if checkpoint else (0, 0.0)
    tell(Started(begin, config.steps, machine["device"], machine["precision"], _changes(checkpoint, machine)))
    journal = Journal(state, config, run.metrics if first else None, begin, seconds, tell)
    try:
        for step in range(begin + 1, config.steps + 1):
            journal.note(step, state.step(step - 1))
            last = step == config.steps
            evaluates = config.evaluate_every > 0 and (last or step % config.evaluate_every == 0)
            reports = evaluates or last or step % config.log_every == 0
            saves = last or step % config.save_every == 0
            stopped = state.agree(stop.signal_number) if reports or fabric.world_size == 1 else 0
            if reports or saves or stopped:
                journal.write(state.evaluate() if evaluates else {})
            if (saves or stopped) and first:
                journal.sync()
                save_checkpoint(run.checkpoints, state.checkpoint(step, journal.seconds, machine), config.keep_last)
                _save_weights(run, state)
            if stopped:
                fabric.barrier()
                raise Interrupted(run.path, step, config.steps, stopped)
        if begin == config.steps and first:
            _save_weights(run, state)  # the run may have been killed just before it wrote them
    finally:
        journal.close()
    fabric.barrier()
    state.settle()
    finished = Finished(config.steps, journal.seconds if begin < config.steps else seconds)
    tell(finished)
    return finished


def _settings(
    model: nn.Module, task: Task, config: TrainConfig, key: Key | None, about: Mapping[str, Any]
) -> dict[str, Any]:
    """What the weights depend on, and what must not change when the run is resumed."""
    described = getattr(getattr(model, "config", None), "to_json", None)
    return {
        "model": {"class": type(model).__name__, "config": described() if described else None},
        "task": {"name": task.name, "settings": dict(task.settings)},
        "train": config.to_json(),
        "key": key.to_json() if key else None,
        "about": dict(about),
    }


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


def _save_weights(run: RunFolder, state: TrainState) -> None:
    weights = {name: value.contiguous() for name, value in state.weights().items()}
    content = save_tensors(weights, metadata={"format": "pt"})
    write_atomically(run.weights, lambda file: file.write(content))
