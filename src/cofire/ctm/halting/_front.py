"""What thinking longer buys: accuracy against mean ticks, for fixed lengths, for confidence, and for an oracle."""

from typing import NamedTuple

import torch
from torch import Tensor

from cofire.ctm._thought import Thought
from cofire.ctm.halting._calibrated import confidence, fit_temperature
from cofire.ctm.halting._replay import answered_right, check_judged

POINTS = 200


class Curve(NamedTuple):
    """Points by rising mean ticks: `ticks` (K,), `accuracy` (K,), and the `threshold` of each (NaN where none is)."""

    ticks: Tensor
    accuracy: Tensor
    threshold: Tensor


class Front(NamedTuple):
    """Accuracy against mean ticks.

    `fixed`: everybody stops after the same tick. `certain` and `confident`: the Pareto front of stopping at a threshold
    of certainty, and of calibrated confidence. `oracle`: the bound; whoever knows when a sample will be right spends no
    tick more on it, and a single one where thinking never helps.
    """

    fixed: Curve
    certain: Curve
    confident: Curve
    oracle: Curve


def front(thought: Thought, right: Tensor, *, positions: int = 1, temperature: float | None = None) -> Front:
    """What could be saved on held-out examples.

    Arguments: `thought`, the full run; `right` (N, T) as for `calibrate`; `positions` of the answer; the `temperature`
    of the confidence, None to fit it here.

    >>> certainty = torch.tensor([[0.9, 0.9, 0.9], [0.1, 0.8, 0.9]])
    >>> right = torch.tensor([[1.0, 1.0, 1.0], [0.0, 1.0, 1.0]])
    >>> found = front(Thought(torch.zeros(2, 4, 3), certainty), right)
    >>> found.oracle.ticks.tolist(), found.oracle.accuracy.tolist()
    ([1.0, 1.5], [0.5, 1.0])
    """
    right = check_judged(thought, right)
    answered = answered_right(thought, right)
    logits = thought.logits.movedim(-1, 1)
    if temperature is None:
        temperature = fit_temperature(logits, right, positions)
    length = torch.arange(1, right.shape[1] + 1, dtype=torch.float64)
    return Front(
        fixed=Curve(length, answered.mean(0).cpu(), torch.full_like(length, torch.nan)),
        certain=_thresholds(thought.certainty, answered),
        confident=_thresholds(confidence(logits, temperature, positions), answered),
        oracle=_oracle(right),
    )


def _thresholds(sure: Tensor, answered: Tensor) -> Curve:
    """The Pareto front of stopping where `sure` (N, T) reaches a threshold."""
    values = sure.double().flatten().sort().values
    levels = (torch.linspace(0, 1, POINTS, dtype=torch.float64) * (len(values) - 1)).long()
    points = []
    for threshold in values[levels.to(values.device)].unique().tolist():
        reached = sure.double() >= threshold
        reached[:, -1] = True
        stop = reached.to(torch.int64).argmax(1)
        points.append((stop.double().mean().item() + 1, answered.gather(1, stop[:, None]).mean().item(), threshold))
    return _pareto(points)


def _oracle(right: Tensor) -> Curve:
    """The best mean rightness for every mean of ticks: each sample's own best trade, sum max_t (r_t - price t)."""
    length = right.shape[1]
    ticks = torch.arange(length, dtype=right.dtype, device=right.device)
    prices = torch.cat(
        [1 / (steps := torch.arange(length, 0, -1, dtype=right.dtype)) * 1.0001, steps.new_tensor([2.0])]
    )
    prices = torch.cat([prices * scale for scale in (0.001, 0.01, 0.1, 1.0)]).unique()
    points = []
    for price in prices.tolist():
        best = (right - price * ticks).argmax(1)
        points.append((best.double().mean().item() + 1, right.gather(1, best[:, None]).mean().item(), torch.nan))
    return _pareto(points)


def _pareto(points: list[tuple[float, float, float]]) -> Curve:
    """Those points that no other beats in both, by rising ticks."""
    kept: list[tuple[float, float, float]] = []
    for point in sorted(points, key=lambda one: (one[0], -one[1])):
        if not kept or point[1] > kept[-1][1]:
            kept.append(point)
    return Curve(*(torch.tensor(column, dtype=torch.float64) for column in zip(*kept, strict=True)))
