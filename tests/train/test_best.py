"""The best weights are kept, and a run on a plateau ends: both to the bit after any interruption."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from cofire.checks import InvalidValue
from cofire.train import EarlyStop, Finished, PonderCost, TickDropout, TrainConfig, read_metrics
from tests.train.stand_in import CONFIG, Stripes, run
from tests.train.test_resume import PowerCut

RESTLESS = replace(CONFIG, learning_rate=0.3, final_learning_rate=0.3)
BEST = replace(RESTLESS, evaluate_every=2, keep_best="accuracy", save_every=1, keep_last=12)


def cut_at(step: int) -> Stripes:
    def cut(position: int) -> None:
        if position == step * CONFIG.batch_size:
            raise PowerCut

    return Stripes(when=cut)


@pytest.mark.parametrize(("metric", "choose"), [("accuracy", np.argmax), ("loss", np.argmin)])
def test_the_best_weights_are_those_that_were_evaluated_best(tmp_path: Path, metric: str, choose):
    run(tmp_path, replace(BEST, keep_best=metric))
    tested = read_metrics(tmp_path / "metrics.csv")[f"test_{metric}"][1::2]
    best = 2 * (int(choose(tested)) + 1)
    assert best < 12  # or it would be the last one anyway
    with safe_open(tmp_path / "best.safetensors", "pt") as file:
        facts = json.loads(file.metadata()["cofire"])
    assert (facts["step"], facts["metric"]) == (best, metric)
    assert facts["value"] == pytest.approx(tested[best // 2 - 1], rel=1e-5)
    state = load_file(tmp_path / "checkpoint" / f"step-{best:08d}" / "state.safetensors")
    for name, value in load_file(tmp_path / "best.safetensors").items():
        assert torch.equal(value, state[f"weights/{name}"])


def test_they_are_the_same_after_any_interruption(tmp_path: Path):
    config = replace(BEST, save_every=3)
    run(tmp_path / "whole", config)
    for step in range(1, 12, 2):
        with pytest.raises(PowerCut):
            run(tmp_path / str(step), config, cut_at(step))
        run(tmp_path / str(step), config, resume=True)
        best = [(tmp_path / name / "best.safetensors").read_bytes() for name in ("whole", str(step))]
        assert best[0] == best[1]


def test_what_is_not_evaluated_is_told_before_anything_is_trained(tmp_path: Path):
    def refuse(position: int) -> None:
        raise PowerCut

    words = {
        "keep_best": r"keep_best: wanted one of 'loss', 'accuracy', got 'acuracy'; .*did you mean 'accuracy'\?",
        "early_stop": r"early_stop.metric: wanted one of 'loss', 'accuracy', got 'gradient_norm'",
    }
    wrong = {"keep_best": "acuracy", "early_stop": EarlyStop("gradient_norm")}
    for name, value in wrong.items():
        with pytest.raises(InvalidValue, match=words[name]):
            run(tmp_path / name, replace(CONFIG, **{name: value}), Stripes(when=refuse))
        assert not (tmp_path / name).exists()


def test_an_earlier_run_outlives_a_name_that_is_not_evaluated(tmp_path: Path):
    run(tmp_path, replace(CONFIG, steps=4))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(InvalidValue, match=r"got 'los'; .*did you mean 'loss'"):
        run(tmp_path, replace(CONFIG, keep_best="los"), overwrite=True)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_what_a_pressure_adds_to_the_evaluation_may_be_kept_by(tmp_path: Path):
    config = replace(CONFIG, keep_best="expected_ticks", ponder=PonderCost(0.1), tick_dropout=TickDropout(0.5))
    run(tmp_path, config)
    assert "test_expected_ticks" in read_metrics(tmp_path / "metrics.csv")
    assert (tmp_path / "best.safetensors").exists()


def test_what_is_kept_or_stopped_by_needs_evaluations():
    with pytest.raises(InvalidValue, match="evaluate_every: wanted evaluations, for keep_best, got 0"):
        TrainConfig(steps=1, keep_best="loss")
    with pytest.raises(InvalidValue, match="evaluate_every: wanted evaluations, for early_stop, got 0"):
        TrainConfig(steps=1, early_stop=EarlyStop())


PLATEAU = replace(CONFIG, evaluate_every=2, early_stop=EarlyStop("accuracy", patience=2, margin=1.0))


def test_a_run_ends_when_nothing_gets_better(tmp_path: Path):
    events = []
    run(tmp_path, PLATEAU, on_event=events.append)  # no accuracy is better than another one by more than 1
    assert isinstance(events[-1], Finished)
    assert events[-1].step == 6  # the first evaluation is the best, then two more
    assert read_metrics(tmp_path / "metrics.csv")["step"].tolist() == [1, 2, 3, 4, 5, 6]
    assert sorted(path.name for path in (tmp_path / "checkpoint").iterdir()) == ["step-00000005", "step-00000006"]
    state = load_file(tmp_path / "checkpoint" / "step-00000006" / "state.safetensors")
    for name, value in load_file(tmp_path / "weights.safetensors").items():
        assert torch.equal(value, state[f"weights/{name}"])


def test_it_waits_as_long_after_an_interruption_and_stays_ended(tmp_path: Path):
    run(tmp_path / "whole", PLATEAU)
    wanted = (tmp_path / "whole" / "weights.safetensors").read_bytes()
    with pytest.raises(PowerCut):
        run(tmp_path / "cut", PLATEAU, cut_at(5))
    for _ in range(2):
        events = []
        run(tmp_path / "cut", PLATEAU, resume=True, on_event=events.append)
        assert events[-1].step == 6
        assert (tmp_path / "cut" / "weights.safetensors").read_bytes() == wanted
    assert [type(event).__name__ for event in events] == ["Started", "Finished"]


def test_a_run_that_gets_better_goes_on(tmp_path: Path):
    events = []
    config = replace(CONFIG, learning_rate=0.05, evaluate_every=6, early_stop=EarlyStop("loss", patience=1))
    run(tmp_path, config, on_event=events.append)
    tested = read_metrics(tmp_path / "metrics.csv")["test_loss"][5::6]
    assert (np.diff(tested) < 0).all()
    assert events[-1].step == 12
