"""A batch that does not fit in memory is an error that says which size would."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from cofire.random import Key
from cofire.train import OutOfMemory, train
from cofire.train._memory import is_out_of_memory
from tests.train.stand_in import CONFIG, Answer, Model, Stripes

CPU = RuntimeError(
    "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate "
    "9 bytes. Error code 12 (Cannot allocate memory)"
)
CUDA = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


class Small(Model):
    """Runs out of memory above a number of examples."""

    def __init__(self, most: int, error: Exception, when_training: bool = True):
        super().__init__(Key(3), dropout=0.0)
        self.most, self.error, self.when_training = most, error, when_training
        self.norm = torch.nn.Identity()  # which wants more examples than one

    def forward(self, x: Tensor, *, key: Key | None = None) -> Answer:
        if len(x) > self.most and self.training == self.when_training:
            raise self.error
        return super().forward(x, key=key)


LARGE = replace(CONFIG, batch_size=48)


@pytest.mark.parametrize("error", [CPU, CUDA, MemoryError()], ids=["cpu", "cuda", "python"])
def test_the_size_that_would_fit_is_told_and_does(tmp_path: Path, error: Exception):
    words = (
        "batch_size: wanted a batch that fits in memory, got 48, 48 at once on a device, where 12 fit; the usual fix: "
        "batch_size=12, or accumulate=4 for the same update in smaller parts"
    )
    with pytest.raises(OutOfMemory, match=words) as told:
        train(Small(13, error), Stripes(), LARGE, tmp_path / "large")
    assert told.value.__cause__ is error
    train(Small(13, error), Stripes(), replace(LARGE, batch_size=12), tmp_path / "smaller")
    train(Small(13, error), Stripes(), replace(LARGE, accumulate=4), tmp_path / "in parts")


def test_parts_that_are_too_large_are_told_too(tmp_path: Path):
    words = "got 48, 16 at once on a device, where 8 fit; the usual fix: batch_size=24, or accumulate=6"
    with pytest.raises(OutOfMemory, match=words):
        train(Small(13, CPU), Stripes(), replace(LARGE, accumulate=3), tmp_path)


def test_an_evaluation_that_is_too_large_is_told(tmp_path: Path):
    words = "test_batch_size: wanted .* got 250, 23 at once on a device, where 5 fit; the usual fix: test_batch_size=5"
    with pytest.raises(OutOfMemory, match=words):
        train(Small(6, CPU, when_training=False), Stripes(), LARGE, tmp_path / "large")
    train(Small(6, CPU, when_training=False), Stripes(), replace(LARGE, test_batch_size=5), tmp_path / "smaller")


def test_what_never_fits_is_told(tmp_path: Path):
    with pytest.raises(OutOfMemory, match="no smaller batch was found to fit: a smaller model, fewer ticks"):
        train(Small(0, CPU), Stripes(), LARGE, tmp_path)


def test_other_errors_are_left_alone(tmp_path: Path):
    with pytest.raises(RuntimeError, match="something else"):
        train(Small(0, RuntimeError("something else")), Stripes(), LARGE, tmp_path)


def test_what_torch_really_says_is_understood():
    with pytest.raises(RuntimeError, match="allocate") as said:
        torch.empty(1 << 60)
    assert is_out_of_memory(said.value)
