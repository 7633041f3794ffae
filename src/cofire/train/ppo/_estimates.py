"""The arithmetic of proximal policy optimisation."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from cofire.train.ppo._config import PPOConfig


def advantages(
    rewards: Float[Tensor, "S B"],
    values: Float[Tensor, "S+1 B"],
    ended: Bool[Tensor, "S B"],
    *,
    discount: float,
    trace: float,
) -> Float[Tensor, "S B"]:
    """The generalised advantage estimate of S steps in B places:

        d_s = r_s + gamma V_{s+1} - V_s
        A_s = d_s + gamma lambda A_{s+1}

    with V_{s+1} = A_{s+1} = 0 where the episode ended with step s. `values` has one row more, what is expected after
    the last step. Source: Schulman et al., arXiv 1506.02438.

    >>> advantages(torch.ones(2, 1), torch.zeros(3, 1), torch.zeros(2, 1).bool(), discount=0.5, trace=1.0)[:, 0]
    tensor([1.5000, 1.0000])
    """
    goes_on = (~ended).to(values.dtype)
    errors = rewards + discount * goes_on * values[1:] - values[:-1]
    weights = discount * trace * goes_on
    found, last = torch.empty_like(errors), torch.zeros_like(errors[0])
    for s in range(len(errors) - 1, -1, -1):
        last = errors[s] + weights[s] * last
        found[s] = last
    return found


class Losses(NamedTuple):
    """The loss of a minibatch and what it is made of; scalars."""

    loss: Tensor
    policy: Tensor
    value: Tensor
    entropy: Tensor
    divergence: Tensor  # of the new policy from the old one, in nats
    clipped: Tensor  # share of the ratios beyond the clip


def ppo_loss(
    logits: Float[Tensor, "*N actions"],
    values: Float[Tensor, "*N"],
    actions: Int[Tensor, "*N"],
    old_log_probability: Float[Tensor, "*N"],
    advantage: Float[Tensor, "*N"],
    returns: Float[Tensor, "*N"],
    config: PPOConfig,
) -> Losses:
    """The clipped objective, over any number of steps:

        rho = pi(a) / pi_old(a)
        L = -mean min(rho A, clamp(rho, 1 - c, 1 + c) A) - c_e mean H(pi) + c_v mean (V - R)^2 / 2

    with the advantages A brought to mean 0 and deviation 1 first, where the configuration says so. The divergence is
    the mean of rho - 1 - log rho. Source: Schulman et al., arXiv 1707.06347.
    """
    log_policy = logits.log_softmax(-1)
    log_ratio = log_policy.gather(-1, actions.unsqueeze(-1)).squeeze(-1) - old_log_probability
    ratio = log_ratio.exp()
    if config.normalise_advantages:
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
    bounded = ratio.clamp(1 - config.clip, 1 + config.clip)
    policy = -torch.minimum(ratio * advantage, bounded * advantage).mean()
    value = 0.5 * (values - returns).square().mean()
    entropy = -(log_policy.exp() * log_policy).sum(-1).mean()
    loss = policy - config.entropy * entropy + config.value * value
    with torch.no_grad():
        divergence = (ratio - 1 - log_ratio).mean()
        clipped = ((ratio - 1).abs() > config.clip).float().mean()
    return Losses(loss, policy.detach(), value.detach(), entropy.detach(), divergence, clipped)


def explained(values: Tensor, returns: Tensor) -> Tensor:
    """The share of the returns' variance that the critic foresaw; NaN where they do not vary."""
    spread = returns.var()
    return torch.where(spread > 0, 1 - (returns - values).var() / spread, torch.nan)


def choose(logits: Float[Tensor, "B actions"], uniform: Float[Tensor, " B"]) -> Int[Tensor, " B"]:
    """Return an action for each row, the one in whose share of [0, 1) the uniform number lies.

    >>> choose(torch.zeros(2, 4), torch.tensor([0.1, 0.6])).tolist()
    [0, 2]
    """
    shares = logits.softmax(-1).cumsum(-1)
    return (shares[:, :-1] <= uniform[:, None]).sum(-1)
