"""Every transition is that of the published environments, to the last bit that their types hold."""

import numpy as np
import pytest
from gymnasium.envs.classic_control.acrobot import AcrobotEnv
from gymnasium.envs.classic_control.cartpole import CartPoleEnv
from minigrid.core.grid import Grid
from minigrid.core.world_object import Goal
from minigrid.envs.fourrooms import FourRoomsEnv

from cofire.checks import InvalidValue
from cofire.random import Key
from cofire.tasks.control import ENVIRONMENTS, Acrobot, CartPole, Environment, FourRooms, make_environment
from cofire.tasks.control._four_rooms import corners, walls

KEY = Key(5)


@pytest.mark.parametrize(
    ("world", "reference"), [(CartPole(masked=False), CartPoleEnv), (Acrobot(masked=False), AcrobotEnv)]
)
def test_classic_control_is_that_of_gymnasium(world: CartPole | Acrobot, reference: type):
    count = 8
    states = world.begin(KEY, np.arange(count))
    peers = [reference() for _ in range(count)]
    for peer, state in zip(peers, states, strict=True):
        peer.reset(seed=0)
        peer.state = state.copy()
    running = np.ones(count, dtype=bool)
    for step in range(300):
        actions = np.where(states[:, 3] > 0, world.actions - 1, 0)  # lets the pole fall, and swings the links up
        after = world.step(states, actions, np.full(count, step + 1))
        seen = world.observe(after.states)
        for i in np.flatnonzero(running):
            observation, reward, over, _, _ = peers[i].step(int(actions[i]))
            np.testing.assert_allclose(after.states[i], peers[i].state, rtol=1e-13, atol=1e-13)
            np.testing.assert_allclose(seen[i], observation, rtol=0, atol=1e-6)
            assert (after.rewards[i], after.over[i]) == (reward, over)
            states[i] = peers[i].state
            running[i] = not over
        if not running.any():
            break
    assert not running.all()  # something fell, or was swung up


def minigrid(state: np.ndarray, limit: int) -> FourRoomsEnv:
    """The published environment with the rooms, agent and goal of a state."""
    peer = FourRoomsEnv(max_steps=limit)
    peer.reset(seed=0)
    x, y = corners(state[[0, 1, 2, 3, 4, 6]])
    peer.grid = Grid(19, 19)
    for row, column in np.argwhere(walls()):
        peer.grid.horz_wall(int(column), int(row), 1)
    for door in range(4):
        peer.grid.set(int(x[door]), int(y[door]), None)
    peer.put_obj(Goal(), int(x[5]), int(y[5]))
    peer.agent_pos, peer.agent_dir = (int(x[4]), int(y[4])), int(state[5])
    return peer


def test_four_rooms_are_those_of_minigrid():
    world, count = FourRooms(limit=120), 12
    states = world.begin(KEY, np.arange(count))
    peers = [minigrid(state, world.limit) for state in states]
    running, reached = np.ones(count, dtype=bool), 0
    for peer, image in zip(peers, world.observe(states), strict=True):
        assert np.array_equal(peer.gen_obs()["image"], image)
    for step in range(1, world.limit + 1):
        draws = KEY.fold("walk").categorical([1.0, 1.0, 3.0, 0.1, 0.1, 0.1, 0.1], count, step=step)
        after = world.step(states, draws, np.full(count, step))
        seen = world.observe(after.states)
        for i in np.flatnonzero(running):
            observation, reward, over, cut, _ = peers[i].step(int(draws[i]))
            assert np.array_equal(observation["image"], seen[i])
            assert (after.rewards[i], after.over[i], step >= world.limit) == (pytest.approx(reward), over, cut)
            running[i] = not over
            reached += over
        states = after.states
    assert reached


def test_rooms_are_those_that_minigrid_draws():
    """Walls where the published generator puts them; doors, agents and goals wherever, and only where, it may."""
    states = FourRooms().begin(KEY, np.arange(4000))
    assert len(np.unique(states, axis=0)) == len(states)
    x, y = corners(states[:, [0, 1, 2, 3, 4, 6]])
    for door, (along, fixed, low) in enumerate([(y, x, 1), (x, y, 1), (x, y, 10), (y, x, 10)]):
        assert set(along[:, door]) == set(range(low, low + 8))
        assert set(fixed[:, door]) == {9}
    drawn = FourRoomsEnv()
    for seed in range(20):
        drawn.reset(seed=seed)
        wall = np.array([[getattr(drawn.grid.get(i, j), "type", "") == "wall" for i in range(19)] for j in range(19)])
        assert not (wall & ~walls()).any()
        assert (walls() & ~wall).sum() == 4
    inside = walls()
    for one in (4, 5):  # agent, goal
        at_door = np.zeros(len(states), dtype=bool)
        for door in range(4):
            at_door |= (x[:, one] == x[:, door]) & (y[:, one] == y[:, door])
        assert not inside[y[~at_door, one], x[~at_door, one]].any()
        assert 0 < at_door.mean() < 0.04  # 4 cells of 260
        free = np.histogram2d(x[:, one], y[:, one], bins=19, range=[[0, 19], [0, 19]])[0][1:9, 1:9]
        assert free.min() > 0
    assert not ((x[:, 4] == x[:, 5]) & (y[:, 4] == y[:, 5])).any()
    assert np.bincount(states[:, 5], minlength=4).min() > 900


@pytest.mark.parametrize("kind", ENVIRONMENTS.values())
def test_an_episode_is_a_function_of_key_and_number(kind: type):
    world = kind()
    together = world.begin(KEY, np.arange(10))
    assert np.array_equal(together[[7, 2]], world.begin(KEY, np.array([7, 2])))
    assert not np.array_equal(together, world.begin(Key(6), np.arange(10)))
    assert isinstance(world, Environment)
    assert make_environment(world.settings) == world
    assert world.observe(together).shape == (10, *world.shape)


def test_velocities_are_masked():
    states = KEY.normal((5, 4), dtype=np.float64)
    plain, masked = CartPole(masked=False).observe(states), CartPole(masked=True).observe(states)
    assert np.array_equal(masked, plain * [1, 0, 1, 0])
    plain, masked = Acrobot(masked=False).observe(states), Acrobot(masked=True).observe(states)
    assert np.array_equal(masked, plain * [1, 1, 1, 1, 0, 0])


def test_bad_settings_are_told():
    with pytest.raises(
        InvalidValue,
        match=r"environment: wanted one of 'cartpole', 'acrobot', 'four-rooms', got 'cartpol'; .* 'cartpole'",
    ):
        make_environment({"environment": "cartpol"})
    with pytest.raises(InvalidValue, match="setting of FourRooms: wanted one of 'limit', got 'masked'"):
        make_environment({"environment": "four-rooms", "masked": True})
    with pytest.raises(InvalidValue, match="limit: wanted an integer of at least 1, got 0"):
        CartPole(limit=0)
