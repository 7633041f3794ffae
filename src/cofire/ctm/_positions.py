"""Positional encodings: where a token lies, added to its features.

Features are ``(B, *space, F)``: (B, N, F) for sequences, (B, H, W, F) for grids. An encoding is made from the space
alone and has shape ``(*space, F)``.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cofire import checks
from cofire.random import Key


@dataclass(frozen=True, kw_only=True, slots=True)
class LearnableFourier:
    """Learnable Fourier features of the grid coordinates x, y in [0, 1].

        PE = LN(W2 GLU(W1 [cos(Wr p); sin(Wr p)] / sqrt(F) + b1) + b2),     Wr ~ N(0, gamma^-4)

    with F = `frequencies` and `hidden` gated units. Source: Li et al., Learnable Fourier Features, arXiv 2106.02795.
    """

    gamma: float = 1 / 2.5
    frequencies: int = 256
    hidden: int = 128

    def build(self, features: int) -> nn.Module:
        """The module for tokens of F features."""
        return _LearnableFourier(self, features)


@dataclass(frozen=True, kw_only=True, slots=True)
class MultiScaleLearnableFourier:
    """Learnable Fourier features at ten scales (gamma from 1 to 0.1), mixed by a learned softmax."""

    scales: int = 10
    frequencies: int = 256
    hidden: int = 128

    def build(self, features: int) -> nn.Module:
        """The module for tokens of F features."""
        return _MultiScale(self, features)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rotational1D:
    """The vector (0, 1) turned by 0 to 180 degrees along the sequence, mapped linearly to the features."""

    def build(self, features: int) -> nn.Module:
        """The module for tokens of F features."""
        return _Rotational1D(features)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rotational2D:
    """A learned vector turned by 0 to 180 degrees along each side of the grid, both mapped linearly to the features.

    The published code uses the width for both sides, which is right only where H = W; `published=True` keeps to that
    and refuses other grids.
    """

    published: bool = False

    def build(self, features: int) -> nn.Module:
        """The module for tokens of F features."""
        return _Rotational2D(self, features)


Position = LearnableFourier | MultiScaleLearnableFourier | Rotational1D | Rotational2D


def _grid(x: Tensor) -> tuple[int, int]:
    if x.dim() != 4:
        wanted = "features (B, H, W, F)"
        raise checks.InvalidValue(
            checks.message("positions", wanted, f"shape {tuple(x.shape)}", "Rotational1D() encodes sequences")
        )
    return x.shape[1], x.shape[2]


def _turned(vector: Tensor, count: int) -> Tensor:
    """The vector (2,) turned by `count` angles from 0 to 180 degrees, (count, 2)."""
    angle = torch.deg2rad(torch.linspace(0, 180, count, device=vector.device, dtype=vector.dtype))
    cosine, sine = angle.cos(), angle.sin()
    return torch.stack([cosine * vector[0] - sine * vector[1], sine * vector[0] + cosine * vector[1]], -1)


class _LearnableFourier(nn.Module):
    def __init__(self, config: LearnableFourier, features: int):
        super().__init__()
        self.config = config
        self.frequencies = nn.Parameter(torch.empty(config.frequencies // 2, 2))
        self.hidden = nn.Linear(config.frequencies, config.hidden)
        self.out = nn.Linear(config.hidden // 2, features)
        self.norm = nn.LayerNorm(features)

    def initialise(self, key: Key) -> None:
        drawn = key.fold("frequencies").normal(tuple(self.frequencies.shape), std=self.config.gamma**-2)
        self.frequencies.copy_(torch.from_numpy(drawn))

    def forward(self, x: Tensor) -> Tensor:
        height, width = _grid(x)
        steps = [torch.arange(n, device=x.device, dtype=x.dtype) / max(n - 1, 1) for n in (height, width)]
        rows, columns = torch.meshgrid(*steps, indexing="ij")
        angle = torch.stack([columns, rows], -1) @ self.frequencies.t()
        waves = torch.cat([angle.cos(), angle.sin()], -1) / math.sqrt(self.config.frequencies)
        return self.norm(self.out(F.glu(self.hidden(waves), -1)))


class _MultiScale(nn.Module):
    def __init__(self, config: MultiScaleLearnableFourier, features: int):
        super().__init__()
        gammas = [1 - 0.9 * scale / max(config.scales - 1, 1) for scale in range(config.scales)]
        self.scales = nn.ModuleList(
            _LearnableFourier(
                LearnableFourier(gamma=gamma, frequencies=config.frequencies, hidden=config.hidden), features
            )
            for gamma in gammas
        )
        self.mixture = nn.Parameter(torch.empty(config.scales))

    def initialise(self, key: Key) -> None:
        self.mixture.fill_(1.0)

    def forward(self, x: Tensor) -> Tensor:
        encodings = torch.stack([scale(x) for scale in self.scales])
        return torch.einsum("s,shwf->hwf", self.mixture.softmax(0), encodings)


class _Rotational1D(nn.Module):
    def __init__(self, features: int):
        super().__init__()
        self.project = nn.Linear(2, features)

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() != 3:
            got = f"shape {tuple(x.shape)}"
            raise checks.InvalidValue(
                checks.message("positions", "features (B, N, F)", got, "Rotational2D() encodes grids")
            )
        start = torch.tensor([0.0, 1.0], device=x.device, dtype=x.dtype)
        return self.project(_turned(start, x.shape[1]))


class _Rotational2D(nn.Module):
    def __init__(self, config: Rotational2D, features: int):
        super().__init__()
        self.published = config.published
        self.start = nn.Parameter(torch.empty(2))
        self.project = nn.Linear(4, features)

    def initialise(self, key: Key) -> None:
        self.start.copy_(torch.tensor([0.0, 1.0]))

    def forward(self, x: Tensor) -> Tensor:
        height, width = _grid(x)
        if self.published and height != width:
            got = f"{height} x {width}"
            raise checks.InvalidValue(
                checks.message("positions", "a square grid", got, "Rotational2D(published=False)")
            )
        rows = _turned(self.start, height)[:, None].expand(-1, width, -1)
        columns = _turned(self.start, width)[None].expand(height, -1, -1)
        return self.project(torch.cat([rows, columns], -1))
