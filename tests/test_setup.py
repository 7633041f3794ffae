"""The set-up says in one line what a machine lacks and how to mend it; fake programs play poor machines."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The files that decide an installation, in a folder of their own with an empty folder of fake programs."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / "fakes").mkdir()
    for name in ("pyproject.toml", "constraints.txt", "scripts/setup.sh"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def fake(clone: Path, name: str, script: str) -> None:
    path = clone / "fakes" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def set_up(clone: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    path = f"{clone / 'fakes'}:{os.environ['PATH']}"
    variables = {**os.environ, "PATH": path, **environment}
    command = ["sh", str(clone / "scripts" / "setup.sh"), "demo"]
    return subprocess.run(command, capture_output=True, text=True, env=variables, check=False)


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1
    return done.stderr.strip().splitlines()[-1]


def test_too_old_a_python(clone):
    fake(clone, "old", 'case "$1" in --version) echo "Python 3.9.2";; *) exit 1;; esac')
    fake(clone, "python3", 'case "$1" in --version) echo "Python 3.9.2";; *) exit 1;; esac')
    done = set_up(clone, PYTHON=str(clone / "fakes" / "old"))
    assert last_line(done).startswith(
        "cofire set-up: wanted Python 3.11 or later, got Python 3.9.2; install one and run:"
    )


def test_no_venv_module(clone):
    fake(clone, "bare", f'case "$*" in *ensurepip*) exit 1;; *) exec {sys.executable} "$@";; esac')
    done = set_up(clone, PYTHON=str(clone / "fakes" / "bare"))
    assert "no venv module" in last_line(done)
    assert "apt-get install python3-venv" in last_line(done)


def test_no_space(clone):
    fake(clone, "df", "echo Filesystem blocks used available; echo disk 9 9 102400 9% /")
    assert "wanted 3000 MB of free space here for torch and the rest, got 100 MB" in last_line(set_up(clone))


def test_no_network(clone):
    nowhere = {
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "1",
        "PIP_FIND_LINKS": "",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_CONFIG_FILE": os.devnull,
    }
    done = set_up(clone, PYTHON=sys.executable, **nowhere)
    assert "the package index cannot be reached; connect to the network" in last_line(done)
    assert not (clone / ".venv" / ".cofire-demo").exists()


def test_a_second_call_does_nothing(clone):
    environment = clone / ".venv" / "bin"
    environment.mkdir(parents=True)
    fake(clone, "made", "exit 9")  # whatever it would run, it would fail
    shutil.copy(clone / "fakes" / "made", environment / "python")
    checked = subprocess.run(
        "cat pyproject.toml constraints.txt scripts/setup.sh | cksum",
        shell=True,
        capture_output=True,
        text=True,
        cwd=clone,
        check=True,
    )
    (clone / ".venv" / ".cofire-demo").write_text(checked.stdout)
    done = set_up(clone)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
