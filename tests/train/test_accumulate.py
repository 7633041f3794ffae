"""Micro-batches that add up to the update of the whole batch, and float16 with a scaled loss."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from cofire import CTM
from cofire.checks import InvalidValue
from cofire.random import Key
from cofire.train import Diverged, QuantileClip, TrainConfig, read_metrics, train
from cofire.train._objective import Bounds
from tests.train.machine import CURVE, MACHINE, Tokens, curve
from tests.train.stand_in import CONFIG, Answer, Model, Stripes, run
from tests.train.test_resume import PowerCut, same_run


def plain_run(folder: Path, config: TrainConfig) -> dict[str, np.ndarray]:
    """Train a stand-in without batch normalisation and dropout, which see the parts; return the metrics."""
    torch.set_num_threads(1)
    model = Model(Key(3), dropout=0.0)
    model.norm = nn.Identity()
    train(model, Stripes(), config, folder)
    return read_metrics(folder / "metrics.csv")


@pytest.mark.parametrize("parts", [2, 3, 10])  # of ten examples: even, uneven, single ones
def test_parts_make_the_update_of_the_whole(tmp_path: Path, parts: int):
    whole = plain_run(tmp_path / "whole", CONFIG)
    divided = plain_run(tmp_path / "divided", replace(CONFIG, accumulate=parts))
    for name in ("loss", "gradient_norm", "accuracy", "test_loss"):
        np.testing.assert_allclose(divided[name], whole[name], rtol=1e-4, atol=1e-5, err_msg=name)
    one, other = (load_file(tmp_path / name / "weights.safetensors") for name in ("whole", "divided"))
    for name, value in one.items():
        torch.testing.assert_close(other[name], value, rtol=1e-4, atol=1e-5, msg=name)


def test_parts_of_a_machine_make_its_curve(tmp_path: Path):
    for parts in (1, 3):
        curve(tmp_path / str(parts), config=replace(CURVE, accumulate=parts, evaluate_every=0, keep_best=""))
    one, other = (read_metrics(tmp_path / parts / "metrics.csv")["loss"] for parts in ("1", "3"))
    np.testing.assert_allclose(other, one, atol=1.1e-5)  # written with six digits
    weights = [load_file(tmp_path / parts / "weights.safetensors")["sync_out.decay"] for parts in ("1", "3")]
    torch.testing.assert_close(*weights, rtol=0, atol=1e-5)


def test_what_must_not_leave_its_interval_is_judged_by_the_whole_gradient():
    task, step = Tokens(), np.arange(12)

    def gradients(parts: list[np.ndarray], together: bool) -> Tensor:
        model = CTM(MACHINE, key=Key(0))  # its decays begin at the end of their interval
        bounds = Bounds(model)
        with bounds.parts() if together else nullcontext():
            for positions in parts:
                batch = task.train(positions)
                loss, _ = task.loss(model(batch.inputs), batch.targets)
                (loss * (len(positions) / len(step))).backward()
        if together:
            bounds.judge()
        gradient = model.sync_out.decay.grad
        assert gradient is not None
        return gradient

    whole, parts = gradients([step], together=False), np.array_split(step, 3)
    assert (whole == 0).any()  # where it leads outwards
    assert (whole < 0).any()
    torch.testing.assert_close(gradients(parts, together=True), whole, rtol=1e-4, atol=1e-8)
    assert (gradients(parts, together=False) - whole).abs().max() > 1e-5


class KeyNotes(Model):
    """Notes the keys that it is given."""

    def __init__(self, key: Key):
        super().__init__(key)
        self.keys: list[Key] = []

    def forward(self, x: Tensor, *, key: Key | None = None) -> Answer:
        if key is not None:
            self.keys.append(key)
        return super().forward(x, key=key)


def test_every_part_draws_its_own_dropout_the_first_that_of_the_whole(tmp_path: Path):
    notes = {}
    for parts in (1, 2):
        model = KeyNotes(Key(3))
        config = replace(CONFIG, steps=2, warmup_steps=0, accumulate=parts)
        train(model, Stripes(), config, tmp_path / str(parts), key=Key(4))
        notes[parts] = model.keys
    assert len(set(notes[2])) == 4
    assert notes[2][::2] == notes[1]


def test_a_run_in_parts_resumes_to_the_bit(tmp_path: Path):
    config = replace(CONFIG, accumulate=2)
    run(tmp_path / "whole", config)

    def cut(position: int) -> None:
        if position == 8 * CONFIG.batch_size:
            raise PowerCut

    with pytest.raises(PowerCut):
        run(tmp_path / "cut", config, Stripes(when=cut))
    run(tmp_path / "cut", config, resume=True)
    same_run(tmp_path / "cut", tmp_path / "whole")


def test_more_parts_than_examples_are_refused():
    with pytest.raises(InvalidValue, match=r"accumulate: wanted an integer from 1 to 10, got 11; .*a part per"):
        replace(CONFIG, accumulate=11)


HALF = replace(CONFIG, precision="float16", log_every=1)


class Loud(Stripes):
    """A loss that is so large that its scaled gradient overflows in float16."""

    loudness = 200.0

    def loss(self, thought: Any, targets: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        loss, scalars = super().loss(thought, targets)
        return loss * self.loudness, scalars


def test_float16_clips_the_gradient_itself_and_keeps_single_precision_weights(tmp_path: Path):
    events = []
    model = run(tmp_path / "half", HALF, on_event=events.append)
    run(tmp_path / "single", replace(HALF, precision="float32"))
    assert events[0].precision == "16-mixed"
    assert {value.dtype for value in model.parameters()} == {torch.float32}
    half, single = (read_metrics(tmp_path / name / "metrics.csv") for name in ("half", "single"))
    np.testing.assert_allclose(half["gradient_norm"], single["gradient_norm"], rtol=0.05)
    np.testing.assert_allclose(half["loss"], single["loss"], rtol=0.02)
    assert not np.array_equal(half["loss"], single["loss"])


@pytest.mark.parametrize("clip", [CONFIG.clip, QuantileClip(0.5, history=4)], ids=["norm", "quantile"])
def test_steps_that_overflow_are_left_out_and_the_scale_is_resumed(tmp_path: Path, clip: Any):
    config = replace(HALF, clip=clip, save_every=1, keep_last=12)
    run(tmp_path / "whole", config, Loud())
    norms = read_metrics(tmp_path / "whole" / "metrics.csv")["gradient_norm"]
    skipped = int((~np.isfinite(norms)).sum())
    assert 0 < skipped < 10
    assert not np.isfinite(norms[:skipped]).any()  # all of them at the beginning, then none
    states = [load_file(tmp_path / "whole" / "checkpoint" / f"step-{n:08d}" / "state.safetensors") for n in (1, 12)]
    assert [float(state["scaler/scale"]) for state in states] == [2.0**15, 2.0 ** (16 - skipped)]
    start = Model(Key(3)).state_dict()["last.weight"]
    assert torch.equal(states[0]["weights/last.weight"], start)
    assert not torch.equal(states[1]["weights/last.weight"], start)
    for step in (1, skipped, skipped + 2):

        def cut(position: int, step: int = step) -> None:
            if position == step * CONFIG.batch_size:
                raise PowerCut

        folder = tmp_path / str(step)
        with pytest.raises(PowerCut):
            run(folder, config, Loud(when=cut))
        run(folder, config, Loud(), resume=True)
        same_run(folder, tmp_path / "whole")


def test_a_gradient_that_always_overflows_is_told(tmp_path: Path):
    task = Loud()
    task.loudness = 1e30
    with pytest.raises(Diverged, match=r"gradient_norm: wanted a finite number, got (inf|nan) at step 40; "):
        run(tmp_path, replace(HALF, steps=60), task)


def test_the_quantile_is_that_of_the_steps_that_were_made():
    clip, recent = QuantileClip(0.5, history=3), torch.zeros(3)
    norms = [float("inf"), 4.0, 2.0, float("nan"), 6.0]
    limits = [clip.limit(torch.tensor(norm), recent, step).item() for step, norm in enumerate(norms)]
    assert np.isnan(limits[0])  # of a step that is left out
    assert limits[1:] == [4.0, 3.0, 3.0, 4.0]
