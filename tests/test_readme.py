"""What the README says is so: its program prints what it shows, its commands exist, its versions are the project's."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found, f"the README has no block of {language}"
    return found.group(1)


def test_the_program_prints_what_the_readme_shows():
    program, shown = block("python"), block("text")
    assert len([line for line in program.splitlines() if line.strip()]) <= 14
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == shown


def test_python_and_licence_are_those_of_the_project():
    oldest = PROJECT["requires-python"].removeprefix(">=")
    assert f"Python {oldest} or later" in README
    assert PROJECT["license"] in README
    assert PROJECT["description"] in README


def test_every_command_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z]+)\b", README))
    assert {"demo", "test"} <= named <= targets
    used = set(re.findall(r"make ([a-z]+)", (ROOT / ".ci" / "run").read_text(encoding="utf-8")))
    assert used == {"lint", "test"}


def test_every_link_and_picture_is_there():
    for target in re.findall(r"\]\(([^)#]+)\)", README) + re.findall(r'src="([^"]+)"', README):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target


def test_every_extra_that_is_named_exists():
    for extras in re.findall(r"cofire\[([a-z,]+)\]", README):
        assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"]), extras
