"""Asking again: what keyed noise promises, and what an ordinary generator cannot."""

import numpy as np
import pytest
import torch

from cofire.random import Key, audit
from tests.random import audit_faults

STEPS, N = 200, 12
KEY = Key(5).fold("noise")


def keyed(step, units=range(N), chunk=None, batch=None):
    """Keyed noise understands every way of asking."""
    steps = step if chunk is None else range(step, step + chunk)
    if batch is None:
        return KEY.units(units).normal(step=steps)
    return np.stack([KEY.fold("trial", trial).units(units).normal(step=steps) for trial in range(batch)])


def names(report, same: bool) -> list[str]:
    return [condition.name for condition in report.conditions if condition.same == same]


def test_keyed_noise_is_independent_and_invariant():
    report = audit(keyed, steps=STEPS)
    assert names(report, False) == []
    assert names(report, True) == ["order of calls", "shuffled units", "fewer units", "added unit", "chunk", "batch"]
    assert report.invariant is True
    assert report.verdict.startswith("INDEPENDENT AND INVARIANT")
    assert report.causes == []


def test_shared_generator_is_independent_but_not_invariant_and_the_report_says_why():
    generator = audit_faults.generator(1)
    report = audit(lambda step: generator.standard_normal(N), steps=STEPS)
    assert not report.coupled
    assert report.invariant is False
    assert [cause.name for cause in report.causes] == ["noise depends on the order of drawing"]
    assert report.causes[0].place == {"conditions": ["order of calls"], "step": 0}
    assert report.verdict.startswith("INDEPENDENT BUT NOT INVARIANT")
    assert "The units are independent of each other as they were drawn here" in str(report)


def test_run_with_a_fixed_seed_ties_numbers_to_places():
    def run(*, units=range(N), threads=1):
        return audit_faults.generator(2).standard_normal((STEPS, len(units)))

    report = audit(run)
    assert names(report, True) == ["run again", "threads"]
    assert names(report, False) == ["shuffled units", "fewer units", "added unit"]
    assert [cause.name for cause in report.causes] == ["noise depends on how it is asked for"]


def test_first_step_of_a_change_is_reported():
    def late(step, threads=1):
        noise = KEY.normal(N, step=step)
        return noise + (1e-6 if threads == 2 and step >= 17 else 0)

    changed = next(one for one in audit(late, steps=STEPS).conditions if not one.same)
    assert (changed.name, changed.first_step) == ("threads", 17)
    assert changed.difference == pytest.approx(1e-6, rel=0.1)


def test_batch_and_chunk_are_compared_member_by_member():
    def positional(step, batch=1, chunk=None):
        if chunk is not None:
            return np.stack([KEY.normal((1, N), step=step)[0]] * chunk)  # every step of a chunk the same
        return KEY.normal((batch * N), step=step).reshape(N, batch).T  # a number belongs to a place in the batch

    def source(step, batch=None, chunk=None):
        return (
            positional(step, batch or 1, chunk)[0]
            if batch is None and chunk is None
            else positional(step, batch, chunk)
        )

    assert names(audit(source, steps=STEPS), False) == ["batch", "chunk"]


def test_whole_runs_may_return_a_mapping():
    def run():
        steps = range(STEPS)
        return {
            "voltage": KEY.units(range(6)).normal(step=steps),
            "current": KEY.fold("i").units(range(4)).normal(step=steps),
        }

    report = audit(run)
    assert report.subject == f"values of voltage, current: 10 units, {STEPS} steps"
    assert report.invariant is True


def test_steps_may_return_tensors_and_variables():
    def step(step):
        return {"a": torch.from_numpy(KEY.normal(5, step=step)), "b": KEY.uniform(5, step=step)}

    report = audit(step, steps=STEPS)
    assert report.invariant is True
    assert report.causes == []


def test_another_shape_is_a_change_from_the_start():
    calls = []

    def growing(step):
        calls.append(step)
        return KEY.normal(N if len(calls) <= STEPS + 48 else N + 1, step=step)

    changed = audit(growing, steps=STEPS).conditions[0]
    assert (changed.same, changed.first_step, changed.difference) == (False, 0, None)


def test_device_is_asked_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)

    def step(step, device="cpu"):
        return KEY.normal(N, step=step) + (device == "cuda") * 1e-7

    assert names(audit(step, steps=STEPS), False) == ["device"]
