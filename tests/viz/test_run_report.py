"""The report of any run: its numbers are those of plain definitions, and every kind of run has a page."""

import dataclasses
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from cofire.checks import FileProblem, InvalidType, InvalidValue
from cofire.viz import _run_figures
from cofire.viz._page import Page, Paragraph, Section, inline
from cofire.viz._run_evidence import RunEvidence
from cofire.viz._run_report import run_page, task_sections, write_run_report
from cofire.viz._run_sections import verdict
from cofire.viz._run_summary import RunSummary, Spread
from tests.viz.pages import Reader
from tests.viz.run_evidence import CLASSES, POSITIONS, evidence

ONE = evidence()
CONTROL = evidence(ticks=1, sure=1.0)
SEEDS = tuple(evidence(seed=seed) for seed in (1, 2))
SEVERAL = dataclasses.replace(
    ONE, others=SEEDS, control=dataclasses.replace(CONTROL, others=(evidence(seed=1, ticks=1, sure=1.0),))
)
FIGURES = {
    *("accuracy_by_tick", "whole_by_tick", "certainty", "coverage", "reliability", "stopping", "halting"),
    *("training_loss", "training_accuracy", "training_thinking_time", "training_extra"),
}


def shares(run: RunEvidence, tick: np.ndarray) -> np.ndarray:
    """The share of right positions of each example at its tick, from first principles."""
    logits = run.answers.logits.reshape(-1, POSITIONS, CLASSES, run.ticks)
    right = [
        np.mean([logits[n, place, :, tick[n]].argmax() == target for place, target in enumerate(targets)])
        for n, targets in enumerate(run.answers.targets)
    ]
    return np.array(right)


# --- numbers ---------------------------------------------------------------------------------------------------------


def test_scores_are_those_of_plain_definitions():
    tick = np.array([row.argmax() for row in ONE.answers.certainty])
    np.testing.assert_array_equal(ONE.tick, tick)
    np.testing.assert_allclose(ONE.scores["accuracy"], shares(ONE, tick), atol=1e-6)
    np.testing.assert_allclose(ONE.scores["whole"], shares(ONE, tick) == 1)
    for t in range(ONE.ticks):
        expected = shares(ONE, np.full(60, t)).mean()
        assert ONE.scores_by_tick["accuracy"][t] == pytest.approx(expected, abs=1e-6)
    assert RunSummary(ONE).thinking_time.mean == pytest.approx((tick + 1).mean())


def test_what_is_emitted_over_all_ticks_is_read_at_the_last():
    emitted = evidence(stops=False)
    assert set(emitted.tick) == {emitted.ticks - 1}
    np.testing.assert_allclose(emitted.scores["accuracy"], shares(emitted, np.full(60, emitted.ticks - 1)), atol=1e-6)


def test_the_spread_over_seeds_is_that_of_a_sample():
    found = RunSummary(SEVERAL).score("accuracy")
    each = [run.scores["accuracy"].mean() for run in (ONE, *SEEDS)]
    assert found == pytest.approx((np.mean(each), np.std(each, ddof=1), 3))
    assert Spread.of([0.5]) == (0.5, 0.0, 1)
    assert RunSummary(SEVERAL).by_tick("whole").shape == (3, 6)


def test_accuracy_among_the_most_certain():
    (curve,) = RunSummary(ONE).coverage([ONE])
    assert curve[-1] == pytest.approx(ONE.scores["accuracy"].mean())
    order = np.argsort(-ONE.answers.certainty.max(axis=1), kind="stable")
    assert curve[49] == pytest.approx(ONE.scores["accuracy"][order[:30]].mean())


def test_calibration_is_that_of_every_position():
    diagram = RunSummary(ONE).reliability
    assert diagram is not None
    assert diagram.count.sum() == 60 * POSITIONS
    assert np.nansum(diagram.accuracy * diagram.count) == pytest.approx(ONE.scores["accuracy"].sum() * POSITIONS)


def test_what_is_no_choice_of_classes_has_no_calibration():
    assert RunSummary(evidence(stops=False)).reliability is None
    others = ONE.answers._replace(targets=ONE.answers.targets[:, :2])
    assert RunSummary(dataclasses.replace(ONE, predictions=others)).reliability is None


def test_runs_and_controls_are_compared_where_they_saw_the_same_examples():
    paired = RunSummary(SEVERAL).paired
    assert paired is not None
    assert paired.both + paired.only_first + paired.only_second + paired.neither == 2 * 60  # of seeds 0 and 1
    ours = [run.scores["whole"] > 0.5 for run in SEVERAL.runs[:2]]
    theirs = [run.scores["whole"] > 0.5 for run in RunSummary(SEVERAL).controls]
    wins = sum(int((first & ~second).sum()) for first, second in zip(ours, theirs, strict=True))
    assert paired.only_first == wins > 0


def test_without_examples_there_is_nothing_to_read():
    with pytest.raises(InvalidValue, match="predictions: wanted held-out examples, got none"):
        _ = evidence(answers=False).answers


# --- words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            ONE,
            "not known yet: .*: cofire train places --preset small-one-tick --seed 0 --set batch_size=8$",
        ),
        (SEVERAL, r"thinking alone was right on \d+, .* p < 0\.0001 \(McNemar's exact test\): thinking longer helped"),
        (dataclasses.replace(ONE, control=evidence(seed=5, ticks=1)), "tested on different examples"),
        (dataclasses.replace(ONE, control=ONE), "Neither has a whole answer right that the other has wrong"),
        (dataclasses.replace(evidence(sure=1.0), control=evidence(ticks=1, sure=90.0)), "the control is the better"),
        (evidence(ticks=1), "It answers after a single tick"),
    ],
)
def test_the_verdict_says_what_the_runs_show(found: RunEvidence, words: str):
    import re

    assert re.search(words, verdict(RunSummary(found)))


def test_the_page_says_what_was_found():
    page = run_page(SEVERAL, command="cofire train places", facts={"processor": "an abacus"})
    text = page.html()
    accuracy = RunSummary(SEVERAL).score("accuracy")
    for words in (f"{accuracy.percent()} is right", "3 times with different seeds", "an abacus", "cofire train places"):
        assert words in text
    assert f"± {100 * accuracy.deviation:.1f} over 3 seeds" in text
    assert "deviation over 3 runs" in text


# --- files -----------------------------------------------------------------------------------------------------------


def test_the_page_and_its_figures_lie_in_the_folder(tmp_path: Path):
    report = write_run_report(tmp_path / "new", SEVERAL)
    page = Reader(report.read_text(encoding="utf-8"))
    assert {figure["id"] for figure in page.attributes("figure")} == FIGURES
    assert all(address.startswith(("data:image/", "#")) for address in page.addresses())
    sources = {image["src"] for image in page.attributes("img")}
    assert {path.stem for path in (report.parent / "figures").iterdir()} == FIGURES
    for name in FIGURES:
        path = report.parent / "figures" / f"{name}.png"
        assert inline(path.read_bytes()) in sources
        with Image.open(path) as image:
            assert min(image.size) > 200


def headings(page: Page) -> list[str]:
    return [section.heading for section in page.sections]


def test_every_kind_of_run_has_a_page():
    ends = ["Training", "What was trained, and how", "Do it again"]
    both = ["Did thinking help?", "How sure it was, and where it stopped"]
    for found in (evidence(ticks=1, steps=1), evidence(stops=False)):
        assert headings(run_page(found, facts={})) == [*both, *ends]
    assert headings(run_page(ONE, facts={})) == [*both, "Stopping early", *ends]
    assert headings(run_page(evidence(answers=False), facts={})) == ends


def test_a_perfect_and_a_hopeless_run_have_a_page():
    for sure in (200.0, -200.0):
        text = run_page(evidence(sure=sure), facts={}).html()
        assert ("100.0%" if sure > 0 else "0.0%") in text


def test_the_task_adds_its_own_pictures(monkeypatch: pytest.MonkeyPatch):
    module = ModuleType("cofire.viz._pictures_places")
    module.sections = lambda found: [Section("Places", [Paragraph(f"{found.ticks} ticks")])]  # pyright: ignore
    module.__spec__ = __import__("importlib.machinery").machinery.ModuleSpec(module.__name__, None)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    (section,) = task_sections(ONE)
    assert section == Section("Places", [Paragraph("6 ticks")])
    assert task_sections(evidence(name="unheard-of")) == []


def test_what_cannot_be_written_or_read_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileProblem, match="wanted a folder that can be made"):
        write_run_report(tmp_path / "file", ONE)
    with pytest.raises(InvalidType, match="evidence: wanted RunEvidence"):
        write_run_report(tmp_path, "run")  # pyright: ignore


def test_a_band_holds_mean_and_deviation():
    axis = Figure().subplots()
    rows = np.array([[0.0, 1.0, np.nan], [2.0, 3.0, 1.0]])
    _run_figures.draw_band(axis, np.arange(3.0), rows, "#000000", "it")
    (line,) = axis.get_lines()
    np.testing.assert_allclose(line.get_xydata(), [[0, 1], [1, 2]])
    (band,) = axis.collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == pytest.approx((1 - 2**0.5, 2 + 2**0.5))
