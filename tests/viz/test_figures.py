"""What the artists hold is what the measures say: every figure is read back from its axis."""

from collections.abc import Iterator

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import same_color, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cofire import viz
from cofire.checks import InvalidValue
from cofire.ctm import measures
from cofire.random import Key
from tests.viz.evidence import synthetic_evidence

EVIDENCE = synthetic_evidence(examples=80, ticks=6, neurons=9)
RIGHT = measures.right_when_most_certain(EVIDENCE.logits, EVIDENCE.certainty, EVIDENCE.labels)
TICKS = measures.most_certain_tick(EVIDENCE.certainty)
PER_TICK = measures.accuracy_per_tick(EVIDENCE.logits, EVIDENCE.labels)
NUMBERS = [1, 2, 3, 4, 5, 6]


@pytest.fixture
def axis() -> Iterator[Axes]:
    """A fresh axis, drawn at the end so that nothing that cannot be painted passes."""
    figure = Figure(layout="constrained")
    FigureCanvasAgg(figure)
    yield figure.subplots()
    figure.canvas.draw()


def line(axis: Axes, label: str) -> np.ndarray:
    """The (x, y) points of the only line whose label begins so."""
    (found,) = [one for one in axis.lines if str(one.get_label()).startswith(label)]
    return np.asarray(found.get_xydata())


def level(axis: Axes, label: str) -> float:
    return float(line(axis, label)[0, 1])


def words(axis: Axes) -> list[str]:
    legend = axis.get_legend()
    return [text.get_text() for text in (legend.get_texts() if legend else [])]


def test_accuracy_has_its_levels_and_starts_at_zero(axis: Axes):
    assert viz.draw_accuracy(PER_TICK, axis, most_certain=0.91, control=0.72, chance=0.1) is axis
    np.testing.assert_array_equal(line(axis, "at this tick"), np.column_stack([NUMBERS, PER_TICK]))
    assert [level(axis, name) for name in ("when most", "one-tick", "guess")] == [0.91, 0.72, 0.1]
    assert "one-tick control, 72.0%" in words(axis)
    assert axis.get_ylim()[0] == 0


def test_levels_that_are_unknown_are_not_drawn(axis: Axes):
    viz.draw_accuracy(PER_TICK, axis, most_certain=0.9)
    assert len(axis.lines) == 2


def test_errors_are_what_accuracy_leaves_and_no_error_has_a_place(axis: Axes):
    viz.draw_errors(np.array([0.5, 0.99, 1.0]), axis, most_certain=1.0, control=0.9, examples=1000)
    np.testing.assert_allclose(line(axis, "at this tick")[:, 1], [0.5, 0.01, 0.0], atol=1e-12)
    assert (level(axis, "when most"), round(level(axis, "one-tick"), 6)) == (0.0, 0.1)
    assert axis.get_ylim() == (0.0, 1.0)
    labels = [text.get_text() for text in axis.get_yticklabels()]
    assert labels == ["0%", "0.1%", "1%", "10%", "100%"]
    places = axis.transData.transform([(1, share) for share in (0.0, 0.001, 0.01, 0.1, 1.0)])[:, 1]
    assert (np.diff(places) > 10).all()  # each a visible step, zero too


def test_certainty_is_averaged_over_right_and_wrong(axis: Axes):
    viz.draw_certainty(EVIDENCE.certainty, RIGHT, axis)
    for label, chosen in (("right", RIGHT), ("wrong", ~RIGHT)):
        np.testing.assert_allclose(line(axis, label)[:, 1], EVIDENCE.certainty[chosen].mean(axis=0))
    band = axis.collections[0].get_paths()[0].vertices
    low, high = np.quantile(EVIDENCE.certainty[RIGHT, 2], (0.1, 0.9))
    np.testing.assert_allclose(np.sort(np.unique(band[band[:, 0] == 3, 1])), [low, high])


def test_certainty_of_a_model_without_mistakes_has_one_line(axis: Axes):
    viz.draw_certainty(EVIDENCE.certainty, np.ones(80, bool), axis)
    assert words(axis) == ["right in the end (80)"]


def test_mistakes_are_bars_from_zero_with_intervals(axis: Axes):
    viz.draw_mistakes({"thinking": 3, "control": 12}, 80, axis, colours=("blue", "orange"))
    bars = [one for one in axis.patches if isinstance(one, Rectangle)]
    assert [(bar.get_x(), bar.get_width()) for bar in bars] == [(0, 3), (0, 12)]
    assert [text.get_text() for text in axis.get_yticklabels()] == ["thinking", "control"]
    assert bars[0].get_y() > bars[1].get_y()
    ends = [segment[:, 0] / 80 for segment in axis.collections[0].get_segments()]
    np.testing.assert_allclose(ends, [measures.wilson_interval(hits, 80) for hits in (3, 12)])
    assert axis.get_xlim()[0] == 0


def test_stopping_stacks_right_and_wrong(axis: Axes):
    viz.draw_stopping(EVIDENCE.certainty, RIGHT, axis)
    heights = np.array([bar.get_height() for bar in axis.patches]).reshape(2, 6)
    np.testing.assert_array_equal(heights[0], [(RIGHT & (tick == TICKS)).sum() for tick in range(6)])
    np.testing.assert_array_equal(heights[1], [(~RIGHT & (tick == TICKS)).sum() for tick in range(6)])
    assert [bar.get_y() for bar in axis.patches[6:]] == heights[0].tolist()
    assert level(axis, "mean") == 0
    np.testing.assert_allclose(line(axis, "mean")[:, 0], TICKS.mean() + 1)


def test_thinking_time_by_class(axis: Axes):
    viz.draw_thinking_time(EVIDENCE.certainty, EVIDENCE.labels, axis)
    expected = [TICKS[EVIDENCE.labels == digit].mean() + 1 for digit in range(10)]
    np.testing.assert_allclose([bar.get_height() for bar in axis.patches], expected)
    assert axis.get_ylim()[0] == 0


def test_easy_and_hard_follow_their_definition():
    easy, hard = viz.easy_and_hard(EVIDENCE.certainty, 7)
    order = sorted(range(80), key=lambda n: (TICKS[n], -EVIDENCE.certainty[n].max()))
    assert easy.tolist() == order[:7]
    assert hard.tolist() == order[::-1][:7]
    assert [len(side) for side in viz.easy_and_hard(EVIDENCE.certainty[:5], 7)] == [2, 2]
    with pytest.raises(InvalidValue, match="count: wanted an integer of at least 1, got 0"):
        viz.easy_and_hard(EVIDENCE.certainty, 0)


def test_images_are_shown_on_one_scale_and_mistakes_are_framed(axis: Axes):
    marked = np.array([False, True, False])
    viz.draw_images(EVIDENCE.images[:3], ["a", "b", "c"], axis, columns=2, marked=marked)
    for shown, image in zip(axis.images, EVIDENCE.images, strict=False):
        np.testing.assert_array_equal(shown.get_array(), image)
        assert shown.get_clim() == (EVIDENCE.images[:3].min(), EVIDENCE.images[:3].max())
    assert [text.get_text() for text in axis.texts] == ["a", "b", "c"]
    assert [same_color(one.get_edgecolor(), viz.LIGHT.wrong) for one in axis.patches] == marked.tolist()
    with pytest.raises(InvalidValue, match="one label for each of one image or more, got 3 images and 2 labels"):
        viz.draw_images(EVIDENCE.images[:3], ["a", "b"], axis)


def test_reliability_shows_each_filled_bin_with_its_interval(axis: Axes):
    shares = measures.probabilities(EVIDENCE.control_logits[:, :, 0])
    diagram = measures.reliability(shares, EVIDENCE.labels, 10)
    viz.draw_reliability(diagram, axis)
    filled = diagram.count > 0
    intervals, points = axis.collections
    np.testing.assert_allclose(points.get_offsets(), np.column_stack([diagram.confidence, diagram.accuracy])[filled])
    ends = [segment[:, 1] for segment in intervals.get_segments()]
    hits = np.rint(diagram.accuracy * diagram.count)[filled]
    expected = [measures.wilson_interval(int(h), int(n)) for h, n in zip(hits, diagram.count[filled], strict=True)]
    np.testing.assert_allclose(ends, expected)
    assert [text.get_text() for text in axis.texts] == [f"{n:,}" for n in diagram.count[filled]]
    assert f"{100 * diagram.expected_calibration_error:.1f}%" in axis.get_title(loc="left") + axis.get_title()
    np.testing.assert_array_equal(axis.lines[0].get_xydata(), [[0, 0], [1, 1]])


def test_confusion_writes_every_count_and_colours_mistakes_only(axis: Axes):
    matrix = np.array([[5, 0, 2], [1, 7, 0], [0, 0, 9]])
    viz.draw_confusion(matrix, axis)
    written = {(int(t.get_position()[1]), int(t.get_position()[0])): int(t.get_text()) for t in axis.texts}
    assert written == {(row, column): matrix[row, column] for row, column in np.argwhere(matrix > 0)}
    np.testing.assert_array_equal(axis.images[0].get_array(), matrix - np.diag([5, 7, 9]))
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("answer", "truth")


def test_liveliest_neurons_vary_most_over_the_ticks():
    activation = Key(1).fold("activation").normal((5, 3, 8)) * np.arange(8)
    expected = sorted(range(8), key=lambda d: -np.mean([np.var(activation[:, b, d]) for b in range(3)]))
    assert viz.liveliest(activation, 4).tolist() == expected[:4]


def test_traces_hold_every_example_and_one_strongly(axis: Axes):
    activation = EVIDENCE.recording["post_activation"]
    viz.draw_traces(activation, axis, bold=2, count=4, columns=2)
    faint, strong = axis.collections[:2]
    assert (len(faint.get_segments()), len(strong.get_segments())) == (4 * 7, 4)
    first = viz.liveliest(activation, 1)[0]
    values = activation[:, :, first]
    height = 1 - (values[:, 2] - values.min()) / (values.max() - values.min())
    np.testing.assert_allclose(strong.get_segments()[0], np.column_stack([np.linspace(0, 1, 6), height]))
    with pytest.raises(InvalidValue, match="bold: wanted an integer from 0 to 7, got 8"):
        viz.draw_traces(activation, axis, bold=8)


def test_activity_is_sorted_by_the_busiest_tick(axis: Axes):
    activation = EVIDENCE.recording["post_activation"][:, 0]
    viz.draw_activity(activation, axis)
    shown = np.asarray(axis.images[0].get_array())
    assert (np.diff(shown.argmax(axis=1)) >= 0).all()
    assert sorted(shown.argmax(axis=1)) == sorted(activation.argmax(axis=0))
    np.testing.assert_allclose([shown.min(), shown.max()], [0, 1])


def test_synchronisation_keeps_signs_and_is_sorted_by_its_end(axis: Axes):
    synchronisation = EVIDENCE.recording["sync_out"][:, 1]
    viz.draw_synchronisation(synchronisation, axis)
    shown = np.asarray(axis.images[0].get_array())
    assert (np.diff(shown[:, -1]) <= 0).all()
    np.testing.assert_allclose(np.sort(shown[:, 0] * np.abs(shown[:, 0])), np.sort(synchronisation[0]), atol=1e-12)
    low, high = axis.images[0].get_clim()
    assert low == -high


def test_decays_are_shown_as_what_is_kept(axis: Axes):
    decays = {"output": np.array([0.0, 2.0, 20.0, -1.0]), "action": np.array([0.5])}
    viz.draw_decays(decays, axis)
    np.testing.assert_allclose(line(axis, "output")[:-1, 1], [1, 1, np.exp(-2), np.exp(-15)])
    np.testing.assert_allclose(line(axis, "action"), [[0, np.exp(-0.5)], [1, np.exp(-0.5)]])
    assert words(axis) == ["output (4 pairs)", "action (1 pair)"]


def test_training_curves_are_points_lines_or_smoothed(axis: Axes):
    steps = np.arange(1.0, 201.0)
    values = 1 / steps
    sparse = np.where(steps % 50 == 0, values, np.nan)
    viz.draw_training({"all": (steps, values), "few": (steps, sparse)}, axis, title="t", ylabel="y", scale="log")
    few, smoothed = line(axis, "few"), line(axis, "all")
    np.testing.assert_allclose(few, [[step, 1 / step] for step in (50, 100, 150, 200)])
    np.testing.assert_allclose(smoothed[10], [(11 + 12 + 13 + 14) / 4, np.mean(values[10:14])])
    assert axis.get_yscale() == "log"


def test_a_short_flat_curve_is_one_line_from_zero(axis: Axes):
    steps = np.arange(1.0, 21.0)
    viz.draw_training({"loss": (steps, 2.3 - 0.01 * steps)}, axis, title="t", ylabel="y", scale="log")
    assert axis.get_yscale() == "linear"
    assert axis.get_ylim()[0] == 0
    assert len(axis.lines) == 1
    assert axis.get_legend() is None


def test_unknown_scales_are_refused(axis: Axes):
    with pytest.raises(InvalidValue, match=r"scale: wanted one of 'linear', 'log', 'share', got 'lin'; .* 'linear'"):
        viz.draw_training({}, axis, title="t", ylabel="y", scale="lin")


def test_colours_follow_the_theme(axis: Axes):
    viz.draw_accuracy(PER_TICK, axis, most_certain=0.9, theme=viz.DARK)
    assert to_rgb(axis.lines[0].get_color()) == to_rgb(viz.DARK.thought)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda axis: viz.draw_accuracy(np.zeros((2, 2)), axis, most_certain=1), "values per tick"),
        (lambda axis: viz.draw_certainty(np.zeros((3, 2)), np.ones(2, bool), axis), r"right: .* \(3\)"),
        (lambda axis: viz.draw_stopping(np.zeros((3, 2)), np.ones(2, bool), axis), r"right: .* \(3\)"),
        (lambda axis: viz.draw_stopping(np.full((1, 2), np.nan), np.ones(1, bool), axis), "finite"),
        (lambda axis: viz.draw_confusion(np.zeros((2, 3)), axis), "matrix: wanted a square"),
        (lambda axis: viz.draw_traces(np.zeros((2, 3)), axis), r"activation: wanted shape \(T, B, D\)"),
        (lambda axis: viz.draw_activity(np.zeros(3), axis), r"activation: wanted shape \(T, D\)"),
        (lambda axis: viz.draw_decays({"a": np.zeros((2, 2))}, axis), r"decays\['a'\]: wanted shape"),
        (lambda axis: viz.draw_mistakes({"a": 3}, 2, axis, colours=["b"]), "hits: wanted .* from 0 to 2"),
    ],
)
def test_bad_input_is_named(axis: Axes, call, message: str):
    with pytest.raises(InvalidValue, match=message):
        call(axis)
