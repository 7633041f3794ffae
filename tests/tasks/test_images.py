"""Images as a task: the same example whatever batch, workers or order it is asked in; what is damaged is named."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cofire.checks import FileProblem, InvalidValue
from cofire.ctm import Thought
from cofire.random import Key
from cofire.tasks import Images, Task, losses, make_task
from cofire.tasks._image_sets import KNOWN

CLASSES, EACH = 3, 10


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for label in range(CLASSES):
        (tmp_path / f"class-{label}").mkdir()
        for place in range(EACH):
            pixels = Key(9).integers(0, 256, (20, 24, 3), step=label * EACH + place).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / f"class-{label}" / f"{place}.png")
    return tmp_path


def make(folder: Path, **changes) -> Images:
    fields = {"dataset": "cifar10", "folder": str(folder), "held_out": 0.2, "workers": 0}
    return Images(key=Key(2), **(fields | changes))


def test_it_is_a_task(folder: Path):
    task = make(folder)
    assert isinstance(task, Task)
    assert (task.name, task.train_size, task.test_size) == ("images", 24, 6)
    assert task.classes == ("class-0", "class-1", "class-2")
    batch = task.train(np.arange(5))
    assert batch.inputs.shape == (5, 3, 20, 24)
    assert (batch.inputs.dtype, batch.targets.dtype) == (torch.float32, torch.int64)


def test_inputs_are_the_files_normalised_and_every_file_is_seen_once(folder: Path):
    task = make(folder, augment="none")
    seen = {}
    for batch in (task.train(np.arange(24)), task.test(np.arange(6))):
        pixels = np.rint(255 * task.pictures(batch.inputs)).astype(np.uint8)
        seen |= {bytes(one): label for one, label in zip(pixels, batch.targets.tolist(), strict=True)}
    files = {
        bytes(np.asarray(Image.open(folder / f"class-{label}" / f"{place}.png"))): label
        for label in range(CLASSES)
        for place in range(EACH)
    }
    assert seen == files
    raw = torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255
    mean, deviation = (torch.tensor(one)[:, None, None] for one in (KNOWN["cifar10"].mean, KNOWN["cifar10"].deviation))
    torch.testing.assert_close(batch.inputs, (raw - mean) / deviation)


@pytest.mark.parametrize("augment", ["autoaugment", "crop"])
def test_a_position_names_the_same_bits_in_any_batch_and_with_any_workers(folder: Path, augment: str):
    positions = np.array([23, 24, 3, 70, 25, 0])
    together = make(folder, augment=augment, size=16).train(positions)
    threaded = make(folder, augment=augment, size=16, workers=3)
    for place, position in enumerate(positions):
        alone = threaded.train(np.array([position]))
        assert torch.equal(alone.inputs[0], together.inputs[place])
        assert alone.targets[0] == together.targets[place]
    assert torch.equal(threaded.train(positions).inputs, together.inputs)


def test_batches_made_ahead_are_those_asked_for(folder: Path):
    ahead, plain = make(folder, workers=2), make(folder)
    order = [np.arange(4) + 4 * step for step in (0, 1, 2, 3, 9, 10, 11, 2, 1, 5)] + [np.arange(3), np.arange(3) + 6]
    for positions in order:
        got, wanted = ahead.train(positions), plain.train(positions)
        assert torch.equal(got.inputs, wanted.inputs)
        assert torch.equal(got.targets, wanted.targets)


def test_every_epoch_augments_anew_and_testing_never(folder: Path):
    task = make(folder, augment="crop", size=16)
    first, second = (task._stream.locate(np.arange(24) + 24 * epoch).example for epoch in (0, 1))
    positions = [int(np.flatnonzero(example == 5)[0]) + 24 * epoch for epoch, example in enumerate((first, second))]
    images = [task.train(np.array([position])).inputs for position in positions]
    assert not torch.equal(*images)
    other = make(folder, augment="none", size=None)
    plain = Images.from_settings({**other.settings, "augment": "autoaugment"})
    assert torch.equal(plain.test(np.arange(6)).inputs, other.test(np.arange(6)).inputs)


def test_grey_images_have_one_channel(folder: Path):
    task = make(folder, dataset="mnist")
    batch = task.test(np.arange(2))
    assert batch.inputs.shape == (2, 1, 20, 24)
    assert task.pictures(batch.inputs).shape == (2, 20, 24)


def test_test_images_can_be_limited_to_some_that_stay_the_same(folder: Path):
    some, every = make(folder, test_examples=3), make(folder)
    assert some.test_size == 3
    assert torch.equal(some.test(np.arange(3)).inputs, make(folder, test_examples=3).test(np.arange(3)).inputs)
    whole = every.test(np.arange(6)).inputs
    assert all(any(torch.equal(one, other) for other in whole) for one in some.test(np.arange(3)).inputs)
    with pytest.raises(InvalidValue, match="test_examples: wanted an integer from 1 to 6, got 7"):
        make(folder, test_examples=7)


def test_images_of_several_sizes_want_a_size(folder: Path):
    Image.new("RGB", (9, 9)).save(folder / "class-0" / "0.png")
    with pytest.raises(InvalidValue, match=r"images: wanted images of one size, got .*9x9.*size="):
        make(folder, augment="none").train(np.arange(24))
    assert make(folder, augment="none", size=8).train(np.arange(24)).inputs.shape[-2:] == (8, 8)


# --- damaged files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [0, 2])
def test_a_damaged_image_is_named(folder: Path, workers: int):
    (folder / "class-1" / "4.png").write_bytes(b"not an image")
    task = make(folder, workers=workers, held_out=0.1)
    with pytest.raises(FileProblem, match=r"class-1/4\.png: wanted an image, got bytes of no known format; .*=True"):
        task.train(np.arange(27))


def test_damaged_images_are_skipped_on_request_wherever_they_are_met(folder: Path):
    for name in ("class-1/4.png", "class-1/5.png"):
        (folder / name).write_bytes(b"not an image")
    task = make(folder, skip_corrupt=True, held_out=0.1, augment="none")
    batch = task.train(np.arange(27))
    assert np.bincount(batch.targets).sum() == 27
    skipped = sum(map(len, task.skipped.values()))
    task.test(np.arange(3))
    assert skipped + sum(map(len, task.skipped.values())) >= 2
    again = make(folder, skip_corrupt=True, held_out=0.1, augment="none")
    for position in (3, 20, 11):
        assert torch.equal(again.train(np.array([position])).inputs[0], batch.inputs[position])


def test_a_folder_of_damaged_images_only_ends(folder: Path):
    for path in folder.rglob("*.png"):
        path.write_bytes(b"not an image")
    with pytest.raises(FileProblem, match="wanted an image"):
        make(folder, skip_corrupt=True).train(np.arange(2))


# --- loss, scores, settings ------------------------------------------------------------------------------------------


def test_loss_and_scores(folder: Path):
    task = make(folder)
    logits = torch.from_numpy(Key(3).normal((4, 100, 5)))
    certainty, targets = torch.from_numpy(Key(3).uniform((4, 5))), torch.tensor([3, 50, 99, 0])
    loss, scalars = task.loss(Thought(logits, certainty), targets)
    wanted, tick = losses.image(logits, certainty, targets)
    assert loss == wanted
    assert set(scalars) == {"accuracy", "top_5", "thinking_time"}
    scores = task.score(logits, targets, tick)
    picked = logits[torch.arange(4), :, tick]
    assert scores["accuracy"].tolist() == (picked.argmax(1) == targets).float().tolist()
    ranks = (picked > picked[torch.arange(4), targets][:, None]).sum(1)
    assert scores["top_5"].tolist() == (ranks < 5).float().tolist()
    assert list(task.score(logits[:, :10], targets % 10, tick)) == ["accuracy"]


def test_its_settings_make_the_same_task_again(folder: Path):
    task = make(folder, augment="crop", size=12)
    again = make_task("images", json.loads(json.dumps(task.settings)))
    assert again.settings == task.settings
    assert torch.equal(again.train(np.arange(9)).inputs, task.train(np.arange(9)).inputs)
