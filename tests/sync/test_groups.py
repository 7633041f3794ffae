"""Groups: published trees elsewhere; here planted structure is found, and partitions compare as in scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cofire import sync
from cofire.checks import InvalidValue
from cofire.random import Key
from cofire.spiking import draw_free_running, modular_wiring, most_connected


def planted(seed, groups=3, size=6, ticks=600, noise=0.5, loud=None):
    """Groups of units that share a drive; `loud` scales every unit."""
    key = Key(seed)
    drives = key.fold("drive").normal((ticks, groups)).astype(np.float64)
    x = np.repeat(drives, size, axis=1) + noise * key.fold("own").normal((ticks, groups * size))
    truth = np.repeat(np.arange(groups), size)
    return x * (1.0 if loud is None else loud), truth


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.integers(0, 2**32))
def test_adjusted_rand_is_scikit_learns(first, seed):
    metrics = pytest.importorskip("sklearn.metrics")
    second = Key(seed).integers(0, 3, (len(first),))
    assert sync.adjusted_rand(first, second) == pytest.approx(metrics.adjusted_rand_score(first, second))


def test_silhouette_is_scikit_learns():
    metrics = pytest.importorskip("sklearn.metrics")
    x, truth = planted(1)
    distance = sync.cosine_distance(x.T @ x)
    truth[0] = 9  # one unit on its own
    assert sync.silhouette(distance, truth) == pytest.approx(
        metrics.silhouette_score(distance, truth, metric="precomputed")
    )
    assert sync.silhouette(distance, np.zeros(len(truth))) == 0.0


def test_magnitude_groups_by_loudness_and_the_cosine_does_not():
    loud = np.where(np.arange(18) % 2 == 0, 8.0, 1.0)
    x, truth = planted(2, loud=loud)
    S = sync.cumulative(x)
    free = sync.cluster(S, n=3, magnitude=False)
    assert sync.adjusted_rand(free.labels, truth) == 1.0
    with_magnitude = sync.cluster(S, n=2)
    quiet = {label for label, scale in zip(with_magnitude.labels, loud, strict=True) if scale == 1.0}
    assert len(quiet) == 1  # all quiet units of all groups in one cluster


def test_cuts_of_one_tree_are_nested_and_heights_lie_between_merges():
    x, _ = planted(3)
    tree = sync.cluster(sync.cumulative(x), n=4, magnitude=False)
    coarse, fine = tree.cuts([3, 6])
    for label in np.unique(fine):
        assert len(np.unique(coarse[fine == label])) == 1
    assert tree.n == 4
    assert (tree.linkage[:, 2] > tree.height).sum() == 3
    assert sorted(tree.order.tolist()) == list(range(18))
    ordered = tree.labels[tree.order]
    assert (np.diff(ordered) != 0).sum() == 3  # clusters stand together
    assert tree.cut(1).n == 1
    assert tree.cut(1).height > tree.linkage[-1, 2]
    assert repr(tree.cut(1)) == "Clustering(18 units in 1 clusters of 18)"


def test_silent_units_are_far_from_everyone_without_magnitude():
    x, _ = planted(4)
    x[:, 3] = 0
    distance = sync.cosine_distance(sync.cumulative(x))
    np.testing.assert_array_equal(np.delete(distance[3], 3), 1.0)
    sync.cluster(sync.cumulative(x), n=3, magnitude=False)


def test_the_natural_number_of_planted_groups_and_of_none():
    x, truth = planted(5, groups=4, size=5)
    found = sync.natural_number(x, key=Key(0), magnitude=False, surrogates=19)
    assert (found.by_gap, found.by_silhouette, found.by_stability) == (4, 4, 4)
    assert sync.adjusted_rand(found.clustering.labels, truth) == 1.0
    assert found.stability[2] == 1.0
    nothing = Key(6).normal((600, 20)).astype(np.float64)
    assert sync.natural_number(nothing, key=Key(0), magnitude=False, surrogates=19, most=5).by_stability == 1
    assert "agreement of halves 1.00" in repr(found)


@pytest.mark.parametrize("groups", [2, 3, 5])
def test_communities_find_planted_groups(groups):
    x, truth = planted(7, groups=groups, size=8)
    W = np.maximum(sync.correlation(x), 0)
    found = sync.leiden(W, key=Key(1))
    assert sync.adjusted_rand(found, truth) == 1.0
    assert sync.adjusted_rand(sync.spectral_communities(W, groups, key=Key(1)), truth) == 1.0
    np.testing.assert_array_equal(found, sync.leiden(W, key=Key(1)))


def test_leiden_reaches_the_modularity_of_networkx():
    networkx = pytest.importorskip("networkx")
    graph = networkx.karate_club_graph()
    W = networkx.to_numpy_array(graph)
    found = sync.leiden(W, key=Key(2))
    communities = [set(np.flatnonzero(found == label).tolist()) for label in np.unique(found)]
    assert sync.modularity(W, found) == pytest.approx(networkx.community.modularity(graph, communities))
    assert sync.modularity(W, found) > 0.44  # the best known weighted partition has 0.4449


def test_resolution_divides_a_ring_of_cliques():
    W = np.kron(np.eye(6), np.ones((5, 5)))
    for clique in range(6):
        a, b = clique * 5, ((clique + 1) % 6) * 5 + 1
        W[a, b] = W[b, a] = 1
    assert len(np.unique(sync.leiden(W, key=Key(3)))) == 6
    assert len(np.unique(sync.leiden(W, key=Key(3), resolution=0.1))) < 6


def test_modes_are_orthogonal_and_explain_the_trace():
    x, _ = planted(8)
    found = sync.modes(sync.correlation(x), 18)
    np.testing.assert_allclose(found.vectors.T @ found.vectors, np.eye(18), atol=1e-12)
    assert found.share.sum() == pytest.approx(1.0)
    assert found.share[:3].sum() > 0.75  # three drives
    np.testing.assert_allclose(found.project(x), x @ found.vectors)
    assert (found.vectors[np.abs(found.vectors).argmax(axis=0), np.arange(18)] > 0).all()


def test_switching_assemblies_are_found_with_their_times():
    key, ticks, size = Key(9), 480, 8
    on = (np.arange(ticks) // 96) % 3  # three groups take turns
    truth = np.repeat(np.arange(3), size)
    beat = key.fold("beat").uniform((ticks, 1)) < 0.3
    spikes = (beat & (on[:, None] == truth)) | (key.fold("noise").uniform((ticks, 3 * size)) < 0.02)
    found = sync.assemblies(spikes, 3, key=Key(10), window=16)
    assert sync.adjusted_rand(found.labels, truth) == 1.0
    group_of = [int(truth[found.labels == k][0]) for k in range(3)]
    for k in range(3):
        active = found.activity[:, k][on[found.starts] == group_of[k]].mean()
        resting = found.activity[:, k][on[found.starts] != group_of[k]].mean()
        assert active > 10 * resting
    assert found.explained > 0.9
    assert found.members.min() >= 0
    np.testing.assert_allclose(np.linalg.norm(found.members, axis=0), 1.0)


def test_explained_share_is_that_of_the_tensor():
    x = Key(11).uniform((48, 5), dtype=np.float64)
    found = sync.assemblies(x, 2, key=Key(12), window=8, iterations=50)
    tensor = np.stack([part.T @ part for part in x.reshape(6, 8, 5)])
    model = np.einsum("wk,ik,jk->wij", found.activity, found.members, found.members)
    off = ~np.eye(5, dtype=bool)
    error = ((tensor - model)[:, off] ** 2).sum() / (tensor[:, off] ** 2).sum()
    assert found.explained == pytest.approx(1 - error, abs=1e-9)
    better = sync.assemblies(x, 2, key=Key(12), window=8, iterations=400)
    assert better.explained >= found.explained  # updates never make it worse


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_separate_modules_kicked_apart_are_the_clusters_and_loudness_hides_them(seed):
    wiring = modular_wiring(Key(seed), 96, modules=3, intra=0.4, inter=0.0)
    net = draw_free_running(Key(seed), 96, wiring=wiring, activation_leak=0.9)
    hubs = most_connected(wiring.weights, modules=wiring.modules)
    S = sync.cumulative(net.run(400, kick={130 * k: hubs[k] for k in range(3)})["activation"])
    free = sync.adjusted_rand(sync.cluster(S, 3, magnitude=False).labels, wiring.modules)
    assert free > 0.9
    assert sync.adjusted_rand(sync.cluster(S, 3).labels, wiring.modules) < free - 0.25
    assert sync.adjusted_rand(sync.leiden(S, key=Key(seed)), wiring.modules) > 0.85


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: sync.cluster([[1.0]]), r"S: wanted at least 2 unit\(s\), got 1"),
        (lambda: sync.cluster(np.zeros((3, 3))), "a positive largest value, got 0; .*silent"),
        (lambda: sync.cluster(np.full((3, 3), np.nan)), "S: wanted finite numbers.*undefined pairs"),
        (lambda: sync.cluster(np.triu(np.ones((3, 3)))), r"a symmetric matrix.*\(S \+ S\.T\) / 2"),
        (lambda: sync.cluster(np.eye(3), n=4), "n: wanted an integer from 1 to 3, got 4"),
        (lambda: sync.cluster(np.eye(3), linkage="wards"), "did you mean 'ward'"),
        (lambda: sync.leiden(np.zeros((3, 3)), key=Key(0)), "some positive weight between units, got none"),
        (lambda: sync.assemblies(-np.ones((32, 3)), 2, key=Key(0)), "x: wanted numbers of at least 0, got -1"),
        (lambda: sync.assemblies(np.zeros((32, 3)), 2, key=Key(0)), "some synchrony, got none"),
        (lambda: sync.assemblies(np.ones((8, 3)), 2, key=Key(0)), "windows: wanted an integer of at least 1, got 0"),
        (lambda: sync.natural_number(np.ones((20, 2)), key=Key(0)), r"at least 3 unit\(s\), got 2"),
    ],
)
def test_bad_input_is_refused_in_words(call, words):
    with pytest.raises(InvalidValue, match=words):
        call()
