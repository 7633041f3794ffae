"""The pictures of questions and images say what the answers say."""

from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from cofire.ctm import (
    CTM,
    Answer,
    Attention,
    CTMConfig,
    Decayed,
    DeepNeuronModel,
    DigitQuestions,
    RandomPairs,
    StridedConvolutions,
    Thought,
    certainty,
)
from cofire.random import Key
from cofire.tasks import Images, QuestionsMNIST
from cofire.train import Predictions, predict
from cofire.viz import _pictures_images, _pictures_qamnist
from cofire.viz._page import Picture
from cofire.viz._run_evidence import RunEvidence

PAIRS = Decayed(pairs=RandomPairs(pairs=6))
PARTS = {
    "neurons": 10,
    "memory_length": 2,
    "attention": Attention(width=8, heads=2),
    "neuron_model": DeepNeuronModel(hidden=2),
    "sync_out": PAIRS,
    "sync_action": PAIRS,
}


def evidence_of(task, model, predictions: Predictions | None) -> RunEvidence:
    return RunEvidence(
        task=task,
        model=model,
        config={"task": {"name": task.name}},
        metrics={"step": np.array([1]), "thinking_time": np.array([1.0])},
        folder=Path(),
        predictions=predictions,
    )


def new_axis():
    figure = Figure()
    FigureCanvasAgg(figure)
    return figure.subplots()


# --- questions -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def questions() -> RunEvidence:
    """A machine that reads the question and the images of digits exactly, but answers no more than one operation."""
    task = QuestionsMNIST(key=Key(0), digits=(2, 3), operations=(1, 2), repeats=2, answer_ticks=2, size=28)
    config = CTMConfig(
        **PARTS,
        ticks=2,
        backbone=StridedConvolutions(steps=((4, 5, 4),)),
        answer=Answer(outputs=10),
        question=DigitQuestions(),
        streamed=True,
    )
    model = CTM(config, key=Key(1)).eval()
    known = {
        bytes(np.rint(255 * picture).astype(np.uint8)): label
        for picture, label in zip(task._testing.images / 255, task._testing.labels.tolist(), strict=True)
    }

    def forward(x, *, question, **options):
        ticks = x.shape[1] + question.shape[1] + 2
        logits = torch.zeros(len(x), 10, ticks)
        for row, (images, asked) in enumerate(zip(task.pictures(x), question[:, ::2].tolist(), strict=True)):
            digits = [known[bytes(np.rint(255 * image).astype(np.uint8))] for image in images[::2]]
            value = digits[asked[0]]
            for operator, place in zip(asked[1::2], asked[2::2], strict=True):
                value += digits[place] if operator == -1 else -digits[place]
            logits[row, value % 10 if len(asked) == 3 else 7, -1] = 9.0
        return Thought(logits, certainty(logits.movedim(-1, 1)))

    model.forward = forward
    return evidence_of(task, model, predict(model, task, batch_size=100))


def test_the_grid_says_how_many_answers_are_right(questions: RunEvidence):
    grid = _pictures_qamnist.ask_everything(questions, most=4, asked=30)
    assert (grid.accuracy[:, 0] == 1).all()
    assert (grid.accuracy[:, 1:] < 0.5).all()
    wanted = np.zeros((4, 4), dtype=bool)
    wanted[1:3, :2] = True
    np.testing.assert_array_equal(grid.trained, wanted)


def test_the_grid_is_drawn_as_it_is(questions: RunEvidence):
    grid = _pictures_qamnist.ask_everything(questions, most=4, asked=10)
    axis = _pictures_qamnist.draw_grid(grid, new_axis())
    texts = {(int(text.get_position()[1]), int(text.get_position()[0])): text.get_text() for text in axis.texts}
    for row, column in np.ndindex(4, 4):
        assert texts[row + 1, column + 1] == f"{100 * grid.accuracy[row, column]:.0f}"
    (frame,) = [patch for patch in axis.patches if patch.get_linewidth() > 1]
    assert frame.get_bbox().bounds == (0.5, 1.5, 2, 2)


def test_some_questions_are_shown_with_their_mistakes(questions: RunEvidence, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_pictures_qamnist, "MOST", 3)
    grid, cases = _pictures_qamnist.sections(questions)
    assert "right within what was trained (framed)" in grid.blocks[0].caption
    (picture,) = cases.blocks
    assert isinstance(picture, Picture)
    assert picture.alt.count("answered 7") == 3 + picture.alt.count("is 7, answered 7")
    cases, right = _pictures_qamnist._answered(questions, 3, 2, 20)
    for case, fine in zip(cases, right, strict=True):
        places = [int(word[1:]) for word in case.question.split()[::2]]
        assert len(case.images) == 3
        assert set(places) <= {1, 2, 3}
        assert fine == (case.truth == case.answer)


# --- images ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> RunEvidence:
    folder = tmp_path_factory.mktemp("images")
    for label, name in enumerate(("blue", "green", "red")):
        (folder / name).mkdir()
        for place in range(20):
            pixels = Key(3).integers(0, 255, (8, 8, 3), step=20 * label + place).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{place}.png")
    task = Images(key=Key(0), dataset="folder", folder=str(folder), augment="none", held_out=0.5, workers=0)
    config = CTMConfig(
        **PARTS, ticks=4, backbone=StridedConvolutions(steps=((4, 3, 2),), channels=3), answer=Answer(outputs=3)
    )
    model = CTM(config, key=Key(1)).eval()
    return evidence_of(task, model, predict(model, task))


def test_readings_are_their_plain_definitions(images: RunEvidence):
    logits, sure, targets = images.answers
    found = _pictures_images.readings(logits, sure, targets)
    for tick in range(4):
        right = {name: [] for name in found}
        for n, target in enumerate(targets):
            so_far, weights = logits[n, :, : tick + 1], sure[n, : tick + 1]
            right["at this tick"].append(so_far[:, -1].argmax() == target)
            right["most certain so far"].append(so_far[:, weights.argmax()].argmax() == target)
            right["mean"].append(so_far.mean(1).argmax() == target)
            right["weighted mean"].append((so_far * weights).sum(1).argmax() == target)
        for name, values in right.items():
            assert found[name][tick] == pytest.approx(np.mean(values))


def test_calibration_errors_are_those_of_the_measures(images: RunEvidence):
    from cofire.ctm import measures

    logits, _, targets = images.answers
    found = _pictures_images.calibration_errors(logits, targets)
    for tick in range(4):
        mean = measures.mean_probabilities(logits, np.full(len(targets), tick))
        assert found["mean of the ticks so far"][tick] == measures.expected_calibration_error(mean, targets)
        now = measures.probabilities(logits[..., tick])
        assert found["at this tick"][tick] == pytest.approx(measures.expected_calibration_error(now, targets))


def test_settled_images_are_counted():
    sure = np.array([[0.4, 0.6, 0.95], [0.1, 0.85, 0.95]])
    right = np.array([[True, True, False], [True, False, True]])
    axis = _pictures_images.draw_settled(sure, right, new_axis())
    curves = [line.get_ydata().tolist() for line in axis.lines]
    assert curves == [[0, 1, 1], [0, 0.5, 0.5], [0, 0.5, 1], [0, 0.5, 0.5], [0, 0, 1], [0, 0, 0.5]]


def test_classes_are_ordered_by_their_thinking_time():
    times, labels = np.array([3, 5, 1, 1, 9]), np.array([0, 0, 2, 2, 1])
    axis = _pictures_images.draw_times(times, labels, ["ant", "bee", "cow"], new_axis())
    assert [bar.get_width() for bar in axis.patches] == [1, 4, 9]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["cow", "ant", "bee"]
    many = np.arange(60) % 30
    axis = _pictures_images.draw_times(many, many, [str(one) for one in range(30)], new_axis())
    assert sum(bar.get_height() for bar in axis.patches) == 30


def test_the_sections_of_images(images: RunEvidence):
    headings = {section.heading: [block.name for block in section.blocks] for section in sections(images)}
    assert headings == {
        "Ways to read the answer": ["readings", "settled"],
        "How its confidence can be trusted": ["calibration", "calibration_by_tick"],
        "What took longer": ["thinking_time", "easy", "hard"],
    }


def test_one_tick_has_its_calibration_alone(images: RunEvidence):
    one = Predictions(images.answers.logits[..., :1], images.answers.certainty[:, :1], images.answers.targets)
    (section,) = sections(evidence_of(images.task, images.model, one))
    assert [block.name for block in section.blocks] == ["calibration"]


def sections(evidence: RunEvidence):
    return _pictures_images.sections(evidence)
