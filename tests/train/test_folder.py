"""What lies in a run folder, and who may enter it."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from cofire.checks import FileProblem, InvalidValue
from cofire.random import Key
from cofire.train import RunFolder, TrainConfig, load_weights, read_metrics
from cofire.train._checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from cofire.train._metrics import MetricsFile
from tests.train.stand_in import CONFIG, Model, run


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    run(folder)
    return folder


def state(step: int) -> Checkpoint:
    return Checkpoint(step, 1.5 * step, {"threads": 1}, {"w": torch.full((3,), float(step))})


def test_a_run_leaves_what_explains_it(finished: Path):
    assert sorted(path.name for path in finished.iterdir()) == [
        "checkpoint",
        "config.json",
        "metrics.csv",
        "weights.safetensors",
    ]
    config = json.loads((finished / "config.json").read_text())
    assert config["format"] == "cofire-run/1"
    assert TrainConfig.from_json(config["train"]) == CONFIG
    assert config["task"] == {"name": "stripes", "settings": {"seed": 0}}
    assert Key.from_json(config["key"]) == Key(4)
    assert sorted(path.name for path in (finished / "checkpoint").iterdir()) == ["step-00000010", "step-00000012"]


def test_metrics_have_a_row_per_step_and_what_was_held_out(finished: Path):
    metrics = read_metrics(finished / "metrics.csv")
    tested = ["test_loss", "test_accuracy"]
    assert list(metrics) == ["step", "seconds", "learning_rate", "loss", "gradient_norm", "accuracy", *tested]
    assert metrics["step"].tolist() == list(range(1, 13))
    rates = [CONFIG.learning_rate_at(step) for step in range(1, 13)]
    np.testing.assert_allclose(metrics["learning_rate"], rates, rtol=1e-5)
    for name in tested:
        assert np.flatnonzero(np.isfinite(metrics[name])).tolist() == [3, 7, 11]
    assert (np.diff(metrics["seconds"]) >= 0).all()


def test_weights_load_into_a_model(finished: Path, tmp_path: Path):
    model = Model(Key(77))
    load_weights(model, finished / "weights.safetensors")
    weights = load_file(finished / "weights.safetensors")
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    with pytest.raises(FileProblem, match=r"wanted a safetensors file.*weights.safetensors of a run"):
        load_weights(model, finished / "metrics.csv")
    with pytest.raises(FileProblem, match="wanted a safetensors file"):
        load_weights(model, tmp_path / "none")
    with pytest.raises(InvalidValue, match=r"wanted weights that fit the model.*config.json beside the weights"):
        load_weights(torch.nn.Linear(2, 2), finished / "weights.safetensors")


def test_a_folder_with_a_run_is_not_entered_by_accident(finished: Path):
    before = (finished / "weights.safetensors").read_bytes()
    with pytest.raises(FileProblem, match=r"without a run.*--resume.*--overwrite.*another folder"):
        run(finished)
    with pytest.raises(InvalidValue, match="resume and overwrite: wanted one of the two, got both"):
        run(finished, resume=True, overwrite=True)
    assert (finished / "weights.safetensors").read_bytes() == before


def test_overwriting_begins_anew(tmp_path: Path):
    run(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    run(tmp_path, replace(CONFIG, steps=4), overwrite=True)
    assert read_metrics(tmp_path / "metrics.csv")["step"].tolist() == [1, 2, 3, 4]
    assert [path.name for path in (tmp_path / "checkpoint").iterdir()] == ["step-00000004"]
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("content", ["{}", "[1]", "no json", '{"format": "theirs"}'])
def test_somebody_elses_folder_is_neither_resumed_nor_overwritten(tmp_path: Path, content: str):
    (tmp_path / "config.json").write_text(content)
    for options in ({}, {"resume": True}, {"overwrite": True}):
        with pytest.raises(FileProblem, match=r"config.json: wanted the config of a run, got .*choose another folder"):
            RunFolder(tmp_path).check(**options)
    assert (tmp_path / "config.json").read_text() == content


def test_weights_of_unknown_origin_are_not_overwritten(tmp_path: Path):
    (tmp_path / "weights.safetensors").write_bytes(b"precious")
    with pytest.raises(FileProblem, match=r"config.json: wanted the config of a run, got a missing"):
        run(tmp_path, overwrite=True)
    assert (tmp_path / "weights.safetensors").read_bytes() == b"precious"


def test_a_place_that_is_no_folder_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    for place in ("file", "file/below", "file/below/it"):
        with pytest.raises(FileProblem, match=r"wanted a folder that can be written, got .*choose another folder"):
            RunFolder(tmp_path / place).check()
    with pytest.raises(FileProblem, match="wanted a folder that can be written"):
        run(Path("/proc/nothing"))


def test_two_processes_do_not_train_in_one_folder(tmp_path: Path):
    with RunFolder(tmp_path).alone(), pytest.raises(FileProblem, match="a free folder, got one in which another"):
        run(tmp_path)
    assert list(tmp_path.iterdir()) == []
    run(tmp_path)  # free again


def test_checkpoints_survive_a_round_trip_and_only_the_last_are_kept(tmp_path: Path):
    for step in (1, 2, 30):
        save_checkpoint(tmp_path, state(step), keep_last=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000002", "step-00000030"]
    loaded = load_checkpoint(tmp_path)
    assert loaded is not None
    assert loaded[:3] == state(30)[:3]
    assert torch.equal(loaded.tensors["w"], state(30).tensors["w"])
    assert load_checkpoint(tmp_path / "none") is None


def test_what_a_crash_left_is_ignored_then_removed(tmp_path: Path):
    save_checkpoint(tmp_path, state(1), keep_last=2)
    unfinished = tmp_path / ".unfinished-00000002"
    unfinished.mkdir()
    (unfinished / "state.safetensors").write_bytes(b"half")
    loaded = load_checkpoint(tmp_path)
    assert loaded is not None
    assert loaded.step == 1
    save_checkpoint(tmp_path, state(2), keep_last=2)
    assert not unfinished.exists()


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("state.json", b'{"step": 2}'),
        ("state.json", b"\x80pickle"),
        ("state.safetensors", b"half of it"),
        ("state.safetensors", None),
        ("state.json", None),
    ],
)
def test_a_damaged_or_foreign_checkpoint_is_named_with_what_to_do(tmp_path: Path, file: str, content: bytes | None):
    for step in (1, 2):
        save_checkpoint(tmp_path, state(step), keep_last=2)
    path = tmp_path / "step-00000002" / file
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(FileProblem, match=r"step-00000002: wanted a cofire checkpoint.*to go on from step-00000001"):
        load_checkpoint(tmp_path)


def test_a_file_in_place_of_the_checkpoints_is_named(tmp_path: Path):
    (tmp_path / "checkpoint").write_bytes(b"PK")
    with pytest.raises(FileProblem, match="wanted a folder of checkpoints, got a file"):
        load_checkpoint(tmp_path / "checkpoint")
    with pytest.raises(FileProblem, match=r"wanted a checkpoint written, got .*free some space"):
        save_checkpoint(tmp_path / "checkpoint", state(1), keep_last=1)


def rows(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_metrics_are_cut_behind_the_checkpoint(tmp_path: Path):
    path = tmp_path / "metrics.csv"
    file = MetricsFile(path, 0)
    for step in range(1, 5):
        file.add({"step": step, "loss": 0.5 / step, "test_loss": None})
    file.sync()
    file.close()
    with path.open("a") as torn:
        torn.write("5,0.")  # the process died while it wrote
    again = MetricsFile(path, 3)
    again.add({"step": 4, "loss": 8.0, "test_loss": 2.0})
    again.close()
    assert rows(path) == ["step,loss,test_loss", "1,0.5,", "2,0.25,", "3,0.166667,", "4,8,2"]
    assert np.isnan(read_metrics(path)["test_loss"]).tolist() == [True, True, True, False]


def test_other_columns_are_refused(tmp_path: Path):
    file = MetricsFile(tmp_path / "metrics.csv", 0)
    file.add({"step": 1, "loss": 0.5})
    with pytest.raises(InvalidValue, match="wanted columns step, loss, got step, error"):
        file.add({"step": 2, "error": 0.5})
    file.close()


def test_a_file_that_holds_no_metrics_is_named(tmp_path: Path):
    path = tmp_path / "metrics.csv"
    for content in ("", "step\nfour\n", "a,b\n1\n"):
        path.write_text(content)
        with pytest.raises(FileProblem, match=r"metrics.csv: wanted the metrics of a run"):
            read_metrics(path)


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileProblem, match=r"a checkpoint written, got No space left on device; .*free some space"):
        save_checkpoint(tmp_path, state(1), keep_last=1)
    assert load_checkpoint(tmp_path) is None
