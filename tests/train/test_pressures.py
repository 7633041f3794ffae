"""Pressures on the thinking: their definitions, that they act in training only, and that they are resumed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from cofire import CTM
from cofire.checks import InvalidType, InvalidValue
from cofire.ctm import Thought
from cofire.random import Key
from cofire.train import (
    EarlyStop,
    PonderCost,
    RandomDepth,
    TickDropout,
    TrainConfig,
    expected_ticks,
    read_metrics,
    train,
)
from cofire.train._objective import Objective
from cofire.train._pressures import SomeTicks, only
from tests.train.machine import CURVE, MACHINE, Tokens, curve
from tests.train.stand_in import CONFIG, TICKS, Answer, Model, Stripes, run
from tests.train.test_resume import PowerCut, same_run


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=8))
def test_expected_ticks_are_the_mean_of_the_halting_distribution(certainty: list[float]):
    going_on, mean = 1.0, 0.0
    for tick, chance in enumerate(certainty[:-1], 1):
        mean += tick * going_on * chance
        going_on *= 1 - chance
    mean += len(certainty) * going_on  # the last tick ends it for certain
    assert expected_ticks(torch.tensor([certainty])).item() == pytest.approx(mean, rel=1e-5)


def test_expected_ticks_have_the_gradient_of_their_definition():
    certainty = torch.from_numpy(Key(0).uniform((3, 5))).requires_grad_()
    expected_ticks(certainty).sum().backward()
    gradient = certainty.grad
    certainty = certainty.detach().requires_grad_()
    torch.cumprod(torch.cat([torch.ones(3, 1), 1 - certainty[:, :-1]], 1), 1).sum().backward()
    assert gradient is not None
    torch.testing.assert_close(gradient, certainty.grad)


def test_a_ponder_cost_joins_the_loss_in_training_only_and_saves_ticks(tmp_path: Path):
    config = replace(CONFIG, steps=60, learning_rate=0.05, evaluate_every=30)
    tables = {}
    for cost in (None, PonderCost(0.5)):
        folder = tmp_path / str(cost)
        run(folder, replace(config, ponder=cost))
        tables[cost is not None] = read_metrics(folder / "metrics.csv")
    free, pressed = tables[False], tables[True]
    assert "expected_ticks" not in free
    assert pressed["loss"][0] == pytest.approx(free["loss"][0] + 0.5 * pressed["expected_ticks"][0], rel=1e-4)
    assert 1 < pressed["test_expected_ticks"][-1] < pressed["test_expected_ticks"][29] < TICKS
    assert pressed["expected_ticks"][-5:].mean() < pressed["expected_ticks"][:5].mean() - 0.3
    objective = Objective(Model(Key(3)), Stripes(), None, replace(config, ponder=PonderCost(0.5))).eval()
    plain = Objective(Model(Key(3)), Stripes(), None, config).eval()
    batch = Stripes().test(np.arange(5))
    assert torch.equal(objective(batch)[0], plain(batch)[0])


class Deep(Model):
    """Thinks as long as it is told, and notes how long."""

    def __init__(self, key: Key):
        super().__init__(key)
        self.ticks: list[tuple[bool, int | None]] = []

    def forward(self, x: Tensor, *, ticks: int | None = None, key: Key | None = None) -> Answer:
        self.ticks.append((self.training, ticks))
        logits, certainty = super().forward(x, key=key)
        return Answer(logits[..., :ticks], certainty[:, :ticks])


def test_depth_is_drawn_by_the_step_in_training_alone(tmp_path: Path):
    model = Deep(Key(3))
    config = replace(CONFIG, steps=40, random_depth=RandomDepth(1, TICKS), evaluate_every=20, accumulate=2)
    train(model, Stripes(), config, tmp_path, key=Key(4))
    drawn = [ticks for training, ticks in model.ticks if training]
    assert drawn[::2] == drawn[1::2]  # both parts of a step
    assert {ticks: drawn.count(ticks) > 15 for ticks in drawn} == {1: True, 2: True, 3: True}
    assert {ticks for training, ticks in model.ticks if not training} == {None}
    batch = Stripes().train(np.arange(5))
    for rank in range(3):  # all devices think for as long
        other = Deep(Key(3))
        objective = Objective(other, Stripes(), Key(4), config, rank)
        for step in range(40):
            objective(batch, step)
        assert [ticks for _, ticks in other.ticks] == drawn[::2]


def test_a_machine_thinks_for_the_depth_that_is_drawn(tmp_path: Path):
    config = replace(CURVE, random_depth=RandomDepth(1, 6), tick_dropout=TickDropout(0.3), ponder=PonderCost(0.01))
    curve(tmp_path / "whole", config=config)
    assert np.isfinite(read_metrics(tmp_path / "whole" / "metrics.csv")["loss"]).all()


class Counted(Stripes):
    """Notes the certainties that the loss sees."""

    def __init__(self, **options: Any):
        super().__init__(**options)
        self.seen: list[Tensor] = []

    def loss(self, thought: Any, targets: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        self.seen.append(thought.certainty.detach())
        return super().loss(thought, targets)


def test_ticks_are_left_out_of_the_loss_of_training():
    task, model = Counted(), Model(Key(3), dropout=0.0)
    objective = Objective(model, task, Key(4), replace(CONFIG, tick_dropout=TickDropout(0.4)))
    batch = task.train(np.arange(6))
    whole = model(batch.inputs).certainty.detach()
    for step in range(200):
        objective(batch, step)
    subsets = [[0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]]
    for seen in task.seen:
        assert any(torch.equal(seen, whole[:, kept]) for kept in subsets)
    missing = sum(TICKS - seen.shape[1] for seen in task.seen) / (200 * TICKS)
    never = 0.4**TICKS * 1 / TICKS  # of the thoughts that would be empty one tick stays
    assert missing == pytest.approx(0.4 - never, abs=0.08)  # four standard deviations
    task.seen.clear()
    objective.eval()(batch)
    assert torch.equal(task.seen[0], model(batch.inputs).certainty)


def test_one_tick_is_always_kept():
    dropout = TickDropout(0.999)
    kept = [dropout.kept(5, Key(0), step) for step in range(200)]
    assert {len(ticks) for ticks in kept} == {1}
    assert {int(ticks[0]) for ticks in kept} == set(range(5))


def test_a_thought_of_some_ticks_has_all_its_parts():
    thought = CTM(MACHINE, key=Key(0))(Tokens().train(np.arange(3)).inputs)
    ticks = np.array([0, 3])
    part = only(thought, ticks)
    assert isinstance(part, Thought)
    assert part.energy is None
    for name in ("logits", "certainty", "sync_out"):
        assert torch.equal(getattr(part, name), getattr(thought, name)[..., ticks])
    assert isinstance(only(Answer(thought.logits, thought.certainty), ticks), SomeTicks)


ALL = {
    "early_stop": EarlyStop("accuracy", 20),
    "ponder": PonderCost(0.1),
    "random_depth": RandomDepth(1, TICKS),
    "tick_dropout": TickDropout(0.3),
}


def test_all_of_them_resume_to_the_bit(tmp_path: Path):
    config = replace(CONFIG, **ALL)
    torch.set_num_threads(1)

    def go(folder: Path, task: Stripes, **options: Any) -> None:
        train(Deep(Key(3)), task, config, folder, key=Key(4), **options)

    def cut(position: int) -> None:
        if position == 80:
            raise PowerCut

    go(tmp_path / "whole", Stripes())
    with pytest.raises(PowerCut):
        go(tmp_path / "cut", Stripes(when=cut))
    go(tmp_path / "cut", Stripes(), resume=True)
    same_run(tmp_path / "cut", tmp_path / "whole")


def test_they_survive_json():
    config = TrainConfig(steps=3, evaluate_every=1, **ALL)
    assert TrainConfig.from_json(config.to_json()) == config
    assert TrainConfig(steps=3).to_json()["ponder"] is None
    with pytest.raises(InvalidValue, match="field of ponder: wanted one of 'cost', got 'price'"):
        TrainConfig.from_json({"steps": 1, "ponder": {"price": 1}})
    with pytest.raises(InvalidType, match=r"ponder: wanted Mapping, got .*0\.01.*; .*name a field.*ponder\.cost"):
        TrainConfig.from_json({"steps": 1, "ponder": 0.01})
    with pytest.raises(InvalidValue, match=r"ponder\.cost: wanted a value, got none; .*give ponder\.cost as well"):
        TrainConfig.from_json({"steps": 1, "ponder": {}})


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: PonderCost(0.0), "cost: wanted a finite number above 0.*; the usual fix: 0.01 makes ten ticks"),
        (lambda: RandomDepth(0, 3), "least: wanted an integer of at least 1, got 0"),
        (lambda: RandomDepth(4, 3), "most: wanted an integer of at least 4, got 3; .*not below the least"),
        (lambda: TickDropout(1.0), "rate: wanted a finite number above 0 of at most"),
        (lambda: EarlyStop(patience=0), "patience: wanted an integer of at least 1, got 0"),
        (lambda: EarlyStop(margin=-0.1), "margin: wanted a finite number of at least 0"),
    ],
)
def test_impossible_pressures_are_refused(make: Any, words: str):
    with pytest.raises(InvalidValue, match=words):
        make()


def test_what_a_pressure_needs_is_told(tmp_path: Path):
    with pytest.raises(InvalidValue, match=r"key: wanted a key to draw the ticks from, got None; .*key=Key\(0\)"):
        train(Model(Key(3)), Stripes(), replace(CONFIG, tick_dropout=TickDropout(0.5)), tmp_path / "key")
    with pytest.raises(InvalidValue, match="model: wanted one that is called with ticks=, got one without"):
        run(tmp_path / "ticks", replace(CONFIG, random_depth=RandomDepth(1, 2)))
