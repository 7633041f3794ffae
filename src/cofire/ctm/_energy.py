"""The training loss of a machine with an energy head: low energy where the answer is right, high where it is wrong."""

import torch.nn.functional as F
from torch import Tensor

from cofire import checks


def energy_loss(logits: Tensor, energy: Tensor, targets: Tensor, *, margin: float = 5.0, weight: float = 0.5) -> Tensor:
    """Cross-entropy, and a hinge that pulls energies of right answers to 0 and of wrong ones to the margin.

        L = mean_{b,t} ( -log softmax(y_bt)[k_b] + w e_bt )
        e = E^2 where argmax y is right, relu(m - E)^2 where it is wrong

    Arguments: `logits` (B, C, T), `energy` (B, T) of the thought, `targets` (B,) integers below C, the `margin` m and
    the `weight` w. Returns a scalar. A thought may then stop where its energy falls (`Thought.lowest_energy`).

    Raises InvalidValue where shapes do not fit. Source: the published machine has the head and no loss; this is the one
    that a public fork of its code trains it with.

    >>> import torch
    >>> logits = torch.tensor([[[9.0, -9.0], [-9.0, 9.0]]])  # right at the first tick, wrong at the second
    >>> round(energy_loss(logits, torch.tensor([[0.0, 5.0]]), torch.tensor([0])).item(), 3)
    9.0
    >>> round(energy_loss(logits, torch.tensor([[2.0, 4.0]]), torch.tensor([0])).item(), 3)
    10.25
    """
    batch, _, ticks = checks.shape("logits", logits, ("B", "C", "T")).shape
    checks.shape("energy", energy, (batch, ticks), fix="thought.energy of a machine with an EnergyHead")
    checks.shape("targets", targets, (batch,), fix="one class per example")
    shares = logits.float().log_softmax(1)
    surprise = -shares.gather(1, targets[:, None, None].expand(-1, 1, ticks)).squeeze(1)
    right = logits.argmax(1) == targets[:, None]
    error = energy.square().where(right, F.relu(margin - energy).square())
    return (surprise + weight * error).mean()
