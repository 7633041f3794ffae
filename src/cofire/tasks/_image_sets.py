"""Sets of labelled images: tables that Hugging Face's `datasets` reads, folders with a sub-folder per class, and the
digits that come inside an installed package.
"""

import io
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from cofire import checks
from cofire.random import Key
from cofire.tasks._digits import DEVIATION, MEAN, find_images, read_digits

if TYPE_CHECKING:
    import PIL.Image

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".ppm", ".tif", ".tiff")
TABLES = (".parquet", ".arrow")
TEST_NAMES = ("test", "val", "validation")


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of a published set: where it is, its columns and splits, and how its pixels are distributed."""

    hub: str
    image: str
    label: str
    test: str
    mode: str  # of Pillow: "L" is grey, "RGB" colour
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    augment: str


PACKAGED = "digits"  # what needs no folder and no download
KNOWN = {
    PACKAGED: Known(
        hub="",
        image="image",
        label="label",
        test="test",
        mode="L",
        mean=(MEAN,),
        deviation=(DEVIATION,),
        augment="warp",
    ),
    "mnist": Known(
        hub="ylecun/mnist",
        image="image",
        label="label",
        test="test",
        mode="L",
        mean=(MEAN,),
        deviation=(DEVIATION,),
        augment="none",
    ),
    "cifar10": Known(
        hub="uoft-cs/cifar10",
        image="img",
        label="label",
        test="test",
        mode="RGB",
        mean=(0.49139968, 0.48215827, 0.44653124),
        deviation=(0.24703233, 0.24348505, 0.26158768),
        augment="autoaugment",
    ),
    "cifar100": Known(
        hub="uoft-cs/cifar100",
        image="img",
        label="fine_label",
        test="test",
        mode="RGB",
        mean=(0.5070751592371341, 0.48654887331495067, 0.4409178433670344),
        deviation=(0.2673342858792403, 0.2564384629170882, 0.27615047132568393),
        augment="autoaugment",
    ),
    "imagenet": Known(
        hub="ILSVRC/imagenet-1k",
        image="image",
        label="label",
        test="validation",
        mode="RGB",
        mean=(0.485, 0.456, 0.406),
        deviation=(0.229, 0.224, 0.225),
        augment="crop",
    ),
    "folder": Known(  # images of one's own
        hub="",
        image="image",
        label="label",
        test="test",
        mode="RGB",
        mean=(0.485, 0.456, 0.406),
        deviation=(0.229, 0.224, 0.225),
        augment="crop",
    ),
}


@runtime_checkable
class ImageSet(Protocol):
    """Images with a class each."""

    labels: np.ndarray
    classes: tuple[str, ...]

    def open(self, index: int) -> "PIL.Image.Image":
        """Return an image; raises `FileProblem`, with its path, where it cannot be read."""
        ...


class FolderImages:
    """Image files of a folder, its sub-folders the classes, both in the order of their names."""

    def __init__(self, folder: Path, mode: str, classes: tuple[str, ...] | None = None):
        self.classes = classes or tuple(sorted(path.name for path in folder.iterdir() if path.is_dir()))
        self._paths: list[Path] = []
        labels: list[int] = []
        for label, name in enumerate(self.classes):
            files = sorted(path for path in (folder / name).rglob("*") if path.suffix.lower() in ENDINGS)
            self._paths += files
            labels += [label] * len(files)
        if not labels:
            wanted = f"images ({', '.join(ENDINGS)}) in a sub-folder per class"
            raise checks.FileProblem(checks.message(str(folder), wanted, "none", "give the folder that holds them"))
        self.labels = np.array(labels, dtype=np.int64)
        self._mode = mode

    def open(self, index: int) -> "PIL.Image.Image":
        """Return an image."""
        path = self._paths[index]
        return decode(path.read_bytes(), str(path), self._mode)


class ArrayImages:
    """Images that are at hand, uint8 (N, H, W), and their classes (N,), named by their numbers."""

    def __init__(self, images: np.ndarray, labels: np.ndarray):
        self.labels, self.classes = labels, tuple(map(str, range(int(labels.max()) + 1)))
        self._images, self._from = images, needed("PIL.Image").fromarray

    def open(self, index: int) -> "PIL.Image.Image":
        """Return an image."""
        return self._from(self._images[index])


class Subset:
    """Some images of a set."""

    def __init__(self, images: ImageSet, indices: np.ndarray):
        self._images, self._indices = images, indices
        self.labels, self.classes = images.labels[indices], images.classes

    def open(self, index: int) -> "PIL.Image.Image":
        """Return an image."""
        return self._images.open(int(self._indices[index]))


class TableImages:
    """A split of a data set, its images in one column, their classes in another."""

    def __init__(self, table: Any, known: Known, name: str):
        self._image = _column(table, (known.image, "image", "img"), name)
        label = _column(table, (known.label, "label", "fine_label"), name)
        feature = table.features[label]
        self.labels = np.asarray(table.with_format("numpy")[label][:], dtype=np.int64)
        self.classes = tuple(getattr(feature, "names", None) or map(str, range(int(self.labels.max()) + 1)))
        encoded = import_module("datasets").Image(decode=False)
        self._table = table.select_columns([self._image]).cast_column(self._image, encoded)
        self._name, self._mode = name, known.mode

    def open(self, index: int) -> "PIL.Image.Image":
        """Return an image."""
        stored = self._table[int(index)][self._image]
        name = f"{self._name}, row {index}" + (f" ({stored['path']})" if stored["path"] else "")
        content = stored["bytes"] if stored["bytes"] is not None else Path(stored["path"]).read_bytes()
        return decode(content, name, self._mode)


def decode(content: bytes, name: str, mode: str) -> "PIL.Image.Image":
    """Return the image that some bytes hold, in a mode of Pillow; raises `FileProblem` where there is none."""
    images = needed("PIL.Image")
    try:
        with images.open(io.BytesIO(content)) as image:
            return image.convert(mode)
    except Exception as problem:  # decoders raise whatever they please on broken bytes
        got = "bytes of no known format" if isinstance(problem, images.UnidentifiedImageError) else str(problem)
        fix = "replace it, or skip such images with skip_corrupt=True (--set task.skip_corrupt=true)"
        raise checks.FileProblem(checks.message(name, "an image", got, fix)) from problem


def as_arrays(images: ImageSet) -> tuple[np.ndarray, np.ndarray]:
    """Return all images, which have one size, as uint8 (N, H, W) or (N, H, W, 3), and their classes (N,)."""
    return np.stack([np.asarray(images.open(index)) for index in range(len(images.labels))]), images.labels


def find_image_sets(name: str, folder: str | None, *, held_out: float, key: Key) -> tuple[ImageSet, ImageSet]:
    """Return the training and test images of a data set.

    A `folder` may hold a sub-folder per class, in sub-folders `train` and `test` (or `val`) or not: then the share
    `held_out` of every class, drawn by `key`, is kept for testing. Or it holds what `datasets` saves or downloads.
    Without one, `datasets` looks in its cache, then on its hub; "digits" are part of a package. Raises `MissingExtra`
    where a package is needed and missing, `FileProblem` where the images are not there.
    """
    known = KNOWN[checks.choice("dataset", name, KNOWN)]
    if name == PACKAGED:
        if folder is not None:
            wanted, fix = "none for digits, which are part of a package", "dataset=mnist or dataset=folder reads one"
            raise checks.InvalidValue(checks.message("folder", wanted, folder, fix))
        return _split(ArrayImages(*read_digits(find_images())), held_out, key)
    if folder is None and not known.hub:
        raise checks.InvalidValue(checks.message("folder", "a folder of images", "None", "folder=..., or a known set"))
    path = Path(folder or ".")
    if not path.is_dir():
        wanted, fix = f"a folder with the images of {name}", "give the folder that holds them"
        raise checks.FileProblem(checks.message("folder", wanted, f"{folder}, which is none", fix))
    if folder is not None and not any(any(path.rglob(f"*{ending}")) for ending in TABLES):
        return _in_folders(path, known, held_out, key)
    tables = _load_tables(name, known, folder)
    test = next((one for one in (known.test, *TEST_NAMES) if one in tables), "")
    if "train" not in tables or not test:
        wanted, got = f"the splits train and {known.test}", ", ".join(tables) or "none"
        raise checks.FileProblem(checks.message(folder or known.hub, wanted, got, "give a folder with both"))
    return TableImages(tables["train"], known, f"{name}, train"), TableImages(tables[test], known, f"{name}, {test}")


def _in_folders(path: Path, known: Known, held_out: float, key: Key) -> tuple[ImageSet, ImageSet]:
    """Return what image folders hold, split as they are, or by key."""
    test = next((path / one for one in TEST_NAMES if (path / one).is_dir()), None)
    if test is not None and (path / "train").is_dir():
        training = FolderImages(path / "train", known.mode)
        return training, FolderImages(test, known.mode, training.classes)
    return _split(FolderImages(path, known.mode), held_out, key)


def _split(every: ImageSet, held_out: float, key: Key) -> tuple[ImageSet, ImageSet]:
    """Keep the share `held_out` of every class, drawn by key, for testing."""
    chosen = np.zeros(len(every.labels), dtype=bool)
    for label in range(len(every.classes)):
        members = np.flatnonzero(every.labels == label)
        count = max(1, round(held_out * len(members)))
        chosen[members[key.permutation(max(1, len(members)), step=label)[:count]] if len(members) else members] = True
    return Subset(every, np.flatnonzero(~chosen)), Subset(every, np.flatnonzero(chosen))


def needed(module: str) -> Any:
    """Return a module of the extra "data", or raise `MissingExtra`."""
    try:
        return import_module(module)
    except ImportError as problem:
        package = module.partition(".")[0]
        text = checks.message("images", f"the package {package}", "no such package", "pip install 'cofire[data]'")
        raise checks.MissingExtra(text) from problem


def _load_tables(name: str, known: Known, folder: str | None) -> Any:
    datasets = needed("datasets")
    try:
        if folder is not None and (Path(folder) / "dataset_dict.json").is_file():
            return datasets.load_from_disk(folder)
        return datasets.load_dataset(folder or known.hub)
    except Exception as problem:  # of the hub, the network, the builder or Arrow: their kinds differ by version
        where = folder or f"{known.hub}, in the cache of `datasets` or on its hub"
        first = str(problem).strip().partition("\n")[0]
        fix = f"download {known.hub}, or give the folder that holds {name}: cofire train ... --set task.folder=FOLDER"
        raise checks.FileProblem(checks.message(name, f"the data set {where}", first, fix)) from problem


def _column(table: Any, names: tuple[str, ...], name: str) -> str:
    found = next((one for one in names if one in table.column_names), None)
    if found is None:
        wanted, got = f"a column {' or '.join(dict.fromkeys(names))}", ", ".join(table.column_names)
        raise checks.FileProblem(checks.message(name, wanted, got, "rename the column"))
    return found
