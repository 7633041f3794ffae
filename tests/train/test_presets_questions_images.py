"""Presets of questions and of images: the published sizes, and machines that fit what they are shown."""

import numpy as np
import pytest

from cofire.ctm import CTMConfig, FeedForwardConfig, LSTMConfig, build_model
from cofire.random import Key
from cofire.train import TrainConfig
from cofire.train.presets import Preset, find_preset, presets

COUNTS = {
    ("qamnist", "paper-10"): 3_413_772,
    ("qamnist", "paper-10-lstm"): 3_418_954,
    ("qamnist", "paper-1"): 2_501_388,
}


def parameters(preset: Preset) -> int:
    return sum(one.numel() for one in build_model(preset.model, key=None).parameters())


@pytest.mark.parametrize(("task", "name"), COUNTS)
def test_parameters_are_those_published(task: str, name: str):
    assert parameters(find_preset(task, name)) == COUNTS[task, name]


@pytest.mark.parametrize("preset", presets("qamnist"), ids=lambda preset: preset.name)
def test_questions_are_awaited_for_as_long_as_they_are_judged(preset: Preset):
    assert isinstance(preset.model, CTMConfig | LSTMConfig)
    assert preset.model.question is not None
    assert preset.model.streamed
    assert isinstance(preset.train, TrainConfig)
    assert preset.train.batch_size == preset.settings.get("block", 64)  # every batch is of one kind
    if not preset.name.endswith("one-tick"):
        assert preset.model.ticks == preset.settings["answer_ticks"]


def test_the_small_one_is_of_two_digits_and_one_operation_and_remembers_all_its_ticks():
    preset = find_preset("qamnist", "small")
    batch = preset.make_task(Key(0)).test(np.arange(200))
    ((_, images, question),) = batch.kinds()
    assert (images.shape[1], question.shape[1]) == (2, 3)
    assert preset.model.memory_length >= images.shape[1] + question.shape[1] + preset.model.ticks
    assert abs(parameters(find_preset("qamnist", "small-lstm")) - parameters(preset)) < 0.01 * parameters(preset)


def test_the_published_slip_is_kept_in_the_published_presets_and_named():
    for name in ("paper-1", "paper-10"):
        preset = find_preset("qamnist", name)
        assert preset.settings["upper_exclusive"]
        assert "upper end left out" in preset.about


def test_the_published_recurrent_baseline_is_judged_at_its_last_tick():
    assert not find_preset("qamnist", "paper-10-lstm").settings["use_most_certain"]
    assert "use_most_certain" not in find_preset("qamnist", "paper-10").settings


@pytest.mark.parametrize("preset", presets("images"), ids=lambda preset: preset.name)
def test_machines_have_a_class_for_every_class(preset: Preset):
    classes = {"digits": 10, "mnist": 10, "cifar10": 10, "cifar100": 100, "imagenet": 1000}[preset.settings["dataset"]]
    channels = 1 if preset.settings["dataset"] in ("digits", "mnist") else 3
    assert preset.model.answer is not None
    assert preset.model.answer.outputs == classes
    assert getattr(preset.model.backbone, "channels", None) == channels


def test_partners_of_images_are_there():
    names = {preset.name for preset in presets("images")}
    for name in (
        "small",
        "tutorial-mnist",
        "paper-cifar10",
        "paper-cifar100-50",
        "paper-imagenet",
        "paper-imagenet-readme",
    ):
        partners = ("lstm", "feed-forward", "one-tick", "no-neuron-models", "no-synchronisation")
        assert {name, *(f"{name}-{partner}" for partner in partners)} <= names


def test_the_small_one_needs_no_download_and_sees_every_digit():
    task = find_preset("images", "small").make_task(Key(0))
    assert (task.train_size, task.test_size) == (4_000, 1_000)
    assert task.train(np.arange(3)).inputs.shape == (3, 1, 28, 28)
    assert task.test(np.arange(1_000)).targets.bincount().tolist() == [100] * 10


def test_baselines_of_cifar_are_as_published():
    lstm, plain = (find_preset("images", f"paper-cifar10-{name}") for name in ("lstm", "feed-forward"))
    assert isinstance(lstm.model, LSTMConfig)
    assert isinstance(plain.model, FeedForwardConfig)
    assert (lstm.model.width, lstm.model.layers, plain.model.width) == (256, 2, 256)
    assert isinstance(lstm.train, TrainConfig)
    assert isinstance(plain.train, TrainConfig)
    assert (lstm.train.warmup_steps, plain.train.warmup_steps) == (2000, 1000)


def test_where_sources_disagree_the_preset_says_so():
    assert "8,192" in find_preset("images", "paper-imagenet").about
    assert "75 ticks" in find_preset("images", "paper-imagenet-readme").about
    assert "line continuation" in find_preset("images", "paper-cifar10").about
    assert "differ in ticks" in find_preset("images", "tutorial-mnist").about


@pytest.mark.parametrize("name", ["small", "tutorial-mnist", "paper-imagenet", "paper-imagenet-readme"])
def test_recurrent_baselines_of_our_own_width_have_as_many_parameters(name: str):
    machine, baseline = (parameters(find_preset("images", one)) for one in (name, f"{name}-lstm"))
    assert abs(baseline - machine) < 0.005 * machine
