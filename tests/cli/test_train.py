"""`cofire train`, `eval`, `report`, `sweep` and `presets`, from end to end with machines that are quick to train."""

import json
import re
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from cofire.cli import main
from cofire.cli._halt import policy
from cofire.cli._progress import results
from cofire.cli._report import gather
from cofire.cli._sweep import table
from cofire.cli._sweep_runs import Job, side_by_side
from cofire.tasks import Digits
from cofire.train import load_run, predict, read_metrics
from cofire.train.presets import Setup, find_preset
from tests.cli.test_main import fails

TINY = ("--set", "model.neurons=8", "--set", "model.ticks=3", "--set", "model.memory_length=2")
TINY += ("--set", "model.backbone.steps=[[4,5,4],[4,3,2]]", "--set", "task.held_out=2")
FOUR = (*TINY, "--steps", "4")


@pytest.fixture(autouse=True)
def _threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two seeds of a machine, and its one-tick control beside them."""
    out = tmp_path_factory.mktemp("runs")
    for name, seed, more in (("zero", 0, ()), ("one", 1, ()), ("control", 0, ("--set", "model.ticks=1"))):
        assert main(["train", "digits", *FOUR, *more, "--seed", str(seed), "--out", str(out / name)]) == 0
    return out


# --- presets ---------------------------------------------------------------------------------------------------------


def test_presets_are_listed_with_their_parameters(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["presets", "digits"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "digits"
    count = sum(one.numel() for one in Setup.of(find_preset("digits", "small")).make_model().parameters())
    assert re.match(rf"  small +{count:,} parameters +15 ticks +1,700 steps  the machine of", said[1])
    assert max(map(len, said)) <= 120


def test_the_listing_is_that_of_the_documentation(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["presets", "digits"]) == 0
    page = (Path(__file__).parents[2] / "docs" / "tasks.md").read_text(encoding="utf-8")
    assert f"```text\n{capsys.readouterr().out}```" in page


def test_one_preset_tells_everything(capsys: pytest.CaptureFixture[str]):
    assert main(["presets", "digits", "small-one-tick"]) == 0
    said = capsys.readouterr().out
    for words in ("small-one-tick: small, with a single tick", '"learning_rate": 0.003', '"ticks": 1'):
        assert words in said
    assert said.endswith("to train it: cofire train digits --preset small-one-tick\n")


# --- train -----------------------------------------------------------------------------------------------------------


def test_training_says_what_came_out(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["train", "digits", *FOUR, "--out", str(tmp_path / "run")]) == 0
    said = capsys.readouterr().out
    run = load_run(tmp_path / "run")
    tested = {name: run.metrics[f"test_{name}"][-1] for name in ("loss", "accuracy", "thinking_time")}
    assert f"held out   {results(tested)}\n" in said
    assert "training   4 steps in 0:0" in said
    assert f"{run.parameters:,} parameters, seed 0\n" in said
    assert said.endswith(f"to see it: cofire report {tmp_path / 'run'}\n")
    same = (tmp_path / "run" / "weights.safetensors").read_bytes()
    assert same == (runs / "zero" / "weights.safetensors").read_bytes()  # the seed decides everything


def test_a_run_has_a_folder_of_its_own_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "digits", *TINY, "--steps", "1", "--batch-size", "8", "--seed", "3"]) == 0
    config = json.loads((tmp_path / "runs" / "digits-small-3" / "config.json").read_text())
    assert config["about"]["changed"]["batch_size"] == config["train"]["batch_size"] == 8
    assert config["about"]["seed"] == 3


def stop_at_batch(monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    """Send Ctrl-C while the batch with this number is made."""
    made, counter = Digits.train, iter(range(1000))

    def train(self: Digits, positions: np.ndarray):
        if next(counter) == batch:
            signal.raise_signal(signal.SIGINT)
        return made(self, positions)

    monkeypatch.setattr(Digits, "train", train)


def test_ctrl_c_keeps_everything_and_says_how_to_go_on(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "stopped"
    with monkeypatch.context() as patch:
        stop_at_batch(patch, 1)
        assert main(["train", "digits", *FOUR, "--out", str(out)]) == 130
    go_on = f"cofire train digits --resume --out {out}"
    assert capsys.readouterr().err == f"cofire: stopped after step 2 of 4; to go on: {go_on}\n"
    assert main(go_on.split()[1:]) == 0  # it knows what it was begun with
    assert (out / "weights.safetensors").read_bytes() == (runs / "zero" / "weights.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--resume", "--steps", "5"], r"train\.steps: wanted 4 as in .*config.json, got 5"),
        (["--resume", "--seed", "1"], "seed: wanted 0, as the run was begun with, got 1"),
        (["--resume", "--preset", "other"], "preset: wanted small, as the run was begun with, got other"),
        ([*FOUR], "wanted a folder without a run, got one with a run.*--resume"),
        (["--resume", "--overwrite"], "resume and overwrite: wanted one of the two"),
    ],
)
def test_a_folder_that_does_not_fit_is_refused(
    runs: Path, more: list[str], words: str, capsys: pytest.CaptureFixture[str]
):
    assert re.search(words, fails(capsys, "train", "digits", "--out", str(runs / "zero"), *more))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "digts"], "task: wanted one of .*did you mean 'digits'"),
        (["train", "digits", "--preset", "smal"], "preset of digits: wanted one of .*did you mean 'small'"),
        (["train", "digits", "--set", "steps"], "--set: wanted FIELD=VALUE, got 'steps'"),
        (["train", "digits", "--set", "lr=1"], "field of train: wanted one of 'steps'.*got 'lr'"),
        (["train", "digits", "--set", "task.warmth=1"], "setting of digits: wanted .* did you mean 'warp'"),
        (["train", "digits", "--accelerator", "gpu"], "accelerator: wanted one of .* got 'gpu'"),
        (["train", "digits", "--resume"], "wanted a folder with a run, got one without"),
        (["presets", "digts"], "task: wanted one of .*did you mean 'digits'"),
        (["presets", "digits", "smal"], "did you mean 'small'"),
        (["eval", "nowhere"], "nowhere/config.json: wanted the config of a run"),
        (["eval", "nowhere", "--halt", "certanty=1"], "--halt: wanted one of .*did you mean 'certainty'"),
        (["eval", "nowhere", "--halt", "certainty"], "--halt certainty: wanted a finite number .* got ''"),
        (["eval", "nowhere", "--ticks", "0"], "--ticks: wanted an integer from 1"),
        (["report", "nowhere"], "nowhere/config.json: wanted the config of a run"),
        (["sweep", "digits", "--seeds", "0,x"], "--seeds: wanted an integer .* got 'x'"),
        (["sweep", "digits", "--seeds", ","], "--seeds: wanted one number or more"),
        (["sweep", "digits", "--presets", "small,tiny"], "preset of digits: wanted one of"),
    ],
)
def test_every_fault_is_one_line_with_its_fix(
    arguments: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.chdir(tmp_path)
    assert re.search(words, fails(capsys, *arguments))


# --- eval ------------------------------------------------------------------------------------------------------------


def test_eval_says_what_a_plain_look_finds(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["eval", str(runs / "zero"), "--json", str(tmp_path / "found.json")]) == 0
    said, found = capsys.readouterr().out, json.loads((tmp_path / "found.json").read_text())
    run = load_run(runs / "zero")
    answers = predict(run.model, run.task)
    tick = answers.certainty.argmax(1)
    right = answers.logits.argmax(1) == answers.targets[:, None]
    assert found["when_most_certain"]["accuracy"] == pytest.approx(right[np.arange(20), tick].mean())
    assert found["at_the_last_tick"]["accuracy"] == pytest.approx(right[:, -1].mean())
    assert found["by_tick"]["accuracy"] == pytest.approx(right.mean(0).tolist())
    assert found["thinking_time"] == pytest.approx(tick.mean() + 1)
    assert re.search(rf"when most certain +{right[np.arange(20), tick].mean():.1%} +{tick.mean() + 1:.1f}\n", said)
    assert len(said.splitlines()) == 1 + 3 + 1 + 3


def test_eval_thinks_for_as_long_as_it_is_told(runs: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["eval", str(runs / "zero"), "--ticks", "40", "--batch-size", "7"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "40 ticks" in lines[0]
    assert lines[-1].startswith("40 ")
    assert len(lines) == 1 + 3 + 1 + 12


@pytest.mark.parametrize(
    ("halt", "most"), [("patience=1", 3), ("certainty=0.000001", 1), ("plateau=1", 3), ("budget=2", 2)]
)
def test_eval_stops_thinking_early(runs: Path, tmp_path: Path, halt: str, most: int):
    assert main(["eval", str(runs / "zero"), "--halt", halt, "--json", str(tmp_path / "found.json")]) == 0
    found = json.loads((tmp_path / "found.json").read_text())
    stopped = found["halt"]
    assert stopped["policy"].split("=")[0] == halt.split("=")[0]
    assert 1 <= stopped["ticks"] <= most
    assert stopped["full_scores"] == pytest.approx(found["when_most_certain"])
    if most == 1:
        assert stopped["scores"]["accuracy"] == pytest.approx(found["by_tick"]["accuracy"][0])


def test_a_calibrated_stop_is_measured_on_what_it_was_not_fitted_to(runs: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["eval", str(runs / "zero"), "--halt", "calibrated=0.002"]) == 0
    assert "stopping early, on 10 examples\n" in capsys.readouterr().out


def test_what_does_not_think_cannot_stop(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    more = ("--set", "model.backbone.steps=[[4,5,4],[4,3,2]]", "--set", "task.held_out=2", "--steps", "1")
    assert main(["train", "digits", "--preset", "small-feed-forward", *more, "--out", str(tmp_path / "run")]) == 0
    capsys.readouterr()
    assert "a model that thinks, got FeedForward" in fails(
        capsys, "eval", str(tmp_path / "run"), "--halt", "patience=1"
    )
    assert "a feed-forward network does not think" in fails(capsys, "eval", str(tmp_path / "run"), "--ticks", "2")


def test_what_is_emitted_over_all_ticks_is_read_at_the_last(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    more = ("--steps", "1", "--batch-size", "4", "--set", "task.test_size=10", "--set", "evaluate_every=0")
    assert main(["train", "sort", *more, "--out", str(tmp_path)]) == 0
    assert f"held out   not looked at; to do it: cofire eval {tmp_path}\n" in capsys.readouterr().out
    assert main(["eval", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "at the last tick" in said
    assert "when most certain" not in said


def test_an_agent_plays_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    more = [f"--set={one}" for one in ("places=4", "horizon=8", "minibatches=2", "evaluation_episodes=3")]
    assert main(["train", "control", "--steps", "1", *more, "--out", str(tmp_path / "run")]) == 0
    capsys.readouterr()
    assert main(["eval", str(tmp_path / "run"), "--json", str(tmp_path / "found.json")]) == 0
    returns = json.loads((tmp_path / "found.json").read_text())["drawn_actions"]["returns"]
    assert len(returns) == 3
    said = capsys.readouterr().out
    assert re.search(rf"drawn actions +return {np.mean(returns):.2f} ± {np.std(returns):.2f}", said)
    for more in (["--ticks", "3"], ["--halt", "patience=1"]):
        assert f"{more[0]}: wanted none for a run of control" in fails(capsys, "eval", str(tmp_path / "run"), *more)


def test_a_policy_is_read_by_its_name():
    assert str(policy("certainty=0.90")) == "certainty=0.9"


# --- report ----------------------------------------------------------------------------------------------------------


def test_runs_and_controls_are_told_apart(runs: Path):
    machines, controls = gather([runs / "zero", runs / "one"])
    assert [one.folder.name for one in machines] == ["zero", "one"]
    assert [one.folder.name for one in controls] == ["control"]  # it lies beside them
    machines, controls = gather([runs / "one", runs / "control"])
    assert ([one.folder.name for one in machines], [one.folder.name for one in controls]) == (["one"], ["control"])
    machines, controls = gather([runs / "control"])
    assert controls == []  # it is not the control of itself


def test_other_seeds_that_lie_beside_a_run_are_taken_where_they_are_finished(runs: Path, tmp_path: Path):
    machines, controls = gather([runs / "one"])
    assert [one.folder.name for one in machines] == ["one", "zero"]
    assert [one.folder.name for one in controls] == ["control"]
    shutil.copytree(runs / "one", tmp_path / "one")
    shutil.copytree(runs / "one", tmp_path / "copy")  # of the same seed
    shutil.copytree(runs / "zero", tmp_path / "under way")
    metrics = (tmp_path / "under way" / "metrics.csv").read_text().splitlines(keepends=True)
    (tmp_path / "under way" / "metrics.csv").write_text("".join(metrics[:-1]))
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "config.json").write_text("[]")
    machines, controls = gather([tmp_path / "one"])
    assert ([one.folder.name for one in machines], controls) == (["one"], [])


def test_a_run_of_something_else_is_refused(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["train", "digits", *TINY, "--steps", "1", "--out", str(tmp_path / "other")]) == 0
    capsys.readouterr()
    words = fails(capsys, "report", str(runs / "zero"), str(tmp_path / "other"))
    assert re.search(r"other: wanted the same as .*zero with another seed, or its one-tick control, got digits", words)


def test_a_report_of_two_seeds_and_their_control(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["report", str(runs / "zero"), str(runs / "one"), "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"report     {tmp_path / 'report.html'}\n"
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    for words in ("one-tick control", "over 2 seeds", "Digit by digit", "cofire train digits --preset small --seed 0"):
        assert words in text


# --- sweep -----------------------------------------------------------------------------------------------------------


def test_a_sweep_compares_presets_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    command = ["sweep", "digits", "--presets", "small,small-no-neuron-models", "--seeds", "0,1", *FOUR]
    command += ["--out", str(tmp_path)]
    with monkeypatch.context() as patch:
        stop_at_batch(patch, 5)  # in the second run
        assert main(command) == 130
    assert capsys.readouterr().err == "cofire: stopped; the same command goes on\n"
    assert read_metrics(tmp_path / "small-1" / "metrics.csv")["step"][-1] < 4
    assert main(command) == 0
    said = capsys.readouterr().out
    rows = json.loads((tmp_path / "sweep.json").read_text())
    assert [(row["preset"], row["seed"]) for row in rows] == [
        *(("small", 0), ("small", 1)),
        *(("small-no-neuron-models", 0), ("small-no-neuron-models", 1)),
    ]
    mine = [row["held_out"]["accuracy"] for row in rows[:2]]
    assert mine == [read_metrics(tmp_path / f"small-{seed}" / "metrics.csv")["test_accuracy"][-1] for seed in (0, 1)]
    line = next(one for one in said.splitlines() if one.startswith("small "))
    assert f"{100 * np.mean(mine):.1f}% ± {100 * np.std(mine, ddof=1):.1f}" in line
    assert f"to see small: cofire report {tmp_path / 'small-0'}\n" in said
    assert len(gather([tmp_path / "small-0"])[0]) == 2
    fix = f"give a run that lies in it, such as {tmp_path / 'small-0'}"
    assert fix in fails(capsys, "report", str(tmp_path))


def test_a_control_keeps_its_one_tick_whatever_the_machine_is_set_to(tmp_path: Path):
    command = ["sweep", "digits", "--presets", "small,small-one-tick", "--seeds", "0", *FOUR, "--out", str(tmp_path)]
    assert main(command) == 0
    machine, control = (load_run(tmp_path / f"{name}-0") for name in ("small", "small-one-tick"))
    assert (machine.model_config.ticks, control.model_config.ticks) == (3, 1)
    assert control.config["about"]["changed"] == {
        name: value for name, value in machine.config["about"]["changed"].items() if name != "model.ticks"
    }
    assert control.model_config.neurons == 8  # all else is changed in both
    machines, controls = gather([tmp_path / "small-0"])
    assert ([one.folder.name for one in machines], [one.folder.name for one in controls]) == (
        ["small-0"],
        ["small-one-tick-0"],
    )


def test_ticks_that_no_preset_of_a_sweep_would_take_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    command = ["sweep", "digits", "--presets", "small-one-tick", *FOUR, "--out", str(tmp_path / "sweep")]
    words = "--set model.ticks: wanted a preset that takes it, got only small-one-tick; .*leave model.ticks away"
    assert re.search(words, fails(capsys, *command))
    assert not (tmp_path / "sweep").exists()


def test_a_sweep_says_that_controls_keep_their_tick(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "400")
    assert main(["sweep", "--help"]) == 0
    assert "One-tick controls keep their one tick, whatever model.ticks is set to." in capsys.readouterr().out


def test_runs_side_by_side_are_those_of_one_process(runs: Path, tmp_path: Path):
    fields = {"steps": 4, "model.neurons": 8, "model.ticks": 3, "model.memory_length": 2, "task.held_out": 2}
    fields["model.backbone.steps"] = [[4, 5, 4], [4, 3, 2]]
    setups = [Setup.of(find_preset("digits", "small"), seed=seed).change(fields) for seed in (0, 1)]
    jobs = [Job(setup, tmp_path / f"{setup.seed}") for setup in setups]
    jobs.append(Job(setups[0].change({"learning_rate": 1e30}), tmp_path / "wild"))
    ended = {one.job.folder.name: one.problem for one in side_by_side(jobs, count=2, threads=1, accelerator="cpu")}
    assert sorted(ended) == ["0", "1", "wild"]
    assert (ended["0"], ended["1"]) == ("", "")
    assert re.search("wanted a finite number.*exit code 2", ended["wild"])
    assert load_run(tmp_path / "0").model_config == load_run(runs / "zero").model_config
    assert "held out" in (tmp_path / "0.log").read_text()


def test_a_run_that_fails_does_not_stop_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    command = ["sweep", "digits", "--seeds", "0", *FOUR, "--set", "learning_rate=1e30", "--out", str(tmp_path)]
    assert main(command) == 2
    assert re.search(r"sweep: wanted 1 runs, got 0, for .*small-0: .*wanted a finite", capsys.readouterr().err)


def test_the_table_has_what_there_is():
    rows = [
        {"preset": "a", "seed": 0, "seconds": 10.0, "held_out": {"accuracy": 0.5, "return": 100.0}},
        {"preset": "a", "seed": 1, "seconds": 20.0, "held_out": {"accuracy": 0.7, "return": 120.0}},
        {"preset": "b", "seed": 0, "seconds": 3.0, "held_out": {"accuracy": 0.25}},
    ]
    lines = [line.split("  ") for line in table(rows).splitlines()]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert cells == [
        ["preset", "seeds", "accuracy", "return", "seconds"],
        ["a", "2", "60.0% ± 14.1", "110 ± 14", "15"],
        ["b", "1", "25.0%", "-", "3"],
    ]


def test_ray_that_is_missing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    words = fails(capsys, "sweep", "digits", *FOUR, "--out", str(tmp_path), "--ray", "local")
    assert "--ray: wanted the package ray, got no such package; the usual fix: pip install 'cofire[sweep]'" in words
