"""What the experiments with free-running networks found, measured anew: 256 neurons, 10 % density, one kick each.

1. Within a cluster, correlation is out of phase with activation.
2. Clusters are not modules.
3. The tree of a network has two or three natural clusters; whether they are more than chance is another question.
4. The initial burst is several times more synchronous than what follows: without a warm-up it dominates.
"""

import numpy as np

from cofire import sync
from cofire.random import Key
from cofire.spiking import draw_free_running, modular_wiring, most_connected

TICKS, WARMUP = 256, 32


def alive(count, wiring=None, first=0):
    """The first seeds whose network keeps going, with their activations."""
    seed = first
    while count:
        key = Key(seed)
        wired = wiring(key) if wiring else None
        net = draw_free_running(key, 256, wiring=wired, activation_leak=0.9)
        modules = None if wired is None else wired.modules
        run = net.run(TICKS, kick=most_connected(net.weights, modules=modules))
        if run["spike"][TICKS // 2 :].sum() > TICKS:
            count -= 1
            yield seed, run, modules
        seed += 1


def coherence_against_activation(x, clusters=8):
    """Per cluster: the correlation over time of its windowed coherence with its mean activation."""
    labels = sync.cluster(sync.cumulative(x, warmup=WARMUP), clusters).labels
    pair = [sync.within_clusters(x, labels, name)[:, WARMUP:] for name in ("coherence", "activation")]
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(*pair, strict=True)])


def clusters_against_modules(x, modules):
    """The adjusted Rand index of as many clusters as there are modules: 1 would be the same groups, 0 is chance."""
    S = sync.cumulative(x, warmup=WARMUP)
    return sync.adjusted_rand(sync.cluster(S, len(np.unique(modules))).labels, modules)


def burst_against_later(x):
    """The largest windowed synchrony within the warm-up over the median one after it."""
    together = sync.over_time(x, "windowed_sync", window=8)
    return together[:WARMUP].max() / np.median(together[WARMUP:])


def main():
    print("1. coherence against activation within 8 clusters (correlation over time)")
    for seed, run, _ in alive(3):
        found = coherence_against_activation(run["activation"])
        print(f"   seed {seed}: median {np.median(found):+.2f}, negative in {(found < 0).sum()} of {len(found)}")
    print("2. four clusters against four modules (adjusted Rand index, 0 is chance)")
    for seed, run, modules in alive(3, lambda key: modular_wiring(key.fold("weights"), 256, modules=4)):
        print(f"   seed {seed}: {clusters_against_modules(run['activation'], modules):+.3f}")
    print("3. natural number of clusters")
    for seed, run, _ in alive(2):
        found = sync.natural_number(run["activation"], key=Key(seed), warmup=WARMUP, surrogates=19)
        print(f"   seed {seed}: {found}")
    print("4. synchrony of the initial burst, as a multiple of the median afterwards (windows of 8 ticks)")
    for seed, run, _ in alive(3):
        print(f"   seed {seed}: {burst_against_later(run['activation']):.1f}")


if __name__ == "__main__":
    main()
