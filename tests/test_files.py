"""Files and folders that are whole or not there."""

import os
from pathlib import Path

import pytest

from cofire.checks import FileProblem
from cofire.files import whole_folder, write_atomically

HOLDS = ("a.txt", "b.txt")


def fill(path: Path, text: str) -> None:
    with whole_folder(path, HOLDS) as folder:
        for name in HOLDS:
            (folder / name).write_text(text)


def fill_half(path: Path) -> None:
    with whole_folder(path, HOLDS) as folder:
        (folder / "a.txt").write_text("new")
        raise KeyError("half way")


def names(path: Path) -> list[str]:
    return sorted(one.name for one in path.iterdir())


def test_a_folder_is_made_with_its_parents_and_replaced_whole(tmp_path: Path):
    path = tmp_path / "deep" / "machine"
    fill(path, "old")
    fill(path, "new")
    assert names(path) == ["a.txt", "b.txt"]
    assert (path / "b.txt").read_text() == "new"
    assert names(path.parent) == ["machine"]


def test_an_empty_folder_is_filled(tmp_path: Path):
    (tmp_path / "machine").mkdir()
    fill(tmp_path / "machine", "new")
    assert names(tmp_path / "machine") == ["a.txt", "b.txt"]


def test_a_fault_while_filling_leaves_the_old_folder(tmp_path: Path):
    path = tmp_path / "machine"
    fill(path, "old")
    with pytest.raises(KeyError, match="half way"):
        fill_half(path)
    assert (path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["machine"]


def test_nothing_is_renamed_before_it_is_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileProblem, match="a folder that can be written, got No space left on device"):
        fill(tmp_path / "machine", "new")
    with pytest.raises(FileProblem, match="a file that can be written, got No space left on device"):
        write_atomically(tmp_path / "file", lambda file: file.write(b"new"))
    assert names(tmp_path) == []


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(FileProblem, match=r"nothing but a.txt, b.txt, got one with thesis.txt; .* a folder of its own"):
        fill(tmp_path, "new")
    assert names(tmp_path) == ["thesis.txt"]
    with pytest.raises(FileProblem, match=r"thesis.txt: wanted a folder, got Not a directory"):
        fill(tmp_path / "thesis.txt", "new")


def test_what_is_written_has_the_usual_permissions(tmp_path: Path):
    plain = tmp_path / "plain"
    plain.mkdir()
    fill(tmp_path / "machine", "new")
    assert (tmp_path / "machine").stat().st_mode == plain.stat().st_mode
