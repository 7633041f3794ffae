"""Planted faults are caught and named, at 100 units and 10,000 steps; sound generators pass."""

import numpy as np
import pytest
import torch

from cofire.random import Key, audit
from tests.random import audit_faults

STEPS, UNITS = audit_faults.STEPS, audit_faults.UNITS


# The first generator of every cause at full size, its variants at a smaller one.
CAUSES = list(dict.fromkeys(cause for _, cause in audit_faults.FAULTS.values()))
FIRST = {cause: next(name for name, fault in audit_faults.FAULTS.items() if fault[1] == cause) for cause in CAUSES}


@pytest.mark.parametrize("name", list(audit_faults.FAULTS))
def test_planted_fault_is_caught_and_named_once(name: str):
    maker, cause = audit_faults.FAULTS[name]
    report = audit(maker(STEPS, UNITS) if name == FIRST[cause] else maker(6_000, 60))
    assert [found.name for found in report.causes] == [cause]
    assert report.coupled == (cause != "wrong distribution")
    assert 0 < report.causes[0].strength <= 1
    assert report.p_value < report.false_alarms or name == "constant"  # which needs no statistics


def numpy_philox() -> np.ndarray:
    return np.random.Generator(np.random.Philox(11)).standard_normal((STEPS, UNITS))


def torch_cpu() -> np.ndarray:
    return torch.randn(STEPS, UNITS, generator=torch.Generator().manual_seed(13)).numpy()


def cofire_key() -> np.ndarray:
    key = Key(3).fold("audit")
    return np.stack([key.normal(UNITS, step=step) for step in range(STEPS)])


def numpy_twister() -> np.ndarray:
    return np.random.Generator(np.random.MT19937(12)).random((3_000, 50), dtype=np.float32)


def cofire_two_variables() -> dict[str, np.ndarray]:
    units = Key(3).fold("audit").units(range(20))  # one key for two kinds of draw
    current = np.stack([units.normal(step=step) for step in range(2_000)])
    return {"current": current, "threshold": np.stack([units.uniform(step=step) for step in range(2_000)])}


@pytest.mark.parametrize("maker", [numpy_philox, torch_cpu, cofire_key, numpy_twister, cofire_two_variables])
def test_sound_generator_passes(maker):
    report = audit(maker())
    assert not report.coupled
    assert report.causes == []
    assert report.verdict.startswith("INDEPENDENT: no coupling found")


def cause_of(noise, **settings):
    report = audit(noise, **settings)
    assert len(report.causes) == 1, report
    return report.causes[0]


def test_places_and_strengths_are_those_planted():
    noise = audit_faults.independent(2000, 20)
    noise[35:, 4] = noise[:-35, 11]
    cause = cause_of(noise)
    assert (cause.place["lag"], cause.place["pairs"], cause.place["count"]) == (35, [["11", "4"]], 1)
    assert cause.strength > 0.97  # normal scores of the two stretches differ a little

    noise = audit_faults.independent(2000, 20)
    noise[:, 3] = -noise[:, 17]
    assert cause_of(noise).place["groups"] == [["3", "17"]]

    cause = cause_of(audit_faults.added_broadcast(4_000, 60))
    assert cause.strength == pytest.approx(0.01, rel=0.15)  # 1 % of the variance was common

    cause = cause_of(audit_faults.rhythmic(4_000, 60))
    assert cause.place["frequency"] == pytest.approx(0.0437, abs=2.5e-4)
    assert cause.strength == pytest.approx(0.3 / 1.3, rel=0.2)  # of the sum's variance: 60 (0.1**2 / 2) beside 1

    cause = cause_of(audit_faults.overlapping_box_muller(4_000, 20))
    assert cause.place["lag"] == 1
    assert cause.strength == pytest.approx(0.20, abs=0.06)

    assert cause_of(audit_faults.reseeded(2000, 20)).place["lag"] == 250


def test_units_keep_their_names_where_only_some_are_compared():
    noise = audit_faults.independent(250, 1500)
    noise[:, 1499] = -noise[:, 3]  # no value comes again, so that the correlation has to find it
    assert cause_of(noise).place["groups"] == [["3", "1499"]]
    noise = audit_faults.independent(250, 1500)
    noise[20:, 1301] = noise[:-20, 1400]  # and here only the values can
    assert cause_of(noise).place["pairs"] == [["1400", "1301"]]


def test_single_pairs_are_not_called_a_broadcast():
    noise = audit_faults.independent(3000, 40)
    noise[:, 5] = 0.95 * noise[:, 5] + 0.3 * noise[:, 9]
    cause = cause_of(noise)
    assert (cause.name, cause.place["pairs"]) == ("correlated units", [["5", "9"]])
    assert cause.strength == pytest.approx(0.3, abs=0.05)

    noise = audit_faults.independent(3000, 40)
    noise[:, 10:20] += 0.5 * audit_faults.independent(3000, 1, seed=99)
    cause = cause_of(noise)
    assert (cause.name, cause.place["units"]) == ("shared signal", [str(unit) for unit in range(10, 20)])
    assert cause.strength == pytest.approx(0.2, abs=0.03)  # 0.25 / 1.25


def test_delayed_influence_is_told_from_a_copy():
    noise = audit_faults.independent(4000, 20)
    noise[5:, 2] = np.sqrt(0.84) * noise[5:, 2] + 0.4 * noise[:-5, 9]
    cause = cause_of(noise)
    assert (cause.name, cause.place["lag"], cause.place["pairs"]) == ("lagged coupling", 5, [["9", "2"]])
    assert cause.strength == pytest.approx(0.4, abs=0.05)


def test_many_overlapping_streams_are_one_cause():
    sequence = audit_faults.generator(1).standard_normal(3000)
    cause = cause_of(np.stack([sequence[unit : unit + 2000] for unit in range(40)], axis=1))
    assert cause.name == "counter overlap"
    assert cause.place["count"] == 40 * 39 / 2
    assert cause.place["lags"][:3] == [1, 2, 3]


def test_coloured_noise_is_compared_without_its_own_memory():
    sound = audit_faults.coloured(3000, 40)
    assert audit(sound).causes[0].name == "serial dependence"
    assert not audit(sound, white=False).coupled
    sound[300:, 4] = sound[:-300, 7]
    cause = cause_of(sound, white=False)
    assert (cause.name, cause.place["lag"]) == ("counter overlap", 300)


def test_axes_beyond_units_are_named():
    trial = audit_faults.independent(500, 6)
    cause = cause_of(np.stack([trial, trial], axis=1))  # a batch of two with the same noise
    assert cause.place["groups"][0] == ["[0, 0]", "[1, 0]"]


def test_distribution_can_be_demanded():
    uniform = audit_faults.generator(3).random((1000, 10))
    assert audit(uniform).causes == []
    assert audit(uniform, distribution="uniform").causes == []
    assert audit(uniform, distribution=lambda x: np.clip(x, 0, 1)).causes == []
    wrong = audit(uniform, distribution="normal")
    assert wrong.causes[0].name == "wrong distribution"
    assert not wrong.coupled


@pytest.mark.parametrize("shape", [(300, 900), (20_000, 3), (150, 2)])
def test_sound_noise_of_any_shape_passes(shape):
    assert not audit(audit_faults.independent(*shape, seed=8)).coupled


@pytest.mark.parametrize("kind", ["coin", "dice", "words", "cauchy"])
def test_discrete_and_heavy_tailed_noise_passes(kind):
    generator = audit_faults.generator(21)
    drawn = {
        "coin": lambda: generator.choice([-1.0, 1.0], (2000, 20)),
        "dice": lambda: generator.integers(1, 7, (2000, 20)),
        "words": lambda: generator.integers(0, 2**32, (2000, 20), dtype=np.uint32),
        "cauchy": lambda: generator.standard_cauchy((2000, 20)),
    }[kind]()
    assert audit(drawn).causes == []


def test_constant_units_are_named():
    noise = audit_faults.independent(500, 6)
    noise[:, 2] = 1.5
    cause = cause_of(noise)
    assert (cause.name, cause.place["units"]) == ("constant unit", ["2"])
