"""The state of a run of proximal policy optimisation, and one iteration of it."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from cofire.ctm._carried import Carried, keep, start, unroll
from cofire.random import Key
from cofire.tasks.control import Environment, Episodes, RewardScale
from cofire.train._checkpoint import Checkpoint
from cofire.train._optimiser import optimiser_state, restore_optimiser
from cofire.train.ppo._agent import Agent
from cofire.train.ppo._config import PPOConfig
from cofire.train.ppo._estimates import advantages, explained, ppo_loss
from cofire.train.ppo._evaluate import evaluate
from cofire.train.ppo._rollout import Rollout, play


class PPOState:
    """Weights, optimiser, episodes under way, thoughts that are carried, and the scale of rewards: all that a run is,
    with the number of iterations.
    """

    def __init__(self, agent: Agent, environment: Environment, config: PPOConfig, key: Key, device: torch.device):
        self._agent, self._environment, self._config, self._key = agent.to(device), environment, config, key
        self._optimiser = torch.optim.Adam(agent.parameters(), lr=config.learning_rate, eps=config.epsilon)
        self._episodes = Episodes(environment, config.places, key.fold("episodes"))
        self._scale = RewardScale(config.places, discount=config.discount) if config.scale_rewards else None
        self._carried = keep(start(agent.mind, config.places))

    def step(self, step: int) -> dict[str, float]:
        """Play and learn: the iteration that completes `step + 1`; return its scalars."""
        config, rate = self._config, self._config.learning_rate_at(step + 1)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        rollout, self._carried = play(
            self._agent, self._episodes, self._carried, config.horizon, self._scale, self._key.fold("actions"), step
        )
        advantage = advantages(
            rollout.rewards, rollout.values, rollout.ended, discount=config.discount, trace=config.trace
        )
        returns = advantage + rollout.values[:-1]
        places = self._key.fold("minibatches")
        noted = []
        for epoch in range(config.epochs):
            order = places.permutation(config.places, step=step * config.epochs + epoch)
            for part in np.array_split(order, config.minibatches):
                noted.append(self._learn(rollout, advantage, returns, torch.from_numpy(np.sort(part))))
        means = torch.stack(noted).mean(0).tolist()
        names = ("loss", "gradient_norm", "policy_loss", "value_loss", "entropy", "divergence", "clipped")
        foresight = explained(rollout.values[:-1], returns).item()
        return {**dict(zip(names, means, strict=True)), "explained": foresight, **_played(rollout)}

    def evaluate(self) -> dict[str, float]:
        """Return mean return and length over the fixed episodes, by the likeliest and by drawn actions."""
        found = {}
        for name, greedy in (("greedy", True), ("sampled", False)):
            played = evaluate(
                self._agent,
                self._environment,
                key=self._key.fold("evaluation"),
                episodes=self._config.evaluation_episodes,
                greedy=greedy,
            )
            found[f"test_return_{name}"] = float(played.returns.mean())
            found[f"test_length_{name}"] = float(played.lengths.mean())
        return found

    def weights(self) -> dict[str, Tensor]:
        """Return the parameters and buffers of machine, actor and critic, by name."""
        return {name: value.detach().cpu().clone() for name, value in self._agent.state_dict().items()}

    def checkpoint(self, step: int, seconds: float, machine: Mapping[str, str | int]) -> Checkpoint:
        """Return everything, by name, as it is after `step` iterations."""
        parts: dict[str, Mapping[str, Tensor]] = {
            "weights": self._agent.state_dict(),
            "optimiser": optimiser_state(self._optimiser, self._agent),
            "carried": self._carried,
            "episodes": _as_tensors(self._episodes.state()),
            "rewards": _as_tensors(self._scale.state() if self._scale else {}),
        }
        return Checkpoint(
            step, seconds, machine, {f"{part}/{name}": one for part in parts for name, one in parts[part].items()}
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Put back what `checkpoint` returned."""
        device = next(self._agent.parameters()).device
        self._agent.load_state_dict(_below("weights/", checkpoint.tensors))
        restore_optimiser(self._optimiser, self._agent, _below("optimiser/", checkpoint.tensors))
        self._carried = {name: one.to(device) for name, one in _below("carried/", checkpoint.tensors).items()}
        self._episodes.restore(_as_arrays(_below("episodes/", checkpoint.tensors)))
        if self._scale:
            self._scale.restore(_as_arrays(_below("rewards/", checkpoint.tensors)))

    def _learn(self, rollout: Rollout, advantage: Tensor, returns: Tensor, places: Tensor) -> Tensor:
        """Make one update from the sequences of some places; return its scalars."""
        places = places.to(advantage.device)
        before: Carried = {name: one[places] for name, one in rollout.start.items()}
        read, _ = unroll(self._agent.mind, before, rollout.observations[:, places], rollout.begins[:, places])
        logits, values = self._agent(read)
        losses = ppo_loss(
            logits,
            values,
            rollout.actions[:, places],
            rollout.log_probability[:, places],
            advantage[:, places],
            returns[:, places],
            self._config,
        )
        self._optimiser.zero_grad(set_to_none=False)  # start states learn on where no episode begins
        losses.loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self._agent.parameters(), self._config.max_norm)
        self._optimiser.step()
        return torch.stack([losses.loss.detach(), norm, *losses[1:]])


def _played(rollout: Rollout) -> dict[str, float]:
    """Number, mean true return and mean length of the episodes that ended; NaN for means of none."""
    count = len(rollout.returns)
    means = (float(one.mean()) if count else float("nan") for one in (rollout.returns, rollout.lengths))
    return {"episodes": float(count), **dict(zip(("return", "length"), means, strict=True))}


def _as_tensors(arrays: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(one) for name, one in arrays.items()}


def _as_arrays(tensors: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    return {name: one.numpy() for name, one in tensors.items()}


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
