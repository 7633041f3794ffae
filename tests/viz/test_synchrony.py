"""Figures of synchrony draw what they are given; the report holds its claims, its null models and its numbers."""

import json

import numpy as np
import pytest
from matplotlib.figure import Figure

from cofire import sync, viz
from cofire.checks import FileProblem, InvalidValue
from cofire.random import Key
from cofire.recording import Recording, Trace
from cofire.spiking import draw_free_running, most_connected


@pytest.fixture(scope="module")
def run():
    net = draw_free_running(Key(0), 48, activation_leak=0.95)
    return net.run(96, kick=most_connected(net.weights))


def planted(ticks=128):
    """Two groups with a drive each, and a third of units on their own."""
    key = Key(5)
    drives = np.repeat(key.fold("drive").normal((ticks, 2)), 6, axis=1)
    return np.concatenate([drives, np.zeros((ticks, 6))], axis=1) + 0.4 * key.fold("own").normal((ticks, 18)) + 3.0


@pytest.fixture
def axis():
    return Figure(figsize=(5, 3.5)).subplots()


def drawings(run):
    x = run["activation"]
    S = sync.cumulative(x, warmup=12)
    tree = sync.cluster(S, 3)
    natural = sync.natural_number(x, key=Key(0), surrogates=3, most=5, block=8)
    return {
        "heat map": lambda axis: viz.draw_heat_map(run, axis, order=tree.order),
        "raster": lambda axis: viz.draw_raster(run, axis, order=tree.order),
        "pairs": lambda axis: viz.draw_strongest_pairs(run, axis, warmup=12),
        "spectra": lambda axis: viz.draw_spectra(run, axis, labels=tree.labels),
        "measures": lambda axis: viz.draw_measures(x, axis),
        "weights": lambda axis: viz.draw_weights(np.eye(5) - 0.2, axis),
        "synchrony": lambda axis: viz.draw_synchrony(S, axis),
        "sorted": lambda axis: viz.draw_synchrony(S, axis, clustering=tree),
        "correlation": lambda axis: viz.draw_synchrony(sync.correlation(x, undefined=0.0), axis, clustering=tree),
        "evolution": lambda axis: viz.draw_evolution(run, axis, warmup=12),
        "tree": lambda axis: viz.draw_dendrogram(tree, axis),
        "clusters": lambda axis: viz.draw_cluster_traces(run, tree.labels, axis),
        "number": lambda axis: viz.draw_natural_number(natural, axis),
        "assemblies": lambda axis: viz.draw_assemblies(sync.assemblies(x, 3, key=Key(1)), axis),
    }


def test_every_figure_returns_its_axis_with_a_title_and_draws(run):
    for name, draw in drawings(run).items():
        axis = Figure(figsize=(5, 3.5)).subplots()
        assert draw(axis) is axis, name
        assert axis.get_title(loc="left") or axis.get_title(), name
        axis.figure.canvas.draw()


def test_the_raster_has_a_dot_for_every_spike(run, axis):
    viz.draw_raster(run, axis)
    assert len(axis.collections[0].get_offsets()) == run["spike"].sum()


def test_the_sorted_matrix_is_the_matrix_in_the_order_of_the_tree(axis):
    S = sync.cumulative(planted())
    tree = sync.cluster(S, 3)
    viz.draw_synchrony(S, axis, clustering=tree)
    np.testing.assert_array_equal(axis.images[0].get_array(), S[np.ix_(tree.order, tree.order)])
    assert len(axis.patches) == 3


def test_the_dendrogram_shows_the_cut(axis):
    tree = sync.cluster(sync.cumulative(planted()), 3)
    viz.draw_dendrogram(tree, axis)
    assert any(text.get_text().endswith("3 clusters") for text in axis.texts)
    assert len(axis.lines) == 17 + 1  # every merge, and the cut


def test_strongest_pairs_end_at_their_synchrony(axis):
    x = planted()
    viz.draw_strongest_pairs(x, axis, count=3, warmup=16)
    S = sync.cumulative(x, warmup=16)
    ends = [line.get_ydata()[-1] for line in axis.lines]
    np.testing.assert_allclose(ends, [S[i, j] for i, j in sync.strongest_pairs(S, 3)])


def test_a_recording_without_activity_is_told(axis):
    with pytest.raises(InvalidValue, match=r"recording: wanted one of activation.* got logits.*name the trace"):
        viz.draw_heat_map(Recording({"logits": np.zeros((4, 2))}), axis)


def test_the_report_finds_what_is_there_and_says_how_sure(tmp_path):
    recording = Recording({"activation": planted()}, provenance={"made_by": "planted <groups>"})
    found = viz.Synchrony(recording=recording, key=Key(1), clusters=3, surrogates=99)
    report = viz.write_synchrony_report(tmp_path / "out", found)
    page = report.read_text()
    assert "planted &lt;groups&gt;" in page
    assert "more in step than chance" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    numbers = json.loads((tmp_path / "out" / "numbers.json").read_text())
    assert numbers["mean_correlation"]["p"] == pytest.approx(0.01)
    assert numbers["mean_correlation"]["null_mean"] == pytest.approx(0, abs=0.05)
    planted_pairs = 2 * 15
    assert planted_pairs * 0.9 <= numbers["pairs_above_chance"]["count"] <= planted_pairs * 1.2
    assert len(numbers["clusters"]["mean_correlation"]["q"]) == 3
    assert (tmp_path / "out" / "figures" / "tree.png").read_bytes()[1:4] == b"PNG"
    assert found.natural.by_gap >= 2


def test_noise_is_no_more_in_step_than_chance():
    x = Key(9).uniform((160, 12))
    page = viz.synchrony_page(viz.Synchrony(recording=Recording({"activation": x}), key=Key(2), surrogates=39))
    assert "no more in step than chance" in page.lead


def test_a_thought_is_read_one_example_at_a_time():
    x = np.stack([planted(40), planted(40)[:, ::-1]], axis=1).astype(np.float32)
    thought = Recording({"post_activation": Trace(x, ("tick", "batch", "neuron")), "logits": np.zeros((40, 3))})
    first, second = (viz.Synchrony(recording=thought, key=Key(0), example=example, surrogates=9) for example in (0, 1))
    np.testing.assert_array_equal(first.x[:, ::-1], second.x)
    assert first.to_json()["trace"] == "post_activation"
    assert [section.heading for section in viz.synchrony_sections(first)][-1] == "How sure one may be"


def test_silent_and_short_recordings_are_told(tmp_path):
    silent = viz.Synchrony(recording=Recording({"activation": np.ones((20, 5))}), key=Key(0))
    with pytest.raises(InvalidValue, match=r"activation: wanted at least 3 units that vary, got 0; .*kick the network"):
        viz.write_synchrony_report(tmp_path, silent)
    with pytest.raises(InvalidValue, match="ticks: wanted an integer of at least 8, got 3"):
        viz.Synchrony(recording=Recording({"activation": np.ones((3, 5))}), key=Key(0))
    (tmp_path / "file").write_text("")
    with pytest.raises(FileProblem, match="a folder that can be made"):
        viz.write_synchrony_report(tmp_path / "file", silent)
