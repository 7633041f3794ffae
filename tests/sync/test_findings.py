"""The findings of the notes, on networks drawn anew, as the example measures them."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from cofire import sync
from cofire.random import Key


@pytest.fixture(scope="module")
def example():
    path = Path(__file__).parents[2] / "examples" / "free_running_findings.py"
    spec = importlib.util.spec_from_file_location("free_running_findings", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def runs(example):
    return [(seed, run["activation"]) for seed, run, _ in example.alive(4)]


def test_correlation_within_clusters_is_out_of_phase_with_activation(example, runs):
    found = np.concatenate([example.coherence_against_activation(x) for _, x in runs])
    assert np.median(found) < -0.1
    assert (found < 0).mean() > 0.75


def test_clusters_are_not_modules(example):
    networks = example.alive(4, lambda key: example.modular_wiring(key.fold("weights"), 256, modules=4))
    for _, run, modules in networks:
        assert abs(example.clusters_against_modules(run["activation"], modules)) < 0.1


def test_two_or_three_natural_clusters_which_chance_explains(runs):
    for seed, x in runs[:2]:
        found = sync.natural_number(x, key=Key(seed), warmup=32, surrogates=19)
        assert found.by_gap in (2, 3)
        assert found.p[found.by_gap - 2] > 0.05  # halves of the recording agree on them no more than by chance


def test_the_initial_burst_dominates_without_a_warmup(example, runs):
    for _, x in runs:
        assert example.burst_against_later(x) > 2
