"""How well a machine acts: fixed episodes, each played once to its end, with the true rewards."""

from typing import NamedTuple

import numpy as np
import torch

from cofire.ctm._carried import Passage, start
from cofire.random import Key
from cofire.tasks.control import Environment, Episodes
from cofire.train._evaluate import looking
from cofire.train.ppo._agent import Agent
from cofire.train.ppo._estimates import choose


class Played(NamedTuple):
    """The true returns and lengths of k episodes, (k,) each."""

    returns: np.ndarray
    lengths: np.ndarray


def evaluate(agent: Agent, environment: Environment, *, key: Key, episodes: int = 100, greedy: bool = True) -> Played:
    """Play the first `episodes` episodes of `key`, side by side, and return what they come to.

    `greedy` takes the likeliest action at every step; otherwise actions are drawn, at addresses of the key. The same
    key gives the same episodes to every agent.
    """
    world = Episodes(environment, episodes, key.fold("episodes"))
    device = next(agent.parameters()).device
    returns, lengths = np.zeros(episodes), np.zeros(episodes, dtype=np.int64)
    waiting = np.ones(episodes, dtype=bool)
    with looking(agent):
        passage = Passage(agent.mind, start(agent.mind, episodes))
        for step in range(environment.limit):
            observations = torch.from_numpy(world.observations).to(device)
            begins = torch.from_numpy(world.begins).to(device) if world.begins.any() else None
            logits, _ = agent(passage.see(agent.mind.backbone(observations), begins))
            if greedy:
                actions = logits.argmax(-1)
            else:
                actions = choose(logits, torch.from_numpy(key.fold("actions").uniform(episodes, step=step)).to(device))
            outcome = world.step(actions.cpu().numpy())
            for kept, values in ((returns, outcome.returns), (lengths, outcome.lengths)):
                kept[outcome.ended & waiting] = values[waiting[outcome.ended]]
            waiting &= ~outcome.ended
            if not waiting.any():
                break
    return Played(returns, lengths)
