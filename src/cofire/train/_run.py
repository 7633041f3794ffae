"""From the folder of a run back to what it trained: task, model and weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from cofire import checks
from cofire.ctm import ModelConfig, build_model, model_config_from_json
from cofire.tasks import make_task
from cofire.train._folder import RunFolder, load_weights
from cofire.train._metrics import read_metrics

_FIX = "give the folder that cofire train, or cofire.train.train, has written"


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run that is kept in a folder, ready to be looked at.

    model: with its trained weights, in evaluation mode, on the CPU; an agent for a run of control. task: the same
    examples that it was trained and tested on; for control, its world. config: what `config.json` says. metrics: the
    columns of `metrics.csv`, (rows,) each.
    """

    model: Any
    task: Any
    config: Mapping[str, Any]
    metrics: Mapping[str, np.ndarray]
    folder: Path

    @property
    def name(self) -> str:
        """The name of its task."""
        return self.config["task"]["name"]

    @property
    def preset(self) -> str:
        """The name of the preset, "" where it was made without one."""
        return str(self.config["about"].get("preset", ""))

    @property
    def seed(self) -> int | None:
        """The seed of all its randomness, None where it was made without one."""
        return self.config["about"].get("seed")

    @cached_property
    def model_config(self) -> ModelConfig:
        """What the model is made of; for control, the machine within the agent."""
        return model_config_from_json(self.config["model"]["config"])

    @property
    def steps(self) -> int:
        """How many steps it has made."""
        return int(self.metrics["step"][-1])

    @property
    def seconds(self) -> float:
        """How long they took."""
        return float(self.metrics["seconds"][-1])

    @cached_property
    def parameters(self) -> int:
        """How many numbers were learned."""
        return parameter_count(self.model)


def load_run(folder: Path | str) -> Run:
    """Return the run in a folder: its task and model made again, the model with the newest weights that were kept.

    Raises FileProblem where the folder holds no run of cofire, none with weights yet, or one that is damaged;
    InvalidValue where the weights do not fit; MissingExtra where its data need what is not installed.

    >>> from tempfile import TemporaryDirectory
    >>> from cofire import Key
    >>> from cofire.ctm import Answer, Direct, FeedForward, FeedForwardConfig
    >>> from cofire.tasks import Digits
    >>> from cofire.train import TrainConfig, train
    >>> config = FeedForwardConfig(width=4, backbone=Direct(features=28), answer=Answer(outputs=10))
    >>> with TemporaryDirectory() as folder:
    ...     done = train(FeedForward(config, key=Key(0)), Digits(key=Key(1)), TrainConfig(steps=2), folder)
    ...     run = load_run(folder)
    >>> run.model.config == config, run.name, run.steps
    (True, 'digits', 2)
    """
    place = RunFolder(folder)
    config = place.read_config()
    try:
        described = config["model"]["config"]
        name, settings = config["task"]["name"], dict(config["task"]["settings"])
        dict(config["about"])
    except (KeyError, TypeError, ValueError) as problem:
        got = f"one without its parts ({problem})"
        raise checks.FileProblem(checks.message(str(place.config), "the config of a run", got, _FIX)) from problem
    if described is None:
        got = f"a {config['model'].get('class')}, of which no configuration was kept"
        fix = "build it yourself and use cofire.train.load_weights"
        raise checks.FileProblem(checks.message(str(place.config), "a model of cofire.ctm", got, fix))
    if not place.weights.exists():
        fix = "let it train until its first checkpoint"
        raise checks.FileProblem(checks.message(str(place.path), "a run with weights", "none kept yet", fix))
    metrics = read_metrics(place.metrics)
    if not len(metrics.get("step", ())):
        raise checks.FileProblem(checks.message(str(place.metrics), "a row for every step", "no rows", _FIX))
    if name == "control":
        from cofire.train.ppo import load_control

        control = load_control(folder)
        model, task = control.agent, control.environment
    else:
        model = build_model(model_config_from_json(described), key=None).to_empty(device="cpu")
        load_weights(model, place.weights)
        model, task = model.eval(), make_task(name, settings)
    return Run(model=model, task=task, config=config, metrics=metrics, folder=place.path)


def parameter_count(model: nn.Module) -> int:
    """Return how many numbers a model learns.

    >>> parameter_count(nn.Linear(2, 3))
    9
    """
    return sum(parameter.numel() for parameter in model.parameters())
