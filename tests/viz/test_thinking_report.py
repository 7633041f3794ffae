"""The whole report: its files, its page, and its figures, for ordinary and for extreme evidence."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cofire.checks import FileProblem, InvalidType
from cofire.ctm import measures
from cofire.viz import ThinkingEvidence, _outcome, write_thinking_report
from cofire.viz._page import Picture, inline
from cofire.viz._summary import Summary
from tests.viz.evidence import certainty_of, synthetic_evidence
from tests.viz.pages import Reader

EVIDENCE = synthetic_evidence(examples=60, ticks=5, neurons=20)
FIGURES = {
    *("accuracy", "errors", "certainty", "control", "stopping", "thinking_time", "easy", "hard", "attention"),
    *("halting", "reliability", "confusion", "mistakes", "traces", "activity", "synchronisation", "decays"),
    *("training_loss", "training_accuracy", "training_thinking_time"),
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_thinking_report(tmp_path_factory.mktemp("run") / "made" / "on the way", EVIDENCE)


@pytest.fixture(scope="module")
def page(report: Path) -> Reader:
    return Reader(report.read_text(encoding="utf-8"))


def test_page_and_figures_lie_in_the_folder_and_nothing_else(report: Path):
    assert {one.name for one in report.parent.iterdir()} == {"report.html", "figures"}
    assert {one.name for one in (report.parent / "figures").iterdir()} == {
        *(f"{name}.png" for name in FIGURES),
        "attention.gif",
    }
    for path in (report.parent / "figures").iterdir():
        with Image.open(path) as image:
            image.load()
            assert min(image.size) > 200


def test_the_page_loads_nothing(page: Reader):
    for address in page.addresses():
        assert address.startswith(("data:image/", "#")), address
    assert page.attributes("link") == []
    assert [script.get("src") for script in page.attributes("script")] == [None]


def test_every_figure_is_inlined_as_it_lies_in_the_folder(report: Path, page: Reader):
    sources = {image["src"] for image in page.attributes("img")}
    for name in FIGURES - {"attention"}:
        assert inline((report.parent / "figures" / f"{name}.png").read_bytes()) in sources, name
    assert {figure["id"] for figure in page.attributes("figure")} == FIGURES
    frames = [source for source in sources if source.startswith("data:image/jpeg")]
    assert len(frames) == 8 * EVIDENCE.ticks


def test_every_figure_has_a_caption_and_words_for_those_who_cannot_see(page: Reader):
    captions = page.text["figcaption"]
    assert len(captions) == len(FIGURES)
    assert [caption for caption in captions if len(caption) < 60 or not caption.endswith(".")] == []
    assert all(len(image["alt"]) > 15 for image in page.attributes("img"))


def test_the_headlines_are_the_measures(page: Reader):
    right = measures.right_when_most_certain(EVIDENCE.logits, EVIDENCE.certainty, EVIDENCE.labels)
    control = EVIDENCE.control_logits[:, :, 0].argmax(axis=1) == EVIDENCE.labels
    ticks = measures.most_certain_tick(EVIDENCE.certainty).mean() + 1
    values = page.text["dd"]
    assert values[0] == f"{100 * right.mean():.1f}%"
    assert values[1].startswith(f"{right.sum()} of 60; interval ")
    assert values[2] == f"{100 * control.mean():.1f}%"
    assert [values[place] for place in (4, 6, 8)] == ["2 min 41 s", "212,394", f"{ticks:.1f} of 5"]


def test_the_verdict_and_the_table_count_digit_by_digit(page: Reader):
    right = measures.right_when_most_certain(EVIDENCE.logits, EVIDENCE.certainty, EVIDENCE.labels)
    control = EVIDENCE.control_logits[:, :, 0].argmax(axis=1) == EVIDENCE.labels
    counts = [(right & control).sum(), (right & ~control).sum(), (~right & control).sum(), (~right & ~control).sum()]
    assert page.text["td"][:4] == [str(count) for count in counts]
    text = page.words("p")
    assert f"thinking alone was right on {counts[1]}, the control alone on {counts[2]}." in text


def test_it_says_how_to_do_it_again(page: Reader):
    code = page.words("code")
    assert "cofire demo --out runs/demo --seed 0" in code
    assert '"heads": 4' in code
    assert "seed 0" in page.words("p")
    cells = page.words("td")
    for fact in ("a made-up one, 2 cores", "2.13.0", "4,000, looked at 89,600 times in all", "38.2 s"):
        assert fact in cells


def variation(**changes) -> ThinkingEvidence:
    return synthetic_evidence(examples=12, ticks=3, neurons=4, heads=1, **changes)


def control_that(evidence: ThinkingEvidence, right: np.ndarray) -> ThinkingEvidence:
    """The control answers right where it is told to, else the next digit."""
    answers = np.where(right, evidence.labels, (evidence.labels + 1) % 10)
    return replace(evidence, control_logits=np.eye(10)[answers][:, :, None] * 9.0)


@pytest.mark.parametrize(
    ("thinking", "control", "words"),
    [
        (12, 12, "this run shows no use of thinking longer"),
        (12, 9, "p = 0.25: this run alone does not show that thinking longer helped"),
        (12, 2, "p = 0.002 (McNemar's exact test): thinking longer helped here"),
        (2, 12, "p = 0.002 (McNemar's exact test): the control is the better one, and thinking longer did harm"),
    ],
)
def test_the_verdict_follows_the_figures(thinking: int, control: int, words: str):
    evidence = variation()
    answers = np.where(np.arange(12) < thinking, evidence.labels, (evidence.labels + 1) % 10)
    logits = np.repeat(np.eye(10)[answers][:, :, None] * 9.0, 3, axis=2)
    evidence = control_that(replace(evidence, logits=logits, certainty=certainty_of(logits)), np.arange(12) < control)
    assert words in _outcome._verdict(Summary(evidence))


def least_evidence() -> ThinkingEvidence:
    """One image, one tick, one neuron, one row in the log, no attention, no decays, no mistake."""
    logits = np.eye(10)[[3]][:, :, None] * 9.0
    log = {"step": np.array([1.0])}
    return replace(
        EVIDENCE,
        images=np.zeros((1, 28, 28)),
        labels=np.array([3]),
        logits=logits,
        certainty=certainty_of(logits),
        control_logits=logits,
        examples=np.array([0]),
        recording={"post_activation": np.zeros((1, 1, 1))},
        token_grid=None,
        decays={},
        metrics=log,
        control_metrics=log,
    )


def test_the_least_evidence_makes_a_report_and_always_the_same(tmp_path: Path):
    report = write_thinking_report(tmp_path / "first", least_evidence())
    page = Reader(report.read_text(encoding="utf-8"))
    absent = {"attention", "halting", "mistakes", "easy", "hard", "synchronisation", "decays"}
    absent |= {name for name in FIGURES if name.startswith("training_")}
    assert {figure["id"] for figure in page.attributes("figure")} == FIGURES - absent
    assert "There was no mistake." in page.words("figcaption")
    assert "The log holds no loss or accuracy." in page.words("p")
    again = write_thinking_report(tmp_path / "second", least_evidence())
    for path in report.parent.rglob("*.*"):
        assert path.read_bytes() == (again.parent / path.relative_to(report.parent)).read_bytes(), path.name


def test_a_model_that_is_always_wrong():
    evidence = variation()
    logits = np.repeat(evidence.logits[:, :, -1:], 3, axis=2)
    labels = (logits[:, :, 0].argmax(axis=1) + 5) % 10
    summary = Summary(replace(evidence, labels=labels, logits=logits))
    assert summary.accuracy == 0
    blocks = (*_outcome.did_thinking_help(summary).blocks, *_outcome.sure_and_wrong(summary).blocks)
    captions = [block.caption for block in blocks if isinstance(block, Picture)]
    assert captions[-1] == "All 12 mistakes, the most certain first: its answer, the truth, the tick."


def test_what_is_no_evidence_is_refused(tmp_path: Path):
    with pytest.raises(InvalidType, match=r"evidence: wanted ThinkingEvidence, got \{\}"):
        write_thinking_report(tmp_path, {})  # pyright: ignore[reportArgumentType]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FileProblem, match=r"file/figures: wanted a folder that can be made, got .*another folder"):
        write_thinking_report(tmp_path / "file", EVIDENCE)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "report.html").mkdir()
    with pytest.raises(FileProblem, match=r"report\.html: wanted a file that can be written, got Is a directory"):
        write_thinking_report(tmp_path, least_evidence())
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
