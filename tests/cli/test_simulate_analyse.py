"""`cofire simulate` writes a recording, `cofire analyse` reads it; every fault is one line."""

import json
import re

import numpy as np
import pytest

from cofire.cli import main
from cofire.recording import Recording


def test_from_a_seed_to_a_report(tmp_path, capsys):
    path = tmp_path / "run" / "recording.npz"
    arguments = ["simulate", "free-running", "--neurons", "40", "--ticks", "80", "--leak", "0.95", "--out", str(path)]
    assert main([*arguments, "--modules", "2", "--density", "0.4"]) == 0
    said = capsys.readouterr().out
    assert "1 component(s)" in said
    assert f"cofire analyse {path}" in said
    recording = Recording.load(path)
    assert recording["activation"].shape == (80, 40)
    assert recording.labels["neuron"] == [0] * 20 + [1] * 20
    assert recording.provenance["settings"]["neurons"] == 40
    assert main([*arguments, "--modules", "2", "--density", "0.4"]) == 0
    assert Recording.load(path) == recording  # a seed is a run
    capsys.readouterr()
    assert main(["analyse", str(path.parent), "--surrogates", "9", "--out", str(tmp_path / "report")]) == 0
    said = capsys.readouterr().out
    assert "by chance" in said
    assert json.loads((tmp_path / "report" / "numbers.json").read_text())["ticks"] == 80
    assert "Who fires together" in (tmp_path / "report" / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["simulate", "free-runing"], "free-runing"),
        (["simulate", "free-running", "--neurons", "0"], "--neurons: wanted an integer from 1 to 20000, got 0"),
        (["simulate", "free-running", "--leak", "1.5"], "--leak: wanted a finite number from 0 to 1, got 1.5"),
        (["simulate", "free-running", "--modules", "9", "--neurons", "5"], "--modules: wanted .* at most 5, got 9"),
        (["analyse", "missing.npz"], "missing.npz: wanted a recording, got No such file"),
        (["analyse", "."], "a folder with recording.npz, got one without"),
    ],
)
def test_every_fault_is_one_line_with_its_fix(arguments, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("cofire: ")
    assert said.count("\n") == 1
    assert re.search(words, said)


def test_a_foreign_file_is_told(tmp_path, capsys):
    path = tmp_path / "other.npz"
    np.savez(path, a=np.zeros(3))
    assert main(["analyse", str(path)]) == 2
    assert "give a file that Recording.save wrote" in capsys.readouterr().err
