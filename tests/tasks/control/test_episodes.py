"""Episodes side by side: addresses, true returns and lengths, states that can be kept, rewards on a scale."""

import numpy as np
import pytest
from gymnasium.wrappers.utils import RunningMeanStd

from cofire.checks import InvalidValue
from cofire.random import Key
from cofire.tasks.control import ENVIRONMENTS, Acrobot, CartPole, Episodes, FourRooms, RewardScale

KEY = Key(3)


def drawn(episodes: Episodes, step: int) -> np.ndarray:
    return KEY.fold("actions").integers(0, episodes.environment.actions, episodes.count, step=step)


def test_returns_and_lengths_are_those_of_each_episode():
    episodes = Episodes(CartPole(limit=25), 6, KEY)
    lengths = np.zeros(6, dtype=int)
    seen: list[int] = []
    for step in range(120):
        assert np.array_equal(episodes.begins, lengths == 0)
        outcome = episodes.step(drawn(episodes, step))
        lengths += 1
        assert np.array_equal(outcome.lengths, lengths[outcome.ended])
        assert np.array_equal(outcome.returns, lengths[outcome.ended])  # a point for every step
        seen += outcome.lengths.tolist()
        lengths[outcome.ended] = 0
    assert max(seen) == 25
    assert min(seen) < 25


def test_what_ends_at_the_limit_begins_anew():
    episodes = Episodes(Acrobot(limit=7), 3, KEY)
    first = episodes.observations.copy()
    for step in range(7):
        outcome = episodes.step(drawn(episodes, step))
        assert outcome.ended.all() == (step == 6)
    assert outcome.returns.tolist() == [-7.0] * 3
    assert episodes.begins.all()
    assert not np.array_equal(episodes.observations, first)


def test_a_place_does_not_depend_on_the_others():
    many, few = Episodes(CartPole(), 8, KEY), Episodes(CartPole(), 2, KEY)
    for step in range(60):
        actions = drawn(many, step)
        many.step(actions)
        few.step(actions[:2])
        assert np.array_equal(many.observations[:2], few.observations)


@pytest.mark.parametrize("kind", ENVIRONMENTS.values())
def test_a_state_that_was_kept_goes_on_alike(kind: type):
    episodes = Episodes(kind(limit=20), 4, KEY)
    for step in range(33):
        episodes.step(drawn(episodes, step))
    other = Episodes(kind(limit=20), 4, KEY)
    other.restore(episodes.state())
    for step in range(33, 80):
        actions = drawn(episodes, step)
        one, two = episodes.step(actions), other.step(actions)
        assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
        assert np.array_equal(episodes.observations, other.observations)


def test_what_was_kept_is_a_copy():
    episodes = Episodes(CartPole(), 2, KEY)
    kept = episodes.state()
    before = {name: one.copy() for name, one in kept.items()}
    episodes.step(np.array([0, 1]))
    assert all(np.array_equal(kept[name], before[name]) for name in kept)


@pytest.mark.parametrize(
    ("actions", "words"), [([0, 2], "integers from 0 to 1"), ([0.0, 1.0], "integers from 0 to 1"), ([0], "shape")]
)
def test_impossible_actions_are_told(actions: list, words: str):
    with pytest.raises(InvalidValue, match=f"actions: wanted .*{words}"):
        Episodes(CartPole(), 2, KEY).step(np.array(actions))


def test_the_scale_is_that_of_gymnasium_at_the_end_of_the_steps():
    """One place: returns discounted within the episode, the statistics over all of them."""
    scale, peer, total = RewardScale(1, discount=0.9), RunningMeanStd(shape=()), np.zeros(1)
    for part in range(20):
        rewards = KEY.normal((10, 1), step=part, dtype=np.float64)
        ended = KEY.fold("ended").bernoulli(0.1, (10, 1), step=part)
        for reward, over in zip(rewards, ended, strict=True):
            total = total * 0.9 + reward
            peer.update(total)
            total = np.where(over, 0.0, total)
        np.testing.assert_allclose(scale(rewards, ended), rewards / np.sqrt(peer.var + 1e-8), rtol=1e-12)


def test_the_scale_is_the_deviation_of_all_discounted_returns():
    scale, rewards = RewardScale(5, discount=0.5), KEY.normal((400, 5), dtype=np.float64) + 1
    ended = KEY.fold("ended").bernoulli(0.1, (400, 5))
    seen, total = [], np.zeros(5)
    for reward, over in zip(rewards, ended, strict=True):
        total = total * 0.5 + reward
        seen.append(total.copy())
        total[over] = 0.0
    np.testing.assert_allclose(scale(rewards, ended), rewards / np.std(seen), rtol=1e-5)


def test_a_scale_that_was_kept_goes_on_alike():
    def steps(part: int) -> tuple[np.ndarray, np.ndarray]:
        return KEY.normal((4, 3), step=part, dtype=np.float64), KEY.fold("ended").bernoulli(0.2, (4, 3), step=part)

    one, other = RewardScale(3, discount=0.9), RewardScale(3, discount=0.9)
    one(*steps(0))
    other.restore(one.state())
    for part in range(1, 5):
        assert np.array_equal(one(*steps(part)), other(*steps(part)))


def test_more_steps_to_the_goal_are_worth_less():
    world = FourRooms(limit=100)
    states = world.begin(KEY, np.arange(2000))
    ahead = np.array([1, 31, -1, -31])[states[:, 5]]
    facing = states[:, 4] + ahead == states[:, 6]
    after = world.step(states[facing], np.full(facing.sum(), 2), np.full(facing.sum(), 50))
    assert facing.any()
    assert after.over.all()
    assert after.rewards == pytest.approx(1 - 0.9 * 0.5)
