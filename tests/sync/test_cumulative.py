"""Summed synchrony: plain sums, the published matrices, borders, and the same thing in torch."""

import json
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cofire import sync
from cofire.checks import InvalidType, InvalidValue
from cofire.random import Key
from cofire.spiking import FreeRunning
from cofire.sync import _torch
from tests.oracles import synchrony as oracle


def traces(seed, ticks, units):
    return Key(seed).normal((ticks, units)).astype(np.float64)


def published(fixtures, name):
    folder = fixtures / "free-running" / name
    config = json.loads((folder / "config.json").read_text())
    with np.load(folder / "inputs.npz") as given, np.load(folder / "expected.npz") as expected:
        physics = ("activation_leak", "refraction_leak", "refraction", "tanh", "weight_threshold")
        net = FreeRunning(**{k: given[k] for k in given if k != "kicked"}, **{k: config[k] for k in physics})
        return config, net.run(config["ticks"], kick=given["kicked"]), dict(expected)


@pytest.mark.parametrize("name", ["random_256", "modular_256"])
def test_the_published_matrices_clusters_and_measures(fixtures, name):
    config, run, expected = published(fixtures, name)
    x, warmup = run["activation"], config["warmup"]
    S = sync.cumulative(x, warmup=warmup)
    np.testing.assert_allclose(S, expected["sync_final"], rtol=0, atol=1e-6)
    middle = sync.cumulative(x, warmup=warmup, ticks=[config["ticks"] // 2])[0]
    np.testing.assert_allclose(middle, expected["sync_mid"], rtol=0, atol=1e-6)
    found = sync.cluster(S, n=config["clusters"])
    assert sync.adjusted_rand(found.labels, expected["labels"]) == 1.0  # equal up to renaming
    np.testing.assert_allclose(found.linkage[:, 2], expected["linkage"][:, 2], rtol=0, atol=1e-6)
    for measure in ("coherence", "windowed_sync", "inverse_mse", "instantaneous_sync", "derivative"):
        values = sync.within_clusters(x, expected["labels"], measure, window=config["window"])
        np.testing.assert_allclose(values, expected[measure], rtol=0, atol=1e-6, err_msg=measure)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 6), st.data())
def test_every_tick_is_the_plain_sum(seed, ticks, units, data):
    x = traces(seed, ticks, units)
    warmup = data.draw(st.integers(0, ticks - 1))
    plain = [oracle.cumulative(x, warmup, tick) for tick in range(ticks)]
    streamed = [S.copy() for S in sync.cumulative_stream(x, warmup=warmup)]
    np.testing.assert_allclose(streamed, plain, atol=1e-12)
    np.testing.assert_allclose(sync.cumulative(x, warmup=warmup, ticks=range(ticks)), plain, atol=1e-12)
    np.testing.assert_allclose(sync.cumulative(x, warmup=warmup), plain[-1], atol=1e-12)
    np.testing.assert_allclose(sync.cumulative(x, warmup=warmup, ticks=[-1, 0]), [plain[-1], plain[0]], atol=1e-12)


def test_the_stream_needs_no_more_than_one_matrix():
    x = traces(0, 256, 256)
    tracemalloc.start()
    for S in sync.cumulative_stream(x):
        corner = S[0, 0]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1e6
    assert corner == pytest.approx((x[:, 0] ** 2).sum())
    with pytest.raises(ValueError, match="read-only"):
        next(sync.cumulative_stream(x))[0, 0] = 1


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 10), st.floats(0, 3), st.floats(0, 3))
def test_decayed_is_its_equation_in_numpy_and_torch(seed, ticks, rate_a, rate_b):
    x = traces(seed, ticks, 3)
    pairs, rates = np.array([[0, 1], [2, 2]]), np.array([rate_a, rate_b])
    plain = [[oracle.decayed(x, r, *pair, t) for pair, r in zip(pairs, rates, strict=True)] for t in range(ticks)]
    np.testing.assert_allclose(sync.decayed(x, rates, pairs), plain, atol=1e-12)
    in_torch = _torch.decayed(torch.tensor(x), torch.tensor(rates), *torch.tensor(pairs.T))
    np.testing.assert_allclose(in_torch.numpy(), plain, atol=1e-12)
    matrix = sync.decayed_matrix(x, rate_a)
    np.testing.assert_allclose(matrix[0, 1], oracle.decayed(x, rate_a, 0, 1, ticks - 1), atol=1e-12)


def test_torch_versions_have_right_gradients_and_keep_batches_apart():
    z = torch.tensor(traces(3, 6, 8).reshape(6, 2, 4), requires_grad=True)
    rates = torch.tensor([0.0, 0.3, 1.2], dtype=torch.float64, requires_grad=True)
    left, right = torch.tensor([0, 1, 2]), torch.tensor([1, 1, 3])
    assert torch.autograd.gradcheck(lambda z, r: _torch.decayed(z, r, left, right), (z, rates))
    batch = _torch.decayed(z, rates, left, right)
    alone = _torch.decayed(z[:, 1], rates, left, right)
    torch.testing.assert_close(batch[:, 1], alone)
    np.testing.assert_allclose(
        _torch.cumulative(z, warmup=2)[1].detach().numpy(),
        sync.cumulative(z[:, 1].detach().numpy(), warmup=2),
        atol=1e-12,
    )


def test_windowed_is_the_sum_over_the_window():
    x = traces(4, 9, 3)
    found = sync.windowed(x, 4, ticks=range(9))
    for tick in range(9):
        part = oracle.window_of(x, tick, 4)
        np.testing.assert_allclose(found[tick], part.T @ part, atol=1e-14)
    np.testing.assert_array_equal(sync.windowed(x, 4), found[-1])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: sync.cumulative(x, warmup=5), "warmup: wanted an integer from 0 to 4, got 5; .*leave at least one"),
        (lambda x: sync.cumulative(x * np.nan), "x: wanted finite numbers, got nan at index"),
        (lambda x: sync.cumulative(x[:, :, None]), r"choose one example of a batch with recording\.select\(batch=0\)"),
        (lambda x: sync.cumulative(x[:0]), r"at least 1 tick\(s\), got 0"),
        (lambda x: sync.cumulative(x, ticks=[5]), "tick: wanted an integer from -5 to 4"),
        (lambda x: sync.cumulative(x.astype(str)), "x: wanted real numbers, got dtype"),
        (lambda x: sync.windowed(x, 0), "window: wanted an integer of at least 1"),
        (lambda x: sync.decayed(x, -1.0, [[0, 1]]), "rates: wanted numbers of at least 0"),
        (lambda x: sync.decayed(x, 1.0, [[0, 2]]), "pairs: wanted indices from 0 to 1"),
    ],
)
def test_bad_input_is_refused_in_words(call, words):
    with pytest.raises((InvalidValue, InvalidType), match=words):
        call(traces(5, 5, 2))
