"""Control by preset, and back from a run's folder: what the command line calls."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cofire import checks
from cofire.ctm import Model, ModelConfig, build_model, model_config_from_json
from cofire.random import Key
from cofire.tasks.control import Environment, make_environment
from cofire.train._events import Finished, Listener, ignore
from cofire.train._folder import RunFolder, load_weights
from cofire.train._hardware import Hardware
from cofire.train.ppo._agent import Agent
from cofire.train.ppo._config import PPOConfig
from cofire.train.ppo._loop import train_ppo

if TYPE_CHECKING:
    from cofire.train.presets import Preset


class ControlRun(NamedTuple):
    """A run of control that is kept in a folder: the trained agent on the CPU, its world, and how it was trained."""

    agent: Agent
    environment: Environment
    train: PPOConfig
    key: Key
    folder: Path


def train_control(
    preset: "Preset",
    folder: Path | str,
    *,
    key: Key,
    hardware: Hardware | None = None,
    resume: bool = False,
    overwrite: bool = False,
    about: dict[str, Any] | None = None,
    on_event: Listener = ignore,
) -> Finished:
    """Train the agent of a preset of control: `train_ppo` with machine and heads whose start weights `key` decides."""
    environment = make_environment(preset.settings)
    config = checks.instance("preset.train", preset.train, PPOConfig, fix="give a preset of the task control")
    return train_ppo(
        make_agent(preset.model, environment, key=key),
        environment,
        config,
        folder,
        key=key.fold("run"),
        hardware=hardware,
        resume=resume,
        overwrite=overwrite,
        about={"preset": preset.name} if about is None else about,
        on_event=on_event,
    )


def make_agent(config: ModelConfig, environment: Environment, *, key: Key | None) -> Agent:
    """Return an agent for an environment, its start weights drawn from `key`."""
    mind: Model = build_model(config, key=key and key.fold("weights"))
    return Agent(mind, environment.actions, key=key and key.fold("heads"))  # pyright: ignore[reportArgumentType]


def load_control(folder: Path | str) -> ControlRun:
    """Return the run of control in a folder, the agent with the newest weights that were kept.

    Raises FileProblem where the folder holds no such run, none with weights yet, or one that is damaged; InvalidValue
    where the weights do not fit.
    """
    place = RunFolder(folder)
    config = place.read_config()
    try:
        if config["task"]["name"] != "control":
            raise KeyError(f"the task control instead of {config['task']['name']}")
        environment = make_environment(config["task"]["settings"])
        model = model_config_from_json(config["model"]["config"])
        train, key = PPOConfig.from_json(config["train"]), Key.from_json(config["key"])
    except (KeyError, TypeError) as problem:
        fix = "give the folder that cofire train control, or cofire.train.train_ppo, has written"
        text = checks.message(str(place.config), "the config of a run of control", f"one without {problem}", fix)
        raise checks.FileProblem(text) from problem
    if not place.weights.exists():
        fix = "let it train until its first checkpoint"
        raise checks.FileProblem(checks.message(str(place.path), "a run with weights", "none kept yet", fix))
    agent = make_agent(model, environment, key=None).to_empty(device="cpu")
    load_weights(agent, place.weights)
    return ControlRun(agent.eval(), environment, train, key, place.path)
