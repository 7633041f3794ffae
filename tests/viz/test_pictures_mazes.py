"""The pictures of mazes say what the answers say; a run without attention, or of one tick, has its own."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import same_color
from matplotlib.figure import Figure

from cofire.ctm import (
    CTM,
    Answer,
    Attention,
    CTMConfig,
    Decayed,
    DeepNeuronModel,
    LSTMBaseline,
    LSTMConfig,
    RandomPairs,
    Snapshot,
    StridedConvolutions,
)
from cofire.random import Key
from cofire.tasks import Mazes, mazes
from cofire.train import Predictions
from cofire.viz import _maze_figures, _pictures_mazes
from cofire.viz._page import Film, Picture
from cofire.viz._run_evidence import RunEvidence
from cofire.viz._style import LIGHT

LENGTH, TICKS, SHOWN = 6, 3, 40
TASK = Mazes(key=Key(0), size=7, route_length=LENGTH, test_size=SHOWN)
SENSES = {
    "backbone": StridedConvolutions(steps=((8, 3, 2),), channels=3),
    "attention": Attention(width=8, heads=2),
    "answer": Answer(outputs=5 * LENGTH, positions=LENGTH),
    "ticks": TICKS,
}
MACHINE = CTMConfig(
    neurons=12,
    memory_length=2,
    neuron_model=DeepNeuronModel(hidden=2),
    sync_out=Decayed(pairs=RandomPairs(pairs=8)),
    sync_action=Decayed(pairs=RandomPairs(pairs=8)),
    **SENSES,
)
TRUTH = TASK.test(np.arange(SHOWN)).targets.numpy()


def evidence_of(answers: np.ndarray, **changes: object) -> RunEvidence:
    """A run that gives these answers (N, R) at its second tick, where it is sure, and waits at the others."""
    logits = np.zeros((SHOWN, LENGTH, 5, TICKS), np.float32)
    logits[:, :, 4] = 1.0
    logits[..., 1] = np.eye(5)[answers]
    certainty = np.tile(np.array([0.1, 0.8, 0.3], np.float32), (SHOWN, 1))
    made = RunEvidence(
        task=TASK,
        model=CTM(MACHINE, key=Key(1)).eval(),
        config={},
        metrics={"step": np.arange(1), "thinking_time": np.ones(1)},
        folder=Path(),
        predictions=Predictions(logits.reshape(SHOWN, -1, TICKS), certainty, TRUTH),
    )
    return replace(made, **changes)


def with_a_mistake(step: int) -> np.ndarray:
    answers = TRUTH.copy()
    answers[:, step] = (answers[:, step] + 1) % 4
    return answers


@pytest.fixture
def axis() -> Iterator[Axes]:
    figure = Figure(layout="constrained")
    FigureCanvasAgg(figure)
    yield figure.subplots()
    figure.canvas.draw()


def test_a_whole_report_has_routes_a_film_and_walks():
    found = _pictures_mazes.sections(evidence_of(TRUTH))
    assert [section.heading for section in found] == ["Routes", "Where it looked", "Larger mazes"]
    blocks = [block for section in found for block in section.blocks]
    assert [block.name for block in blocks if isinstance(block, Picture | Film)] == [
        *("routes", "steps", "attention", "larger", "walk")
    ]
    (film,) = (block for block in blocks if isinstance(block, Film))
    assert [len(frames) for frames in film.frames] == [TICKS] * 4


def test_networks_without_ticks_to_show_have_no_film():
    lstm = LSTMBaseline(LSTMConfig(width=8, sync_out=Snapshot(), sync_action=Snapshot(), **SENSES), key=Key(2)).eval()
    found = _pictures_mazes.sections(evidence_of(TRUTH, model=lstm))
    assert [section.heading for section in found] == ["Routes", "Larger mazes"]


@pytest.mark.parametrize("step", [0, 3])
def test_right_steps_are_counted_where_routes_are_that_long(step: int):
    shares = _pictures_mazes.right_by_distance(evidence_of(with_a_mistake(step)))
    assert shares.tolist() == [float(place != step) for place in range(LENGTH)]
    assert _pictures_mazes.right_by_distance(evidence_of(TRUTH)).tolist() == [1.0] * LENGTH


def test_steps_beyond_all_routes_are_left_out():
    task = Mazes(key=Key(0), size=5, route_length=LENGTH + 10, test_size=SHOWN)
    targets = task.test(np.arange(SHOWN)).targets.numpy()
    logits = np.zeros((SHOWN, (LENGTH + 10) * 5, TICKS), np.float32)
    answers = Predictions(logits, np.ones((SHOWN, TICKS), np.float32), targets)
    shares = _pictures_mazes.right_by_distance(evidence_of(TRUTH, task=task, predictions=answers))
    longest = int((targets != 4).sum(1).max())
    assert np.isfinite(shares[:longest]).all()
    assert np.isnan(shares[longest:]).all()
    ups = ((targets == 0)[:, 0]).mean()
    assert shares[0] == ups  # equal logits say up


def test_answers_end_where_they_run_into_a_wall():
    cells = mazes.generate(1, 9, key=Key(3)).cells[0]
    route = mazes.generate(1, 9, key=Key(3)).routes[0]
    walked = _maze_figures.places(cells, route)
    assert cells[tuple(walked[-1])] == 3
    assert len(walked) == len(route) + 1
    into = next(action for action in range(4) if len(_maze_figures.places(cells, np.array([action]))) == 1)
    assert len(_maze_figures.places(cells, np.array([into, *route]))) == 1
    assert len(_maze_figures.places(cells, np.array([*route, 0, 1, 2, 3]))) == len(route) + 1  # the goal is the end


def test_wrong_answers_are_red_from_their_first_mistake(axis: Axes):
    drawn = mazes.generate(1, 9, key=Key(3))
    route = drawn.routes[0]
    answer = route.copy()
    answer[3] = 4
    answered = _maze_figures.Answered(drawn.cells[0], route, answer, "words")
    assert answered.wrong
    _maze_figures.draw_routes([answered], axis)
    lines = [one for one in axis.lines if one.get_marker() == "None"]
    colours = [str(one.get_color()) for one in lines]
    for colour, expected in zip(colours, (LIGHT.grid, LIGHT.wrong, LIGHT.thought), strict=True):
        assert same_color(colour, expected)
    assert [len(one.get_xdata()) for one in lines][::2] == [len(route) + 1, 4]
    assert any(text.get_text() == "words" and same_color(str(text.get_color()), LIGHT.wrong) for text in axis.texts)


def test_what_is_answered_beyond_the_goal_does_not_matter():
    drawn = mazes.generate(1, 9, key=Key(3), route_length=30)
    (route,) = drawn.routes
    beyond = np.where(route == 4, 0, route)
    assert not _maze_figures.Answered(drawn.cells[0], route, beyond, "").wrong


def test_success_is_that_of_mazes_of_like_length(axis: Axes):
    lengths = np.array([10, 1, 2, 11, 3, 12])
    reached = np.array([False, True, True, False, True, True])
    _maze_figures.draw_success({"9 x 9": (lengths, reached)}, axis, bins=2)
    (line,) = axis.lines
    assert np.asarray(line.get_xydata()).tolist() == [[2.0, 1.0], [11.0, pytest.approx(1 / 3)]]
    assert line.get_label() == "9 x 9: 67%"


def test_every_piece_of_a_walk_has_its_colour_and_begins_where_the_last_ended(axis: Axes):
    cells = mazes.generate(1, 9, key=Key(3)).cells[0]
    trail, pieces = np.array([10, 11, 12, 21, 30]), np.array([0, 0, 0, 1, 1])
    _maze_figures.draw_walk(cells, trail, pieces, axis)
    first, second = (np.asarray(one.get_xydata()) * 9 for one in axis.lines if one.get_marker() == "None")
    assert first.round(6).tolist() == [[1.5, 1.5], [2.5, 1.5], [3.5, 1.5]]
    assert second.round(6).tolist() == [[3.5, 1.5], [3.5, 2.5], [3.5, 3.5]]
