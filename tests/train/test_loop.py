"""The loop: against a plain one, what it tells, and what it refuses."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from cofire.checks import InvalidValue, MissingExtra
from cofire.random import Key
from cofire.train import (
    Diverged,
    Evaluated,
    Finished,
    Hardware,
    Progress,
    QuantileClip,
    Started,
    predict,
    read_metrics,
    train,
)
from tests.train.stand_in import CONFIG, TICKS, Model, Stripes, run


def plain_loop() -> Model:
    """The same training, written out with torch's own parts."""
    model, task = Model(Key(3)), Stripes()
    weights = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    vectors = [parameter for parameter in model.parameters() if parameter.ndim == 1]
    groups = [{"params": weights}, {"params": vectors, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, weight_decay=CONFIG.weight_decay, foreach=False)
    for step in range(CONFIG.steps):
        inputs, targets, _ = task.train(np.arange(step * CONFIG.batch_size, (step + 1) * CONFIG.batch_size))
        loss, _ = task.loss(model(inputs, key=Key(4).fold("rank", 0).fold(step)), targets)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimiser.param_groups:
            group["lr"] = CONFIG.learning_rate_at(step + 1)
        optimiser.step()
    return model


def test_it_trains_as_a_plain_loop_does(tmp_path: Path):
    trained, plain = run(tmp_path), plain_loop()
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(trained.state_dict()[name], value, rtol=1e-4, atol=1e-5, msg=name)


def test_it_learns(tmp_path: Path):
    events = []
    run(tmp_path, replace(CONFIG, steps=150, save_every=150), on_event=events.append)
    tested = [event.metrics["test_accuracy"] for event in events if isinstance(event, Evaluated)]
    assert tested[-1] > 0.6 > 0.4 > tested[0]


def test_it_tells_what_happens(tmp_path: Path):
    events = []
    run(tmp_path, on_event=events.append)
    assert events[0] == Started(0, 12, "cpu", "32-true", ())
    assert [event.step for event in events if isinstance(event, Progress)] == [3, 4, 5, 6, 8, 9, 10, 12]
    assert [event.step for event in events if isinstance(event, Evaluated)] == [4, 8, 12]
    last = events[-1]
    assert isinstance(last, Finished)
    assert last.step == 12
    for event in events:
        if isinstance(event, Progress):
            assert event.seconds_left == pytest.approx((12 - event.step) / event.rate)
            assert set(event.metrics) == {"loss", "gradient_norm", "accuracy"}
    assert set(events[2].metrics) | set(events[3].metrics) >= {"test_loss", "test_accuracy"}


def test_progress_gives_means_since_the_last_report(tmp_path: Path):
    events = []
    run(tmp_path, on_event=events.append)
    loss = read_metrics(tmp_path / "metrics.csv")["loss"]
    first = next(event for event in events if isinstance(event, Progress))
    assert first.metrics["loss"] == pytest.approx(loss[:3].mean(), rel=1e-4)


def test_what_was_held_out_is_judged_without_dropout_or_moving_statistics(tmp_path: Path):
    events = []
    model = run(tmp_path, on_event=events.append)
    assert model.training
    before = {name: value.clone() for name, value in model.state_dict().items()}
    answers = predict(model, Stripes(), batch_size=7)
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert answers.logits.shape == (23, 5, TICKS)
    assert answers.certainty.shape == (23, TICKS)
    tick = answers.certainty.argmax(1)
    right = answers.logits[np.arange(23), :, tick].argmax(1) == answers.targets
    tested = [event.metrics["test_accuracy"] for event in events if isinstance(event, Evaluated)]
    assert tested[-1] == pytest.approx(right.mean())
    np.testing.assert_allclose(answers.logits, predict(model, Stripes(), batch_size=23).logits, atol=1e-5)


def test_divergence_is_told_and_not_kept(tmp_path: Path):
    config = replace(CONFIG, learning_rate=1e30, warmup_steps=0, clip=None)
    with pytest.raises(Diverged, match=r"wanted a finite number, got \w+ at step \d+; the usual fix: a lower"):
        run(tmp_path, config)
    assert not (tmp_path / "weights.safetensors").exists()


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(InvalidValue, match="accelerator: wanted one of 'auto', 'cpu', 'cuda', 'mps', got 'gpu'"):
        Hardware(accelerator="gpu")
    if not torch.cuda.is_available():
        with pytest.raises(InvalidValue, match=r"hardware: wanted .*cuda"):
            run(tmp_path, hardware=Hardware(accelerator="cuda"))
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    with pytest.raises(MissingExtra, match=r"pip install 'cofire\[train\]'"):
        run(tmp_path)
    assert not list(tmp_path.iterdir())


def test_mixed_precision_keeps_single_precision_weights(tmp_path: Path):
    events = []
    model = run(tmp_path, replace(CONFIG, precision="bfloat16"), on_event=events.append)
    assert events[0].precision == "bf16-mixed"
    assert {value.dtype for value in model.parameters()} == {torch.float32}
    plain = plain_loop().state_dict()["last.weight"]
    assert not torch.equal(model.state_dict()["last.weight"], plain)
    torch.testing.assert_close(model.state_dict()["last.weight"], plain, rtol=0.2, atol=0.05)


def test_quantile_clip_and_no_key(tmp_path: Path):
    model = Model(Key(3), dropout=0.0)
    train(model, Stripes(), replace(CONFIG, clip=QuantileClip(0.5, 4)), tmp_path)
    state = load_file(tmp_path / "checkpoint" / "step-00000012" / "state.safetensors")
    norms = np.loadtxt(tmp_path / "metrics.csv", delimiter=",", skiprows=1, usecols=4)
    np.testing.assert_allclose(state["recent_norms"], norms[-4:], rtol=1e-5)  # step 8 to 11 fill places 0 to 3
