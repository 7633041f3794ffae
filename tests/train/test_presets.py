"""Presets by name, their partners, and set-ups made from them: what is changed is changed, and nothing else."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from cofire.checks import FileProblem, InvalidType, InvalidValue
from cofire.ctm import (
    CTMConfig,
    FeedForwardConfig,
    LSTMConfig,
    NoNeuronModel,
    Snapshot,
    build_model,
    model_config_from_json,
    one_tick_control,
)
from cofire.random import Key
from cofire.train import TrainConfig
from cofire.train.presets import Preset, Setup, find_preset, partners, preset_tasks, presets, with_steps

SMALL = find_preset("digits", "small")
TINY = {"steps": 3, "model.neurons": 8, "model.ticks": 2, "model.memory_length": 2, "task.held_out": 1}


@pytest.mark.parametrize("task", preset_tasks())
def test_every_preset_can_be_built_described_and_read_back(task: str):
    found = presets(task)
    names = [preset.name for preset in found]
    assert len(set(names)) == len(names) > 0
    for preset in found:
        assert preset.task == task
        assert preset.about
        assert find_preset(task, preset.name) is preset
        assert sum(one.numel() for one in build_model(preset.model, key=None).parameters()) > 0
        assert model_config_from_json(json.loads(json.dumps(preset.model.to_json()))) == preset.model
        assert type(preset.train).from_json(json.loads(json.dumps(preset.train.to_json()))) == preset.train


def test_all_presets_are_those_of_every_task():
    assert len(presets()) == sum(len(presets(task)) for task in preset_tasks())


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(InvalidValue, match=r"task: wanted one of 'digits'.*did you mean 'digits'"):
        presets("digit")
    with pytest.raises(InvalidValue, match=r"preset of digits: wanted .* got 'smal'; .*did you mean 'small'"):
        find_preset("digits", "smal")


def test_partners_differ_from_the_machine_in_one_thing():
    found = {one.name.removeprefix("small-"): one for one in partners(SMALL, lstm_width=8, feed_forward_width=4)}
    assert [*found] == ["lstm", "feed-forward", "one-tick", "no-neuron-models", "no-synchronisation"]
    machine = SMALL.model
    assert isinstance(machine, CTMConfig)
    assert found["one-tick"].model == one_tick_control(machine)
    assert found["no-neuron-models"].model == dataclasses.replace(machine, neuron_model=NoNeuronModel())
    without = dataclasses.replace(machine, sync_out=Snapshot(), sync_action=Snapshot())
    assert found["no-synchronisation"].model == without
    lstm, plain = found["lstm"].model, found["feed-forward"].model
    assert isinstance(lstm, LSTMConfig)
    assert (lstm.width, lstm.ticks, lstm.backbone, lstm.attention) == (
        8,
        machine.ticks,
        machine.backbone,
        machine.attention,
    )
    assert (lstm.sync_out, lstm.sync_action) == (Snapshot(), Snapshot())
    assert isinstance(plain, FeedForwardConfig)
    assert (plain.width, plain.backbone, plain.answer) == (4, machine.backbone, machine.answer)
    for one in found.values():
        assert (one.task, one.train, one.settings) == (SMALL.task, SMALL.train, SMALL.settings)
        assert one.about.startswith("small, ")


def test_recurrent_partners_may_be_read_and_trained_in_their_own_way():
    train = dataclasses.replace(SMALL.train, clip=None)
    found = {
        one.name: one
        for one in partners(
            SMALL,
            lstm_synchronised_width=8,
            lstm_layers=2,
            lstm_train=train,
            lstm_settings={"held_out": 50},
        )
    }
    one = found["small-lstm-synchronisation"]
    machine = SMALL.model
    assert isinstance(one.model, LSTMConfig)
    assert isinstance(machine, CTMConfig)
    assert (one.model.layers, one.model.sync_out, one.model.sync_action) == (2, machine.sync_out, machine.sync_action)
    assert (one.train, one.settings) == (train, {"held_out": 50})
    assert found["small-one-tick"].train == SMALL.train  # the machine's own partners stay as it is


def test_a_machine_of_one_tick_has_no_one_tick_partner():
    short = dataclasses.replace(SMALL, model=dataclasses.replace(SMALL.model, ticks=1))
    assert [one.name for one in partners(short)] == ["small-no-neuron-models", "small-no-synchronisation"]


def test_partners_are_made_of_machines_that_answer():
    with pytest.raises(InvalidType, match=r"preset\.model: wanted CTMConfig.*the machine itself"):
        partners(find_preset("digits", "small-lstm"))
    silent = dataclasses.replace(SMALL, model=dataclasses.replace(SMALL.model, answer=None))
    with pytest.raises(InvalidType, match=r"preset\.model\.answer: wanted Answer.*leave feed_forward_width away"):
        partners(silent, feed_forward_width=3)


def test_a_short_run_warms_up_and_is_evaluated_in_time():
    config = TrainConfig(steps=1000, warmup_steps=100, evaluate_every=250)
    assert with_steps(config, 40) == TrainConfig(steps=40, warmup_steps=10, evaluate_every=40)
    assert with_steps(config, 2000) == TrainConfig(steps=2000, warmup_steps=100, evaluate_every=250)


# --- set-ups ---------------------------------------------------------------------------------------------------------


def test_what_is_changed_is_changed_and_nothing_else():
    before = Setup.of(SMALL, seed=4)
    after = before.change(
        {
            "learning_rate": 1e-3,
            "model.neuron_model.hidden": 2,
            "task.held_out": 7,
            "clip": {"kind": "norm", "max": 1.0},
        }
    )
    machine = SMALL.model
    assert isinstance(machine, CTMConfig)
    assert after.train == TrainConfig.from_json(
        {**SMALL.train.to_json(), "learning_rate": 1e-3, "clip": {"kind": "norm", "max": 1.0}}
    )
    neuron_model = dataclasses.replace(machine.neuron_model, hidden=2)  # pyright: ignore
    assert after.model == dataclasses.replace(machine, neuron_model=neuron_model)
    assert after.settings == {"held_out": 7}
    assert before == Setup.of(SMALL, seed=4)  # the first stays as it was


def test_a_whole_part_may_be_exchanged():
    after = Setup.of(SMALL).change({"model.neuron_model": {"kind": "NoNeuronModel"}})
    assert after.model == find_preset("digits", "small-no-neuron-models").model


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"lerning_rate": 1}, "field of train: wanted one of .*did you mean 'learning_rate'"),
        ({"model.neuron": 1}, "field of model: wanted one of .*did you mean 'neurons'"),
        ({"model.neuron_model.hiden": 1}, r"field of model\.neuron_model: wanted one of .*did you mean 'hidden'"),
        ({"model.neurons.count": 1}, r"model\.neurons: wanted dict, got 128"),
        ({"modle.neurons": 1}, r"part of modle\.neurons: wanted one of 'train', 'model', 'task'.*mean 'model'"),
        ({"steps": 0}, "steps: wanted an integer of at least 1, got 0"),
        ({"batch_size": -3}, "batch_size: wanted an integer of at least 1, got -3"),
        ({"model.ticks": -1}, "ticks: wanted an integer of at least 1, got -1"),
    ],
)
def test_what_cannot_be_changed_is_named(fields: dict, words: str):
    with pytest.raises((InvalidValue, InvalidType), match=words):
        Setup.of(SMALL).change(fields)


def test_settings_that_the_task_does_not_have_are_named():
    with pytest.raises(InvalidValue, match=r"setting of digits: wanted one of 'held_out', 'warp', got 'heldout'"):
        Setup.of(SMALL).change({"task.heldout": 3}).make_task()


def test_data_come_from_the_seed_and_are_those_of_partners():
    def drawn(name: str, seed: int) -> bytes:
        task = Setup.of(find_preset("digits", name), seed=seed).make_task()
        return task.train(np.arange(2)).inputs.numpy().tobytes()

    assert drawn("small", 1) == drawn("small-one-tick", 1) != drawn("small", 2)


def test_a_run_knows_its_set_up_and_the_command_that_makes_it_again(tmp_path: Path):
    setup = Setup.of(SMALL, seed=9).change(TINY)
    setup.start(tmp_path / "run")
    begun = Setup.begun(tmp_path / "run")
    assert (begun.model, begun.train, begun.seed, begun.changed) == (setup.model, setup.train, 9, TINY)
    assert begun.command == (
        "cofire train digits --preset small --seed 9 --set steps=3 --set model.neurons=8 --set model.ticks=2 "
        "--set model.memory_length=2 --set task.held_out=1"
    )
    weights = (tmp_path / "run" / "weights.safetensors").read_bytes()
    setup.start(tmp_path / "again")
    assert (tmp_path / "again" / "weights.safetensors").read_bytes() == weights
    begun.start(tmp_path / "run", resume=True)  # it is finished, and stays as it is
    assert (tmp_path / "run" / "weights.safetensors").read_bytes() == weights
    with pytest.raises(InvalidValue, match=r"train\.learning_rate: wanted 0\.003 as in .* got 1\.0"):
        begun.change({"learning_rate": 1.0}).start(tmp_path / "run", resume=True)


def test_a_folder_of_something_else_is_refused(tmp_path: Path):
    with pytest.raises(FileProblem, match=r"config\.json: wanted the config of a run"):
        Setup.begun(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"format": "cofire-run/1", "about": {}, "task": {"name": "x"}}))
    with pytest.raises(FileProblem, match="wanted a run of a preset, got one that was begun in another way"):
        Setup.begun(tmp_path)


def test_seeds_are_checked():
    with pytest.raises(InvalidValue, match=r"seed: wanted an integer from 0 to .* got -1"):
        Setup.of(SMALL, seed=-1)


def test_a_preset_makes_its_task():
    preset = Preset(task="digits", name="one", about="", model=SMALL.model, train=SMALL.train, settings={"held_out": 2})
    task = preset.make_task(Key(5))
    assert (task.test_size, task.settings["key"]) == (20, Key(5).to_json())
