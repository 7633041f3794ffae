"""Sound noise is accused no more often than stated: 1,000 audits, all p-values kept.

Of n audits at rate p, np are expected to alarm; chance exceeds np + 3 sqrt(np(1 - p)) about once in a thousand.
"""

import numpy as np
import pytest

from cofire.random import Key, audit
from tests.random import audit_faults

RUNS = 1000


def most(runs: int, rate: float) -> float:
    return runs * rate + 3 * np.sqrt(runs * rate * (1 - rate))


def test_a_good_generator_passes_a_thousand_audits():
    key = Key(1).fold("false alarms")
    p_values = np.array([audit(key.normal((300, 8), step=run)).p_value for run in range(RUNS)])
    for rate in (0.01, 0.05, 0.2):
        assert (p_values < rate).sum() <= most(RUNS, rate)
    assert (p_values < 0.2).sum() > RUNS * 0.2 / 3  # the rate is used, not wasted
    assert audit(key.normal((300, 8), step=int(p_values.argmin())), false_alarms=0.4).causes


@pytest.mark.parametrize(("kind", "white"), [("coloured", False), ("uniform", True), ("heavy", True)])
def test_so_do_other_kinds_of_noise(kind, white):
    key, runs = Key(2).fold("false alarms", kind), 60
    p_values = []
    for run in range(runs):
        if kind == "uniform":
            noise = key.uniform((120, 30), step=run)
        elif kind == "heavy":
            noise = key.normal((300, 4), step=run) / (np.abs(key.fold("radius").normal((300, 4), step=run)) + 0.01)
        else:
            noise = audit_faults.filtered(key.normal((600, 5), step=run).astype(np.float64), 0.95)
        p_values.append(audit(noise, white=white).p_value)
    assert (np.array(p_values) < 0.05).sum() <= most(runs, 0.05)


@pytest.mark.parametrize("kind", ["poisson", "refractory", "clocks", "bursts"])
def test_spike_trains_with_memories_of_their_own_are_not_accused(kind):
    key, runs = Key(3).fold("false alarms", kind), 15
    p_values = np.array([audit(audit_faults.trains(key.fold(run), kind, 1000, 6)).p_value for run in range(runs)])
    assert (p_values < 0.05).sum() <= most(runs, 0.05)
