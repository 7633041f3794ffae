"""Torch tensors from keys, without a torch generator: weights, masks, orders and offsets with an address.

The numbers are those that `Key` draws, bit for bit, on the CPU and on CUDA devices alike. Tensors of float64 hold the
float64 draws; tensors of other floating types hold the float32 draws rounded to them. Element i of a tensor is that of
unit i, in row-major order whatever its strides.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from cofire import checks
from cofire.random._address import BERNOULLI, DOUBLE, DROPOUT, NORMAL, SINGLE, UNIFORM, Kind
from cofire.random._key import Key
from cofire.random._parameters import check_normal, check_shape, check_step, check_uniform
from cofire.random._torch import filled

Shape = int | Sequence[int]
Device = torch.device | str | None


def uniform(
    key: Key,
    shape: Shape,
    low: float = 0.0,
    high: float = 1.0,
    *,
    step: int = 0,
    dtype: torch.dtype = torch.float32,
    device: Device = None,
) -> torch.Tensor:
    """Uniform numbers in [low, high), those of `Key.uniform`.

    >>> uniform(Key(0), (2, 3)).numpy().tolist() == Key(0).uniform((2, 3)).tolist()
    True
    """
    return fill_uniform(torch.empty(_shape(shape), dtype=dtype, device=device), key, low, high, step=step)


def normal(
    key: Key,
    shape: Shape,
    mean: float = 0.0,
    std: float = 1.0,
    *,
    step: int = 0,
    dtype: torch.dtype = torch.float32,
    device: Device = None,
) -> torch.Tensor:
    """Normal numbers, those of `Key.normal`.

    >>> normal(Key(0), (2, 3)).numpy().tolist() == Key(0).normal((2, 3)).tolist()
    True
    """
    return fill_normal(torch.empty(_shape(shape), dtype=dtype, device=device), key, mean, std, step=step)


def fill_uniform(tensor: torch.Tensor, key: Key, low: float = 0.0, high: float = 1.0, *, step: int = 0) -> torch.Tensor:
    """Fill a tensor or parameter in place with the numbers of `uniform`, and return it."""
    dtype = _drawn_dtype(tensor)
    low, scale, edge = check_uniform(low, high, dtype)
    return _fill(tensor, key, UNIFORM[dtype], step, low=low, scale=scale, edge=edge)


def fill_normal(tensor: torch.Tensor, key: Key, mean: float = 0.0, std: float = 1.0, *, step: int = 0) -> torch.Tensor:
    """Fill a tensor or parameter in place with the numbers of `normal`, and return it."""
    dtype = _drawn_dtype(tensor)
    mean, std = check_normal(mean, std, dtype)
    return _fill(tensor, key, NORMAL[dtype], step, low=mean, scale=std)


def fill_truncated_normal(
    tensor: torch.Tensor,
    key: Key,
    mean: float = 0.0,
    std: float = 1.0,
    low: float = -2.0,
    high: float = 2.0,
    *,
    step: int = 0,
) -> torch.Tensor:
    """Fill a tensor or parameter in place with normal numbers given that they lie in [low, high], and return it.

    >>> bool((fill_truncated_normal(torch.empty(1000), Key(0), low=0.0) >= 0).all())
    True
    """
    dtype = _drawn_dtype(tensor)
    drawn = key.truncated_normal(low, high, tuple(tensor.shape), step=step, mean=mean, std=std, dtype=dtype)
    tensor.detach().copy_(torch.as_tensor(drawn))
    return tensor


def bernoulli(key: Key, shape: Shape, probability: float, *, step: int = 0, device: Device = None) -> torch.Tensor:
    """Truths, each with this probability, those of `Key.bernoulli`."""
    probability = checks.number("probability", probability, low=0, high=1)
    drawn = torch.empty(_shape(shape), dtype=torch.float64, device=device)
    return _fill(drawn, key, BERNOULLI, step) < probability


def dropout_mask(
    key: Key,
    shape: Shape,
    rate: float,
    *,
    step: int = 0,
    dtype: torch.dtype = torch.float32,
    device: Device = None,
) -> torch.Tensor:
    """A mask that is 0 with probability `rate` and 1 / (1 - rate) elsewhere, so that its mean is 1.

    >>> dropout_mask(Key(0), (4, 5), 0.5).unique()
    tensor([0., 2.])
    """
    rate = checks.number("rate", rate, low=0, high=1, fix="give the share of values to drop, below 1")
    if rate == 1:
        raise checks.InvalidValue(checks.message("rate", "a share below 1", "1", "drop fewer values"))
    drawn = torch.empty(_shape(shape), dtype=torch.float32, device=device)
    return (_fill(drawn, key, DROPOUT, step) >= rate).to(dtype).div_(1 - rate)


def dropout(x: torch.Tensor, key: Key, rate: float, *, step: int = 0) -> torch.Tensor:
    """x with values dropped by a `dropout_mask` of its shape; the same x for rate 0."""
    return x if rate == 0 else x * dropout_mask(key, x.shape, rate, step=step, dtype=x.dtype, device=x.device)


def integers(key: Key, low: int, high: int, shape: Shape, *, step: int = 0, device: Device = None) -> torch.Tensor:
    """Integers in [low, high), int64, those of `Key.integers`."""
    return torch.as_tensor(key.integers(low, high, _shape(shape), step=step)).to(device)


def permutation(key: Key, n: int, *, step: int = 0, device: Device = None) -> torch.Tensor:
    """0 to n - 1 in random order, int64 (n,): the order of the data in epoch `step`, that of `Key.permutation`.

    >>> permutation(Key(0), 5, step=3).sort().values
    tensor([0, 1, 2, 3, 4])
    """
    return torch.as_tensor(key.permutation(n, step=step)).to(device)


def offsets(
    key: Key, positions: Sequence[int] | np.ndarray, limit: int, *, axes: int = 2, step: int = 0, device: Device = None
) -> torch.Tensor:
    """Whole offsets in [-limit, limit] per example and axis, int64 (B, axes), to shift what it shows.

    They belong to the example's own position (and to the step, an epoch say), not to its place in a batch.

    >>> bool((offsets(Key(0), [7, 8], 2)[1] == offsets(Key(0), [8, 3], 2)[0]).all())
    True
    """
    limit = checks.integer("limit", limit, low=0)
    parts = [
        key.fold("axis", axis).units(positions).integers(step, -limit, limit + 1)
        for axis in range(checks.integer("axes", axes, low=1))
    ]
    return torch.as_tensor(np.stack(parts, axis=1)).to(device)


def _shape(shape: Shape) -> tuple[int, ...]:
    return check_shape(tuple(shape) if isinstance(shape, Sequence) else shape)


def _drawn_dtype(tensor: Any) -> np.dtype:
    """The type whose draws a tensor holds."""
    checks.instance("tensor", tensor, torch.Tensor, fix="give a tensor or parameter to be filled")
    if not tensor.dtype.is_floating_point or not tensor.numel():
        got = f"{tensor.dtype} of shape {tuple(tensor.shape)}"
        raise checks.InvalidType(checks.message("tensor", "floating-point numbers to fill", got, "check the tensor"))
    return DOUBLE if tensor.dtype == torch.float64 else SINGLE


def _fill(tensor: torch.Tensor, key: Key, kind: Kind, step: int, **affine: float) -> torch.Tensor:
    checks.instance("key", key, Key, fix="give a cofire.random.Key")
    step = check_step(step)
    drawn = torch.float32 if kind.lanes == 4 else torch.float64
    if tensor.is_contiguous() and tensor.dtype == drawn:
        filled(tensor, key, kind, step, **affine)
    else:
        fresh = torch.empty(tensor.shape, dtype=drawn, device=tensor.device)
        tensor.detach().copy_(filled(fresh, key, kind, step, **affine))
    return tensor
