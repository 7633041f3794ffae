"""The pages about the machine: their programs run, and their tables are the code's."""

import dataclasses
import doctest
import json
import re
from pathlib import Path

import pytest

from cofire import CTM, CTMConfig
from cofire.ctm import (
    Answer,
    Attention,
    DeepNeuronModel,
    LearnableFourier,
    LinearNeuronModel,
    ResNet,
    Rotational2D,
    ShallowWide,
    load_published,
)
from cofire.ctm._config import PARTS
from cofire.ctm._published_arguments import ARGUMENTS
from cofire.ctm._published_config import NEEDED
from cofire.ctm._published_names import MASKS, published_entries
from tests.ctm import machines

DOCS = Path(__file__).parents[2] / "docs"


def rows(page: str, heading: str) -> list[list[str]]:
    """The table under a heading, without its head."""
    section = (DOCS / page).read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_the_programs_of_the_page_on_the_tick_run():
    found = doctest.testfile(str(DOCS / "tick.md"), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.attempted > 8
    assert found.failed == 0


def test_the_table_of_arguments_is_the_codes():
    assert [tuple(row) for row in rows("published-names.md", "Arguments")] == [
        (f"`{one.published}`", f"`{one.field}`", one.meaning) for one in ARGUMENTS
    ]


def test_every_argument_of_every_published_machine_is_in_the_table(fixtures):
    known = {one.published for one in ARGUMENTS}
    for file in sorted((fixtures / "ctm").glob("*/config.json")):
        assert set(json.loads(file.read_text())["kwargs"]) <= known, file
    assert {name for names in NEEDED.values() for name in names} <= known


@pytest.mark.parametrize("one", ARGUMENTS, ids=lambda one: one.published)
def test_every_field_in_the_table_exists(one):
    first, *inner = one.field.split(".")
    assert first in {field.name for field in dataclasses.fields(CTMConfig)}
    for name in inner:
        assert any(name in {field.name for field in dataclasses.fields(part)} for part in PARTS.values())


# --- weights ---------------------------------------------------------------------------------------------------------

MORE = [
    {"backbone": ResNet(depth=50, stages=2), "position": Rotational2D()},
    {"backbone": ShallowWide(width=16, groups=2), "position": LearnableFourier()},
    {"neuron_model": DeepNeuronModel(hidden=2, normalise=True)},
    {"neuron_model": LinearNeuronModel(normalise=True), "answer": Answer(outputs=2)},
]


class Row:
    """A line of the table: a pattern of published names, and what they are called here."""

    def __init__(self, published: str, names: str):
        self.published, self.names = published.strip("`"), re.findall(r"`([^`]+)`", names)
        self.used = False
        pattern, seen = "", set()
        for part in re.split(r"(<\w\+1>|<\w>|\*)", self.published):
            letter = part[1:2]
            if part == "*":
                pattern += r"(?P<rest>\w+)"
            elif part.startswith("<"):
                pattern += f"(?P={letter})" if letter in seen else rf"(?P<{letter}>\d+)"
                seen.add(letter)
            else:
                pattern += re.escape(part)
        self.pattern = re.compile(pattern)

    def read(self, published: str) -> tuple[str, ...] | None:
        """The names here of a published entry, or None where the line is about others."""
        match = self.pattern.fullmatch(published)
        if match is None:
            return None
        names = self.names
        for group, value in match.groupdict().items():
            if group == "rest":
                names = [name.replace("*", value) for name in names]
            else:
                less = int(value) - (f"<{group}+1>" in self.published)
                names = [name.replace(f"<{group}>", str(less)) for name in names]
        return tuple(names)


def test_the_table_of_weights_is_the_codes(fixtures):
    table = [Row(row[0], row[1]) for row in rows("published-names.md", "Weights")]
    configs = [load_published(file.parent).config for file in sorted((fixtures / "ctm").glob("*/config.json"))]
    configs += [machines.small(attention=Attention(width=8, heads=2), **changes) for changes in MORE]
    for config in configs:
        entries = published_entries(config)
        written = [name for entry in entries for name in entry.names]
        assert sorted(written) == sorted(CTM(config, key=None).state_dict())
        for entry in entries:
            found = [(row, names) for row in table if (names := row.read(entry.published)) is not None]
            assert entry.names in [names for _, names in found], entry.published
            for row, names in found:
                row.used |= names == entry.names
    masks = {row.published for row in table if not row.names}
    assert masks == set(MASKS)
    unused = [row.published for row in table if not row.used]
    assert sorted(unused) == sorted(masks)
