"""Several processes that make one run: the same curve, divided weights, and one of them killed."""

import json
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from cofire import CTM
from cofire.checks import InvalidValue
from cofire.random import Key
from cofire.train import Hardware, TrainConfig, read_metrics
from cofire.train._checkpoint import load_checkpoint
from cofire.train._objective import has_idle_parameters
from cofire.train._ranks import RankLost, together
from tests.train.machine import CURVE, MACHINE, Tokens, curve, cut, killed, pair, taken_up, torchrun
from tests.train.test_resume import same_run


def losses(folder: Path) -> list[float]:
    return list(json.loads((folder / "losses.json").read_text()).values())


def same_weights(folder: Path, other: Path, name: str = "weights.safetensors", tolerance: float = 1e-5) -> None:
    one, two = (load_file(place / name) for place in (folder, other))
    assert one.keys() == two.keys()
    for entry, value in one.items():
        torch.testing.assert_close(two[entry], value, rtol=0, atol=tolerance, msg=entry)


def test_two_processes_make_the_curve_of_one_with_whole_weights_and_with_divided_ones(tmp_path: Path):
    call = f"from pathlib import Path; from tests.train.machine import curves; curves(Path({str(tmp_path)!r}))"
    done = torchrun(2, call)
    assert done.returncode == 0, done.stderr[-3000:]
    curve(tmp_path / "one", config=replace(CURVE, accumulate=1))
    assert len(losses(tmp_path / "one")) == 6
    for name in ("ddp", "fsdp"):
        assert losses(tmp_path / name) == pytest.approx(losses(tmp_path / "one"), abs=1e-5), name
        norms = [read_metrics(tmp_path / one / "metrics.csv")["gradient_norm"] for one in (name, "one")]
        assert norms[0] == pytest.approx(norms[1], rel=1e-4)
        assert norms[1].min() > 0.04  # so that all are clipped
        same_weights(tmp_path / name, tmp_path / "one")
        same_weights(tmp_path / name, tmp_path / "one", "best.safetensors")
        state = json.loads((tmp_path / name / "checkpoint" / "step-00000006" / "state.json").read_text())
        assert state["machine"]["devices"] == 2
    kept = load_file(tmp_path / "fsdp" / "weights.safetensors")
    left = torch.load(tmp_path / "left.pt")
    assert all(torch.equal(left[name], value) for name, value in kept.items())  # the model ends with what is kept
    resumed = (tmp_path / "fsdp-resumed" / "weights.safetensors").read_bytes()
    assert resumed == (tmp_path / "fsdp" / "weights.safetensors").read_bytes()  # to the bit on as many devices
    cut(tmp_path / "fsdp", tmp_path / "alone")
    curve(tmp_path / "alone", resume=True)  # a checkpoint is whole, whatever wrote it
    same_weights(tmp_path / "alone", tmp_path / "one")


def test_when_one_process_is_killed_the_other_says_so_and_the_run_goes_on_to_the_bit(tmp_path: Path):
    for rank, step, kept, kind in ((1, 7, 5, "torchrun"), (0, 11, 10, "slurm")):
        ended = pair(killed, kind, tmp_path / "broken", rank, step, rank == 0)
        code, said = ended[1 - rank]
        assert ended[rank][0] == -signal.SIGKILL, ended[rank][1][-2000:]
        assert code == 1, said[-2000:]
        last = said.strip().splitlines()[-1]
        assert "RankLost: devices: wanted 2 processes that work together, got one that has ended" in last
        assert last.endswith("resume=True (--resume) goes on from the last checkpoint")
        checkpoint = load_checkpoint(tmp_path / "broken" / "checkpoint")
        assert checkpoint is not None
        assert checkpoint.step == kept
    again = pair(taken_up, "slurm", tmp_path / "broken", tmp_path / "whole")
    assert [code for code, _ in again] == [0, 0], again[0][1][-2000:]
    same_run(tmp_path / "broken", tmp_path / "whole")


def test_errors_of_ones_own_are_not_taken_for_a_lost_process():
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"), together(2):
        torch.ones(2, 3) @ torch.ones(2, 3)
    closed = "[gloo/transport/tcp/pair.cc:553] Connection closed by peer [127.0.0.1]:9281"
    for said in (closed, "Timed out waiting 900000ms for recv operation", "Application timeout caused pair closure"):
        with pytest.raises(RankLost, match=r"wanted 4 processes .* \(.*(Connection closed|[Tt]ime)"), together(4):
            raise RuntimeError(said)
    with pytest.raises(RuntimeError, match="Connection closed by peer"), together(1):
        raise RuntimeError("Connection closed by peer")


SLURM = {"SLURM_JOB_NAME": "train", "SLURM_NTASKS": "8", "SLURM_NNODES": "2", "SLURM_NTASKS_PER_NODE": "4"}


@pytest.mark.parametrize(
    ("environment", "counts"),
    [
        ({}, (1, 1)),
        ({"LOCAL_WORLD_SIZE": "4", "WORLD_SIZE": "12"}, (4, 3)),
        (SLURM, (4, 2)),
        ({**SLURM, "SLURM_JOB_NAME": "interactive"}, (1, 1)),
        ({**SLURM, "LOCAL_WORLD_SIZE": "2", "WORLD_SIZE": "2"}, (2, 1)),  # torchrun inside a job
    ],
)
def test_devices_and_nodes_are_those_announced(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], counts: tuple[int, int]
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Hardware().counts() == counts
    assert Hardware(devices=3, nodes=5).counts() == (3, 5)


def test_what_cannot_be_shared_out_is_told(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(InvalidValue, match=r"strategy: wanted one of 'auto', .*, got 'fsd'; .*did you mean 'fsdp'"):
        Hardware(strategy="fsd")
    with pytest.raises(InvalidValue, match="timeout: wanted a finite number above 0"):
        Hardware(timeout=0.0)
    with pytest.raises(InvalidValue, match="precision: wanted float32 or bfloat16 with fsdp, got float16"):
        Hardware(accelerator="cpu", devices=2, strategy="fsdp").launch("float16")
    monkeypatch.setenv("SLURM_NTASKS", "7")
    monkeypatch.setenv("SLURM_NNODES", "2")
    with pytest.raises(InvalidValue, match="SLURM_NTASKS: wanted as many tasks on every node, got 7 tasks on 2 nodes"):
        Hardware().counts()


def test_parameters_that_take_no_part_are_found():
    config = TrainConfig(steps=1)
    assert not has_idle_parameters(CTM(MACHINE, key=Key(0)), Tokens(), config)
    one_tick = CTM(replace(MACHINE, ticks=1), key=Key(0))
    assert has_idle_parameters(one_tick, Tokens(), config)
    assert all(parameter.grad is None for parameter in one_tick.parameters())
