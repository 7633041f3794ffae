"""Torch tensors from keys: the same bits as the NumPy draws, without a torch generator."""

from typing import Any

import torch

from cofire import checks
from cofire.random._key import Key


def uniform(key: Key, shape: Any, low: float = 0.0, high: float = 1.0, *, step: int = 0) -> torch.Tensor:
    """A float32 tensor of ``key.uniform(shape, step=step, low=low, high=high)``.

    >>> uniform(Key(0), (2, 3), -1, 1).shape
    torch.Size([2, 3])
    """
    return torch.as_tensor(key.uniform(tuple(shape), step=step, low=low, high=high))


def normal(key: Key, shape: Any, mean: float = 0.0, std: float = 1.0, *, step: int = 0) -> torch.Tensor:
    """A float32 tensor of ``key.normal(shape, step=step, mean=mean, std=std)``."""
    return torch.as_tensor(key.normal(tuple(shape), step=step, mean=mean, std=std))


def dropout_mask(key: Key, shape: Any, rate: float, *, step: int = 0) -> torch.Tensor:
    """A float32 mask that is 0 with probability `rate` and 1 / (1 - rate) elsewhere, so that its mean is 1.

    >>> dropout_mask(Key(0), (4, 5), 0.5).unique()
    tensor([0., 2.])
    """
    rate = checks.number("rate", rate, low=0, high=1, fix="give the share of values to drop, below 1")
    if rate == 1:
        raise checks.InvalidValue(checks.message("rate", "a share below 1", "1", "drop fewer values"))
    kept = uniform(key, shape, step=step) >= rate
    return kept.to(torch.float32) / (1 - rate)
