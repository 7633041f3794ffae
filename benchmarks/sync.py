"""Synchrony measures against plain versions and against elephant, in the same run. `--quick` for smaller sizes."""

import sys
import time
import tracemalloc

import numpy as np

from cofire import sync
from cofire.random import Key

TICKS, NEURONS, WINDOW = 256, 256, 16


def best(call, repeats=5):
    """The least seconds of several calls."""
    found = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        found = min(found, time.perf_counter() - start)
    return found


def line(name, peer, ours, wanted):
    print(
        f"{name:<58} peer {peer * 1e3:10.2f} ms   cofire {ours * 1e3:8.2f} ms   {peer / ours:8.0f}x (wanted {wanted}x)"
    )


def cumulative(x):
    def all_matrices():
        return np.array([x[: tick + 1].T @ x[: tick + 1] for tick in range(TICKS)])

    def streamed():
        for S in sync.cumulative_stream(x):
            S[0, 0]

    np.testing.assert_allclose([S.copy() for S in sync.cumulative_stream(x)], all_matrices())
    line("cumulative synchrony at every tick, 256 x 256", best(all_matrices, 3), best(streamed), 20)
    tracemalloc.start()
    streamed()
    print(f"{'  extra memory of the stream':<58} {tracemalloc.get_traced_memory()[1] / 1e6:.2f} MB (wanted below 1 MB)")
    tracemalloc.stop()


def inverse_mse(x):
    labels = np.arange(NEURONS) % 8

    def pairwise_loop():
        for label in range(8):
            group = x[:, labels == label]
            for tick in range(TICKS):
                part = group[max(0, tick - WINDOW + 1) : tick + 1]
                errors = [np.mean((part[:, i] - part[:, j]) ** 2) for i in range(group.shape[1]) for j in range(i)]
                1 / (1 + np.mean(errors))

    ours = best(lambda: sync.within_clusters(x, labels, "inverse_mse", window=WINDOW))
    line("inverse MSE within 8 clusters of 32, window 16", best(pairwise_loop, 1), ours, 500)


def tiling(trains_count):
    seconds, dt = 10.0, 0.005
    trains = []
    for unit in range(trains_count):
        times = np.cumsum(-np.log1p(-Key(0).fold(unit).uniform(300, dtype=np.float64)) / 10.0)
        trains.append(times[times < seconds])
    ours = best(lambda: sync.tiling_coefficient(trains, dt, stop=seconds), 3)
    try:
        import neo
        import quantities as pq
        from elephant.spike_train_correlation import spike_time_tiling_coefficient
    except ImportError:
        print(f"STTC of {trains_count} trains: cofire {ours * 1e3:.1f} ms; pip install 'cofire[bench]' compares")
        return
    theirs = [neo.SpikeTrain(train * pq.s, t_stop=seconds * pq.s) for train in trains[:20]]

    def twenty_pairs():
        for other in theirs[1:]:
            spike_time_tiling_coefficient(theirs[0], other, dt=dt * pq.s)

    pairs = trains_count * (trains_count - 1) // 2
    peer = best(twenty_pairs, 3) / 19 * pairs  # extrapolated from 19 pairs
    line(f"STTC of {trains_count} trains x 10 s (peer extrapolated from 19 pairs)", peer, ours, 100)


if __name__ == "__main__":
    traces = Key(0).uniform((TICKS, NEURONS), dtype=np.float64)
    cumulative(traces)
    inverse_mse(traces)
    tiling(100 if "--quick" in sys.argv else 500)
