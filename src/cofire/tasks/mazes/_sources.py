"""Where the mazes of a task come from: drawn without end, or read from a folder.

Either gives mazes by position, those to train on and those held out. No maze is both, nor turned or mirrored into one.
"""

from os import PathLike
from pathlib import Path

import numpy as np

from cofire import checks
from cofire.random import Key
from cofire.tasks._stream import Stream, check_positions
from cofire.tasks.mazes._folder import read_folder
from cofire.tasks.mazes._generate import MazeSet, draw
from cofire.tasks.mazes._kernel import Part, fingerprint
from cofire.tasks.mazes._symmetry import sources

SHARE = 16  # one maze in so many is held out


class Drawn:
    """Mazes drawn from a key. A hash that turned and mirrored copies share, salted by the key, says which are held out.

    So held-out mazes are one in sixteen of all there are, with start and goal, and training never meets one, whatever
    the size. Raises `InvalidValue` from `train` and `test` where a size has too few mazes for that.
    """

    def __init__(self, size: int, train_size: int, test_size: int, key: Key):
        self.train_size, self.test_size = train_size, test_size
        self._size = size
        self._training, self._testing = key.fold("train"), key.fold("test")
        salt, _ = key.fold("held out").words
        self._others, self._held_out = (Part(held_out, SHARE, salt, sources(size)) for held_out in (0, 1))

    def train(self, positions: np.ndarray) -> MazeSet:
        """Return the training mazes at these positions of the stream."""
        return draw(check_positions(positions), self._size, self._training, self._others)

    def test(self, positions: np.ndarray) -> MazeSet:
        """Return the held-out mazes at these positions."""
        return draw(check_positions(positions, self.test_size), self._size, self._testing, self._held_out)


class Folder:
    """Mazes read from the subfolders `train` and `test` of a folder; the former are shuffled anew every epoch.

    Training mazes that are a held-out one, or that one turned or mirrored, are left out; `repeated` counts them.
    """

    def __init__(self, folder: str | PathLike[str], *, size: int, route_length: int, skip_bad: bool, key: Key):
        options = {"route_length": route_length, "size": size, "skip_bad": skip_bad}
        training = read_folder(Path(folder) / "train", **options)
        self._testing = read_folder(Path(folder) / "test", **options)
        known, seen = (fingerprints(mazes.cells) for mazes in (self._testing, training))
        kept = ~np.isin(seen, known)
        if not kept.any():
            fix = "keep other mazes in its subfolder train than in its subfolder test"
            raise checks.InvalidValue(checks.message(str(folder), "mazes that are not held out", "none", fix))
        self._training = training.at(kept)
        self.repeated = int((~kept).sum())
        self.train_size, self.test_size = len(self._training), len(self._testing)
        self._stream = Stream(self.train_size, key.fold("order"))

    def train(self, positions: np.ndarray) -> MazeSet:
        """Return the training mazes at these positions of the stream."""
        return self._training.at(self._stream.locate(positions).example)

    def test(self, positions: np.ndarray) -> MazeSet:
        """Return the held-out mazes at these positions."""
        return self._testing.at(check_positions(positions, self.test_size))


def fingerprints(cells: np.ndarray) -> np.ndarray:
    """Return a number per maze (n, S, S), the same for its turned and mirrored copies, int64 (n,).

    >>> from cofire.tasks.mazes import generate
    >>> cells = generate(1, 9, key=Key(0)).cells
    >>> bool(fingerprints(cells)[0] == fingerprints(np.rot90(cells, axes=(1, 2)))[0])
    True
    """
    order = sources(cells.shape[1])
    return np.array([fingerprint(one.ravel(), order, 0) for one in cells], dtype=np.int64)
