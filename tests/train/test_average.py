"""The moving average of weights: its definition, what it is used for, and that it resumes to the bit."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from cofire.checks import InvalidValue
from cofire.random import Key
from cofire.train import TrainConfig, train
from cofire.train._average import WeightAverage
from tests.train.stand_in import Model, Stripes

CONFIG = TrainConfig(
    steps=12, batch_size=20, learning_rate=0.05, average=0.8, save_every=1, keep_last=12, evaluate_every=12
)


def run(folder: Path, config: TrainConfig = CONFIG, **options) -> Model:
    model = Model(Key(1))
    train(model, Stripes(), config, folder, key=Key(2), **options)
    return model


def test_it_is_the_recurrence_of_its_definition(tmp_path: Path):
    run(tmp_path)
    average = {name: value for name, value in Model(Key(1)).state_dict().items() if value.is_floating_point()}
    for step in range(1, 13):
        checkpoint = load_file(tmp_path / "checkpoint" / f"step-{step:08d}" / "state.safetensors")
        decay = min(0.8, step / (step + 9))
        average = {name: decay * value + (1 - decay) * checkpoint[f"weights/{name}"] for name, value in average.items()}
    kept = load_file(tmp_path / "weights.safetensors")
    for name, value in average.items():
        torch.testing.assert_close(kept[name], value, rtol=0, atol=1e-6)
    assert (kept["last.weight"] - checkpoint["weights/last.weight"]).abs().max() > 1e-4


def test_the_model_ends_with_what_is_kept_and_training_is_not_disturbed(tmp_path: Path):
    model = run(tmp_path / "averaged")
    kept = load_file(tmp_path / "averaged" / "weights.safetensors")
    assert all(torch.equal(value, kept[name]) for name, value in model.state_dict().items())
    plain = run(tmp_path / "plain", replace(CONFIG, average=0.0))
    last = load_file(tmp_path / "averaged" / "checkpoint" / "step-00000012" / "state.safetensors")
    assert all(torch.equal(value, last[f"weights/{name}"]) for name, value in plain.state_dict().items())


def test_a_stopped_run_ends_with_the_same_average(tmp_path: Path):
    whole = run(tmp_path / "whole").state_dict()

    class StoppedError(Exception):
        """Ends a run between two steps."""

    def stop(position: int) -> None:
        if position == 7 * 20:
            raise StoppedError(position)

    with pytest.raises(StoppedError, match="140"):
        train(Model(Key(1)), Stripes(when=stop), CONFIG, tmp_path / "broken", key=Key(2))
    resumed = run(tmp_path / "broken", resume=True).state_dict()
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())


def test_within_its_use_the_model_has_it_and_afterwards_not():
    model = Model(Key(1))
    average = WeightAverage(model, 0.9)
    start = model.last.weight.detach().clone()
    with torch.no_grad():
        model.last.weight += 1
    average.update(1)
    with average.in_use():
        torch.testing.assert_close(model.last.weight.detach(), start + 0.9)
    assert torch.equal(model.last.weight.detach(), start + 1)


def test_an_impossible_decay_is_told():
    with pytest.raises(InvalidValue, match="average: wanted a finite number from 0 to"):
        TrainConfig(steps=1, average=1.0)
