"""Networks per second: many free-running networks at once against a Python loop over ticks with NumPy products."""

import time
from dataclasses import replace

import numpy as np

from cofire.random import Key
from cofire.spiking import draw_free_running, most_connected, run_many

NEURONS, TICKS, NETWORKS = 256, 256, 192


def plain_loop(net, kick):
    """One network, an array operation per step of a tick."""
    W, Wo = net.weights.T.copy(), net.output_weights.T.copy()
    theta, period = net.thresholds, net.refraction_period
    a, f = np.zeros(NEURONS), np.zeros(NEURONS)
    c, o = np.zeros(NEURONS, int), np.zeros(Wo.shape[0])
    a[kick] = 1
    spikes = 0
    for _ in range(TICKS):
        ready = c == 0
        new = np.where(ready, np.clip(a + W @ f, 0, 1), a)
        fires = ready & (new >= theta)
        new = np.where(c > 0, net.refraction_leak * new, new)
        c = np.maximum(np.where(fires, period, c) - 1, 0)
        f = fires.astype(float)
        o = np.clip(net.refraction_leak * o + Wo @ f, 0, 1)
        a = new * net.activation_leak
        spikes += fires.sum()
    return spikes


def rate(call, count, repeats):
    """Calls per second at best."""
    found = 0.0
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        found = max(found, count / (time.perf_counter() - start))
    return found


if __name__ == "__main__":
    start = time.perf_counter()
    nets = [draw_free_running(Key(seed), NEURONS, activation_leak=0.9) for seed in range(NETWORKS)]
    print(f"drawing {NETWORKS} networks: {NETWORKS / (time.perf_counter() - start):.0f} per second")
    kicks = [most_connected(net.weights) for net in nets]
    batch = run_many(nets, TICKS, kick=kicks, record=["spike"])["spike"]  # compiles, and compresses the weights
    assert batch[:, 0].sum() == plain_loop(nets[0], kicks[0])
    print(f"{batch.sum() / NETWORKS:.0f} spikes per network")
    peer = rate(lambda: [plain_loop(net, kick) for net, kick in zip(nets[:20], kicks, strict=False)], 20, 3)
    for record in (["output"], ["spike", "output"], ["activation", "spike", "output"]):
        ours = rate(lambda record=record: run_many(nets, TICKS, kick=kicks, record=record), NETWORKS, 5)
        words = ", ".join(record)
        print(f"recording {words:<27} peer {peer:6.0f}/s   cofire {ours:7.0f}/s   {ours / peer:5.0f}x (wanted 60x)")
    fresh = [[replace(net) for net in nets] for _ in range(5)]
    ours = rate(lambda: run_many(fresh.pop(), TICKS, kick=kicks, record=["spike", "output"]), NETWORKS, 5)
    print(f"spike, output of networks never run   peer {peer:6.0f}/s   cofire {ours:7.0f}/s   {ours / peer:5.0f}x")
