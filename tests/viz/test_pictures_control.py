"""The pictures of control: what they count, order and read, and that they are drawn for every world."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from cofire.ctm import ClassicControl, MiniGrid
from cofire.random import Key
from cofire.tasks.control import Acrobot, CartPole, FourRooms
from cofire.tasks.control._four_rooms import corners, walls
from cofire.train import PPOConfig, load_run
from cofire.train.ppo import Played, Watched, train_control, watch
from cofire.train.presets import Preset
from cofire.viz import _pictures_control as pictures
from cofire.viz._page import Paragraph, Picture, Table
from cofire.viz._run_evidence import RunEvidence
from cofire.viz._style import LIGHT
from tests.train.ppo.small import MACHINE

KEY = Key(21)
BACKBONES = {
    "cartpole": ClassicControl(inputs=4, features=6),
    "acrobot": ClassicControl(inputs=6, features=6),
    "four-rooms": MiniGrid(cell_features=2),
}


def evidence_of(folder: Path, environment: str, seed: int = 0, **train) -> RunEvidence:
    """A short run of a small machine."""
    preset = Preset(
        task="control",
        name="tiny",
        about="",
        model=replace(MACHINE, backbone=BACKBONES[environment]),
        train=PPOConfig(
            **{"steps": 3, "places": 4, "horizon": 8, "evaluate_every": 2, "evaluation_episodes": 3, "epochs": 1}
            | train
        ),
        settings={"environment": environment, "limit": 13},
    )
    train_control(preset, folder, key=Key(seed), about={"preset": "tiny", "seed": seed})
    return RunEvidence.of(load_run(folder), None)


@pytest.mark.parametrize("environment", BACKBONES)
def test_every_world_has_its_pictures(tmp_path: Path, environment: str):
    runs = [evidence_of(tmp_path / str(seed), environment, seed) for seed in range(3)]
    evidence = replace(runs[0], others=(runs[1],), control=runs[2])
    found = pictures.sections(evidence)
    names = [block.name for section in found for block in section.blocks if isinstance(block, Picture)]
    extra = {"four-rooms": ["route"]}.get(environment, ["remembered_1", "remembered_2"])
    assert names == ["return", "length", "episode", *extra]
    (table,) = (block for block in found[0].blocks if isinstance(block, Table))
    tested = [run.metrics["test_return_greedy"][-1] for run in runs]
    mean, spread = np.mean(tested[:2]), np.std(tested[:2], ddof=1)
    assert table.rows[0][1] == f"{mean:.1f} ± {spread:.1f}"
    assert table.rows[1][:2] == ["one-tick control", f"{tested[2]:.1f}"]
    words = " ".join(block.text for section in found for block in section.blocks if isinstance(block, Paragraph))
    assert "after 96 steps: the mean return of 3 fixed episodes" in words


def test_a_run_without_evaluations_has_its_curves(tmp_path: Path):
    evidence = evidence_of(tmp_path, "cartpole", evaluate_every=0)
    blocks = pictures.sections(evidence)[0].blocks
    assert [type(block).__name__ for block in blocks] == ["Picture", "Picture"]


def test_gaps_of_a_curve_are_bridged_and_points_are_not():
    metrics = {
        "step": np.arange(1, 5),
        "environment_steps": np.arange(1, 5) * 10.0,
        "return": np.array([np.nan, 2.0, np.nan, 4.0]),
        "test_return_greedy": np.array([np.nan, 3.0, np.nan, 5.0]),
    }
    run = RunEvidence(task=None, model=None, config={}, metrics=metrics, folder=Path())
    steps, rows = pictures._columns([run, run], "return")
    assert steps.tolist() == [10, 20, 30, 40]
    assert rows.tolist() == [[2.0, 2.0, 3.0, 4.0]] * 2
    assert np.isnan(pictures._columns([run], "test_return_greedy")[1]).sum() == 2
    assert pictures._columns([run], "length") is None
    assert pictures._last([run, run], "test_return_greedy") == "5.0 ± 0.0"


def test_neurons_that_move_alike_stand_together_and_still_ones_last():
    time = np.arange(60)
    one, other = np.sin(time / 3), np.cos(time / 7)
    traces = np.column_stack([one, other, np.full(60, 2.0), one * 3 + 1, other * 0.1, one + 0.01 * other])
    shown = pictures.ordered(traces)
    assert not shown[:, -1].any()
    np.testing.assert_allclose(shown[:, :5].std(axis=0), 1.0)
    group = [int(abs(np.corrcoef(shown[:, n], one)[0, 1]) > 0.9) for n in range(5)]
    assert group in ([1, 1, 1, 0, 0], [0, 0, 1, 1, 1])


def planted(told: bool) -> Watched:
    """Watched episodes of 9 places in which the readings hold the velocities, or nothing of them."""
    steps, places = 50, 9
    states = KEY.normal((steps, places, 4), dtype=np.float64)
    read = KEY.fold("read").normal((steps, places, 5), dtype=np.float64)
    if told:
        read[..., 1] = 3 * states[..., 1] - 2 * states[..., 3] + 7
        read[..., 2] = states[..., 3]
    observations = CartPole().observe(states.reshape(-1, 4)).reshape(steps, places, 4)
    lengths = KEY.integers(20, steps + 1, places)
    nothing = np.zeros((steps, places))
    played = Played(lengths.astype(float), lengths)
    return Watched(played, states, observations, nothing, nothing[..., None], nothing, read, nothing[..., None])


def test_what_is_remembered_is_read_from_what_tells_it_and_from_nothing_else():
    for told in (True, False):
        watched = planted(told)
        found = pictures.readouts("cartpole", watched)
        assert [one.name.split()[0] for one in found] == ["velocity", "angular"]
        for one in found:
            assert len(one.true) == watched.played.lengths[4:].sum()  # the half that was not fitted
            assert one.told == pytest.approx(1.0, abs=1e-3) if told else one.told < 0.1
            assert one.told_by_sight < 0.1


@pytest.mark.parametrize("world", [CartPole(limit=30), Acrobot(limit=30), FourRooms(limit=30)])
def test_what_is_watched_is_what_was_played(tmp_path: Path, world):
    agent = evidence_of(tmp_path, world.name, steps=1).model
    seen = watch(agent, world, key=KEY, episodes=3, greedy=False)
    steps = len(seen.states)
    assert steps == seen.played.lengths.max()
    assert seen.activations.shape == (steps, 2, 3, 16)
    assert seen.read.shape == (steps, 3, 21)
    np.testing.assert_allclose(seen.policy.sum(-1), 1.0, rtol=1e-5)
    for step in range(steps - 1):
        for place in np.flatnonzero(seen.played.lengths > step + 1):
            state, action = seen.states[step, place][None], seen.actions[step, place][None]
            after = world.step(state, action, np.array([step + 1])).states[0]
            assert np.array_equal(after, seen.states[step + 1, place])
            assert np.array_equal(world.observe(state)[0], seen.observations[step, place])


def test_the_way_through_the_rooms_is_free(tmp_path: Path):
    world = FourRooms(limit=40)
    agent = evidence_of(tmp_path, "four-rooms", steps=1).model
    seen = watch(agent, world, key=KEY, greedy=False)
    figure = Figure()
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    pictures.draw_route(seen, axis, theme=LIGHT)
    x, y = (np.asarray(one).astype(int) for one in axis.lines[0].get_data())
    doors = set(zip(*(one.tolist() for one in corners(seen.states[0, 0, :4])), strict=True))
    assert len(x) == seen.played.lengths[0]
    assert all(not walls()[row, column] or (column, row) in doors for column, row in zip(x, y, strict=True))
    drawn = np.asarray(axis.images[0].get_array())
    assert drawn.sum() == walls().sum() - 4
