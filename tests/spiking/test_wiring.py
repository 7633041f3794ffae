"""Wirings have the structure they promise, and are the same for a key for ever."""

import numpy as np
import pytest

from cofire.checks import InvalidValue
from cofire.random import Key
from cofire.spiking import (
    components,
    connectivity_threshold,
    distance_wiring,
    draw_free_running,
    modular_wiring,
    most_connected,
    random_wiring,
    scale_free_wiring,
    scale_spectral_radius,
    sinusoidal_wiring,
    small_world_wiring,
    spectral_radius,
)


def test_random_wiring_has_its_density_and_scale():
    weights = random_wiring(Key(0), 300, density=0.2, scale=0.3).weights
    kept = weights[weights != 0]
    assert abs(kept.size / weights.size - 0.2) < 4 * np.sqrt(0.2 * 0.8 / weights.size)
    assert abs(kept.std() - 0.3) < 0.01
    assert np.abs(kept).max() <= 1
    np.testing.assert_array_equal(weights, random_wiring(Key(0), 300, density=0.2, scale=0.3).weights)
    assert (random_wiring(Key(1), 300, density=0.2).weights != weights).any()


def test_modules_are_dense_inside_and_sparse_between():
    weights, modules = modular_wiring(Key(2), 203, modules=4, intra=0.3, inter=0.02)
    assert np.bincount(modules).tolist() == [50, 50, 50, 53]
    inside = modules[:, None] == modules
    assert abs((weights[inside] != 0).mean() - 0.3) < 0.02
    assert abs((weights[~inside] != 0).mean() - 0.02) < 0.005


def test_sinusoidal_wiring_is_its_formula():
    weights = sinusoidal_wiring(5).weights
    assert weights[2, 1] == pytest.approx(np.sin(3 * np.pi / 5) / 2 + 0.5)
    np.testing.assert_array_equal(weights, weights.T)


def test_small_worlds_keep_degree_and_lose_the_ring_as_asked():
    def distance(rewired):
        source, target = np.nonzero(small_world_wiring(Key(3), 100, neighbours=6, rewired=rewired).weights)
        gap = np.abs(source - target)
        return np.minimum(gap, 100 - gap), np.bincount(source, minlength=100)

    ring, degree = distance(0.0)
    assert ring.max() == 3
    assert set(degree) == {6}
    half, degree = distance(0.5)
    assert set(degree) == {6}
    assert abs((half > 3).mean() - 0.5) < 0.1
    assert half.min() >= 1
    assert set(distance(1.0)[1]) == {6}


def test_scale_free_degrees_follow_a_power_law():
    weights = scale_free_wiring(Key(4), 1500, links=4).weights
    degree = (weights != 0).sum(axis=1)
    np.testing.assert_array_equal(weights != 0, (weights != 0).T)
    assert degree.min() == 4
    exponent = 1 + len(degree) / np.log(degree / 3.5).sum()  # maximum likelihood; 3 in the limit
    assert 2.4 < exponent < 3.4
    hub_age = np.argsort(-degree)[:10]
    assert hub_age.mean() < 100  # the old are the rich


def test_distance_wiring_falls_off_exponentially():
    line = np.arange(400.0)[:, None]
    weights = distance_wiring(Key(5), line, length=10.0, peak=0.8).weights
    gap = np.abs(line - line.T)
    for low, high in ((1, 4), (10, 13), (20, 23)):
        ring = (gap >= low) & (gap < high)
        expected = 0.8 * np.exp(-gap[ring] / 10).mean()
        assert abs((weights[ring] != 0).mean() - expected) < 4 * np.sqrt(expected / ring.sum())
    assert not np.diag(weights).any()


def test_spectral_radius_of_the_whole_and_of_modules():
    weights, modules = modular_wiring(Key(6), 80, modules=3, intra=0.4, inter=0.05)
    assert spectral_radius(scale_spectral_radius(weights, 0.9)) == pytest.approx(0.9)
    scaled = scale_spectral_radius(weights, 1.2, modules=modules)
    for module in range(3):
        inside = np.ix_(modules == module, modules == module)
        assert spectral_radius(scaled[inside]) == pytest.approx(1.2)
    between = modules[:, None] != modules
    np.testing.assert_array_equal(scaled[between], weights[between])
    with pytest.raises(InvalidValue, match="a recurrent network, got spectral radius 0"):
        scale_spectral_radius(np.triu(np.ones((4, 4)), 1), 1.0)


def test_the_published_networks_are_kicked_at_their_most_connected(fixtures):
    for name, modules in (("random_256", None), ("modular_256", np.repeat(np.arange(4), 64))):
        with np.load(fixtures / "free-running" / name / "inputs.npz") as given:
            np.testing.assert_array_equal(most_connected(given["weights"], modules=modules), given["kicked"])


def test_components_of_a_chain_a_cycle_and_a_loner():
    weights = np.zeros((6, 6))
    weights[[0, 1, 2, 3], [1, 2, 0, 4]] = 1.0  # a cycle of three, a pair, and neuron 5, which only talks to itself
    weights[5, 5] = 1.0
    report = components(weights)
    assert report.weak_sizes.tolist() == [3, 2, 1]
    assert report.strong_sizes.tolist() == [3, 1, 1, 1]
    assert report.weak.tolist() == [0, 0, 0, 1, 1, 2]
    assert report.isolated.tolist() == [5]
    assert not report.connected
    assert report.density == pytest.approx(4 / 30)
    assert components(weights * 0.1, weight_threshold=0.5).isolated.size == 6


def test_random_wiring_connects_around_the_threshold():
    n = 200
    threshold = connectivity_threshold(n)  # directions ignored, a pair is linked with about twice the density
    share = {
        factor: np.mean(
            [
                components(
                    random_wiring(Key(7).fold(factor, trial), n, density=factor * threshold / 2).weights
                ).connected
                for trial in range(20)
            ]
        )
        for factor in (0.5, 2.0)
    }
    assert share[0.5] == 0
    assert share[2.0] > 0.85  # exp(-exp(-ln N)) in theory


def test_a_drawn_network_has_the_sizes_asked_for():
    net = draw_free_running(Key(8), 50, outputs=7, periods=(3, 5), output_density=0.5)
    assert net.output_weights.shape == (50, 7)
    assert net.output_weights.min() >= 0
    assert set(net.refraction_period) == {3, 4, 5}
    with pytest.raises(InvalidValue, match=r"wiring\.weights: wanted shape"):
        draw_free_running(Key(8), 50, wiring=random_wiring(Key(0), 40))
