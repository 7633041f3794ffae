"""Published mazes: folders of pictures with the solution drawn in blue."""

from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from cofire import checks
from cofire.tasks.mazes._generate import MazeSet
from cofire.tasks.mazes._kernel import GOAL, PATH, START, WALL, find_route

LINE = 4  # of the solution, until it is whitened
CODES = {0x000000: WALL, 0xFFFFFF: PATH, 0xFF0000: START, 0x00FF00: GOAL, 0x0000FF: LINE}
_WEIGHTS = np.array([1 << 16, 1 << 8, 1])
_COLOURS = np.array(sorted(CODES))
_CELLS = np.array([CODES[colour] for colour in sorted(CODES)], dtype=np.uint8)


def read_folder(
    folder: str | PathLike[str], *, route_length: int, size: int | None = None, skip_bad: bool = False
) -> MazeSet:
    """Read all pictures of square mazes in a folder and its subfolders, in the order of their names.

    Pixels are black (wall), white (path), red (start), green (goal) and blue (the solution, which becomes path). The
    route is the shortest way along the blue pixels, found by a search, so that a line that touches itself or has a side
    branch is read rightly; a picture without any blue is solved. Routes are padded with 4 to `route_length`, or cut.
    Files whose names begin with a dot are none of the pictures.

    Raises `FileProblem` where the folder has no pictures, and for the first file that is no picture, is damaged, has
    another size (than `size`, or than the first), another colour, not one start and one goal, or no way between them;
    with `skip_bad`, such files are left out. Raises `MissingExtra` without the package that decodes pictures.
    """
    checks.integer("route_length", route_length, low=1)
    cells, routes, lengths = [], [], []
    for path in _files(Path(folder)):
        try:
            maze = read_maze(path, route_length=route_length, size=size)
        except checks.FileProblem:
            if not skip_bad:
                raise
            continue
        size = maze.cells.shape[1]
        for column, part in zip((cells, routes, lengths), (maze.cells, maze.routes, maze.lengths), strict=True):
            column.append(part)
    if not cells:
        fix = "give the folder that holds the .png files, or a folder of such folders"
        raise checks.FileProblem(checks.message(str(folder), "a folder with pictures of mazes", "none", fix))
    return MazeSet(*(np.concatenate(column) for column in (cells, routes, lengths)))


def read_maze(path: str | PathLike[str], *, route_length: int, size: int | None = None) -> MazeSet:
    """Read the picture of one maze, as `read_folder` does."""
    cells = _decode(Path(path))
    height, width = cells.shape
    if height != width or (size is not None and height != size):
        wanted = f"a picture of {size} x {size} pixels" if size else "a square picture"
        fix = "keep mazes of one size in one folder"
        raise checks.FileProblem(checks.message(str(path), wanted, f"{height} x {width}", fix))
    for cell, name, colour in ((START, "start", "red"), (GOAL, "goal", "green")):
        count = int((cells == cell).sum())
        if count != 1:
            wanted, fix = f"one {name}, a {colour} pixel", "draw the maze again, or leave it out with skip_bad=True"
            raise checks.FileProblem(checks.message(str(path), wanted, str(count) if count else "none", fix))
    routes, length = _route(cells, route_length)
    if length < 0:
        got = "a line with gaps" if (cells == LINE).any() else "walls between them"
        fix = "draw the maze again, or leave it out with skip_bad=True"
        raise checks.FileProblem(checks.message(str(path), "a way from start to goal, drawn in blue", got, fix))
    cells[cells == LINE] = PATH
    return MazeSet(cells[None], routes[None], np.array([length]))


def _route(cells: np.ndarray, route_length: int) -> tuple[np.ndarray, int]:
    """The route (R,) along the line, or over all paths where there is no line; and its whole length, -1 for none."""
    allowed = cells.copy()
    if (cells == LINE).any():
        allowed[cells == PATH] = WALL
    route = np.empty(route_length, np.int8)
    toward, queue = np.empty(cells.size, np.int8), np.empty(cells.size, np.int64)
    return route, find_route(allowed.ravel(), *cells.shape, toward, queue, route)  # pyright: ignore[reportCallIssue]


def _files(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        fix = "download the published mazes and give the folder they lie in"
        raise checks.FileProblem(checks.message(str(folder), "a folder", "nothing there", fix))
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            yield path


def _decode(path: Path) -> np.ndarray:
    """The picture as cells, uint8 (H, W)."""
    image_module = _decoder()
    try:
        with image_module.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
    except Exception as problem:  # damaged data make a decoder raise many things
        fix = "copy the file again, or leave it out with skip_bad=True"
        raise checks.FileProblem(checks.message(str(path), "a picture", str(problem), fix)) from problem
    colours = pixels @ _WEIGHTS
    place = np.searchsorted(_COLOURS, colours).clip(max=len(_COLOURS) - 1)
    strange = np.argwhere(_COLOURS[place] != colours)
    if len(strange):
        y, x = strange[0]
        wanted = "black, white, red, green and blue pixels"
        got = f"{tuple(map(int, pixels[y, x]))} in row {y}, column {x}"
        raise checks.FileProblem(checks.message(str(path), wanted, got, "save mazes without compression losses"))
    return _CELLS[place]


def _decoder() -> Any:
    try:
        from PIL import Image
    except ImportError as problem:
        wanted = "the package pillow, which decodes pictures"
        fix = "pip install 'cofire[data]'"
        raise checks.MissingExtra(checks.message("folder of mazes", wanted, "no such package", fix)) from problem
    return Image
