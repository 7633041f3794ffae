"""Batches made in the background: the same run, never two questions at once, faults told."""

import signal
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cofire.checks import InvalidValue
from cofire.tasks import Batch
from cofire.train import Hardware, Interrupted
from tests.train.stand_in import CONFIG, Stripes, run
from tests.train.test_resume import same_run


class Watched(Stripes):
    """Notes who asks for what, and that nobody asks while another one does."""

    def __init__(self):
        super().__init__(when=lambda position: self.asked.append((position, threading.current_thread().name)))
        self.asked: list[tuple[int, str]] = []
        self.busy = threading.Lock()

    def _make(self, positions: np.ndarray, part: str) -> Batch:
        assert self.busy.acquire(blocking=False), "asked from two threads at once"
        try:
            return super()._make(positions, part)
        finally:
            self.busy.release()


@pytest.mark.parametrize("ahead", [1, 3])
def test_it_changes_nothing(tmp_path: Path, ahead: int):
    config = replace(CONFIG, evaluate_every=2, accumulate=2)
    run(tmp_path / "plain", config, hardware=Hardware(accelerator="cpu", prefetch=0))
    task = Watched()
    run(tmp_path / "ahead", config, task, hardware=Hardware(accelerator="cpu", prefetch=ahead))
    same_run(tmp_path / "ahead", tmp_path / "plain")
    assert [position for position, _ in task.asked] == list(range(0, 120, 5))  # in order, and none past the end
    assert {name.rstrip("0123456789_") for _, name in task.asked} == {"cofire-batches"}


def test_it_may_be_interrupted(tmp_path: Path):
    run(tmp_path / "plain")
    hardware = Hardware(accelerator="cpu", prefetch=2)
    stopped: list[int] = []

    def stop(position: int) -> None:
        if position == 60 and not stopped:
            stopped.append(position)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted, match="interrupted after step"):
        run(tmp_path / "ahead", task=Stripes(when=stop), hardware=hardware)
    run(tmp_path / "ahead", hardware=hardware, resume=True)
    same_run(tmp_path / "ahead", tmp_path / "plain")
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("cofire-batches")]


def test_a_fault_in_the_background_is_told(tmp_path: Path):
    def fail(position: int) -> None:
        if position == 50:
            raise OSError("the picture at 50 is corrupt")

    with pytest.raises(OSError, match="the picture at 50 is corrupt"):
        run(tmp_path, task=Stripes(when=fail), hardware=Hardware(accelerator="cpu", prefetch=1))


def test_a_cpu_makes_its_batches_itself_unless_told():
    assert Hardware().ahead(torch.device("cpu")) == 0
    assert Hardware().ahead(torch.device("cuda")) == 1
    assert Hardware(prefetch=4).ahead(torch.device("cpu")) == 4
    with pytest.raises(InvalidValue, match=r"prefetch: wanted an integer of at least 0, got -1; .*0 makes none"):
        Hardware(prefetch=-1)
