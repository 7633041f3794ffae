"""How a machine acts: fixed episodes, each played once to its end, with the true rewards."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from cofire.ctm._carried import Passage, start
from cofire.random import Key
from cofire.tasks.control import Environment, Episodes, Outcome
from cofire.train._evaluate import looking
from cofire.train.ppo._agent import Agent
from cofire.train.ppo._estimates import choose


class Played(NamedTuple):
    """The true returns and lengths of k episodes, (k,) each."""

    returns: np.ndarray
    lengths: np.ndarray


class Watched(NamedTuple):
    """What k episodes and the machine in them were like, over the S steps of the longest.

    states (S, k, K) of the world and observations (S, k, ...) before each action, actions (S, k), the policy
    (S, k, actions), the return that is expected (S, k), what is read (S, k, P), and the activations of every tick
    (S, T, k, D). Steps at or beyond an episode's length belong to the next.
    """

    played: Played
    states: np.ndarray
    observations: np.ndarray
    actions: np.ndarray
    policy: np.ndarray
    expected: np.ndarray
    read: np.ndarray
    activations: np.ndarray


class _Moment(NamedTuple):
    states: np.ndarray
    observations: np.ndarray
    actions: Tensor
    policy: Tensor
    expected: Tensor
    read: Tensor
    activations: Tensor | None
    outcome: Outcome


def evaluate(agent: Agent, environment: Environment, *, key: Key, episodes: int = 100, greedy: bool = True) -> Played:
    """Play the first `episodes` episodes of `key`, side by side, and return what they come to.

    `greedy` takes the likeliest action at every step; otherwise actions are drawn, at addresses of the key. The same
    key gives the same episodes to every agent.
    """
    world = Episodes(environment, episodes, key.fold("episodes"))
    return _counted(world, (moment.outcome for moment in _play(agent, world, key, greedy=greedy, watching=False)))


def watch(agent: Agent, environment: Environment, *, key: Key, episodes: int = 1, greedy: bool = True) -> Watched:
    """Play episodes as `evaluate` does, and return what happened at every step."""
    world, moments = Episodes(environment, episodes, key.fold("episodes")), list[_Moment]()

    def kept() -> Iterator[Outcome]:
        for moment in _play(agent, world, key, greedy=greedy, watching=True):
            moments.append(moment)
            yield moment.outcome

    played = _counted(world, kept())
    columns = (_stacked([moment[place] for moment in moments]) for place in range(7))
    return Watched(played, *columns)


def _counted(world: Episodes, outcomes: Iterator[Outcome]) -> Played:
    """What the first episode of every place comes to; stops where all are over."""
    returns, lengths = np.zeros(world.count), np.zeros(world.count, dtype=np.int64)
    waiting = np.ones(world.count, dtype=bool)
    for outcome in outcomes:
        for kept, values in ((returns, outcome.returns), (lengths, outcome.lengths)):
            kept[outcome.ended & waiting] = values[waiting[outcome.ended]]
        waiting &= ~outcome.ended
        if not waiting.any():
            break
    return Played(returns, lengths)


def _play(agent: Agent, world: Episodes, key: Key, *, greedy: bool, watching: bool) -> Iterator[_Moment]:
    device = next(agent.parameters()).device
    chances = key.fold("actions")
    with looking(agent):
        passage = Passage(agent.mind, start(agent.mind, world.count))
        for step in range(world.environment.limit):
            states, seen = world.state()["states"], world.observations
            features = agent.mind.backbone(torch.from_numpy(seen).to(device))
            begins = torch.from_numpy(world.begins).to(device) if world.begins.any() else None
            read, activations = passage.watch(features, begins) if watching else (passage.see(features, begins), None)
            logits, expected = agent(read)
            if greedy:
                actions = logits.argmax(-1)
            else:
                actions = choose(logits, torch.from_numpy(chances.uniform(world.count, step=step)).to(device))
            outcome = world.step(actions.cpu().numpy())
            yield _Moment(states, seen, actions, logits.softmax(-1), expected, read, activations, outcome)


def _stacked(parts: list[Any]) -> np.ndarray:
    if isinstance(parts[0], Tensor):
        return torch.stack(parts).cpu().numpy()
    return np.stack(parts)
