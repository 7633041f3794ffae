"""`cofire audit`: verdict, table, JSON, page, and exit codes."""

import json
from pathlib import Path

import numpy as np
import pytest

from cofire.cli import main
from cofire.random import Key
from cofire.recording import Recording
from tests.random import audit_faults

SOURCES = """
import numpy as np
from cofire.random import Key, philox
generator = np.random.Generator(np.random.PCG64(1))
key = Key(4).fold("noise")
def keyed(step): return key.normal(8, step=step)
def shared(step): return generator.standard_normal(8)
def broken(step): raise RuntimeError("no such noise")
def keyless(counter, key): return philox(counter, key * np.uint32(0))
number = 3
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("audit_sources.py").write_text(SOURCES)
    np.save("sound.npy", audit_faults.independent(300, 6))
    np.save("coupled.npy", audit_faults.broadcast(300, 6))
    return tmp_path


def run(capsys, *words: str) -> tuple[int, str, str]:
    code = main(["audit", *words])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_sound_noise_exits_with_zero(capsys):
    code, out, _ = run(capsys, "sound.npy")
    assert code == 0
    assert "INDEPENDENT: no coupling found" in out
    assert "correlation, largest" in out


def test_coupling_exits_with_one_and_is_explained(capsys):
    code, out, _ = run(capsys, "coupled.npy", "--figure", "page.pdf")
    assert code == 1
    assert out.splitlines()[1].startswith("COUPLED: broadcast: one sample is given to 6 of 6 units")
    assert Path("page.pdf").stat().st_size > 1000


def test_json_is_all_that_is_printed(capsys):
    code, out, _ = run(capsys, "coupled.npy", "--json", "--figure", "page.png")
    assert code == 1
    assert json.loads(out)["causes"][0]["name"] == "broadcast"
    assert Path("page.png").exists()


def test_recording_and_its_traces(capsys):
    voltage = Key(1).normal((300, 5))
    Recording({"voltage": voltage, "copy": voltage, "spike": voltage > 1}).save("run.npz")
    assert run(capsys, "run.npz", "--trace", "voltage")[0] == 0
    code, out, _ = run(capsys, "run.npz", "--trace", "voltage", "--trace", "copy")
    assert code == 1
    assert "shared draw between variables" in out
    np.savez("arrays.npz", voltage=voltage)
    assert run(capsys, "arrays.npz")[0] == 0


def test_functions_are_asked(capsys):
    code, out, _ = run(capsys, "audit_sources:keyed", "--steps", "200")
    assert code == 0
    assert "INDEPENDENT AND INVARIANT" in out
    code, out, _ = run(capsys, "audit_sources:shared", "--steps", "200")
    assert code == 0
    assert "INDEPENDENT BUT NOT INVARIANT" in out
    assert run(capsys, "audit_sources:shared", "--steps", "200", "--strict")[0] == 1
    code, out, _ = run(capsys, "audit_sources:keyless", "--bits")
    assert code == 1
    assert "dead key bits: 64 of 64" in out


def test_memory_and_distribution_can_be_stated(capsys):
    np.save("coloured.npy", audit_faults.coloured(1000, 5))
    assert run(capsys, "coloured.npy")[0] == 1
    assert run(capsys, "coloured.npy", "--coloured")[0] == 0
    code, out, _ = run(capsys, "sound.npy", "--distribution", "uniform", "--strict")
    assert code == 1
    assert "wrong distribution" in out


def written(name: str, array: np.ndarray) -> str:
    np.save(name, array, allow_pickle=True)
    return name


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("gone.npy",), "a .npy file or a recording"),
        ((".",), "got a folder"),
        (("audit_sources.py",), "got a .py file"),
        (("nan.npy",), "finite numbers, got nan at index"),
        (("objects.npy",), "an array of objects"),
        (("text.npy",), "a damaged or foreign file"),
        (("text.npz",), "a damaged or foreign file"),
        (("sound.npy", "--trace", "a"), "traces: wanted none for a single array"),
        (("sound.npy", "--bits"), "--bits: wanted MODULE:FUNCTION"),
        (("sound.npy", "--figure", "page.xyz"), "--figure ending: wanted one of"),
        (("sound.npy", "--figure", "gone/page.png"), "a file that can be written"),
        (("sound.npy", "--false-alarms", "2"), "--false-alarms: wanted a finite number"),
        (("audit_sources:gone",), "got no such name"),
        (("audit_sources:number",), "got int 'number'"),
        (("audit_nowhere:f",), "a module that can be imported"),
        (("audit_sources:broken",), "RuntimeError: no such noise"),
    ],
)
def test_bad_input_is_one_line_and_exits_with_two(capsys, words, complaint):
    written("nan.npy", np.where(np.eye(300, 4) > 0, np.nan, 1.0))
    written("objects.npy", np.array([{}], dtype=object))
    for name in ("text.npy", "text.npz"):
        Path(name).write_text("not an array")
    code, out, err = run(capsys, *words)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert complaint in err
