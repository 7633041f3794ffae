"""Pictures of mazes: the drawn solution read rightly, and every fault named with its file."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cofire.checks import FileProblem, InvalidValue, MissingExtra
from cofire.random import Key
from cofire.tasks import Mazes, make_task, mazes
from tests.tasks.mazes.oracles import GOAL, PATH, START, WALL, find, walked

COLOURS = {"#": (0, 0, 0), " ": (255, 255, 255), "S": (255, 0, 0), "G": (0, 255, 0), ".": (0, 0, 255)}
SIGNS = {WALL: "#", PATH: " ", START: "S", GOAL: "G"}


def save(path: Path, *rows: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.array([[COLOURS[sign] for sign in row] for row in rows], dtype=np.uint8)).save(path)
    return path


def save_drawn(folder: Path, drawn: mazes.MazeSet) -> None:
    """The mazes as published pictures: with the whole route drawn in blue."""
    for number, (cells, route, length) in enumerate(zip(drawn.cells, drawn.routes, drawn.lengths, strict=True)):
        rows = [[SIGNS[cell] for cell in row] for row in cells.tolist()]
        for y, x in walked(cells, find(cells, START), route[:length].tolist())[1:-1]:
            rows[y][x] = "."
        save(folder / f"maze_{number:03d}.png", *("".join(row) for row in rows))


def read(path: Path, length: int = 12) -> list[int]:
    return mazes.read_maze(path, route_length=length).routes[0].tolist()


def test_drawn_mazes_come_back_from_their_pictures(tmp_path: Path):
    drawn = mazes.generate(20, 15, key=Key(1))
    save_drawn(tmp_path / "0", drawn)
    found = mazes.read_folder(tmp_path, route_length=drawn.routes.shape[1])
    assert np.array_equal(found.cells, drawn.cells)  # the line is whitened
    assert np.array_equal(found.routes, drawn.routes)
    assert np.array_equal(found.lengths, drawn.lengths)
    assert np.array_equal(mazes.read_folder(tmp_path, route_length=10).routes, drawn.routes[:, :10])
    assert len(np.unique(found.images.reshape(-1, 3), axis=0)) == 4


def test_a_side_branch_of_the_line_is_not_followed(tmp_path: Path):
    """Whoever goes up before down, and never turns back, walks into the dead end of the line."""
    path = save(tmp_path / "a.png", "#####", "#.###", "#S..#", "###G#", "#####")
    assert read(path) == [3, 3, 1] + [4] * 9


def test_a_line_that_touches_itself_is_cut_short_where_it_does(tmp_path: Path):
    path = save(tmp_path / "a.png", "S....", "   ..", "G....", "    #", "#####")
    assert read(path) == [3, 3, 3, 1, 1, 2, 2, 2] + [4] * 4


def test_the_line_says_which_of_two_ways_is_the_route(tmp_path: Path):
    path = save(tmp_path / "a.png", "S   G", ".###.", ".###.", ".###.", ".....")
    assert read(path) == [1] * 4 + [3] * 4 + [0] * 4


def test_start_beside_goal_and_a_maze_without_line_are_solved(tmp_path: Path):
    assert read(save(tmp_path / "a.png", "###", "#SG", "###")) == [3] + [4] * 11
    assert read(save(tmp_path / "b.png", "S  ", "## ", "G  ")) == [3, 3, 1, 1, 2, 2] + [4] * 6


FAULTS = {
    "no start": (("###", "# G", "###"), "wanted one start, a red pixel, got none"),
    "no goal": (("###", "#S ", "###"), "wanted one goal, a green pixel, got none"),
    "two starts": (("S##", "#SG", "###"), "wanted one start, a red pixel, got 2"),
    "gap": (("S. ", "###", " .G"), "drawn in blue, got a line with gaps"),
    "walls": (("S##", "###", "##G"), "got walls between them"),
    "oblong": (("S..", ".G#"), "wanted a picture of 3 x 3 pixels, got 2 x 3"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_named_with_their_file(tmp_path: Path, fault: str):
    rows, words = FAULTS[fault]
    save(tmp_path / "a.png", "S..", "##.", "G..")
    bad = save(tmp_path / "b.png", *rows)
    with pytest.raises(FileProblem, match=f"b.png: .*{words}") as caught:
        mazes.read_folder(tmp_path, route_length=6)
    assert str(bad) in str(caught.value)
    assert len(mazes.read_folder(tmp_path, route_length=6, skip_bad=True)) == 1


def test_other_colours_and_sizes_are_named(tmp_path: Path):
    good = save(tmp_path / "a.png", "S..", "##.", "G..")
    with Image.open(good) as picture:
        pixels = np.array(picture)
        picture.resize((6, 6), Image.Resampling.NEAREST).save(tmp_path / "c.png")
    pixels[1, 2] = (120, 0, 7)
    Image.fromarray(pixels).save(tmp_path / "b.png")
    with pytest.raises(FileProblem, match=r"b.png: wanted black.*got \(120, 0, 7\) in row 1, column 2"):
        mazes.read_folder(tmp_path, route_length=6)
    (tmp_path / "b.png").unlink()
    with pytest.raises(FileProblem, match=r"c.png: wanted a picture of 3 x 3 pixels, got 6 x 6"):
        mazes.read_folder(tmp_path, route_length=6)
    with pytest.raises(FileProblem, match=r"d.png: wanted a square picture, got 2 x 3"):
        mazes.read_maze(save(tmp_path / "d.png", "S..", ".G#"), route_length=6)
    with pytest.raises(FileProblem, match=r"a.png: wanted a picture of 39 x 39 pixels, got 3 x 3"):
        mazes.read_folder(tmp_path, route_length=6, size=39)


def test_damaged_files_and_files_that_are_no_pictures_are_named(tmp_path: Path):
    whole = save(tmp_path / "a.png", *["S" + "." * 37 + "G"] + ["#" * 39] * 38).read_bytes()
    key = Key(2)
    (tmp_path / ".hidden").write_text("no picture, and none of them")
    assert len(mazes.read_folder(tmp_path, route_length=6)) == 1
    bad = tmp_path / "b.png"
    for damaged in (b"", b"no picture", whole[:40], whole[: len(whole) // 2], whole[:-30]):
        bad.write_bytes(damaged)
        with pytest.raises(FileProblem, match=r"b.png: wanted a picture, got .*skip_bad=True"):
            mazes.read_folder(tmp_path, route_length=6)
    for place in range(0, len(whole), 3):  # a changed byte is found, or does no harm
        changed = bytearray(whole)
        changed[place] ^= int(key.integers(1, 256, step=place))
        bad.write_bytes(changed)
        assert len(mazes.read_folder(tmp_path, route_length=6, skip_bad=True)) in (1, 2)


def test_missing_folders_and_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(FileProblem, match="nowhere: wanted a folder, got nothing there"):
        mazes.read_folder(tmp_path / "nowhere", route_length=6)
    with pytest.raises(FileProblem, match="wanted a folder with pictures of mazes, got none"):
        mazes.read_folder(tmp_path, route_length=6)
    save(tmp_path / "a.png", "S..", "##.", "G..")
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtra, match=r"pip install 'cofire\[data\]'"):
        mazes.read_folder(tmp_path, route_length=6)


def test_a_folder_makes_a_task(tmp_path: Path):
    drawn = mazes.generate(30, 9, key=Key(3))
    save_drawn(tmp_path / "train" / "0", drawn.at(np.arange(24)))
    save_drawn(tmp_path / "test" / "0", drawn.at(np.arange(20, 30)))
    options = {"size": 9, "route_length": 20, "folder": tmp_path}
    task = Mazes(key=Key(4), augment=False, **options)
    assert (task.train_size, task.test_size) == (20, 10)  # four of the training mazes are held out
    epoch = task.train(np.arange(20)).inputs
    assert len(torch.unique(epoch.flatten(1), dim=0)) == 20
    assert sorted(map(bytes, task.train(np.arange(20) + 20).inputs.numpy())) == sorted(map(bytes, epoch.numpy()))
    assert torch.equal(task.test(np.arange(10)).inputs, task.batch(drawn.at(np.arange(20, 30))).inputs)
    again = make_task("mazes", task.settings)
    assert torch.equal(again.train(np.arange(5)).inputs, task.train(np.arange(5)).inputs)
    with pytest.raises(FileProblem, match="wanted a picture of 39 x 39 pixels, got 9 x 9"):
        Mazes(key=Key(4), folder=tmp_path)


def test_a_held_out_maze_is_not_trained_on_when_mirrored_or_turned(tmp_path: Path):
    walls = ("#####", "#####")
    save(tmp_path / "test" / "a.png", "S.###", "#.###", "#.G##", *walls)
    save(tmp_path / "train" / "mirrored.png", "###.S", "###.#", "##G.#", *walls)
    with pytest.raises(InvalidValue, match="wanted mazes that are not held out, got none"):
        Mazes(key=Key(0), size=5, folder=tmp_path, route_length=4)
    save(tmp_path / "train" / "other.png", "S.###", "#.###", "#G###", *walls)
    assert Mazes(key=Key(0), size=5, folder=tmp_path, route_length=4).train_size == 1
