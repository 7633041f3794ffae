"""What tasks share that are answered at several positions at once."""

from torch import Tensor

from cofire import checks
from cofire.tasks import losses


def by_position(logits: Tensor, positions: int, classes: int) -> Tensor:
    """Return logits (B, R C, T) as (B, R, C, T); raise `InvalidValue` that names the right head where they do not fit.

    >>> import torch
    >>> tuple(by_position(torch.zeros(3, 20, 7), 2, 10).shape)
    (3, 2, 10, 7)
    """
    outputs = positions * classes
    fix = f"Answer(outputs={outputs}, positions={positions})"
    return checks.shape("logits", logits, ("B", outputs, "T"), fix=fix).unflatten(1, (positions, classes))


def score_positions(logits: Tensor, targets: Tensor, tick: Tensor) -> dict[str, Tensor]:
    """Return the share of positions that are right at the tick, and whether all of them are, (B,) each.

    Shapes: logits (B, R, C, T), targets (B, R), tick (B,).
    """
    right = losses.right_positions(logits, targets, tick)
    return {"accuracy": right.float().mean(dim=1), "whole": right.all(dim=1).float()}


def means(scores: dict[str, Tensor], tick: Tensor) -> dict[str, Tensor]:
    """Return what a loss reports: the means of the scores, and of the thinking time (ticks)."""
    return {**{name: score.mean() for name, score in scores.items()}, "thinking_time": tick.float().mean() + 1}
