"""What `cofire train` can be told besides a preset: each option acts as its argument does in Python."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from cofire.cli import main
from cofire.cli._arguments import Usage
from cofire.cli._train import assignment
from cofire.tasks import Digits
from cofire.train import EarlyStop, Hardware, PonderCost, RandomDepth, RunFolder, TickDropout, read_metrics
from cofire.train.presets import Setup, find_preset
from tests.cli.test_main import fails
from tests.cli.test_train import FOUR, TINY, stop_at_batch


@pytest.fixture(autouse=True)
def _threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run without any option."""
    folder = tmp_path_factory.mktemp("plain") / "run"
    assert main(["train", "digits", *FOUR, "--out", str(folder)]) == 0
    return folder


def config(folder: Path) -> dict:
    return json.loads((folder / "config.json").read_text())


# --- pressures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "name", "wanted"),
    [
        (["ponder.cost=0.01"], "ponder", PonderCost(0.01)),
        (["tick_dropout.rate=0.2"], "tick_dropout", TickDropout(0.2)),
        (["random_depth.least=5", "random_depth.most=20"], "random_depth", RandomDepth(5, 20)),
        (["early_stop.patience=5"], "early_stop", EarlyStop("loss", 5)),
        (["early_stop.metric=accuracy", "early_stop.margin=0.1"], "early_stop", EarlyStop("accuracy", 10, 0.1)),
        (['ponder={"cost": 0.5}'], "ponder", PonderCost(0.5)),
        (["ponder.cost=0.01", "ponder=null"], "ponder", None),
    ],
)
def test_a_field_of_a_pressure_puts_it_on(words: list[str], name: str, wanted: object):
    setup = Setup.of(find_preset("digits", "small")).change(dict(map(assignment, words)))
    assert getattr(setup.train, name) == wanted


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ponder.price=1"], "field of train.ponder: wanted one of 'cost', got 'price'"),
        (["ponder=1"], r"ponder: wanted Mapping, got .*1.*; the usual fix: name a field of it, such as ponder\.cost"),
        (["ponder.cost=-1.0"], "cost: wanted a finite number above 0, got -1.*ten ticks"),
        (["random_depth.least=5"], r"random_depth\.most: wanted a value, got none"),
        (["random_depth.least=5", "random_depth.most=4"], "most: wanted an integer of at least 5, got 4"),
        (["early_stop.patience=0"], "patience: wanted an integer of at least 1, got 0"),
        (["early_stop.patience=2", "evaluate_every=0"], "evaluate_every: wanted evaluations, for early_stop, got 0"),
        (["tick_dropout.rate=1.0"], "rate: wanted a finite number above 0"),
        (["model.answer.outputs.more=1"], r"model\.answer\.outputs: wanted dict, got .*10.*name a field"),
    ],
)
def test_a_pressure_that_cannot_be_is_refused(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    options = [word for one in words for word in ("--set", one)]
    assert re.search(said, fails(capsys, "train", "digits", "--out", str(tmp_path / "run"), *options))
    assert not (tmp_path / "run").exists()


def test_pressures_act_on_the_run(plain: Path, tmp_path: Path):
    words = ("ponder.cost=0.01", "random_depth.least=1", "random_depth.most=3", "early_stop.patience=1")
    options = [word for one in (*words, "early_stop.margin=100.0", "evaluate_every=1") for word in ("--set", one)]
    assert main(["train", "digits", *FOUR, *options, "--out", str(tmp_path)]) == 0
    metrics = read_metrics(tmp_path / "metrics.csv")
    assert "expected_ticks" in metrics
    assert len(metrics["step"]) == 2  # the second evaluation was not better by a hundred
    assert config(tmp_path)["train"]["random_depth"] == {"least": 1, "most": 3}
    assert config(plain)["train"]["early_stop"] is None


# --- accumulation and best weights -----------------------------------------------------------------------------------


def test_parts_of_an_update_make_the_whole(plain: Path, tmp_path: Path):
    assert main(["train", "digits", *FOUR, "--accumulate", "4", "--out", str(tmp_path)]) == 0
    assert config(tmp_path)["train"]["accumulate"] == 4
    ours, theirs = (read_metrics(folder / "metrics.csv")["loss"] for folder in (tmp_path, plain))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_the_best_weights_are_kept_by_the_name_of_a_scalar(tmp_path: Path):
    more = ("--keep-best", "accuracy", "--set", "evaluate_every=1")
    assert main(["train", "digits", *FOUR, *more, "--out", str(tmp_path)]) == 0
    accuracy = read_metrics(tmp_path / "metrics.csv")["test_accuracy"]
    assert len(accuracy) == 4
    content = (tmp_path / "best.safetensors").read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    facts = json.loads(header["__metadata__"]["cofire"])
    assert facts == {"step": int(accuracy.argmax()) + 1, "metric": "accuracy", "value": pytest.approx(accuracy.max())}


# --- warm starts -----------------------------------------------------------------------------------------------------


def test_a_warm_start_takes_the_weights_and_nothing_else(
    plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    still = ("--set", "learning_rate=1e-30", "--set", "final_learning_rate=0.0", "--set", "average=0.0")
    for name, source in (("run", plain), ("file", plain / "weights.safetensors")):
        out = tmp_path / name
        assert (
            main(["train", "digits", *TINY, *still, "--steps", "1", f"--warm-start={source}", "--out", str(out)]) == 0
        )
        found, wanted = (load_file(folder / "weights.safetensors") for folder in (out, plain))
        assert all(torch.equal(found[one], wanted[one]) for one in wanted if "running" not in one and "num_" not in one)
        assert len(read_metrics(out / "metrics.csv")["step"]) == 1
    setup = Setup.begun(tmp_path / "run")
    assert setup.warm_start == str(plain.absolute())
    assert setup.command.endswith(f"--warm-start {plain.absolute()}")


def test_a_warm_run_goes_on_without_what_it_began_with(
    plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    source = tmp_path / "start.safetensors"
    source.write_bytes((plain / "weights.safetensors").read_bytes())
    command = ["train", "digits", *FOUR, "--warm-start", str(source), "--out"]
    assert main([*command, str(tmp_path / "whole")]) == 0
    with monkeypatch.context() as patch:
        stop_at_batch(patch, 1)
        assert main([*command, str(tmp_path / "cut")]) == 130
    source.unlink()
    capsys.readouterr()
    words = fails(capsys, "train", "digits", "--resume", "--warm-start", "other", "--out", str(tmp_path / "cut"))
    assert re.search(r"warm_start: wanted .*start\.safetensors, as the run was begun with, got .*other", words)
    assert main(["train", "digits", "--resume", "--out", str(tmp_path / "cut")]) == 0
    ours, theirs = (load_file(tmp_path / name / "weights.safetensors") for name in ("cut", "whole"))
    assert all(torch.equal(ours[one], theirs[one]) for one in theirs)


def test_a_run_killed_before_its_first_checkpoint_begins_warm_again(plain: Path, tmp_path: Path):
    setup = Setup.of(find_preset("digits", "small")).change({"steps": 4, **dict(map(assignment, TINY[1::2]))})
    setup = setup.begin_with(plain)
    setup.start(tmp_path / "whole", hardware=Hardware(accelerator="cpu"))

    def die(self: Digits, positions: np.ndarray):
        raise KeyError("power")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Digits, "train", die)
        with pytest.raises(KeyError, match="power"):
            setup.start(tmp_path / "cut", hardware=Hardware(accelerator="cpu"))
    assert main(["train", "digits", "--resume", "--out", str(tmp_path / "cut")]) == 0
    ours, theirs = (load_file(tmp_path / name / "weights.safetensors") for name in ("cut", "whole"))
    assert all(torch.equal(ours[one], theirs[one]) for one in theirs)


# --- TensorBoard -----------------------------------------------------------------------------------------------------


def test_scalars_are_written_for_tensorboard_where_it_is_wished(
    plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        stop_at_batch(patch, 1)
        assert main(["train", "digits", *FOUR, "--tensorboard", "--accelerator", "cpu", "--out", str(out)]) == 130
    go_on = capsys.readouterr().err.partition("to go on: ")[2].split()
    assert go_on == [
        "cofire",
        "train",
        "digits",
        "--resume",
        "--out",
        str(out),
        "--tensorboard",
        "--accelerator",
        "cpu",
    ]
    assert main(go_on[1:]) == 0
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator").EventAccumulator(
        str(out / "tensorboard")
    )
    reader.Reload()
    written = {one.step: one.value for one in reader.Scalars("test/accuracy")}
    assert written == pytest.approx({4: read_metrics(out / "metrics.csv")["test_accuracy"][-1]})
    assert not (plain / "tensorboard").exists()


# --- faults ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--strategy", "fsd"], "strategy: wanted one of 'auto', 'ddp', 'fsdp', got 'fsd'.*did you mean 'fsdp'"),
        (["--accumulate", "0"], "--accumulate: wanted an integer from 1"),
        (["--accumulate", "65"], "accumulate: wanted an integer from 1 to 64, got 65.*at most a part per example"),
        (["--keep-best", "acuracy"], "keep_best: wanted one of .*got 'acuracy'; .*did you mean 'accuracy'"),
        (
            ["--warm-start", "nowhere"],
            "warm_start .*nowhere: wanted weights in a safetensors file.*folder of a run",
        ),
        (["--precision", "half"], "precision: wanted one of 'auto', 'float32', 'bfloat16', 'float16', got 'half'"),
        (["--strateggy", "ddp"], "got --strateggy; the usual fix: did you mean --strategy"),
    ],
)
def test_options_that_cannot_be_are_refused(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert re.search(said, fails(capsys, "train", "digits", *FOUR, "--out", str(tmp_path / "run"), *words))
    assert not (tmp_path / "run").exists()


def test_weights_of_another_machine_are_refused_entry_by_entry(
    plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    wider = ("--set", "model.neurons=9", "--warm-start", str(plain))
    said = fails(capsys, "train", "digits", *FOUR, *wider, "--out", str(tmp_path / "run"))
    assert re.search(
        r"warm_start .*weights\.safetensors: wanted the model's entries, got .* has shape .* instead of", said
    )
    assert not RunFolder(tmp_path / "run").holds_run


def test_an_agent_has_no_warm_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    said = fails(capsys, "train", "control", "--warm-start", str(tmp_path), "--out", str(tmp_path / "run"))
    assert "warm_start: wanted none for control" in said
    assert "field of train: wanted one of" in fails(capsys, "train", "control", "--keep-best", "return")


def test_the_strategy_reaches_the_hardware(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen: list[Hardware] = []

    def start(self: Setup, folder: Path, *, hardware: Hardware, **options: object) -> None:
        seen.append(hardware)
        raise Usage("enough")

    monkeypatch.setattr(Setup, "start", start)
    for words in ((), ("--strategy", "ddp"), ("--strategy", "fsdp", "--devices", "2")):
        assert main(["train", "digits", *FOUR, *words, "--out", str(tmp_path / "run")]) == 2
    assert [(one.strategy, one.divides, one.devices) for one in seen] == [
        ("auto", False, None),
        ("ddp", False, None),
        ("fsdp", True, 2),
    ]
