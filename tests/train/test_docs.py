"""The page about training: its programs run, and the pressures it names are those there are."""

import doctest
import re
from pathlib import Path

import torch

from cofire import train
from cofire.train import TrainConfig
from cofire.train._config import _PRESSURES

PAGE = Path(__file__).parents[2] / "docs" / "training.md"


def test_the_programs_of_the_page_run():
    torch.set_num_threads(1)
    found = doctest.testfile(str(PAGE), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.attempted > 5
    assert found.failed == 0


def test_the_pressures_of_the_page_are_those_there_are():
    rows = re.findall(r"^\| `(\w+)=(.+?)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    names = {name: getattr(train, name) for name in ("EarlyStop", "PonderCost", "RandomDepth", "TickDropout")}
    shown = {field: eval(value, names) for field, value in rows}
    assert {field: type(value) for field, value in shown.items()} == _PRESSURES
    TrainConfig(steps=1, evaluate_every=1, **shown)
