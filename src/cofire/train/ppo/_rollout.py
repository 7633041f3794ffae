"""Playing: the machine acts in all places at once, its thought carried from step to step and over the iterations."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from cofire.ctm._carried import Carried, Passage, keep
from cofire.random import Key
from cofire.tasks.control import Episodes, RewardScale
from cofire.train.ppo._agent import Agent
from cofire.train.ppo._estimates import choose


class Rollout(NamedTuple):
    """What S steps in B places were, and what the episodes that ended in them had come to."""

    start: Carried  # the states before the first step, (B, …)
    observations: Tensor  # (S, B, ...)
    begins: Tensor  # (S, B) bool: the step is the first of an episode
    actions: Tensor  # (S, B)
    log_probability: Tensor  # (S, B) of the actions
    values: Tensor  # (S + 1, B), expected before each step and after the last
    rewards: Tensor  # (S, B), as they are learned from
    ended: Tensor  # (S, B) bool
    returns: np.ndarray  # (k,) true returns of the episodes that ended
    lengths: np.ndarray  # (k,) their steps


@torch.no_grad()
def play(
    agent: Agent, episodes: Episodes, carried: Carried, horizon: int, scale: RewardScale | None, key: Key, step: int
) -> tuple[Rollout, Carried]:
    """Act for `horizon` steps in every place; return what happened and the states after the last step.

    Actions are drawn at the address of `key`, the iteration `step` and the place.
    """
    device = next(agent.parameters()).device
    draws = key.units(range(episodes.count)).uniform(range(step * horizon, (step + 1) * horizon))
    uniform = torch.from_numpy(draws).to(device)
    passage = Passage(agent.mind, carried)
    seen, begun, taken, chances, values, rewards, ended = ([] for _ in range(7))
    returns, lengths = [], []
    for s in range(horizon):
        observations, begins = (torch.from_numpy(one).to(device) for one in (episodes.observations, episodes.begins))
        anew = bool(episodes.begins.any())
        logits, value = agent(passage.see(agent.mind.backbone(observations), begins if anew else None))
        actions = choose(logits, uniform[s])
        outcome = episodes.step(actions.cpu().numpy())
        seen.append(observations)
        begun.append(begins)
        taken.append(actions)
        chances.append(logits.log_softmax(-1).gather(1, actions[:, None])[:, 0])
        values.append(value)
        rewards.append(outcome.rewards)
        ended.append(outcome.ended)
        returns.append(outcome.returns)
        lengths.append(outcome.lengths)
    after = keep(passage.carried())
    values.append(_expected(agent, episodes, after, device))
    gains, over = np.stack(rewards), np.stack(ended)
    rollout = Rollout(
        start=carried,
        observations=torch.stack(seen),
        begins=torch.stack(begun),
        actions=torch.stack(taken),
        log_probability=torch.stack(chances),
        values=torch.stack(values),
        rewards=torch.from_numpy(gains if scale is None else scale(gains, over)).to(device, values[0].dtype),
        ended=torch.from_numpy(over).to(device),
        returns=np.concatenate(returns),
        lengths=np.concatenate(lengths),
    )
    return rollout, after


def _expected(agent: Agent, episodes: Episodes, carried: Carried, device: torch.device) -> Tensor:
    """What the critic expects of the next step, which is not taken yet."""
    begins = torch.from_numpy(episodes.begins).to(device)
    features = agent.mind.backbone(torch.from_numpy(episodes.observations).to(device))
    return agent(Passage(agent.mind, carried).see(features, begins))[1]
