"""Calibrated confidence: a temperature that makes it mean what it says, and the threshold that keeps the accuracy.

The confidence in an answer of one or more positions is the mean of its largest probabilities,

    p = mean_positions max_k softmax(y / tau)_k

The temperature tau is fitted so that p is the share of the answer that is right: it minimises the cross-entropy

    - r log p - (1 - r) log(1 - p)

over held-out examples and ticks, with r the share that was right. Source: Guo et al., On calibration of modern neural
networks, arXiv 1706.04599, whose likelihood of the true class becomes that of being right, so that any task will do.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from cofire import checks
from cofire.ctm._thought import Thought
from cofire.ctm.halting._policy import Kept, Seen
from cofire.ctm.halting._replay import answered_right, check_judged
from cofire.ctm.halting._rules import share

TEMPERATURES = (0.02, 50.0)  # where the best is sought
THRESHOLDS = 400  # candidates, at the quantiles of the confidence
TINY = 1e-6


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Stop when the calibrated confidence reaches `threshold`; made by `halting.calibrate`.

    Raises InvalidValue for a temperature that is not above 0, or a threshold outside (0, 1).
    """

    temperature: float
    threshold: float

    def __post_init__(self) -> None:
        checks.number("temperature", self.temperature, above=0, fix="halting.calibrate(thought, right)")
        share("threshold", self.threshold, "halting.calibrate(thought, right)")

    def confidence(self, logits: Tensor, positions: int = 1) -> Tensor:
        """The share of the answer that is expected to be right: (b, out) -> (b,)."""
        return confidence(logits, self.temperature, positions)

    def start(self, batch: int) -> None:
        """Any number of samples."""

    def step(self, seen: Seen, kept: Kept | None) -> tuple[Tensor, Kept]:
        """Stop where p >= threshold."""
        return self.confidence(seen.logits, seen.positions) >= self.threshold, ()


def confidence(logits: Tensor, temperature: float, positions: int = 1) -> Tensor:
    """The mean over positions of the largest probability at a temperature: (…, out) -> (…,).

    >>> confidence(torch.tensor([[0.0, 0.0], [0.0, 100.0]]), 1.0).tolist()
    [0.5, 1.0]
    """
    return torch.softmax(logits.unflatten(-1, (positions, -1)) / temperature, -1).amax(-1).mean(-1)


def calibrate(thought: Thought, right: Tensor, *, positions: int = 1, loss: float = 0.002) -> Calibrated:
    """Fit temperature and threshold to held-out examples.

    Arguments: `thought`, the full run over N examples; `right` (N, T), the share of each tick's answer that is right
    (`halting.rightness` for classes); `positions` of the answer; `loss`, the accuracy that may be lost against the full
    run, 0.002 for 0.2 points. The lowest threshold is taken above which all lose no more than `allowance(loss, N)` on
    these examples, so that `loss` is what to expect of others. How much a set of n others comes to lies about
    sqrt(loss / n) around that.

    Raises InvalidValue where shapes do not fit, for logits that are not finite, or for an impossible loss.

    >>> logits = torch.tensor([[[0.0, 1.0, 2.0], [0.0, 0.0, 0.0]]]).expand(8, 2, 3)
    >>> right = torch.tensor([[0.0, 1.0, 1.0]]).expand(8, 3)
    >>> policy = calibrate(Thought(logits, torch.tensor([[0.0, 0.2, 0.5]]).expand(8, 3)), right)
    >>> round(policy.threshold, 3) > 0.5
    True
    """
    right = check_judged(thought, right)
    checks.number("loss", loss, low=0, high=1, fix="loss=0.002 for 0.2 points of accuracy")
    logits = thought.logits.movedim(-1, 1)  # (N, T, out)
    temperature = fit_temperature(logits, right, positions)
    sure = confidence(logits, temperature, positions)
    candidates = _candidates(sure)
    answered = answered_right(thought, right)
    wanted = answered[:, -1].mean().item() - allowance(loss, len(right))
    best = candidates[-1]
    for threshold in reversed(candidates):  # fewer ticks with each, until too much is lost: no lucky dip below that
        if answered.gather(1, _stops(sure, threshold)[:, None]).mean().item() < wanted - TINY:
            break
        best = threshold
    return Calibrated(temperature, best)


def allowance(loss: float, examples: int) -> float:
    """The mean loss that N examples may show on which a policy is set, where `loss` is to be expected of others,

        ((N + 1) loss - 1) / N

    and 0 where N < 1 / loss are too few to expect it. What a policy was set on flatters it: by as much as one example
    more that is lost. Source: Angelopoulos et al., Conformal risk control, arXiv 2208.02814.

    >>> allowance(0.002, 100), round(allowance(0.002, 9999), 4)
    (0.0, 0.0019)
    """
    return max(((examples + 1) * loss - 1) / examples, 0.0)


def fit_temperature(logits: Tensor, right: Tensor, positions: int = 1) -> float:
    """The temperature at which confidence (…,) in logits (…, out) best agrees with `right` (…,), by golden section."""
    low, high = (torch.tensor(bound, dtype=torch.float64).log().item() for bound in TEMPERATURES)
    logits, right = logits.detach().double(), right.double()
    golden = (5**0.5 - 1) / 2

    def surprise(log_temperature: float) -> float:
        p = confidence(logits, float(torch.tensor(log_temperature).exp()), positions).clamp(TINY, 1 - TINY)
        return -(right * p.log() + (1 - right) * (1 - p).log()).mean().item()

    while high - low > 1e-3:
        left, middle = high - golden * (high - low), low + golden * (high - low)
        if surprise(left) <= surprise(middle):
            high = middle
        else:
            low = left
    return float(torch.tensor((low + high) / 2).exp())


def _candidates(sure: Tensor) -> list[float]:
    """Thresholds at which something changes, ascending, inside (0, 1)."""
    levels = torch.linspace(0, 1, THRESHOLDS, dtype=torch.float64, device=sure.device)
    values = sure.double().flatten().sort().values
    chosen = values[(levels * (len(values) - 1)).long()].clamp(TINY, 1 - TINY)
    return sorted(set(chosen.tolist()))


def _stops(sure: Tensor, threshold: float) -> Tensor:
    """The tick (from 0) at which confidence (N, T) reaches the threshold, the last where it never does."""
    reached = sure >= threshold
    reached[:, -1] = True
    return reached.to(torch.int64).argmax(1)
