"""Free-running networks: the published runs, the plain definition, and what must not matter."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cofire.checks import InvalidType, InvalidValue
from cofire.random import Key
from cofire.spiking import FreeRunning, draw_free_running, run_many
from tests.oracles import free_running as oracle

PHYSICS = ("activation_leak", "refraction_leak", "refraction", "tanh", "weight_threshold")


@pytest.mark.parametrize("name", ["random_256", "modular_256"])
def test_the_published_runs(fixtures, name):
    folder = fixtures / "free-running" / name
    config = json.loads((folder / "config.json").read_text())
    with np.load(folder / "inputs.npz") as given, np.load(folder / "expected.npz") as expected:
        kicked = given["kicked"]
        net = FreeRunning(**{k: given[k] for k in given if k != "kicked"}, **{k: config[k] for k in PHYSICS})
        run = net.run(config["ticks"], kick=kicked)
        np.testing.assert_array_equal(run["spike"], np.unpackbits(expected["firing"], axis=1).astype(bool))
        np.testing.assert_allclose(run["activation"], expected["activations"], rtol=0, atol=1e-6)
        np.testing.assert_allclose(run["output"], expected["outputs"], rtol=0, atol=1e-6)
    assert run["spike"].sum() == config["spikes"]


def drawn_config(seed: int, neurons: int, **more) -> dict:
    key = Key(seed)

    def uniform(name, *shape):
        return key.fold(name).uniform(shape, dtype=np.float64)

    exists = uniform("exists", neurons, neurons) < 0.3
    return {
        "weights": np.clip(key.fold("w").normal((neurons, neurons)).astype(float) * 0.5, -1, 1) * exists,
        "output_weights": uniform("o", neurons, 5) * 0.5,
        "thresholds": uniform("theta", neurons),
        "refraction_period": key.fold("p").integers(1, 9, (neurons,)),
        "threshold_range": uniform("range", neurons) * 0.3,
        "threshold_period": key.fold("wave").integers(0, 12, (neurons,)),
        "activation_leak": 0.95,
        "refraction_leak": 0.7,
        "weight_threshold": 0.05,
        "tanh": False,
        "refraction": True,
        **more,
    }


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40), st.booleans(), st.booleans(), st.booleans())
def test_the_engine_is_the_definition(seed, neurons, tanh, refraction, driven):
    config = drawn_config(seed, neurons, tanh=tanh, refraction=refraction)
    drive = Key(seed).fold("drive").uniform((60, neurons), dtype=np.float64) * 0.2 if driven else None
    run = FreeRunning(**config).run(60, kick=[0], drive=drive)
    plain = oracle.run(config, 60, [0], drive)
    np.testing.assert_array_equal(run["spike"], plain["spike"])
    for name in ("activation", "output", "threshold"):
        np.testing.assert_allclose(run[name], plain[name], rtol=0, atol=1e-12, err_msg=name)


def test_the_order_of_neurons_in_memory_does_not_matter():
    config = drawn_config(3, 60)
    order = Key(4).permutation(60)
    per_neuron = ("output_weights", "thresholds", "refraction_period", "threshold_range", "threshold_period")
    shuffled = {name: value[order] if name in per_neuron else value for name, value in config.items()}
    shuffled["weights"] = config["weights"][np.ix_(order, order)]
    one = FreeRunning(**config).run(200, kick=order[:3])
    other = FreeRunning(**shuffled).run(200, kick=[0, 1, 2])
    for name in ("activation", "spike", "threshold"):
        np.testing.assert_array_equal(other[name], one[name][:, order])  # to the bit
    np.testing.assert_array_equal(other["output"], one["output"])


def test_many_at_once_is_each_alone_whatever_the_threads():
    nets = [draw_free_running(Key(seed), 40, outputs=6) for seed in range(9)]
    kicks = [[seed] for seed in range(9)]
    for threads in (1, 3):
        batch = run_many(nets, 50, kick=kicks, threads=threads)
        for place, net in enumerate(nets):
            alone = net.run(50, kick=kicks[place])
            for name in alone:
                np.testing.assert_array_equal(batch.select(batch=place)[name], alone[name])
    assert list(run_many(nets, 5, kick=[0], record=["output"])) == ["output"]


def test_a_moving_threshold_in_one_of_many():
    still, moving = (
        FreeRunning(weights=np.zeros((2, 2))),
        FreeRunning(weights=np.zeros((2, 2)), threshold_range=0.4, threshold_period=8),
    )
    batch = run_many([still, moving], 9)["threshold"]
    np.testing.assert_array_equal(batch[:, 0], 0.5)
    np.testing.assert_allclose(batch[:, 1, 0], [0.5, *(0.5 + 0.4 * np.sin(2 * np.pi * np.arange(8) / 8))], atol=1e-15)


@pytest.mark.parametrize(("period", "threshold", "fires"), [(2, 0.3, [0, 2, 4, 6]), (4, 0.2, [0, 4])])
def test_one_kick_keeps_a_lone_neuron_firing(period, threshold, fires):
    net = FreeRunning(weights=np.zeros((1, 1)), thresholds=threshold, refraction_period=period)
    run = net.run(12, kick=[0])
    assert np.flatnonzero(run["spike"][:, 0]).tolist() == fires
    if period == 4:  # four leaks and three refraction leaks later
        np.testing.assert_allclose(run["activation"][3, 0], 0.98**4 * 0.75**3, rtol=1e-12)


def test_kicks_over_time_and_patterns_are_the_same_thing():
    net = draw_free_running(Key(1), 30)
    pattern = np.zeros((20, 30))
    pattern[0, 2] = pattern[7, 5] = 1
    kicked = net.run(20, kick={0: [2], 7: 5})
    driven = net.run(20, drive=pattern)
    for name in kicked:
        np.testing.assert_array_equal(kicked[name], driven[name])


def test_running_on_from_a_state_is_one_long_run():
    net = FreeRunning(**drawn_config(5, 30))
    whole = net.run(40, kick=[1])
    first, state = net.advance(net.init_state(), 15, kick=[1])
    before = [part.copy() for part in state[:5]]
    second, _ = net.advance(state, 25)
    assert second.times[0] == 15
    for name in whole:
        np.testing.assert_array_equal(np.concatenate([first[name], second[name]]), whole[name])
    for part, kept in zip(state[:5], before, strict=True):
        np.testing.assert_array_equal(part, kept)  # the state given is left alone


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"weights": np.zeros((2, 3))}, r"weights: wanted shape \(2, 2\), got shape \(2, 3\)"),
        ({"weights": np.full((2, 2), np.nan)}, r"weights: wanted finite numbers, got nan at index \(0, 0\)"),
        ({"output_weights": np.zeros((3, 1))}, r"output_weights: wanted shape \(2, K\)"),
        ({"thresholds": [0.1]}, "thresholds: wanted shape.*give one number, or one per neuron"),
        ({"refraction_period": 0}, "refraction_period: wanted numbers of at least 1, got 0"),
        ({"refraction_period": 2.5}, "refraction_period: wanted integers.*count in whole ticks"),
        ({"activation_leak": 1.5}, "activation_leak: wanted a finite number from 0 to 1, got 1.5"),
        ({"tanh": "yes"}, "tanh: wanted bool"),
    ],
)
def test_bad_networks_are_refused_in_words(more, words):
    with pytest.raises((InvalidValue, InvalidType), match=words):
        FreeRunning(**{"weights": np.zeros((2, 2)), **more})


def test_bad_runs_are_refused_in_words():
    net = FreeRunning(weights=np.zeros((2, 2)))
    with pytest.raises(InvalidValue, match="ticks: wanted an integer of at least 1, got 0"):
        net.run(0)
    with pytest.raises(InvalidValue, match="kick: wanted an integer from 0 to 1, got 2"):
        net.run(3, kick=[2])
    with pytest.raises(InvalidValue, match="kick tick: wanted an integer from 0 to 2, got 3"):
        net.run(3, kick={3: [0]})
    with pytest.raises(InvalidValue, match=r"drive: wanted shape \(3, 2\)"):
        net.run(3, drive=np.zeros((2, 2)))
    with pytest.raises(InvalidValue, match="networks: wanted an integer of at least 1"):
        run_many([], 3)
    with pytest.raises(InvalidValue, match="one kick for all or 1, one per network, got 2"):
        run_many([net], 3, kick=[[0], [1]])
    with pytest.raises(InvalidValue, match="output_weights of every network: wanted shape"):
        run_many([net, FreeRunning(weights=np.zeros((3, 3)))], 3)
    with pytest.raises(InvalidValue, match="did you mean 'spike'"):
        run_many([net], 3, record=["spikes"])
