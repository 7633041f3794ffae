"""Torch tensors from addresses: on the CPU by the loops of NumPy arrays, on CUDA by Triton or by plain operations."""

import math
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from cofire.random import _recipe
from cofire.random._address import WORD, Kind, tag
from cofire.random._fill import fill
from cofire.random._parameters import check_steps

if TYPE_CHECKING:
    from cofire.random._key import Key


def root(x: torch.Tensor) -> torch.Tensor:
    """The exactly rounded square root; that of torch's CPU library is off by a last bit now and then."""
    return torch.from_numpy(np.sqrt(x.numpy())) if x.device.type == "cpu" else torch.sqrt(x)


PRIMITIVES = {
    "double": lambda x: x.to(torch.float64),
    "single": lambda x: x.to(torch.float32),
    "bits": lambda x: x.view(torch.int64),
    "from_bits": lambda x: x.view(torch.float64),
    "root": root,
    "select": torch.where,
}
RECIPE = _recipe.bind(PRIMITIVES)


def filled(
    tensor: torch.Tensor,
    key: "Key",
    kind: Kind,
    step: int,
    *,
    low: float = 0.0,
    scale: float = 1.0,
    edge: float = math.inf,
) -> torch.Tensor:
    """The tensor, contiguous and of float32 (four lanes) or float64 (two), with min(low + scale x, edge) written in."""
    target, steps = tensor.detach(), check_steps(step)
    units = key.units(range(target.numel()))
    if target.device.type == "cpu":
        fill(target.view(1, -1).numpy(), units, steps, kind, low=low, scale=scale, edge=edge)
    elif target.device.type == "cuda":
        with torch.cuda.device(target.device):
            (by_triton() or by_operations)(target, key.words, int(steps[0]), kind, low, scale, edge)
    else:  # a device without doubles or integers of 64 bits
        host = torch.empty(target.shape, dtype=target.dtype, device="cpu")
        target.copy_(filled(host, key, kind, step, low=low, scale=scale, edge=edge))
    return tensor


@cache
def by_triton() -> Any:
    """The function that fills by Triton, or None where Triton is not installed."""
    if find_spec("triton") is None:
        return None
    from cofire.random import _triton

    return _triton.fill


def by_operations(
    out: torch.Tensor, words: tuple[int, int], step: int, kind: Kind, low: float, scale: float, edge: float
) -> torch.Tensor:
    """Fill by torch operations, on any device that has doubles; slow, and the definition that kernels are held to."""
    blocks = torch.arange(-(-out.numel() // kind.lanes), dtype=torch.int64, device=out.device)
    c2, c3 = (torch.full_like(blocks, word) for word in (step & WORD, step >> 32 << 24 | tag(kind.channel)))
    drawn = RECIPE["philox"](blocks & WORD, blocks >> 32, c2, c3, *words)
    x = torch.stack(RECIPE[kind.block](*drawn), dim=1).view(-1)[: out.numel()]
    x = x.to(torch.float32).to(torch.float64) if kind.lanes == 4 else x
    return out.view(-1).copy_((low + scale * x).clamp_(max=edge)).view(out.shape)
