"""Presets of mazes: answers as long as the routes, the published numbers of parameters, what is shown fits."""

import numpy as np
import pytest
import torch

from cofire.ctm import build_model
from cofire.random import Key
from cofire.train.presets import find_preset, presets

COUNTS = {
    "paper-39x39": 31_998_330,
    "paper-99x99": 31_998_330,
    "paper-debug": 8_511_992,
    "paper-15x15": 8_511_992,
}


def parameters(name: str) -> int:
    return sum(one.numel() for one in build_model(find_preset("mazes", name).model, key=None).parameters())


@pytest.mark.parametrize("preset", presets("mazes"), ids=lambda preset: preset.name)
def test_an_answer_has_a_place_for_every_step(preset):
    assert preset.model.answer.positions == preset.settings["route_length"]
    assert preset.model.answer.classes == 5
    task = preset.make_task(Key(0))
    batch = task.test(np.arange(2))
    assert batch.inputs.shape == (2, 3, preset.settings["size"], preset.settings["size"])
    assert batch.targets.shape == (2, preset.settings["route_length"])


@pytest.mark.parametrize("name", COUNTS)
def test_parameters_are_those_published(name: str):
    assert parameters(name) == COUNTS[name]


@pytest.mark.parametrize(("name", "millions"), [("lstm", 42.3), ("lstm-2-layers", 75.9), ("lstm-3-layers", 109.4)])
def test_recurrent_baselines_are_those_published(name: str, millions: float):
    """Where the first layer sees its hidden state as an input too, as the published totals count it."""
    assert (parameters(f"paper-39x39-{name}") + 4 * 2048 * 2048) / 1e6 == pytest.approx(millions, abs=0.051)


def test_the_feed_forward_baseline_is_as_large_as_published():
    assert parameters("paper-39x39-feed-forward") / 1e6 == pytest.approx(54.8, abs=0.05)


def test_baselines_of_the_smaller_machines_are_as_large_as_they():
    for name in ("small", "paper-15x15", "paper-debug"):
        machine = parameters(name)
        for partner in ("lstm", "lstm-synchronisation", "feed-forward"):
            if any(one.name == f"{name}-{partner}" for one in presets("mazes")):
                assert parameters(f"{name}-{partner}") == pytest.approx(machine, rel=0.02)


def test_the_small_one_answers_and_is_scored():
    preset = find_preset("mazes", "small")
    task = preset.make_task(Key(0))
    batch = task.train(np.arange(4))
    thought = build_model(preset.model, key=Key(1))(batch.inputs)
    loss, scalars = task.loss(thought, batch.targets)
    assert torch.isfinite(loss)
    assert 0 <= scalars["accuracy"].item() <= 1
