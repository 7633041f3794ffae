"""A sweep on Ray: what the cluster is asked for, and what its answers become. The real one is tried where it is."""

import json
import re
from pathlib import Path

import pytest
import torch

from cofire.cli import main
from cofire.cli._sweep_runs import Job, on_ray
from cofire.train import Hardware
from cofire.train.presets import Setup
from tests.cli.stand_in_ray import installed
from tests.cli.test_main import fails
from tests.cli.test_train import FOUR

CPU = Hardware(accelerator="cpu")


@pytest.fixture(autouse=True)
def _threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in this process."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    assert main(["train", "digits", *FOUR, "--accelerator", "cpu", "--out", str(folder)]) == 0
    return folder


def jobs_like(alone: Path, out: Path) -> list[Job]:
    setup = Setup.begun(alone)
    return [Job(setup, out / "zero"), Job(setup.change({"learning_rate": 1e30}), out / "wild")]


def same_weights(one: Path, other: Path) -> bool:
    return (one / "weights.safetensors").read_bytes() == (other / "weights.safetensors").read_bytes()


def test_the_cluster_is_asked_for_what_was_wished(alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    ray = installed(monkeypatch)
    command = ["sweep", "digits", *FOUR, "--seeds", "0", "--ray", "ray://head:10001", "--threads", "1"]
    assert main([*command, "--accelerator", "cpu", "--out", str(tmp_path)]) == 0
    asked = dict(ray.asked)
    assert asked["init"]["address"] == "ray://head:10001"
    assert asked["remote"] == {"num_cpus": 1, "num_gpus": 0, "max_retries": 0}
    assert ray.asked[-1] == ("shutdown", None)
    assert same_weights(tmp_path / "small-0", alone)
    assert [row["seed"] for row in json.loads((tmp_path / "sweep.json").read_text())] == [0]


def test_a_cluster_of_ones_own_is_started(alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    ray = installed(monkeypatch)
    hardware = Hardware(accelerator="cuda")
    run = on_ray(jobs_like(alone, tmp_path)[:1], address="local", threads=3, hardware=hardware)
    assert "accelerator" in next(iter(run)).problem or torch.cuda.is_available()
    run.close()  # as whoever stops waiting does
    asked = dict(ray.asked)
    assert asked["init"]["address"] == "local"
    assert asked["remote"]["num_cpus"] == 3
    assert asked["remote"]["num_gpus"] == 1
    assert ray.asked[-1] == ("shutdown", None)


def test_every_answer_goes_to_its_job(alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    installed(monkeypatch)
    ended = {
        one.job.folder.name: one.problem
        for one in on_ray(jobs_like(alone, tmp_path), address="auto", threads=1, hardware=CPU)
    }
    assert ended["zero"] == ""
    assert "wanted a finite number" in ended["wild"]
    assert same_weights(tmp_path / "zero", alone)


def test_a_worker_that_dies_is_told_and_the_others_go_on(alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    installed(monkeypatch, dies=1)
    ended = {
        one.job.folder.name: one.problem
        for one in on_ray(jobs_like(alone, tmp_path), address="auto", threads=1, hardware=CPU)
    }
    assert ended == {"zero": "", "wild": "The worker died unexpectedly."}


def test_a_cluster_that_does_not_answer_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    installed(monkeypatch, unreachable=True)
    said = fails(capsys, "sweep", "digits", *FOUR, "--out", str(tmp_path), "--ray", "auto")
    assert re.search("--ray: wanted a cluster that answers, got Could not find .*ray start --head prints", said)


def test_a_real_cluster_makes_the_runs_of_one_process(alone: Path, tmp_path: Path):
    pytest.importorskip("ray", reason="the extra sweep (ray, 240 MB) is not part of the extra test")
    ended = {
        one.job.folder.name: one.problem
        for one in on_ray(jobs_like(alone, tmp_path), address="local", threads=1, hardware=CPU)
    }
    assert ended["zero"] == ""
    assert "wanted a finite number" in ended["wild"]
    assert same_weights(tmp_path / "zero", alone)
