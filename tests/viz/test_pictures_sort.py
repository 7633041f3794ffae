"""The pictures of sorting say when numbers came, and count the waits of lists that are right."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cofire.ctm import CTM, Answer, CTMConfig, Decayed, DeepNeuronModel, Direct, RandomPairs
from cofire.random import Key
from cofire.tasks import Sort
from cofire.train import Predictions
from cofire.viz import _pictures_sort
from cofire.viz._page import Paragraph, Picture
from cofire.viz._run_evidence import RunEvidence

COUNT, TICKS, SHOWN = 4, 12, 30
TASK = Sort(count=COUNT, key=Key(0), test_size=SHOWN)
MACHINE = CTMConfig(
    neurons=8,
    ticks=TICKS,
    memory_length=2,
    backbone=Direct(features=COUNT),
    neuron_model=DeepNeuronModel(hidden=2),
    sync_out=Decayed(pairs=RandomPairs(pairs=6)),
    answer=Answer(outputs=COUNT + 1),
)


def evidence_of(paths: np.ndarray) -> RunEvidence:
    """A run that takes these paths (N, T) through the held-out lists."""
    return RunEvidence(
        task=TASK,
        model=CTM(MACHINE, key=Key(1)).eval(),
        config={},
        metrics={"step": np.arange(1)},
        folder=Path(),
        predictions=Predictions(
            np.eye(COUNT + 1, dtype=np.float32)[paths].transpose(0, 2, 1),
            np.zeros((SHOWN, TICKS), np.float32),
            TASK.test(np.arange(SHOWN)).targets.numpy(),
        ),
    )


def waiting_longer_before_larger_gaps() -> tuple[np.ndarray, np.ndarray]:
    """Paths that are right, and the waits in them: one tick, or three where the gap is above a half."""
    batch = TASK.test(np.arange(SHOWN))
    order = batch.targets.numpy()
    gaps = np.diff(np.take_along_axis(batch.inputs.numpy(), order, axis=1), axis=1)
    expected = np.where(gaps > 0.5, 3, 1)
    paths = np.full((SHOWN, TICKS), COUNT)
    ticks = np.cumsum(np.concatenate([np.ones((SHOWN, 1), int), expected], axis=1), axis=1)
    np.put_along_axis(paths, ticks, order, axis=1)
    return paths, expected


@pytest.fixture
def axis() -> Iterator[Axes]:
    figure = Figure(layout="constrained")
    FigureCanvasAgg(figure)
    yield figure.subplots()
    figure.canvas.draw()


def test_a_report_shows_emissions_and_waits():
    paths, _ = waiting_longer_before_larger_gaps()
    (section,) = _pictures_sort.sections(evidence_of(paths))
    pictures = [block for block in section.blocks if isinstance(block, Picture)]
    assert [picture.name for picture in pictures] == ["emissions", "waits", "waits_by_place"]
    assert pictures[0].alt == "12 lists, 0 numbers out of order."
    said = section.blocks[-1]
    assert isinstance(said, Paragraph)
    assert said.text.endswith(f"over {SHOWN * (COUNT - 1)} numbers.")
    assert float(said.text.split("is ")[1].split(",")[0]) > 0.7


def test_waits_are_those_of_right_lists_only():
    paths, expected = waiting_longer_before_larger_gaps()
    paths[0] = COUNT
    paths[1, 0] = int(TASK.test(np.array([1])).targets[0, 0])  # said twice, with nothing between: said once
    paths[2, -1] = 0  # one more in the end
    found = _pictures_sort.waits(evidence_of(paths))
    expected[1, 0] += 1
    assert found.ticks.tolist() == expected[[1, *range(3, SHOWN)]].ravel().tolist()
    assert found.places.tolist() == [1, 2, 3] * (SHOWN - 2)
    assert np.all(found.gaps >= 0)


def test_a_run_that_gets_nothing_right_says_so():
    (section,) = _pictures_sort.sections(evidence_of(np.full((SHOWN, TICKS), COUNT)))
    assert [type(block) for block in section.blocks] == [Picture, Paragraph]


def test_figures_show_their_numbers(axis: Axes):
    found = _pictures_sort.Waits(np.arange(20.0), np.repeat([1, 3], 10), np.tile([1, 2], 10))
    _pictures_sort.draw_waits(found, axis)
    np.testing.assert_array_equal(axis.lines[0].get_xdata(), np.arange(10) * 2 + 0.5)
    np.testing.assert_array_equal(axis.lines[0].get_ydata(), [1] * 5 + [3] * 5)


def test_bars_are_means_by_place(axis: Axes):
    found = _pictures_sort.Waits(np.arange(4.0), np.array([1, 5, 3, 7]), np.array([1, 2, 1, 2]))
    _pictures_sort.draw_waits_by_place(found, axis)
    assert [bar.get_height() for bar in axis.patches if isinstance(bar, Rectangle)] == [2, 6]


def test_every_number_is_a_dot_and_every_mistake_a_cross(axis: Axes):
    ticks = np.array([[0, 2, -1], [1, 3, 4]])
    _pictures_sort.draw_emissions(ticks, np.zeros((2, 3)), np.array([[False, True, True], [False] * 3]), axis, length=5)
    dots, crosses = (np.asarray(one.get_offsets()).tolist() for one in axis.collections)
    assert dots == [[1, 1], [2, 2], [4, 2], [5, 2]]
    assert crosses == [[3, 1]]
