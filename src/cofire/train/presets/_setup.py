"""A preset with a seed, and with fields of it changed: all that decides a run, ready to be started."""

import copy
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

from cofire import checks
from cofire.ctm import Model, ModelConfig, build_model, model_config_from_json
from cofire.random import Key
from cofire.tasks import TASKS, Task, make_task
from cofire.train._checkpoint import has_checkpoint
from cofire.train._config import TrainConfig
from cofire.train._events import Finished, Listener, ignore
from cofire.train._folder import RunFolder
from cofire.train._hardware import Hardware
from cofire.train._loop import train
from cofire.train._pressures import PRESSURES, blank
from cofire.train.ppo import PPOConfig, train_control
from cofire.train.presets._preset import Preset, with_steps

_ABSENT = {name: blank(kind) for name, kind in PRESSURES.items()}  # what a field of theirs brings with it
CONTROL = "control"  # the task whose examples are not given: they come of what the machine does


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What decides the result of a run: task and its settings, model, training, and the seed of all randomness.

    preset: the name of the preset it began as, and `changed` what was changed in it since. warm_start: where the
    weights lie that it begins with in place of drawn ones, "" for none.

    Data, start weights and dropout each draw from a key of their own below the seed's; partners of a preset see the
    same examples in the same order.

    >>> from cofire.train.presets import find_preset
    >>> setup = Setup.of(find_preset("digits", "small"), seed=3).change({"learning_rate": 1e-3, "model.ticks": 5})
    >>> setup.train.learning_rate, setup.model.ticks, setup.name
    (0.001, 5, 'digits-small-3')
    """

    task: str
    settings: Mapping[str, Any]
    model: ModelConfig
    train: TrainConfig | PPOConfig
    preset: str
    seed: int
    changed: Mapping[str, Any] = field(default_factory=dict)
    warm_start: str = ""

    @classmethod
    def of(cls, preset: Preset, *, seed: int = 0) -> "Setup":
        """Return the set-up of a preset with a seed."""
        checks.integer("seed", seed, low=0, high=2**64 - 1)
        settings = dict(preset.settings)
        return cls(
            task=preset.task, settings=settings, model=preset.model, train=preset.train, preset=preset.name, seed=seed
        )

    @classmethod
    def begun(cls, folder: Path | str) -> "Setup":
        """Return the set-up with which the run in a folder was begun; raises FileProblem where it has none."""
        place = RunFolder(folder)
        config = place.read_config()
        try:
            task, about = config["task"], config["about"]
            return cls(
                task=task["name"],
                settings={name: value for name, value in task["settings"].items() if name != "key"},
                model=model_config_from_json(config["model"]["config"]),
                train=(PPOConfig if task["name"] == CONTROL else TrainConfig).from_json(config["train"]),
                preset=about["preset"],
                seed=about["seed"],
                changed=about["changed"],
                warm_start=about.get("warm_start", ""),
            )
        except (KeyError, TypeError, AttributeError) as problem:
            got = f"one that was begun in another way ({problem} is missing)"
            fix = "go on with it as it was begun, or choose another folder"
            raise checks.FileProblem(checks.message(str(place.path), "a run of a preset", got, fix)) from problem

    @property
    def name(self) -> str:
        """A name for the folder of its run."""
        return f"{self.task}-{self.preset}-{self.seed}"

    @property
    def command(self) -> str:
        """What trains the same on the command line.

        >>> from cofire.train.presets import find_preset
        >>> Setup.of(find_preset("digits", "small")).change({"precision": "float32"}).command
        'cofire train digits --preset small --seed 0 --set precision=float32'
        """
        return shlex.join(["cofire", *self.arguments])

    @property
    def arguments(self) -> tuple[str, ...]:
        """The words of that command, after its name."""
        words = command_words(self.task, self.preset, self.seed, self.changed)
        return (*words, "--warm-start", self.warm_start) if self.warm_start else words

    def change(self, fields: Mapping[str, Any]) -> "Setup":
        """Return the set-up with some fields changed.

        Names are those of `TrainConfig` as they are, `model.` and a field of the model's configuration, further below
        with more dots, or `task.` and a setting of the task; values are JSON values. A field of a pressure that is off,
        such as "ponder.cost", puts it on. "steps" is changed first, and a short run warms up for less. Raises
        InvalidValue or InvalidType that names the field and what was wanted.
        """
        groups: dict[str, dict[str, Any]] = {"train": {}, "model": {}, "task": {}}
        known = self.train.to_json()
        for name, value in fields.items():
            group, _, below = name.partition(".")
            group, below = ("train", name) if not below or group in known else (group, below)
            groups[checks.choice(f"part of {name}", group, groups)][below] = value
        train_config, model = self.train, self.model
        if "steps" in groups["train"]:
            train_config = with_steps(train_config, checks.integer("steps", groups["train"]["steps"], low=1))
        if groups["train"]:
            values = _set(train_config.to_json(), groups["train"], "train", absent=_ABSENT)
            train_config = type(self.train).from_json(values)
        if groups["model"]:
            model = model_config_from_json(_set(model.to_json(), groups["model"], "model"))
        return replace(
            self,
            train=train_config,
            model=model,
            settings={**self.settings, **groups["task"]},
            changed={**self.changed, **fields},
        )

    def begin_with(self, path: Path | str) -> "Setup":
        """Return the set-up with the weights of another run, of a saved machine, or in a file, to begin with.

        Raises InvalidValue for a task whose weights are always drawn.
        """
        if self.task == CONTROL:
            fix = "leave it away: an agent learns from the start"
            raise checks.InvalidValue(checks.message("warm_start", "none for control", str(path), fix))
        return replace(self, warm_start=str(Path(path).absolute()))

    def make_task(self) -> Task:
        """Return the task; raises InvalidValue for a setting that it does not have."""
        try:
            return make_task(self.task, {**self.settings, "key": self._key.fold("data").to_json()})
        except TypeError:
            module, kind = TASKS[self.task]
            known = [name for name in signature(getattr(import_module(module), kind)).parameters if name != "key"]
            for name in self.settings:
                checks.choice(f"setting of {self.task}", name, known)
            raise

    def make_model(self) -> Model:
        """Return the model with its start weights."""
        return build_model(self.model, key=self._key.fold("weights"))

    def start(
        self,
        folder: Path | str,
        *,
        hardware: Hardware | None = None,
        resume: bool = False,
        overwrite: bool = False,
        on_event: Listener = ignore,
    ) -> Finished:
        """Train in a folder, or go on there; see `cofire.train.train` for what is written and raised."""
        RunFolder(folder).check(resume=resume, overwrite=overwrite)  # before the data are read
        about = {"preset": self.preset, "seed": self.seed, "changed": dict(self.changed)}
        options: dict[str, Any] = {
            "hardware": hardware,
            "resume": resume,
            "overwrite": overwrite,
            "about": {**about, "warm_start": self.warm_start} if self.warm_start else about,
            "on_event": on_event,
        }
        if isinstance(self.train, PPOConfig):
            made = Preset(
                task=self.task,
                name=self.preset,
                about="",
                model=self.model,
                train=self.train,
                settings=self.settings,
            )
            return train_control(made, folder, key=self._key, **options)
        begun = resume and has_checkpoint(RunFolder(folder).checkpoints)  # with weights that need not be there now
        options["warm_start"] = None if begun else self.warm_start or None
        return train(self.make_model(), self.make_task(), self.train, folder, key=self._key.fold("dropout"), **options)

    @property
    def _key(self) -> Key:
        return Key(self.seed).fold(self.task)


def command_words(task: str, preset: str, seed: int, changed: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the words of `cofire train`, after its name.

    >>> " ".join(command_words("parity", "small", 3, {"batch_size": 8}))
    'train parity --preset small --seed 3 --set batch_size=8'
    """
    values = (value if isinstance(value, str) else json.dumps(value) for value in changed.values())
    fields = (f"{name}={value}" for name, value in zip(changed, values, strict=True))
    begin = ("train", task, "--preset", preset, "--seed", str(seed))
    return (*begin, *(word for one in fields for word in ("--set", one)))


def _set(
    values: Mapping[str, Any], fields: Mapping[str, Any], name: str, absent: Mapping[str, dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Return JSON values with some of them changed, by dotted paths; what is not there raises InvalidValue.

    absent: parts that may be None, with the fields that they have as soon as one of them is set.
    """
    changed = copy.deepcopy(dict(values))
    for path, value in fields.items():
        *way, last = path.split(".")
        part, walked = changed, name
        for step in way:
            if part[checks.choice(f"field of {walked}", step, part)] is None and step in (absent or {}):
                part[step] = dict((absent or {})[step])
            part = part[step]
            walked += f".{step}"
            checks.instance(walked, part, dict, fix="name a field that has fields of its own, or set it as a whole")
        part[checks.choice(f"field of {walked}", last, part)] = value
    return changed
