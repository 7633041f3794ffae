"""How to train: the schedule in closed form, clipping, and a configuration that says what is wrong with it."""

import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from cofire.checks import InvalidValue
from cofire.random import Key
from cofire.train import Clip, NormClip, QuantileClip, TrainConfig, warmup_cosine
from cofire.train._clip import shorten
from cofire.train._optimiser import make_optimiser


@pytest.mark.parametrize(("step", "rate"), [(1, 2.0e-7), (500, 1e-4), (100_000, 5.02e-5), (200_000, 1.0e-7)])
def test_schedule_gives_what_the_published_one_gives(step: int, rate: float):
    assert warmup_cosine(step, steps=200_000, peak=1e-4, warmup=500, final=1e-7) == pytest.approx(
        rate, rel=1e-3
    )  # given with three digits


@given(st.integers(1, 300), st.integers(0, 300), st.floats(1e-5, 1.0), st.floats(0.0, 1.0))
def test_schedule_rises_then_falls_to_the_final_rate(steps: int, warmup: int, peak: float, share: float):
    warmup, final = min(warmup, steps), share * peak
    rates = [warmup_cosine(n, steps=steps, peak=peak, warmup=warmup, final=final) for n in range(1, steps + 1)]
    assert np.all(np.diff(rates[:warmup]) > 0)
    assert np.all(np.diff(rates[max(warmup - 1, 0) :]) <= peak * 1e-12)
    assert max(rates) == pytest.approx(peak) or not warmup
    assert warmup == steps or rates[-1] == pytest.approx(final)


@pytest.mark.parametrize("clip", [None, NormClip(2.0), QuantileClip(0.9, 50)])
def test_config_survives_json(clip: Clip | None):
    config = TrainConfig(steps=7, clip=clip, betas=(0.8, 0.99), weight_decay_exclusions=("bias",), precision="float32")
    assert TrainConfig.from_json(config.to_json()) == config
    with pytest.raises(FrozenInstanceError, match="steps"):
        config.steps = 8  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"steps": 0}, "steps: wanted an integer of at least 1, got 0"),
        ({"batch_size": 0}, "batch_size: wanted an integer of at least 1"),
        ({"learning_rate": 0.0}, "learning_rate: wanted a finite number above 0, got 0.0"),
        ({"learning_rate": math.nan}, "learning_rate: wanted a finite number above 0, got nan"),
        ({"final_learning_rate": 1.0}, "final_learning_rate: wanted a finite number from 0 to 0.001"),
        ({"warmup_steps": 11}, "warmup_steps: wanted an integer from 0 to 10, got 11"),
        ({"betas": (0.9, 1.0)}, "betas: wanted a finite number from 0"),
        ({"weight_decay": -1.0}, "weight_decay: wanted a finite number of at least 0"),
        ({"precision": "bfloat"}, "precision: wanted one of .* did you mean 'bfloat16'"),
        ({"keep_last": 0}, "keep_last: wanted an integer of at least 1"),
        ({"evaluate_every": -1}, "evaluate_every: .*0 for no evaluation"),
    ],
)
def test_impossible_configs_are_refused(change: dict[str, object], words: str):
    with pytest.raises(InvalidValue, match=words):
        TrainConfig(**{"steps": 10, **change})  # pyright: ignore[reportArgumentType]


def test_foreign_json_is_refused():
    with pytest.raises(InvalidValue, match="did you mean 'learning_rate'"):
        TrainConfig.from_json({"steps": 1, "learning_rat": 0.1})
    with pytest.raises(InvalidValue, match="clip kind: wanted one of 'norm', 'quantile'"):
        TrainConfig.from_json({"steps": 1, "clip": {"kind": "value"}})
    with pytest.raises(InvalidValue, match="clip: wanted the fields of NormClip"):
        TrainConfig.from_json({"steps": 1, "clip": {"kind": "norm", "least": 1.0}})


def test_clips_check_their_numbers():
    with pytest.raises(InvalidValue, match="max: wanted a finite number above 0"):
        NormClip(0.0)
    with pytest.raises(InvalidValue, match=r"quantile: .*0.9 clips the longest tenth"):
        QuantileClip(1.5)
    with pytest.raises(InvalidValue, match="history: wanted an integer of at least 1, got 0"):
        QuantileClip(0.5, history=0)


def gradients(step: int) -> list[torch.Tensor]:
    parameters = [torch.zeros(3, requires_grad=True), torch.zeros(2, 4, requires_grad=True), torch.zeros(5)]
    for index, parameter in enumerate(parameters[:2]):  # the third never had a gradient
        parameter.grad = torch.from_numpy(Key(9).fold(index).normal(tuple(parameter.shape), step=step))
    return parameters


def length(parameters: list[torch.Tensor]) -> float:
    return math.sqrt(sum(float((one.grad.double() ** 2).sum()) for one in parameters if one.grad is not None))


@pytest.mark.parametrize(("most", "clipped"), [(0.5, 0.5), (100.0, None)])
def test_norm_clip_shortens_what_is_too_long(most: float, clipped: float | None):
    parameters = gradients(0)
    before = length(parameters)
    direction = [one.grad.clone() / before for one in parameters[:2] if one.grad is not None]
    norm = shorten(parameters, NormClip(most), torch.zeros(0), 0)
    assert norm.item() == pytest.approx(before, rel=1e-5)
    assert length(parameters) == pytest.approx(clipped or before, rel=1e-4)
    for parameter, was in zip(parameters[:2], direction, strict=True):
        assert parameter.grad is not None
        torch.testing.assert_close(parameter.grad / length(parameters), was)


def test_quantile_clip_shortens_to_the_quantile_of_the_last_norms():
    clip, recent = QuantileClip(0.4, history=5), torch.zeros(5)
    norms: list[float] = []
    for step in range(12):
        parameters = gradients(step)
        norms.append(length(parameters))
        shorten(parameters, clip, recent, step)
        limit = float(np.quantile(norms[-5:], 0.4))
        assert length(parameters) == pytest.approx(min(limit, norms[-1]), rel=1e-4)


def test_no_clip_leaves_gradients_alone():
    parameters = gradients(0)
    before = length(parameters)
    assert shorten(parameters, None, torch.zeros(0), 0).item() == pytest.approx(before, rel=1e-5)
    assert length(parameters) == before


class Parts(nn.Module):
    def __init__(self):
        super().__init__()
        self.matrix = nn.Parameter(torch.ones(2, 2))
        self.start_window = nn.Parameter(torch.ones(2, 2))
        self.decay = nn.Parameter(torch.ones(2))
        self.frozen = nn.Parameter(torch.ones(2, 2), requires_grad=False)


def test_weight_decay_spares_vectors_and_what_is_excluded():
    parts = Parts()
    config = TrainConfig(steps=1, learning_rate=0.1, weight_decay=0.5)
    optimiser = make_optimiser(parts, config, torch.device("cpu"))
    for parameter in (parts.matrix, parts.start_window, parts.decay):
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    assert parts.matrix.unique().tolist() == pytest.approx([0.95])
    assert all(one.unique().tolist() == [1.0] for one in (parts.start_window, parts.decay, parts.frozen))


def test_a_model_that_cannot_learn_is_refused():
    with pytest.raises(InvalidValue, match="model: wanted a module with trainable parameters, got none"):
        make_optimiser(nn.Identity(), TrainConfig(steps=1), torch.device("cpu"))
