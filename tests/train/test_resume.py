"""A run that was stopped, however rudely, ends as one that was not: the same weights, to the bit, the same rows."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from cofire.checks import FileProblem, InvalidValue
from cofire.random import Key
from cofire.train import Clip, Interrupted, QuantileClip, Started, read_metrics, train
from tests.train.stand_in import CONFIG, Model, Stripes, run

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unbroken")
    run(folder)
    return folder


def same_run(folder: Path, other: Path) -> None:
    """Weights and the whole final state agree to the bit; of the metrics, all but the time."""
    assert (folder / "weights.safetensors").read_bytes() == (other / "weights.safetensors").read_bytes()
    states = [one / "checkpoint" / f"step-{CONFIG.steps:08d}" / "state.safetensors" for one in (folder, other)]
    assert states[0].read_bytes() == states[1].read_bytes()
    rows = [[line.split(",") for line in (one / "metrics.csv").read_text().splitlines()] for one in (folder, other)]
    assert [row[:1] + row[2:] for row in rows[0]] == [row[:1] + row[2:] for row in rows[1]]
    assert [row[0] for row in rows[0][1:]] == [str(step) for step in range(1, CONFIG.steps + 1)]


@pytest.mark.parametrize(
    ("call", "left"),
    [("kill_at_step(folder, 8)", "step-00000005"), ("kill_in_checkpoint(folder, 10)", "step-00000005")],
)
def test_a_killed_run_is_resumed_to_the_bit(tmp_path: Path, unbroken: Path, call: str, left: str):
    code = f"from pathlib import Path; from tests.train.stand_in import *; folder = Path({str(tmp_path)!r}); {call}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    found = sorted(path.name for path in (tmp_path / "checkpoint").glob("step-*"))
    assert found == [left]
    run(tmp_path, resume=True)
    assert not list((tmp_path / "checkpoint").glob(".*"))  # what the killed process left is gone
    same_run(tmp_path, unbroken)


class PowerCut(BaseException):
    """Ends a run as a kill would, in this process."""


@pytest.mark.parametrize("clip", [CONFIG.clip, QuantileClip(0.5, history=4)], ids=["norm", "quantile"])
def test_it_may_break_at_every_step(tmp_path: Path, clip: Clip):
    config = replace(CONFIG, clip=clip, save_every=3)
    whole = tmp_path / "whole"
    run(whole, config)

    def cut_at(step: int):
        def cut(position: int) -> None:
            if position == step * config.batch_size:
                raise PowerCut

        return cut

    for step in range(config.steps):
        folder = tmp_path / str(step)
        with pytest.raises(PowerCut):
            run(folder, config, Stripes(when=cut_at(step)))
        run(folder, config, resume=True)
        same_run(folder, whole)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_step_and_leaves_a_checkpoint(tmp_path: Path, unbroken: Path, number: signal.Signals):
    before = signal.getsignal(number)

    def send(position: int) -> None:
        if position == 6 * CONFIG.batch_size:
            signal.raise_signal(number)

    with pytest.raises(Interrupted, match=r"interrupted after step 7 of 12; .* \(--resume\) goes on") as stopped:
        run(tmp_path, task=Stripes(when=send))
    assert (stopped.value.step, stopped.value.signal_number, stopped.value.folder) == (7, number, tmp_path)
    assert signal.getsignal(number) == before
    assert sorted(path.name for path in (tmp_path / "checkpoint").iterdir()) == ["step-00000005", "step-00000007"]
    assert read_metrics(tmp_path / "metrics.csv")["step"].tolist() == list(range(1, 8))
    run(tmp_path, resume=True)
    same_run(tmp_path, unbroken)


def test_a_finished_run_is_resumed_to_nothing_but_its_weights(tmp_path: Path, unbroken: Path):
    model = run(tmp_path)
    (tmp_path / "weights.safetensors").unlink()  # as if it had been killed just before the last write
    events = []
    again = run(tmp_path, resume=True, on_event=events.append)
    assert [type(event).__name__ for event in events] == ["Started", "Finished"]
    same_run(tmp_path, unbroken)
    pairs = zip(model.state_dict().values(), again.state_dict().values(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_seconds_add_up_over_interruptions(tmp_path: Path):
    def send(position: int) -> None:
        if position == 50:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted, match="after step 6"):
        run(tmp_path, task=Stripes(when=send))
    run(tmp_path, resume=True)
    seconds = read_metrics(tmp_path / "metrics.csv")["seconds"]
    assert (seconds[1:] >= seconds[:-1]).all()


def test_a_run_is_resumed_with_its_own_settings_only(tmp_path: Path, unbroken: Path):
    config = replace(CONFIG, learning_rate=0.5)
    with pytest.raises(InvalidValue, match=r"train.learning_rate: wanted 0.02 as in .*config.json, got 0.5"):
        run(unbroken, config, resume=True)
    with pytest.raises(InvalidValue, match=r"task.settings.seed: wanted 0 .* got 1"):
        run(unbroken, task=Stripes(seed=1), resume=True)
    with pytest.raises(FileProblem, match="wanted a folder with a run, got one without"):
        run(tmp_path, resume=True)


def test_another_number_of_threads_is_told(tmp_path: Path):
    def send(position: int) -> None:
        if position == 0:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted, match="after step 1"):
        run(tmp_path, task=Stripes(when=send))
    state = tmp_path / "checkpoint" / "step-00000001" / "state.json"
    state.write_text(state.read_text().replace('"threads": 1', '"threads": 64'))
    events: list[Started] = []
    run(tmp_path, resume=True, on_event=events.append)
    assert events[0].changed == ("threads 64 -> 1",)


def test_the_state_of_torch_is_left_alone(tmp_path: Path):
    model = Model(Key(3))
    before, deterministic = torch.get_rng_state(), torch.are_deterministic_algorithms_enabled()
    train(model, Stripes(), CONFIG, tmp_path, key=Key(4))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.are_deterministic_algorithms_enabled() == deterministic
