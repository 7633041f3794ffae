"""`cofire demo`: in short form from end to end, stopped and resumed anywhere, and refusing what it cannot do."""

import html.parser
import json
import re
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from cofire.cli import _demo_setup, main
from cofire.ctm import CTM, CTMConfig
from cofire.random import Key
from cofire.recording import Recording
from cofire.tasks import Digits, _digits
from cofire.train import TrainConfig, load_weights, predict, read_metrics
from tests.cli.test_main import fails

STEPS = 20


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a short demonstration with the real model."""
    out = tmp_path_factory.mktemp("demo") / "runs" / "short"
    assert main(["demo", "--steps", str(STEPS), "--threads", "1", "--seed", "5", "--out", str(out)]) == 0
    return out


@pytest.mark.parametrize(("part", "ticks"), [("", 15), ("control", 1)])
def test_each_part_leaves_a_run_that_explains_itself(demo: Path, part: str, ticks: int):
    folder = demo / part
    config = json.loads((folder / "config.json").read_text())
    assert config["about"] == {"command": "demo", "seed": 5}
    assert config["task"]["name"] == "digits"
    train = TrainConfig.from_json(config["train"])
    assert train.steps == STEPS
    model_config = CTMConfig.from_json(config["model"]["config"])
    assert model_config.ticks >= ticks
    assert (model_config.ticks == 1) == (ticks == 1)
    metrics = read_metrics(folder / "metrics.csv")
    assert metrics["step"].tolist() == list(range(1, STEPS + 1))
    for name in ("loss", "accuracy", "thinking_time", "gradient_norm"):
        assert np.isfinite(metrics[name]).all()
    assert [path.name for path in (folder / "checkpoint").iterdir()] == [f"step-{STEPS:08d}"]
    model = CTM(model_config, key=Key(99))
    load_weights(model, folder / "weights.safetensors")
    task = Digits(key=Key.from_json(config["task"]["settings"]["key"]))
    answers = predict(model, task)
    tick = answers.certainty.argmax(1)
    right = answers.logits[np.arange(1000), :, tick].argmax(1) == answers.targets
    assert metrics["test_accuracy"][-1] == pytest.approx(right.mean(), abs=1e-3)
    assert metrics["test_thinking_time"][-1] == pytest.approx(tick.mean() + 1, rel=1e-3)


def test_both_parts_saw_the_same_number_of_examples(demo: Path):
    configs = [json.loads((demo / part / "config.json").read_text()) for part in ("", "control")]
    assert configs[0]["train"] == configs[1]["train"]
    assert configs[0]["task"] == configs[1]["task"]
    sizes = [{**one["model"]["config"], "ticks": None} for one in configs]
    assert sizes[0] == sizes[1]  # but for its ticks, the control is the same machine


def test_its_recording_is_kept_and_can_be_analysed(demo: Path, tmp_path: Path):
    recording = Recording.load(demo / "recording.npz")
    assert recording["post_activation"].shape == (15, 8, 128)
    assert main(["analyse", str(demo), "--out", str(tmp_path / "read"), "--surrogates", "19"]) == 0
    assert (tmp_path / "read" / "report.html").stat().st_size > 10_000


class Links(html.parser.HTMLParser):
    """Collects what a page would load."""

    def __init__(self):
        super().__init__()
        self.loaded: list[str] = []
        self.images = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.images += tag == "img"
        self.loaded += [
            value or "" for name, value in attrs if name in ("src", "srcset") or (tag, name) == ("link", "href")
        ]


def test_the_report_is_one_self_contained_page(demo: Path):
    page = (demo / "report.html").read_text(encoding="utf-8")
    links = Links()
    links.feed(page)
    assert links.images >= 8
    assert all(link.startswith("data:") for link in links.loaded)
    assert not re.search(r"@import|url\((?!['\"]?(data:|#))", page)
    facts = ["one-tick", "calibration", "confusion", "attention", "cofire demo --seed 5 --steps 20", "processor"]
    assert [fact for fact in facts if fact.lower() not in page.lower()] == []


def test_every_figure_lies_beside_it(demo: Path):
    figures = sorted((demo / "figures").glob("*.png"))
    assert len(figures) >= 8
    for path in figures:
        with Image.open(path) as picture:
            assert picture.size[0] >= 300
            assert len(np.unique(np.asarray(picture))) > 2, path.name  # something is drawn
    assert list((demo / "figures").glob("*.gif"))


def test_it_is_finished_and_stays_so(demo: Path, capsys: pytest.CaptureFixture[str]):
    words = fails(capsys, "demo", "--out", str(demo))
    assert re.search(r"wanted a folder without a run.*--resume.*--overwrite.*another folder", words)


# --- a machine so small that stopping and resuming it is quick; its report is only noted ---------------------------


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The evidence of the reports that were asked for."""
    noted: list[Any] = []
    config = _demo_setup.demo_config()
    backbone = replace(config.backbone, steps=((4, 5, 4), (4, 3, 2)))
    small = replace(config, neurons=16, ticks=3, memory_length=2, backbone=backbone)

    def note(folder: Path, evidence: Any) -> Path:
        noted.append(evidence)
        return folder / "report.html"

    monkeypatch.setattr(_demo_setup, "demo_config", lambda: small)
    monkeypatch.setattr("cofire.viz.write_thinking_report", note, raising=False)
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    return noted


def short(out: Path, *more: str) -> list[str]:
    return ["demo", "--out", str(out), "--steps", "4", *more]


def weights(out: Path) -> list[bytes]:
    return [(out / part / "weights.safetensors").read_bytes() for part in ("", "control")]


def stop_at_batch(monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    """Send Ctrl-C while the batch with this number is made, once, counted over both trainings."""
    made, counter = Digits.train, iter(range(1000))

    def train(self: Digits, positions: np.ndarray):
        if next(counter) == batch:
            signal.raise_signal(signal.SIGINT)
        return made(self, positions)

    monkeypatch.setattr(Digits, "train", train)


def test_a_seed_decides_everything(tmp_path: Path, reports: list[Any], capsys: pytest.CaptureFixture[str]):
    for out in ("one", "two"):
        assert main(short(tmp_path / out)) == 0
    assert main(short(tmp_path / "other", "--seed", "1")) == 0
    assert weights(tmp_path / "one") == weights(tmp_path / "two")
    assert weights(tmp_path / "one") != weights(tmp_path / "other")
    one, two, _ = reports
    np.testing.assert_array_equal(one.logits, two.logits)
    np.testing.assert_array_equal(one.examples, two.examples)
    assert len(set(one.labels[one.examples])) == len(one.examples)
    said = capsys.readouterr().out
    right = (one.logits[np.arange(1000), :, one.certainty.argmax(1)].argmax(1) == one.labels).mean()
    assert f"held out   {right:.1%} right at the most certain tick" in said
    assert re.search(r"control    \d+\.\d% right with one tick", said)
    assert f"report     {tmp_path / 'one' / 'report.html'}\n" in said


@pytest.mark.parametrize(
    ("batch", "where"), [(1, "the machine after step 2 of 4"), (5, "the control after step 2 of 4")]
)
def test_ctrl_c_keeps_everything_and_says_how_to_go_on(
    tmp_path: Path,
    reports: list[Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    batch: int,
    where: str,
):
    assert main(short(tmp_path / "whole")) == 0
    out = tmp_path / "stopped"
    with monkeypatch.context() as patch:
        stop_at_batch(patch, batch)
        assert main(short(out)) == 130
    said = capsys.readouterr().err
    assert said == f"cofire: stopped {where}; to go on: cofire demo --resume --out {out}\n"
    assert main(["demo", "--resume", "--out", str(out)]) == 0  # it knows its steps and its seed
    assert weights(out) == weights(tmp_path / "whole")
    np.testing.assert_array_equal(reports[-1].logits, reports[0].logits)
    assert reports[-1].facts.command == "cofire demo --seed 0 --steps 4"


def test_a_stop_before_the_report_loses_nothing(
    tmp_path: Path, reports: list[Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    def stop(folder: Path, evidence: Any) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("cofire.viz.write_thinking_report", stop)
        assert main(short(tmp_path)) == 130
    assert capsys.readouterr().err.endswith(f"cofire: stopped; to go on: cofire demo --resume --out {tmp_path}\n")
    seconds = json.loads((tmp_path / "checkpoint" / "step-00000004" / "state.json").read_text())["seconds"]
    monkeypatch.setattr(Digits, "train", lambda self, positions: pytest.fail("trained again"))
    assert main(["demo", "--resume", "--out", str(tmp_path)]) == 0
    assert reports[0].facts.training_seconds == seconds > 0


def test_a_stop_before_anything_says_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    def stop(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cofire.cli._demo._run", stop)
    assert fails(capsys, "demo", "--out", "/nowhere", code=130) == "cofire: stopped; nothing was begun\n"


def spoil_checkpoint(out: Path) -> None:
    (out / "checkpoint" / "step-00000004" / "state.safetensors").write_bytes(b"PK\x03\x04 a file of somebody else's")


def spoil_config(out: Path) -> None:
    (out / "config.json").write_text('{"theirs": true}')


def other_command(out: Path) -> None:
    config = json.loads((out / "config.json").read_text())
    (out / "config.json").write_text(json.dumps({**config, "about": {}}))


@pytest.mark.parametrize(
    ("spoil", "more", "words"),
    [
        (None, ["--resume", "--seed", "1"], "--seed: wanted 0, as the run was begun with, got 1; .* leave it away"),
        (None, ["--resume", "--steps", "5"], "--steps: wanted 4, as the run was begun with, got 5"),
        (None, ["--resume", "--overwrite"], "resume and overwrite: wanted one of the two, got both"),
        (spoil_checkpoint, ["--resume"], "step-00000004: wanted a cofire checkpoint, got a damaged or foreign one"),
        (spoil_config, ["--resume"], "config.json: wanted the config of a run, got a missing, damaged or foreign one"),
        (spoil_config, ["--overwrite"], "config.json: wanted the config of a run.*choose another folder"),
        (other_command, ["--resume"], "wanted a run of cofire demo, got another one; .* choose another --out"),
    ],
)
def test_a_folder_that_does_not_fit_is_refused(
    tmp_path: Path,
    reports: list[Any],
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Path], None] | None,
    more: list[str],
    words: str,
):
    assert main(short(tmp_path)) == 0
    capsys.readouterr()
    if spoil:
        spoil(tmp_path)
    assert re.search(words, fails(capsys, "demo", "--out", str(tmp_path), *more))


def test_places_that_cannot_be_used_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/nothing")):
        assert re.search(r"wanted a folder that can be written, got .*", fails(capsys, "demo", "--out", str(out)))
    assert "wanted a folder with a run" in fails(capsys, "demo", "--resume", "--out", str(tmp_path / "none"))


def test_missing_images_name_the_extra(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(_digits, "find_spec", lambda name: None)
    assert "pip install 'cofire[demo]'" in fails(capsys, "demo", "--out", str(tmp_path / "new"))
    assert not (tmp_path / "new").exists()
