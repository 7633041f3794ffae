"""Training a machine to act. Everything random is addressed, so that a run is its state and a number."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as save_tensors

import cofire
from cofire import checks
from cofire.files import write_atomically
from cofire.random import Key
from cofire.tasks.control import Environment, make_environment
from cofire.train._checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from cofire.train._events import Finished, Listener, Started, ignore
from cofire.train._folder import RunFolder
from cofire.train._hardware import Hardware, deterministic
from cofire.train._interrupt import Interrupted, StopRequest
from cofire.train._settings import as_of_today
from cofire.train.ppo._agent import Agent, check_fits
from cofire.train.ppo._config import PPOConfig
from cofire.train.ppo._journal import PPOJournal
from cofire.train.ppo._state import PPOState


def train_ppo(
    agent: Agent,
    environment: Environment,
    config: PPOConfig,
    folder: Path | str,
    *,
    key: Key,
    hardware: Hardware | None = None,
    resume: bool = False,
    overwrite: bool = False,
    about: Mapping[str, Any] | None = None,
    on_event: Listener = ignore,
) -> Finished:
    """Train an agent in an environment by proximal policy optimisation, in a folder from which it can be taken up.

    The thought of the machine is carried from each step of an episode to the next, over the ends of iterations too, and
    begins at the learned start where an episode begins. Gradients flow back through the steps of one iteration. The
    folder is that of `cofire.train.train`: `config.json`, `metrics.csv` (a row per iteration, with the mean of the true
    returns and lengths of the episodes that ended in it), `checkpoint/`, `weights.safetensors`.

    **A resumed run ends with the same weights, to the bit**, as one that was never interrupted, on the same machine
    with the same number of threads: episodes, actions and minibatches are drawn from `key` at addresses, and the
    checkpoint holds the episodes under way, the carried thoughts, the scale of rewards and the optimiser's moments.

    The agent is changed in place. `on_event` receives `Started`, `Progress`, `Evaluated` and `Finished`, whose steps
    are iterations. SIGINT or SIGTERM let the iteration under way end, write a checkpoint, and raise `Interrupted`.

    Raises `FileProblem` where the folder cannot be entered or written or its checkpoint is damaged, `InvalidValue`
    where a run is resumed with other settings, the agent has another number of actions than the environment, or more
    devices than one are asked for; `Diverged` where the loss is no longer finite, `MissingExtra` without the extra
    "train".

    >>> from tempfile import TemporaryDirectory
    >>> from cofire.ctm import ClassicControl, LSTMBaseline, LSTMConfig
    >>> from cofire.tasks.control import CartPole
    >>> machine = LSTMConfig(width=8, ticks=1, backbone=ClassicControl(inputs=4, features=8), answer=None)
    >>> agent = Agent(LSTMBaseline(machine, key=Key(0)), CartPole.actions, key=Key(1))
    >>> with TemporaryDirectory() as folder:
    ...     train_ppo(agent, CartPole(), PPOConfig(steps=2, places=4, horizon=8), folder, key=Key(2)).step
    2
    """
    run = RunFolder(folder)
    resumed = run.check(resume=resume, overwrite=overwrite)
    check_fits(agent, environment)
    settings = _settings(agent, environment, config, key, about or {})
    if resumed:
        known = {"train": PPOConfig, "remake": make_environment}
        run.compare(settings, lambda older: as_of_today(older, agent.mind, environment, **known))
    fabric = (hardware or Hardware()).launch("float32")
    if fabric.world_size > 1:
        got, fix = f"{fabric.world_size}", "Hardware(devices=1), and a run per device with a seed of its own"
        raise checks.InvalidValue(checks.message("devices", "one: an agent learns on one device", got, fix))
    with run.alone(), deterministic(), StopRequest() as stop:
        if not resumed:
            run.begin({"cofire": cofire.__version__, **settings}, overwrite=overwrite)
        state = PPOState(agent, environment, config, key, fabric.device)
        checkpoint = load_checkpoint(run.checkpoints)
        if checkpoint:
            state.restore(checkpoint)
        return _go_on(state, config, run, checkpoint, fabric.device, stop, on_event)


def _go_on(
    state: PPOState,
    config: PPOConfig,
    run: RunFolder,
    checkpoint: Checkpoint | None,
    device: torch.device,
    stop: StopRequest,
    tell: Listener,
) -> Finished:
    """Make the iterations that are left, and after each what is due."""
    machine = _machine(device)
    begin, seconds = (checkpoint.step, checkpoint.seconds) if checkpoint else (0, 0.0)
    tell(Started(begin, config.steps, machine["device"], "float32", _changes(checkpoint, machine)))
    journal = PPOJournal(config, run.metrics, begin, seconds, tell)
    try:
        for step in range(begin + 1, config.steps + 1):
            scalars = state.step(step - 1)
            last = step == config.steps
            evaluates = config.evaluate_every > 0 and (last or step % config.evaluate_every == 0)
            tested = state.evaluate() if evaluates else {}
            journal.write(step, scalars, tested)
            stopped = stop.signal_number
            if evaluates or last or step % config.log_every == 0:
                journal.tell(step, tested)
            if last or stopped or step % config.save_every == 0:
                journal.sync()
                save_checkpoint(run.checkpoints, state.checkpoint(step, journal.seconds, machine), config.keep_last)
                _save_weights(run, state)
            if stopped:
                raise Interrupted(run.path, step, config.steps, stopped)
        if begin == config.steps:
            _save_weights(run, state)  # the run may have been killed just before it wrote them
    finally:
        journal.close()
    finished = Finished(config.steps, journal.seconds if begin < config.steps else seconds)
    tell(finished)
    return finished


def _settings(
    agent: Agent, environment: Environment, config: PPOConfig, key: Key, about: Mapping[str, Any]
) -> dict[str, Any]:
    """What the weights depend on, and what must not change when the run is resumed."""
    mind = agent.mind
    return {
        "model": {"class": type(mind).__name__, "config": mind.config.to_json()},
        "task": {"name": "control", "settings": dict(environment.settings)},
        "train": config.to_json(),
        "key": key.to_json(),
        "about": dict(about),
    }


def _machine(device: torch.device) -> dict[str, Any]:
    """What the last bits of a sum may depend on."""
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": torch.get_num_threads(),
        "torch": str(torch.__version__),
    }


def _changes(checkpoint: Checkpoint | None, machine: Mapping[str, Any]) -> tuple[str, ...]:
    before = checkpoint.machine if checkpoint else machine
    return tuple(f"{name} {before.get(name)} -> {now}" for name, now in machine.items() if now != before.get(name))


def _save_weights(run: RunFolder, state: PPOState) -> None:
    content = save_tensors({name: one.contiguous() for name, one in state.weights().items()}, metadata={"format": "pt"})
    write_atomically(run.weights, lambda file: file.write(content))
