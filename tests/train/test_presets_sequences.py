"""Presets of parity, sorting and the small tasks: published sizes, partners as large, answers that fit."""

from collections import Counter

import numpy as np
import pytest

from cofire.ctm import CTMConfig, build_model
from cofire.random import Key
from cofire.train import QuantileClip, TrainConfig
from cofire.train.presets import Preset, find_preset, presets

TASKS = ("parity", "sort", "modular-addition", "multi-digit-addition", "delayed-match")
ALL = [preset for task in TASKS for preset in presets(task)]
PUBLISHED = ("paper-1x1", "paper-10x5", "paper-25x10", "paper-50x25", "paper-75x25", "paper-100x50")
SIZES = {"paper-75x25": 5_719_714, "paper-50x25": 5_719_714, "paper-75x25-lstm": 5_722_374}


def count(preset: Preset) -> int:
    return sum(one.numel() for one in build_model(preset.model, key=None).parameters())


def test_names_are_unique():
    assert max(Counter((preset.task, preset.name) for preset in ALL).values()) == 1


@pytest.mark.parametrize("preset", ALL, ids=lambda preset: f"{preset.task} {preset.name}")
def test_baselines_are_as_large_as_the_machine(preset: Preset):
    for kind in ("-lstm", "-feed-forward"):
        if preset.name.endswith(kind):
            machine = find_preset(preset.task, preset.name.removesuffix(kind))
            assert count(preset) == pytest.approx(count(machine), rel=0.011)


@pytest.mark.parametrize("name", SIZES)
def test_parity_is_as_large_as_published(name: str):
    assert count(find_preset("parity", name)) == SIZES[name]


@pytest.mark.parametrize("name", PUBLISHED)
def test_parity_is_trained_as_published(name: str):
    preset = find_preset("parity", name)
    assert isinstance(preset.model, CTMConfig)
    assert f"paper-{preset.model.ticks}x{preset.model.memory_length}" == name
    assert preset.settings["length"] == 64
    training = preset.train
    assert isinstance(training, TrainConfig)
    assert (training.steps, training.batch_size, training.learning_rate) == (200_000, 64, 1e-4)
    assert training.clip == QuantileClip(0.9, 1000)
    assert training.learning_rate_at(1) == pytest.approx(2e-7)
    assert training.learning_rate_at(500) == pytest.approx(1e-4)
    baseline = find_preset("parity", f"{name}-lstm")
    assert baseline.settings["use_most_certain"] is False
    assert isinstance(baseline.train, TrainConfig)
    assert baseline.train.clip is None
    assert "16 hidden units" in preset.about


def test_sorting_is_trained_as_published():
    preset = find_preset("sort", "paper-30")
    assert isinstance(preset.model, CTMConfig)
    assert isinstance(preset.train, TrainConfig)
    assert (preset.model.neurons, preset.model.ticks, preset.model.memory_length) == (512, 50, 25)
    assert (preset.train.steps, preset.train.warmup_steps, preset.train.learning_rate) == (100_000, 5000, 1e-3)


@pytest.mark.parametrize("preset", [preset for preset in ALL if "paper" not in preset.name], ids=lambda p: p.name)
def test_the_small_ones_answer_and_are_scored(preset: Preset):
    task = preset.make_task(Key(0))
    batch = task.train(np.arange(3))
    thought = batch.show(build_model(preset.model, key=Key(1)))
    loss, metrics = task.loss(thought, batch.targets)
    loss.backward()
    assert 0 <= metrics["accuracy"].item() <= 1
    assert np.isfinite(loss.item())
