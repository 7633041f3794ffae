"""`cofire eval RUN --halt POLICY`: every policy through the command, and every setting that makes no sense."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from cofire.cli import main
from cofire.cli._halt import POLICIES, calibrated, policy
from cofire.cli._report import look
from cofire.ctm import halting
from cofire.tasks import Digits
from cofire.train import load_run
from cofire.viz._stop_choices import HeldOut, halve
from tests.cli.test_main import fails
from tests.viz.run_evidence import evidence

TINY = ("model.neurons=8", "model.ticks=4", "model.memory_length=2", "model.backbone.steps=[[4,5,4],[4,3,2]]")
ENERGY = 'model.energy={"kind": "EnergyHead", "hidden": 4}'


@pytest.fixture(autouse=True)
def _threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)


def train(folder: Path, *fields: str) -> Path:
    options = [word for field in (*TINY, "task.held_out=2", *fields) for word in ("--set", field)]
    assert main(["train", "digits", *options, "--steps", "2", "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A machine with an energy head, hardly trained."""
    return train(tmp_path_factory.mktemp("runs") / "energetic", ENERGY)


def rule(halt: str, run: Path) -> halting.Policy:
    """The policy that a word stands for, made by hand."""
    name, value = halt.split("=")
    if name == "calibrated":
        trained = load_run(run)
        return calibrated(look(trained, None), float(value))
    return {
        "certainty": lambda: halting.Certainty(float(value)),
        "patience": lambda: halting.Patience(int(value)),
        "plateau": lambda: halting.Plateau(int(value)),
        "energy": lambda: halting.EnergyMinimum(int(value)),
        "budget": lambda: halting.Budget(round(20 * float(value))),
    }[name]()


HALTS = ("certainty=0.0001", "patience=1", "plateau=2", "energy=1", "budget=2.25", "calibrated=0.05")


def test_every_policy_is_tried_here():
    assert {halt.split("=")[0] for halt in HALTS} == set(POLICIES)


@pytest.mark.parametrize("halt", HALTS)
def test_a_policy_comes_to_what_thinking_with_it_does(
    run: Path, tmp_path: Path, halt: str, capsys: pytest.CaptureFixture[str]
):
    assert main(["eval", str(run), "--halt", halt, "--json", str(tmp_path / "found.json")]) == 0
    found, said = json.loads((tmp_path / "found.json").read_text())["halt"], capsys.readouterr().out
    trained = load_run(run)
    examples = halve(20)[1] if halt.startswith("calibrated") else np.arange(20)
    batch = trained.task.test(examples)
    thought = batch.show(trained.model.eval().think, halt=rule(halt, run))
    right = (thought.answer().argmax(1) == batch.targets).float().mean().item()
    assert found["policy"] == halt
    assert found["examples"] == len(examples)
    assert found["ticks"] == pytest.approx(thought.ticks.float().mean().item())
    assert found["scores"]["accuracy"] == pytest.approx(right)
    assert found["full_ticks"] == 4
    row = rf"\n{re.escape(halt)} +{right:.1%} +{found['ticks']:.1f} +{found['seconds']:.2f}\n"
    assert re.search(row, said)
    lost = round(100 * (found["full_scores"]["accuracy"] - right), 1)
    assert said.endswith(f" less time, {lost + 0.0:.1f} points of accuracy lost\n")


def test_a_calibration_sees_examples_from_everywhere():
    plain = evidence(sure=40.0)  # right from the first tick on
    hard = np.arange(60) >= 30  # as in folders whose classes follow each other: these are right at the last tick only
    plain.answers.logits[hard, :, :-1] *= -1
    plain.answers.certainty[hard, :-1] /= 2
    policy, held = calibrated(plain, 0.02), HeldOut.of(plain)
    assert held.full > 0.95
    for rows in halve(60):
        assert 5 < hard[rows].sum() < 25
        ticks, right = held.part(rows).stopped(policy)
        assert right.mean() > 0.9
        assert ticks.double().mean() < 5


def test_a_calibrated_stop_is_judged_on_the_examples_that_it_was_not_fitted_to(
    run: Path, monkeypatch: pytest.MonkeyPatch
):
    shown: list[np.ndarray] = []
    made = Digits.test

    def test(self: Digits, positions: np.ndarray):
        shown.append(positions)
        return made(self, positions)

    monkeypatch.setattr(Digits, "test", test)
    assert main(["eval", str(run), "--halt", "calibrated=0.05", "--batch-size", "4"]) == 0
    assert np.concatenate(shown).tolist() == [*range(20), *halve(20)[1]]


def test_a_patience_beyond_the_thought_is_the_full_run(run: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["eval", str(run), "--halt", "patience=1000000", "--ticks", "3"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"\npatience=1000000 +\S+ +3\.0 ", said)
    assert "\n1.0x fewer ticks, " in said


@pytest.mark.parametrize(
    ("halt", "words"),
    [
        ("", "--halt: wanted one of 'certainty', 'patience', .* got ''"),
        ("=3", "--halt: wanted one of .* got ''"),
        ("patient=3", "--halt: wanted one of .* did you mean 'patience'"),
        ("certainty", "--halt certainty: wanted a finite number from 0 to 1, got ''.*: --halt certainty=0.9"),
        ("certainty=0,9", "--halt certainty: wanted a finite number from 0 to 1, got '0,9'.*certainty=0.9"),
        ("certainty=0.9=1", "--halt certainty: wanted a finite number .* got '0.9=1'"),
        ("certainty=nan", "--halt certainty: wanted a finite number from 0 to 1, got nan"),
        ("certainty=inf", "--halt certainty: wanted a finite number from 0 to 1, got inf"),
        ("certainty=0", "--halt certainty: wanted a number between 0 and 1, both excluded, got 0; .*certainty=0.9"),
        ("certainty=1.0", "--halt certainty: wanted a number between 0 and 1, both excluded, got 1.0"),
        ("certainty=90", "--halt certainty: wanted a finite number from 0 to 1, got 90"),
        ("patience=0", "--halt patience: wanted an integer from 1 to 1000000, got 0; .*--halt patience=3"),
        ("patience=2.5", "--halt patience: wanted an integer .* got '2.5'"),
        ("plateau=-1", "--halt plateau: wanted an integer from 1 .* got -1; .*--halt plateau=3"),
        ("energy=low", "--halt energy: wanted an integer from 1 .* got 'low'.*--halt energy=1"),
        ("budget=0.5", "--halt budget: wanted a finite number from 1 .* got 0.5; .*--halt budget=5"),
        ("budget=nan", "--halt budget: wanted a finite number from 1 .* got nan"),
        ("calibrated=-0.1", "--halt calibrated: wanted a finite number from 0 to 1, got -0.1; .*calibrated=0.002"),
        ("calibrated=nan", "--halt calibrated: wanted a finite number from 0 to 1, got nan"),
    ],
)
def test_a_setting_without_sense_is_one_line_with_its_fix(halt: str, words: str, capsys: pytest.CaptureFixture[str]):
    assert re.search(words, fails(capsys, "eval", "nowhere", f"--halt={halt}"))  # before the run is looked for


def test_a_minimum_of_energy_needs_an_energy_head(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = train(tmp_path / "run")
    capsys.readouterr()
    words = rf"--halt energy: wanted a machine with an energy head, got {folder} without one; .*--halt certainty=0\.9"
    assert re.search(words, fails(capsys, "eval", str(folder), "--halt", "energy=1"))


@pytest.mark.parametrize("command", [["eval"], ["eval", "--halt", "patience=1"], ["eval", "--halt", "calibrated=0.1"]])
def test_answers_that_are_no_numbers_are_named(
    run: Path, tmp_path: Path, command: list[str], capsys: pytest.CaptureFixture[str]
):
    broken = tmp_path / "broken"
    shutil.copytree(run, broken)
    weights = load_file(broken / "weights.safetensors")
    weights["answer.bias"][0] = torch.nan
    save_file(weights, broken / "weights.safetensors")
    words = r"answers of .*broken: wanted finite numbers, got NaN or infinity for held-out example 0; .*metrics\.csv"
    more = ["--json", str(tmp_path / "found.json")]
    assert re.search(words, fails(capsys, command[0], str(broken), *command[1:], *more))
    assert not (tmp_path / "found.json").exists()


def test_what_is_printed_is_what_was_asked_for():
    assert [str(policy(halt)) for halt in (*HALTS, "certainty=0.90")] == [*HALTS, "certainty=0.9"]
