"""Thoughts made of numbers, and policies written as loops over one sample."""

import math

import torch

from cofire import Key, Thought
from cofire.ctm import certainty, halting


def thought(batch: int = 7, ticks: int = 9, *, positions: int = 1, classes: int = 3, step: int = 0) -> Thought:
    """A thought that grows surer, with answers that change on the way."""
    key = Key(3)
    drift = key.fold("drift").normal((batch, positions * classes, 1), step=step)
    noise = key.fold("noise").normal((batch, positions * classes, ticks), step=step)
    time = torch.arange(1, ticks + 1, dtype=torch.float32) / ticks
    logits = 6 * torch.from_numpy(drift) * time + torch.from_numpy(noise) * (1 - 0.8 * time)
    energy = torch.from_numpy(key.fold("energy").normal((batch, ticks), step=step))
    return Thought(logits, certainty(logits.movedim(-1, 1), positions), energy=energy)


def stopping_tick(policy, made: Thought, sample: int, positions: int = 1) -> int:
    """How many ticks a sample thinks, by the plain definition of the policy."""
    ticks = made.certainty.shape[1]
    sure, energy = made.certainty[sample].tolist(), made.energy[sample].tolist()
    answers = made.logits[sample].unflatten(0, (positions, -1)).argmax(1).t().tolist()  # (T, positions)
    for t in range(ticks):
        if isinstance(policy, halting.Certainty):
            stops = sure[t] >= policy.threshold
        elif isinstance(policy, halting.Patience):
            stops = t >= policy.ticks and all(answers[t - k] == answers[t] for k in range(policy.ticks + 1))
        elif isinstance(policy, halting.Plateau):
            highest, since = sure[0], 0
            for now in sure[1 : t + 1]:
                highest, since = (now, 0) if now > highest + policy.rise else (highest, since + 1)
            stops = since >= policy.ticks and sure[t] >= policy.least
        elif isinstance(policy, halting.EnergyMinimum):
            lowest = min(range(t + 1), key=lambda s: (energy[s], -s))  # the last of equals
            stops = t - lowest >= policy.ticks
        else:
            shares = []
            for position in made.logits[sample, :, t].unflatten(0, (positions, -1)).tolist():
                largest = max(position)
                weights = [math.exp((y - largest) / policy.temperature) for y in position]
                shares.append(1 / sum(weights))
            stops = sum(shares) / positions >= policy.threshold
        if stops:
            return t + 1
    return ticks
