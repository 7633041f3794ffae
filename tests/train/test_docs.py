"""The page about training: its programs run, and the pressures it names are those there are."""

import doctest
import re
from pathlib import Path

import torch

from cofire.cli._arguments import Parser
from cofire.cli._train import assignment, register
from cofire.train import TrainConfig
from cofire.train._pressures import PRESSURES
from cofire.train.presets import Setup, find_preset

PAGE = Path(__file__).parents[2] / "docs" / "training.md"


def test_the_programs_of_the_page_run():
    torch.set_num_threads(1)
    found = doctest.testfile(str(PAGE), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.attempted > 5
    assert found.failed == 0


def test_the_pressures_of_the_page_are_those_there_are():
    page = PAGE.read_text(encoding="utf-8").partition("## Pressures")[2]
    shown = {field: in_python(value) for field, value in re.findall(r"^\| `(\w+)=(.+?)` \|", page, re.MULTILINE)}
    assert {field: type(value) for field, value in shown.items()} == PRESSURES
    TrainConfig(steps=1, evaluate_every=1, **shown)


def test_a_command_of_the_page_is_what_stands_beside_it():
    page = PAGE.read_text(encoding="utf-8").partition("## From the command line")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)=(.+?)` \| `(--set .+?)` \|$", page, re.MULTILINE)
    assert sorted(field for field, _, _ in rows) == sorted(PRESSURES)
    for field, value, words in rows:
        changed = Setup.of(find_preset("digits", "small")).change(dict(map(assignment, words.split()[1::2])))
        assert getattr(changed.train, field) == in_python(value)
    told = re.findall(r"--[a-z][a-z-]+", page)
    assert {*told} <= {*options()}


def in_python(text: str) -> object:
    return eval(text, {kind.__name__: kind for kind in PRESSURES.values()})


def options() -> list[str]:
    parser = Parser(prog="cofire")
    register(parser.add_subparsers(parser_class=Parser))
    return list(parser._subparsers._group_actions[0].choices["train"]._option_string_actions)
