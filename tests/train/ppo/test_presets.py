"""The presets of control are the published set-ups, with baselines of as many parameters."""

import pytest

from cofire.ctm import PUBLISHED_WIDTHS, ClassicControl, LSTMConfig, MiniGrid
from cofire.tasks.control import make_environment
from cofire.train import PPOConfig
from cofire.train.ppo import make_agent
from cofire.train.presets import Preset, find_preset, presets, with_steps

CONTROL = {preset.name: preset for preset in presets("control")}
ROWS = [row for row in PUBLISHED_WIDTHS if row.task in ("cartpole", "acrobot", "four-rooms")]


def count(preset: Preset) -> int:
    agent = make_agent(preset.model, make_environment(preset.settings), key=None)
    return sum(parameter.numel() for parameter in agent.parameters())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.task}-{row.ticks}")
def test_every_published_set_up_has_a_preset_and_an_lstm_of_its_size(row):
    preset = CONTROL[f"paper-{row.task}-{row.ticks}x{row.memory_length}"]
    assert (preset.model.ticks, preset.model.memory_length) == (row.ticks, row.memory_length)
    baseline = CONTROL[f"{preset.name}-lstm"]
    assert isinstance(baseline.model, LSTMConfig)
    assert (baseline.model.width, baseline.model.ticks) == (row.width, row.ticks)
    assert baseline.train == preset.train
    assert abs(count(baseline) - count(preset)) < 0.006 * count(preset)
    assert (f"{preset.name}-one-tick" in CONTROL) == (row.ticks > 1)
    for ablation in ("no-neuron-models", "no-synchronisation"):
        assert f"{preset.name}-{ablation}" in CONTROL


# Of the training scripts: neurons, input features, hidden units, neurons read; places, horizon, epochs, rate, steps.
SCRIPTS = {
    "paper-cartpole-5x50": ((128, 128, 4, 16), (256, 100, 4, 1e-3), 10_000_000),
    "paper-acrobot-5x25": ((256, 64, 4, 16), (12, 100, 1, 5e-4), 2_000_000),
    "paper-four-rooms-2x20": ((512, 128, 16, 32), (256, 50, 1, 1e-4), 300_000_000),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_sizes_are_those_of_the_scripts(name: str):
    (neurons, features, hidden, read), (places, horizon, epochs, rate), total = SCRIPTS[name]
    model, train = CONTROL[name].model, CONTROL[name].train
    seen = model.backbone.cell_features if isinstance(model.backbone, MiniGrid) else model.backbone.features
    assert (model.neurons, seen, model.neuron_model.hidden) == (neurons, features, hidden)
    assert (model.sync_out.pairs.neurons, model.sync_out.pairs.end, model.synapse.blocks) == (read, "last", 2)
    assert (train.places, train.horizon, train.epochs, train.learning_rate) == (places, horizon, epochs, rate)
    assert total - train.steps_per_iteration < train.steps * train.steps_per_iteration <= total
    usual = PPOConfig(steps=1)
    for field in ("minibatches", "clip", "entropy", "value", "max_norm", "discount", "trace", "epsilon"):
        assert getattr(train, field) == getattr(usual, field)


def test_what_all_published_set_ups_share():
    usual = PPOConfig(steps=1)
    assert (usual.minibatches, usual.clip, usual.entropy, usual.value, usual.max_norm) == (4, 0.1, 0.1, 0.25, 0.5)
    assert (usual.discount, usual.trace, usual.epsilon) == (0.99, 0.95, 1e-5)
    assert usual.anneal
    assert usual.normalise_advantages
    assert usual.scale_rewards


@pytest.mark.parametrize("name", CONTROL)
def test_worlds_and_machines_fit(name: str):
    preset = CONTROL[name]
    world = make_environment(preset.settings)
    backbone = preset.model.backbone
    assert preset.about
    assert world.limit == {"cartpole": 200, "acrobot": 500, "four-rooms": 300}[world.name]
    if isinstance(backbone, ClassicControl):
        assert (backbone.inputs,) == world.shape
        assert world.settings["masked"]
    assert count(preset) > 0


def test_the_small_one_and_its_baseline_are_of_a_size():
    small = find_preset("control", "small")
    assert abs(count(find_preset("control", "small-lstm")) - count(small)) < 0.01 * count(small)
    assert with_steps(small.train, 7).steps == 7
    assert with_steps(small.train, 7).evaluate_every == 7
