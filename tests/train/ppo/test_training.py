"""A run of proximal policy optimisation: that it learns, that it is its definition, that it can be broken anywhere."""

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from cofire.checks import FileProblem, InvalidValue
from cofire.random import Key
from cofire.tasks.control import CartPole
from cofire.train import (
    Evaluated,
    Finished,
    Hardware,
    Interrupted,
    PPOConfig,
    Progress,
    Started,
    read_metrics,
    train_ppo,
)
from cofire.train.ppo import Agent, evaluate, load_control, make_agent, train_control
from cofire.train.ppo._state import PPOState
from cofire.train.presets import Preset
from tests.oracles.control import learn
from tests.train.ppo.small import CONFIG, KEY, LSTM, MACHINE, Recall, machine_with_decay, run

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unbroken")
    run(folder)
    return folder


def same_run(folder: Path, other: Path, steps: int = CONFIG.steps) -> None:
    """Weights and the whole final state agree to the bit; of the metrics, all but the time."""
    assert (folder / "weights.safetensors").read_bytes() == (other / "weights.safetensors").read_bytes()
    states = [one / "checkpoint" / f"step-{steps:08d}" / "state.safetensors" for one in (folder, other)]
    assert states[0].read_bytes() == states[1].read_bytes()
    rows = [[line.split(",") for line in (one / "metrics.csv").read_text().splitlines()] for one in (folder, other)]
    assert [row[:1] + row[2:] for row in rows[0]] == [row[:1] + row[2:] for row in rows[1]]
    assert [row[0] for row in rows[0][1:]] == [str(step) for step in range(1, steps + 1)]


@pytest.mark.parametrize("machine", [MACHINE, LSTM], ids=["machine", "lstm"])
def test_what_has_to_be_remembered_is_learned(tmp_path: Path, machine):
    config = PPOConfig(steps=30, places=32, horizon=6, learning_rate=3e-3, entropy=0.01, clip=0.2, minibatches=2)
    agent = run(tmp_path, config, machine=machine)
    for greedy in (True, False):
        played = evaluate(agent, Recall(), key=Key(99), episodes=64, greedy=greedy)
        assert played.lengths.tolist() == [3] * 64
        assert played.returns.mean() > 2.7  # of 3; who does not remember has 2 at most, by the cue of the first step
    returns = read_metrics(tmp_path / "metrics.csv")["return"]
    assert returns[:3].mean() < 2.0 < returns[-3:].mean()


def test_it_learns_as_its_equations_say(tmp_path: Path):
    """Fifty updates: the losses of every minibatch are those of the plain definitions, from the same weights."""
    config = PPOConfig(
        steps=25, places=4, horizon=6, epochs=2, minibatches=1, learning_rate=4e-3, clip=0.005, entropy=0.02
    )
    world = CartPole(limit=9)
    machine = replace(MACHINE, backbone=replace(MACHINE.backbone, inputs=4), neurons=8, memory_length=3)
    agents = []
    for _ in range(2):
        agents.append(make_agent(machine, world, key=KEY))
        machine_with_decay(agents[-1].mind)
    state = PPOState(agents[0], world, config, KEY, torch.device("cpu"))
    curves, clipped = [[], []], []
    for step, losses in enumerate(learn(agents[1], world, config, KEY)):
        scalars = state.step(step)
        curves[0].append(scalars["loss"])
        curves[1].append(np.mean(losses))
        clipped.append(scalars["clipped"])
    assert len(curves[0]) * config.epochs == 50
    np.testing.assert_allclose(curves[0], curves[1], rtol=1e-4, atol=1e-5)
    assert max(curves[0]) > min(curves[0]) + 0.1
    assert max(clipped) > 0
    for (name, one), other in zip(agents[0].named_parameters(), agents[1].parameters(), strict=True):
        assert (one - other).norm() < 1e-4, name


class PowerCut(BaseException):
    """Ends a run as a kill would, in this process."""


@pytest.mark.parametrize("machine", [MACHINE, LSTM], ids=["machine", "lstm"])
def test_it_may_break_in_every_iteration(tmp_path: Path, machine):
    config = replace(CONFIG, steps=5, save_every=2)
    whole = tmp_path / "whole"
    run(whole, config, machine=machine)

    def cut_at(action: int):
        def cut(count: int) -> None:
            if count == action:
                raise PowerCut

        return cut

    evaluations = 2 * Recall.limit  # actions of an evaluation, after iterations 3 and 6
    for iteration in range(config.steps):
        folder = tmp_path / str(iteration)
        with pytest.raises(PowerCut):
            run(folder, config, Recall(cut_at(iteration * config.horizon + iteration // 3 * evaluations + 1)), machine)
        run(folder, config, machine=machine, resume=True)
        same_run(folder, whole, config.steps)


def test_a_killed_run_is_resumed_to_the_bit(tmp_path: Path, unbroken: Path):
    code = f"from pathlib import Path; from tests.train.ppo.small import *; kill_at(Path({str(tmp_path)!r}), 27)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert sorted(path.name for path in (tmp_path / "checkpoint").glob("step-*")) == ["step-00000003"]
    run(tmp_path, resume=True)
    same_run(tmp_path, unbroken)


def test_a_run_of_a_version_with_fewer_fields_goes_on_with_the_defaults_of_today(tmp_path: Path, unbroken: Path):
    shutil.copytree(unbroken, tmp_path / "older")
    file = tmp_path / "older" / "config.json"
    config = json.loads(file.read_text())
    for name in ("normalise_advantages", "scale_rewards"):
        assert config["train"].pop(name) is True
    assert config["model"]["config"].pop("streamed") is False
    file.write_text(json.dumps(config))
    run(tmp_path / "older", resume=True)
    same_run(tmp_path / "older", unbroken)
    del config["train"]["clip"]
    file.write_text(json.dumps(config))
    with pytest.raises(InvalidValue, match=r"train.clip: wanted 0.1 as in .*config.json, got 0.3"):
        run(tmp_path / "older", replace(CONFIG, clip=0.3), resume=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_iteration_and_leaves_a_checkpoint(tmp_path: Path, unbroken: Path, number: signal.Signals):
    before = signal.getsignal(number)

    def send(count: int) -> None:
        if count == 5:
            signal.raise_signal(number)

    with pytest.raises(Interrupted, match=r"interrupted after step 2 of 7; .* \(--resume\) goes on"):
        run(tmp_path, world=Recall(send))
    assert signal.getsignal(number) == before
    assert sorted(path.name for path in (tmp_path / "checkpoint").iterdir()) == ["step-00000002"]
    run(tmp_path, resume=True)
    same_run(tmp_path, unbroken)


def test_a_finished_run_is_resumed_to_nothing_but_its_weights(tmp_path: Path, unbroken: Path):
    run(tmp_path)
    (tmp_path / "weights.safetensors").unlink()
    events = []
    run(tmp_path, resume=True, on_event=events.append)
    assert [type(event).__name__ for event in events] == ["Started", "Finished"]
    same_run(tmp_path, unbroken)


def test_returns_are_true_and_counted_by_episode(unbroken: Path):
    metrics = read_metrics(unbroken / "metrics.csv")
    assert metrics["environment_steps"].tolist() == [24 * step for step in range(1, 8)]
    assert metrics["episodes"].tolist() == [6, 6, 12, 6, 6, 12, 6]  # of three steps each, four steps per iteration
    assert set(metrics["length"]) == {3.0}
    assert ((metrics["return"] >= 0) & (metrics["return"] <= 3)).all()
    totals = metrics["return"] * metrics["episodes"]
    np.testing.assert_allclose(totals, totals.round(), rtol=0, atol=1e-3)  # whole points, written with six digits
    tested = np.isfinite(metrics["test_return_greedy"])
    assert (np.flatnonzero(tested) + 1).tolist() == [3, 6, 7]
    assert metrics["learning_rate"] == pytest.approx([1e-3 * (1 - n / 7) for n in range(7)], rel=1e-5)


def test_iterations_in_which_no_episode_ends_have_no_mean(tmp_path: Path):
    events = []
    run(tmp_path, replace(CONFIG, horizon=1, steps=4, evaluate_every=0), on_event=events.append)
    metrics = read_metrics(tmp_path / "metrics.csv")
    assert metrics["episodes"].tolist() == [0, 0, 6, 0]
    assert np.isnan(metrics["return"]).tolist() == [True, True, False, True]
    assert not [name for name in metrics if name.startswith("test_")]
    progress = [event for event in events if isinstance(event, Progress)]
    assert ["return" in event.metrics for event in progress] == [False, False, True, False]


def test_what_it_tells(tmp_path: Path):
    events = []
    run(tmp_path, on_event=events.append)
    assert events[0] == Started(0, 7, "cpu", "float32", ())
    assert [event.step for event in events if isinstance(event, Progress)] == list(range(1, 8))
    assert [event.step for event in events if isinstance(event, Evaluated)] == [3, 6, 7]
    assert isinstance(events[-1], Finished)
    assert set(events[-2].metrics) == {
        f"test_{what}_{how}" for what in ("return", "length") for how in ("greedy", "sampled")
    }


def test_a_checkpoint_holds_all_that_a_run_is(unbroken: Path):
    tensors = load_file(unbroken / "checkpoint" / "step-00000007" / "state.safetensors")
    assert {name.split("/")[0] for name in tensors} == {"weights", "optimiser", "carried", "episodes", "rewards"}
    assert tensors["carried/history"].shape == (6, 16, 4)
    assert tensors["episodes/states"].shape == (6, 2)


def test_a_run_is_found_again_in_its_folder(tmp_path: Path):
    preset = Preset(
        task="control",
        name="tiny",
        about="",
        model=replace(MACHINE, backbone=replace(MACHINE.backbone, inputs=4)),
        train=replace(CONFIG, steps=1),
        settings={"environment": "cartpole", "limit": 20},
    )
    train_control(preset, tmp_path, key=Key(4))
    found = load_control(tmp_path)
    assert found.environment == CartPole(limit=20)
    assert (found.train, found.agent.mind.config) == (preset.train, preset.model)
    again = make_agent(preset.model, found.environment, key=Key(4))
    assert not torch.equal(again.actor[0].weight, found.agent.actor[0].weight)
    kept = load_file(tmp_path / "weights.safetensors")
    assert all(torch.equal(one, kept[name]) for name, one in found.agent.state_dict().items())
    played = [evaluate(found.agent, found.environment, key=Key(1), episodes=4) for _ in range(2)]
    assert np.array_equal(played[0].returns, played[1].returns)


def test_evaluations_play_the_same_episodes_and_leave_the_agent_as_it_was(unbroken: Path):
    agent = make_agent(MACHINE, Recall(), key=KEY)
    seen = []

    class Watched(Recall):
        def begin(self, key: Key, episodes: np.ndarray) -> np.ndarray:
            seen.append(super().begin(key, episodes))
            return seen[-1]

    modes = [part.training for part in agent.modules()]
    for greedy in (True, False):
        evaluate(agent, Watched(), key=Key(5), episodes=20, greedy=greedy)
    assert np.array_equal(seen[0], seen[2])  # the second of each is what follows at the end
    assert [part.training for part in agent.modules()] == modes


def test_start_weights_of_the_heads_are_orthogonal():
    agent = make_agent(MACHINE, Recall(), key=KEY)
    for head in (agent.actor, agent.critic):
        for layer in (head[0], head[2], head[4]):
            weight = layer.weight if layer.weight.shape[0] <= layer.weight.shape[1] else layer.weight.T
            torch.testing.assert_close(weight @ weight.T, torch.eye(len(weight)), rtol=0, atol=1e-5)
            assert not layer.bias.any()
    other = make_agent(MACHINE, Recall(), key=KEY.fold("other"))
    assert not torch.equal(agent.actor[0].weight, other.actor[0].weight)
    assert not torch.equal(agent.actor[2].weight, agent.critic[2].weight)


def test_what_cannot_be_trained_is_told(tmp_path: Path, unbroken: Path):
    wrong = Agent(make_agent(MACHINE, Recall(), key=KEY).mind, 5, key=KEY)
    with pytest.raises(InvalidValue, match="agent: wanted an actor with 2 actions, got one with 5"):
        train_ppo(wrong, Recall(), CONFIG, tmp_path, key=KEY)
    with pytest.raises(InvalidValue, match=r"train.clip: wanted 0.1 as in .*config.json, got 0.3"):
        run(unbroken, replace(CONFIG, clip=0.3), resume=True)
    with pytest.raises(FileProblem, match="wanted a folder without a run, got one with a run"):
        run(unbroken)
    with pytest.raises(InvalidValue, match=r"environment: wanted one of 'cartpole', .* got 'recall'"):
        load_control(unbroken)  # the world of these tests is not one of cofire's
    with pytest.raises(FileProblem, match=r"config.json: wanted the config of a run, got a missing"):
        load_control(tmp_path)
    with pytest.raises(InvalidValue, match="hardware"):
        run(tmp_path, hardware=Hardware(accelerator="cuda"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"steps": 0}, "steps: wanted an integer of at least 1, got 0"),
        ({"minibatches": 7, "places": 6}, "minibatches: wanted an integer from 1 to 6, got 7; .* a place or more"),
        ({"discount": 1.5}, "discount: wanted a finite number from 0 to 1, got 1.5"),
        ({"clip": 0.0}, "clip: wanted a finite number above 0"),
        ({"entropy": -0.1}, "entropy: wanted a finite number of at least 0"),
        ({"evaluate_every": -1}, "evaluate_every: wanted an integer of at least 0, got -1; .* 0 for no evaluation"),
    ],
)
def test_impossible_settings_are_told(change: dict, words: str):
    with pytest.raises(InvalidValue, match=words):
        PPOConfig(**{"steps": 1, **change})


def test_an_unknown_setting_is_told():
    with pytest.raises(InvalidValue, match=r"PPO config field: wanted one of .*, got 'clips'; .* did you mean 'clip'"):
        PPOConfig.from_json({"steps": 1, "clips": 0.1})
