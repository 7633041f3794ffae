"""The command line before any command runs: quick answers, and one line for every fault."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import cofire
from cofire.cli import main
from cofire.cli._arguments import Parser, Usage
from cofire.cli._main import commands


def fails(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 2) -> str:
    """Run a command that must fail; return its one line on standard error."""
    assert main(arguments) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("cofire: ")
    assert said.err.count("\n") == 1
    assert said.err.endswith("\n")
    return said.err


def test_version_and_help(capsys: pytest.CaptureFixture[str]):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"cofire {cofire.__version__}\n"
    assert main(["--help"]) == 0
    full = capsys.readouterr().out
    assert main([]) == 0
    assert capsys.readouterr().out == full
    for name in commands():
        assert f"    {name} " in full


def test_help_of_every_command(capsys: pytest.CaptureFixture[str]):
    for name in commands():
        assert main([name, "--help"]) == 0
        assert capsys.readouterr().out.startswith(f"usage: cofire {name} ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["dmeo"], "command: wanted one of 'demo'.*got 'dmeo'; the usual fix: did you mean 'demo'"),
        (["--verion"], "wanted an argument that it knows, got --verion; the usual fix: did you mean --version"),
        (["demo", "--step", "3"], "cofire demo: wanted an argument that it knows, got --step; .*did you mean --steps"),
        (["demo", "surplus"], "cofire demo: wanted an argument that it knows, got surplus; .*see cofire demo --help"),
        (["demo", "--steps"], "argument --steps: expected one argument; the usual fix: see cofire demo --help"),
        (["demo", "--steps", "0"], "--steps: wanted an integer from 1 to 1000000000, got 0"),
        (["demo", "--steps", "many"], "--steps: wanted an integer from 1 to 1000000000, got 'many'"),
        (["demo", "--seed", "-1"], "--seed: wanted an integer from 0 to 18446744073709551615, got -1"),
        (["demo", "--seed", "0.5"], "--seed: wanted an integer .* got '0.5'"),
        (["demo", "--threads", "0"], f"--threads: .* got 0; the usual fix: this machine has {os.cpu_count()} cores"),
        (["demo", "--threads", "1000000"], "--threads: wanted an integer from 1 to .* got 1000000"),
    ],
)
def test_every_fault_is_one_line_with_its_fix(capsys: pytest.CaptureFixture[str], arguments: list[str], words: str):
    import re

    assert re.search(words, fails(capsys, *arguments))


def test_a_fault_of_the_system_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    def fault(error: BaseException):
        def run(arguments: list[str]) -> int:
            raise error

        return run

    monkeypatch.setattr("cofire.cli._main._run", fault(OSError(28, "No space left on device", "there")))
    assert fails(capsys, "demo") == "cofire: there: No space left on device\n"
    monkeypatch.setattr("cofire.cli._main._run", fault(KeyboardInterrupt()))
    assert fails(capsys, "demo", code=130) == "cofire: interrupted\n"


def test_usage_is_raised_not_printed(capsys: pytest.CaptureFixture[str]):
    parser = Parser(prog="it")
    parser.add_argument("--many", required=True)
    with pytest.raises(Usage, match=r"arguments are required: --many; the usual fix: see it --help"):
        parser.parse_args([])
    assert capsys.readouterr() == ("", "")


def test_asking_for_help_loads_nothing_heavy(tmp_path: Path):
    heavy = {"torch", "numba", "scipy", "matplotlib", "lightning_fabric", "sklearn", "pandas"}
    for arguments in (["--help"], ["--version"], ["demo", "--help"], ["demo", "--steps", "0"]):
        code = f"import sys; from cofire.cli import main; main({arguments}); print({heavy} & set(sys.modules))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
        assert done.stdout.endswith("set()\n")


def test_a_reader_that_leaves_is_no_fault():
    code = "import sys; from cofire.cli import main; sys.exit(main(['--help']))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
