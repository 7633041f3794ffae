"""Learning to act as its equations say it, without any care for speed, from the same draws.

The machine is that of `tests.oracles.ctm`, tick by tick; advantages are sums over the rest of the episode; Adam, its
schedule and the clipping of the gradient are written out.
"""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from cofire.random import Key
from cofire.tasks.control import Environment
from cofire.train import PPOConfig
from cofire.train.ppo import Agent
from tests.oracles.ctm import neuron_models, synapse, synchronisation

State = tuple[Tensor, list[Tensor]]  # window (B, D, M) and the last M activations (B, D)


def start(agent: Agent, batch: int) -> State:
    mind = agent.mind
    return mind.start_window.expand(batch, -1, -1), list(mind.start_activation.expand(batch, -1, -1).unbind(-1))


def think(agent: Agent, state: State, observations: Tensor, begins: Tensor) -> tuple[Tensor, State]:
    """What is read after one step, and the new state."""
    mind, (window, seen) = agent.mind, state
    fresh = start(agent, len(observations))
    window = torch.where(begins[:, None, None], fresh[0], window)
    seen = [torch.where(begins[:, None], new, old) for new, old in zip(fresh[1], seen, strict=True)]
    features = mind.backbone(observations)
    for _ in range(mind.config.ticks):
        pre = synapse(mind, torch.cat([features, seen[-1]], 1))
        window = torch.cat([window[..., 1:], pre[..., None]], 2)
        seen = [*seen[1:], neuron_models(mind, window)]
    return synchronisation(mind, "out", seen), (window, seen)


class Places:
    """The episodes under way, one by one."""

    def __init__(self, environment: Environment, count: int, key: Key):
        self.environment, self.key = environment, key
        self.number, self.steps, self.state = [0] * count, [0] * count, [self.first(i, 0) for i in range(count)]

    def first(self, place: int, number: int) -> np.ndarray:
        return self.environment.begin(self.key, np.array([(place << 20) + number]))

    def see(self) -> tuple[Tensor, Tensor]:
        seen = np.concatenate([self.environment.observe(state) for state in self.state])
        return torch.from_numpy(seen), torch.tensor([steps == 0 for steps in self.steps])

    def act(self, place: int, action: int) -> tuple[float, bool]:
        self.steps[place] += 1
        after = self.environment.step(self.state[place], np.array([action]), np.array([self.steps[place]]))
        self.state[place] = after.states
        ended = bool(after.over[0]) or self.steps[place] == self.environment.limit
        if ended:
            self.number[place] += 1
            self.steps[place] = 0
            self.state[place] = self.first(place, self.number[place])
        return float(after.rewards[0]), ended


def learn(agent: Agent, environment: Environment, config: PPOConfig, key: Key) -> Iterator[list[float]]:
    """Train the agent in place; yield the losses of the minibatches of each iteration."""
    B, S = config.places, config.horizon
    places = Places(environment, B, key.fold("episodes"))
    with torch.no_grad():
        state = start(agent, B)
    discounted, all_discounted = [0.0] * B, []
    first = {one: torch.zeros_like(one) for one in agent.parameters()}
    second = {one: torch.zeros_like(one) for one in agent.parameters()}
    update = 0
    for iteration in range(config.steps):
        before = (state[0].detach().clone(), [one.detach().clone() for one in state[1]])
        rewards, ended, actions = (np.zeros((S, B)) for _ in range(3))
        seen, begins, chances, values = [], [], [], []
        for s in range(S + 1):
            observations, begun = places.see()
            with torch.no_grad():
                read, after = think(agent, state, observations, begun)
                policy, value = agent.actor(read).softmax(-1), agent.critic(read)[:, 0]
            values.append(value)
            if s == S:
                break
            state = after
            seen.append(observations)
            begins.append(begun)
            chances.append(policy)
            uniform = key.fold("actions").uniform(B, step=iteration * S + s)
            for i in range(B):
                actions[s, i] = sum(float(policy[i, : a + 1].sum()) <= uniform[i] for a in range(agent.actions - 1))
                rewards[s, i], ended[s, i] = places.act(i, int(actions[s, i]))
                discounted[i] = config.discount * discounted[i] + rewards[s, i]
            all_discounted += discounted
            for i in range(B):
                discounted[i] = 0.0 if ended[s, i] else discounted[i]
        seen_so_far, few = np.array(all_discounted), 1e-4  # begins as few values of mean 0 and variance 1
        total = len(seen_so_far) + few
        mean = seen_so_far.sum() / total
        variance = (((seen_so_far - mean) ** 2).sum() + few * (1 + mean**2)) / total
        rewards /= math.sqrt(variance + 1e-8)
        advantage = torch.zeros(S, B)
        for i in range(B):
            for s in range(S):
                weight = 1.0
                for k in range(s, S):
                    follows = 0.0 if ended[k, i] else config.discount * values[k + 1][i]
                    advantage[s, i] += weight * (rewards[k, i] + follows - values[k][i])
                    weight *= config.discount * config.trace
                    if ended[k, i]:
                        break
        target = advantage + torch.stack(values[:-1])
        losses = []
        for epoch in range(config.epochs):
            order = key.fold("minibatches").permutation(B, step=iteration * config.epochs + epoch)
            for part in np.array_split(order, config.minibatches):
                chosen = np.sort(part).tolist()
                thought = (before[0][chosen], [one[chosen] for one in before[1]])
                total, count = torch.zeros(()), S * len(chosen)
                some = advantage[:, chosen]
                some = (some - some.mean()) / (some.std() + 1e-8)
                for s in range(S):
                    read, thought = think(agent, thought, seen[s][chosen], begins[s][chosen])
                    policy, value = agent.actor(read).softmax(-1), agent.critic(read)[:, 0]
                    for j, i in enumerate(chosen):
                        a = int(actions[s, i])
                        ratio = policy[j, a] / chances[s][i, a]
                        bounded = min(max(float(ratio.detach()), 1 - config.clip), 1 + config.clip)
                        within = bool(ratio * some[s, j] <= bounded * some[s, j])
                        gain = (ratio if within else bounded) * some[s, j]
                        entropy = -(policy[j] * policy[j].log()).sum()
                        error = (value[j] - target[s, i]) ** 2 / 2
                        total = total + (-gain - config.entropy * entropy + config.value * error) / count
                gradients = torch.autograd.grad(total, list(agent.parameters()))
                norm = math.sqrt(sum(float(one.square().sum()) for one in gradients))
                shorter = min(1.0, config.max_norm / (norm + 1e-6))
                update += 1
                rate = config.learning_rate * (1 - iteration / config.steps)
                with torch.no_grad():
                    for parameter, gradient in zip(agent.parameters(), gradients, strict=True):
                        first[parameter] = 0.9 * first[parameter] + 0.1 * gradient * shorter
                        second[parameter] = 0.999 * second[parameter] + 0.001 * (gradient * shorter) ** 2
                        mean = first[parameter] / (1 - 0.9**update)
                        spread = (second[parameter] / (1 - 0.999**update)).sqrt()
                        parameter -= rate * mean / (spread + config.epsilon)
                losses.append(float(total.detach()))
        yield losses
