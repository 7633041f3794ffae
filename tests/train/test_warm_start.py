"""A run that begins with the weights of another one, and a run of an older version that goes on."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from cofire import CTM
from cofire.checks import FileProblem, InvalidValue
from cofire.random import Key
from cofire.train import Hardware, load_weights, train
from tests.train.machine import CURVE, MACHINE, Tokens
from tests.train.stand_in import CONFIG, Stripes, run
from tests.train.test_resume import PowerCut, same_run

SHORT = replace(CURVE, steps=4, accumulate=1, average=0.0, keep_best="", evaluate_every=0)
CPU = Hardware(accelerator="cpu")


def train_machine(folder: Path, model: CTM | None = None, **options: Any) -> CTM:
    torch.set_num_threads(1)
    model = model or CTM(MACHINE, key=Key(0))
    train(model, options.pop("task", Tokens()), SHORT, folder, key=Key(1), hardware=CPU, **options)
    return model


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first")
    train_machine(folder / "run").save(folder / "saved")
    warm = CTM(MACHINE, key=Key(0))
    load_weights(warm, folder / "run" / "weights.safetensors")
    train_machine(folder / "plain", warm)
    return folder


@pytest.mark.parametrize("place", ["run", "run/weights.safetensors", "saved", "saved/model.safetensors"])
def test_it_begins_with_the_weights_and_with_nothing_else(tmp_path: Path, first: Path, place: str):
    train_machine(tmp_path, CTM(MACHINE, key=Key(9)), warm_start=first / place)
    weights = [(folder / "weights.safetensors").read_bytes() for folder in (tmp_path, first / "plain")]
    assert weights[0] == weights[1]
    assert weights[0] != (first / "run" / "weights.safetensors").read_bytes()


def test_every_entry_that_does_not_fit_is_named(tmp_path: Path, first: Path):
    larger = CTM(replace(MACHINE, memory_length=4), key=Key(0))
    words = r"warm_start .*: wanted the model's entries, got start_window has shape \(15, 3\) instead of \(15, 4\); "
    with pytest.raises(InvalidValue, match=words):
        train_machine(tmp_path / "new", larger, warm_start=first / "run")
    with pytest.raises(InvalidValue, match=r"got first.weight is missing; .* answer.weight is unknown; "):
        run(tmp_path / "new", warm_start=first / "saved")
    with pytest.raises(FileProblem, match=r"warm_start .*nowhere: wanted weights in a safetensors file, got .*No such"):
        run(tmp_path / "new", warm_start=tmp_path / "nowhere")
    assert not (tmp_path / "new").exists()


def cut_at(step: int) -> Stripes:
    def cut(position: int) -> None:
        if position == step * CONFIG.batch_size:
            raise PowerCut

    return Stripes(when=cut)


def test_it_resumes_from_a_checkpoint_alone_or_else_asks_for_the_weights(tmp_path: Path):
    run(tmp_path / "first")
    start = tmp_path / "first" / "weights.safetensors"
    run(tmp_path / "whole", warm_start=start)
    with pytest.raises(PowerCut):
        run(tmp_path / "late", task=cut_at(7), warm_start=start)
    run(tmp_path / "late", resume=True)
    same_run(tmp_path / "late", tmp_path / "whole")
    with pytest.raises(PowerCut):
        run(tmp_path / "early", task=cut_at(2), warm_start=start)
    with pytest.raises(InvalidValue, match=r"warm_start: wanted the weights that the run began with, got None; "):
        run(tmp_path / "early", resume=True)
    with pytest.raises(InvalidValue, match=r"warm_start: wanted '[0-9a-f]{64}' as in .*, got '[0-9a-f]{64}'"):
        run(tmp_path / "early", resume=True, warm_start=tmp_path / "whole")
    run(tmp_path / "early", resume=True, warm_start=start)
    same_run(tmp_path / "early", tmp_path / "whole")


def edit(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    config = json.loads((folder / "config.json").read_text())
    change(config)
    (folder / "config.json").write_text(json.dumps(config))


ADDED = ("accumulate", "keep_best", "early_stop", "ponder", "random_depth", "tick_dropout")


def of_an_older_version(config: dict[str, Any]) -> None:
    """Take out what the first version did not have."""
    del config["warm_start"]
    for name in ADDED:
        del config["train"][name]


def test_a_field_that_an_older_run_did_not_have_takes_its_default(tmp_path: Path):
    run(tmp_path / "whole")
    with pytest.raises(PowerCut):
        run(tmp_path / "old", task=cut_at(7))
    edit(tmp_path / "old", of_an_older_version)
    shutil.copytree(tmp_path / "old", tmp_path / "other")
    run(tmp_path / "old", resume=True)
    same_run(tmp_path / "old", tmp_path / "whole")
    with pytest.raises(InvalidValue, match=r"train.accumulate: wanted 1 as in .*config.json, got 2"):
        run(tmp_path / "other", replace(CONFIG, accumulate=2), resume=True)
    edit(tmp_path / "other", lambda config: config["train"].update(foresight=1))  # of a version to come
    with pytest.raises(InvalidValue, match=r"train.foresight: wanted 1 as in .*, got None"):
        run(tmp_path / "other", resume=True)


class Grown(Tokens):
    """A task to which a setting was added."""

    def __init__(self, seed: int = 0, stripes: int = 5):
        super().__init__(seed)
        self.settings = {"seed": seed, "stripes": stripes}

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> "Grown":
        return cls(**settings)


def test_so_does_one_of_the_model_or_the_task(tmp_path: Path, first: Path):
    shutil.copytree(first / "run", tmp_path / "run")
    edit(tmp_path / "run", lambda config: config["model"]["config"].pop("streamed"))
    train_machine(tmp_path / "run", task=Grown(), resume=True)
    with pytest.raises(InvalidValue, match=r"task.settings.stripes: wanted 5 as in .*, got 4"):
        train_machine(tmp_path / "run", task=Grown(stripes=4), resume=True)
    streamed = CTM(replace(MACHINE, streamed=True), key=Key(0))
    with pytest.raises(InvalidValue, match=r"model.config.streamed: wanted False as in .*, got True"):
        train_machine(tmp_path / "run", streamed, task=Grown(), resume=True)


def test_the_model_itself_must_be_the_same(tmp_path: Path):
    run(tmp_path)
    with pytest.raises(InvalidValue, match=r"model.class: wanted 'Model' as in .*, got 'CTM'"):
        train(CTM(MACHINE, key=Key(0)), Tokens(), CONFIG, tmp_path, key=Key(4), resume=True)
