"""From a run's folder back to its model: the same answers, and a clear word about folders that hold none."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cofire.checks import FileProblem, InvalidValue
from cofire.ctm import ClassicControl, LSTMConfig
from cofire.random import Key
from cofire.train import TrainConfig, load_run, predict, train
from cofire.train.ppo import PPOConfig
from cofire.train.presets import Preset, Setup, find_preset
from tests.train import stand_in

SETUP = Setup.of(find_preset("digits", "small"), seed=2).change(
    {"steps": 4, "model.neurons": 8, "model.ticks": 3, "model.memory_length": 2, "task.held_out": 2}
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "digits"
    SETUP.start(out)
    return out


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def test_a_run_answers_as_it_did_at_its_end(folder: Path):
    run = load_run(folder)
    assert not run.model.training
    assert run.model.config == run.model_config == SETUP.model
    assert (run.name, run.preset, run.seed, run.steps) == ("digits", "small", 2, 4)
    assert run.seconds > 0
    assert run.parameters == sum(one.numel() for one in SETUP.make_model().parameters())
    answers = predict(run.model, run.task)
    tick = answers.certainty.argmax(1)
    right = answers.logits[np.arange(len(tick)), :, tick].argmax(1) == answers.targets
    assert run.metrics["test_accuracy"][-1] == pytest.approx(right.mean(), abs=1e-6)


@pytest.mark.parametrize("kind", ["small-lstm", "small-feed-forward", "small-no-neuron-models"])
def test_baselines_come_back_too(tmp_path: Path, kind: str):
    setup = Setup.of(find_preset("digits", kind)).change({"steps": 1, "task.held_out": 1})
    setup.start(tmp_path)
    assert load_run(tmp_path).model.config == setup.model


def test_an_agent_comes_back_with_its_world(tmp_path: Path):
    machine = LSTMConfig(width=4, ticks=1, backbone=ClassicControl(inputs=4, features=4), answer=None)
    config = PPOConfig(steps=1, places=4, horizon=4)
    world = {"environment": "cartpole", "limit": 50}
    preset = Preset(task="control", name="tiny", about="", model=machine, train=config, settings=world)
    Setup.of(preset, seed=1).start(tmp_path)
    run = load_run(tmp_path)
    assert (run.name, run.seed, run.model_config, run.task.limit) == ("control", 1, machine, 50)
    assert Setup.begun(tmp_path).train == config


def no_weights(folder: Path) -> None:
    (folder / "weights.safetensors").unlink()


def torn_weights(folder: Path) -> None:
    content = (folder / "weights.safetensors").read_bytes()
    (folder / "weights.safetensors").write_bytes(content[: len(content) // 2])


def no_rows(folder: Path) -> None:
    (folder / "metrics.csv").write_text("step,seconds\n")


def torn_config(folder: Path) -> None:
    content = (folder / "config.json").read_text()
    (folder / "config.json").write_text(content[:100])


def changed(**parts: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, **parts}))

    return change


def other_width(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["model"]["config"]["neurons"] = 9
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (no_weights, FileProblem, "wanted a run with weights, got none kept yet; .* until its first checkpoint"),
        (torn_weights, FileProblem, "weights.safetensors: wanted a safetensors file"),
        (no_rows, FileProblem, "metrics.csv: wanted a row for every step, got no rows"),
        (torn_config, FileProblem, "config.json: wanted the config of a run, got a missing, damaged or foreign one"),
        (changed(format="theirs/7"), FileProblem, "wanted the config of a run"),
        (changed(task=None), FileProblem, "wanted the config of a run, got one without its parts"),
        (changed(model={"class": "Theirs", "config": None}), FileProblem, "a Theirs, of which no configuration was"),
        (changed(task={"name": "digist", "settings": {}}), InvalidValue, "task: wanted one of .*did you mean 'digits'"),
        (other_width, InvalidValue, "wanted weights that fit the model"),
    ],
)
def test_what_is_damaged_or_foreign_is_named(copy: Path, spoil: Callable[[Path], None], error: type, words: str):
    spoil(copy)
    with pytest.raises(error, match=words):
        load_run(copy)


def test_a_model_of_the_users_own_is_not_guessed(tmp_path: Path):
    train(stand_in.Model(Key(0)), stand_in.Stripes(), TrainConfig(steps=1), tmp_path)
    with pytest.raises(FileProblem, match=r"a Model, of which no configuration was kept; .*load_weights"):
        load_run(tmp_path)
