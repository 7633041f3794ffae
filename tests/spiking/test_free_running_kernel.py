"""The compiled parts of free-running networks: to the bit where plain sums are exact too, at every size and option."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cofire.kernels import sparse_rows
from cofire.random import Key
from cofire.spiking import FreeRunning, draw_free_running, run_many
from cofire.spiking import _room as room
from tests.oracles import free_running as oracle

ROWS: Any = sparse_rows  # compiled: its signature is its own


def drawn(key: Key, neurons: int, columns: int) -> np.ndarray:
    return key.normal((neurons, columns)).astype(float) if columns else np.zeros((neurons, 0))


def whole_config(seed: int, neurons: int, readouts: int, **more) -> dict:
    """A network whose weights are multiples of 1/64: sums of them are exact in any order."""
    key = Key(seed)

    def weights(name, columns):
        values = drawn(key.fold(name), neurons, columns)
        return np.where(np.abs(values) < 0.8, np.round(values * 24) / 64, 0.0)

    return {
        "weights": weights("w", neurons),
        "output_weights": weights("o", readouts),
        "thresholds": key.fold("theta").uniform((neurons,), dtype=np.float64),
        "refraction_period": key.fold("p").integers(1, 9, (neurons,)),
        "threshold_range": np.zeros(neurons),
        "threshold_period": np.zeros(neurons),
        "activation_leak": 0.95,
        "refraction_leak": 0.7,
        "tanh": False,
        **more,
    }


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    neurons=st.integers(1, 140),
    readouts=st.integers(0, 17),
    refraction=st.booleans(),
    cut=st.sampled_from([0.0, 0.25, 9.0]),
    driven=st.booleans(),
)
def test_it_is_the_definition_to_the_bit(seed, neurons, readouts, refraction, cut, driven):
    config = whole_config(seed, neurons, readouts, refraction=refraction, weight_threshold=cut)
    drive = Key(seed).fold("drive").normal((40, neurons)).astype(float) * 0.2 if driven else None
    run = FreeRunning(**config).run(40, kick=[0, neurons - 1], drive=drive)
    plain = oracle.run(config, 40, [0, neurons - 1], drive)
    for name in ("spike", "activation", "output", "threshold"):
        np.testing.assert_array_equal(run[name], plain[name], err_msg=name)


@pytest.mark.parametrize("neurons", [5, 8, 70])
def test_many_at_once_with_everything_that_may_differ(neurons):
    """Kicks over time, moving thresholds, and options of their own; the first network comes in twice."""
    nets = []
    for seed in range(7):
        config = whole_config(seed, neurons, 3, tanh=seed % 2 == 1, refraction=seed % 3 > 0)
        config.update(threshold_range=0.1 * (seed % 4), threshold_period=7.0)
        nets.append(FreeRunning(**config))
    nets.append(nets[0])
    kicks = [{0: [0], seed: [1, 2]} for seed in range(len(nets))]
    batch = run_many(nets, 30, kick=kicks, threads=2)
    for place, net in enumerate(nets):
        alone = net.run(30, kick=kicks[place])
        for name in alone:
            np.testing.assert_array_equal(batch[name][:, place], alone[name], err_msg=name)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    neurons=st.integers(1, 90),
    readouts=st.integers(0, 70),
    cut=st.sampled_from([0.0, 0.3, 1e9]),
    size=st.sampled_from([1e-200, 1e-3, 1.0, 1e12]),
)
def test_rows_keep_the_weights_that_count(seed, neurons, readouts, cut, size):
    key = Key(seed)
    matrices = [drawn(key.fold(name), neurons, columns) for name, columns in (("w", neurons), ("o", readouts))]
    matrices = [np.where(np.abs(matrix) < 0.8, matrix * size, 0.0) for matrix in matrices]
    starts, columns, numbers = ROWS(*matrices, cut * size, 1000)
    kept = np.zeros((neurons, 1000 + readouts))
    kept[np.repeat(np.arange(neurons), np.diff(starts)), columns] = numbers
    wanted = np.hstack([matrices[0], np.zeros((neurons, 1000 - neurons)), matrices[1]])
    counts = (wanted != 0) & (np.abs(wanted) >= cut * size)
    assert len(numbers) == counts.sum()
    step = np.abs(wanted).sum(axis=0).max() * 2.0**-51
    np.testing.assert_allclose(kept, np.where(counts, wanted, 0), rtol=0, atol=step)
    order = key.fold("order").permutation(neurons)
    np.testing.assert_array_equal(np.cumsum(kept, axis=0)[-1], np.cumsum(kept[order], axis=0)[-1])  # in any order


def test_weights_may_lie_column_by_column():
    net = draw_free_running(Key(2), 30, outputs=4)
    turned = FreeRunning(
        weights=np.asfortranarray(net.weights),
        output_weights=np.asfortranarray(net.output_weights),
        thresholds=net.thresholds,
        refraction_period=net.refraction_period,
    )
    one, other = net.run(40, kick=[1]), turned.run(40, kick=[1])
    assert one["spike"].sum() > 1
    np.testing.assert_array_equal(one["output"], other["output"])


def test_memory_is_used_again_only_when_nobody_holds_it():
    size = 2**22 + 1000  # doubles: 32 MiB
    first = room.empty((2, size // 2), np.float64)
    place, part = first.ctypes.data, first[1, 5:]
    del first
    second = room.empty((size,), np.float64)
    assert second.ctypes.data != place
    del part
    third = room.empty((8 * size - 100,), bool)
    assert third.ctypes.data == place
    assert (third.dtype, third.shape, third.flags.writeable) == (bool, (8 * size - 100,), True)
    assert not np.shares_memory(second, third)


@pytest.mark.parametrize("count", [10, 2**25])
def test_short_and_very_long_arrays_are_nobodys_memory(count):
    array = room.empty((count,), np.float64)
    assert array.base is None
