"""Synapse models: what every neuron receives from all others and from what the machine attends to.

A synapse model maps x = [o; z] (what was observed, (B, I), and the activations, (B, D)) to pre-activations a, (B, D).
Its first step is linear, so that when nothing lies between, a linear map that ends in o (the output projection of the
attention) is multiplied into its weights once per call.

Source: Darlow et al., Continuous Thought Machines, arXiv 2505.05522, section 3.2.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cofire import checks
from cofire.ctm._deferred import learns, linear_map
from cofire.ctm._recomputed import Map, Part
from cofire.random import Key
from cofire.random.torch_ import dropout_mask


@dataclass(frozen=True, kw_only=True, slots=True)
class SynapseBlock:
    """Dropout, linear to 2D, gated linear unit, layer norm: a = LN(GLU(W [o; z] + b)).

    `blocks` such steps follow each other (the published control machines use two); only the first sees o.
    """

    blocks: int = 1
    dropout: float = 0.0

    def __post_init__(self) -> None:
        checks.integer("blocks", self.blocks, low=1)
        checks.number("dropout", self.dropout, low=0, high=0.99)

    def build(self, neurons: int, inputs: int) -> "Synapse":
        """The module for D neurons and I observed inputs."""
        return Blocks(self, neurons, inputs)


@dataclass(frozen=True, kw_only=True, slots=True)
class SynapseUNet:
    """A U-Net over the neurons: `depth` widths from D down to `narrowest` and back, with normalised skips.

    >>> SynapseUNet(depth=4).widths(64)
    [64, 48, 32, 16]
    """

    depth: int
    narrowest: int = 16
    dropout: float = 0.0

    def __post_init__(self) -> None:
        checks.integer("depth", self.depth, low=2, fix="a depth of 1 is SynapseBlock()")
        checks.integer("narrowest", self.narrowest, low=1)
        checks.number("dropout", self.dropout, low=0, high=0.99)

    def widths(self, neurons: int) -> list[int]:
        """The widths on the way down: equally spaced, rounded towards zero."""
        checks.integer("neurons", neurons, low=self.narrowest, fix=f"narrowest={neurons} or fewer, or SynapseBlock()")
        return [int(width) for width in np.linspace(neurons, self.narrowest, self.depth)]

    def build(self, neurons: int, inputs: int) -> "Synapse":
        """The module for D neurons and I observed inputs."""
        return UNet(self, neurons, inputs)


Whole = Callable[[Tensor, Key | None, int], Tensor]  # from [o; z] to pre-activations, in a tick


class SynapseConstants(NamedTuple):
    """The synapse model of a call, prepared: of [o; z], where o is as it is or still lacks a linear map of its own."""

    direct: Whole
    folded: Whole | None  # the same with the observation's last linear map multiplied into the first map
    projection: Map | None  # that map by itself, where gradients are wanted or dropout stands between
    key: Key | None


class Synapse(nn.Module):
    """A synapse model: its first linear map, and in subclasses what follows it."""

    def __init__(self, inputs: int, dropout: float, first: nn.Linear):
        super().__init__()
        self.inputs, self.dropout, self.first = inputs, dropout, first

    def constants(self, projection: tuple[Tensor, Tensor] | None, key: Key | None) -> SynapseConstants:
        """Prepare the maps, and fold the observation's last map (weight (I, I'), bias (I,)) into the first.

        With gradients that map stays by itself: folded weights and their gradients are as large as those of the first.
        """
        if projection is None:
            return SynapseConstants(self.whole(None), None, None, key)
        if torch.is_grad_enabled() or (self.training and self.dropout > 0):
            return SynapseConstants(self.whole(None), None, linear_map(*projection), key)
        return SynapseConstants(self.whole(None), self.whole(projection), None, None)

    def first_map(self, projection: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor]:
        """Weight and bias of the map of [o; z], with the map that o still lacks multiplied in, where there is one."""
        weight, bias = self.first.weight, self.first.bias
        if projection is None:
            return weight, bias
        observed, activations = weight[:, : self.inputs], weight[:, self.inputs :]
        return torch.cat([observed @ projection[0], activations], 1), torch.addmv(bias, observed, projection[1])

    def forward(
        self, observed: Tensor, activation: Tensor, constants: SynapseConstants, tick: int, *, project: bool
    ) -> Tensor:
        """Pre-activations (B, D) from activations (B, D) and what was observed, to be projected first or not."""
        whole = constants.direct
        if project and constants.folded is not None:
            whole = constants.folded
        elif project and constants.projection is not None:
            observed = constants.projection(observed)
        observed = self.drop(observed, constants.key, "observed", tick)
        activation = self.drop(activation, constants.key, "activations", tick)
        return whole(torch.cat([observed, activation], 1), constants.key, tick)

    def drop(self, x: Tensor, key: Key | None, place: str | int, tick: int) -> Tensor:
        """Dropout with a mask addressed by the place and the tick; without a key, nothing."""
        if key is None:
            return x
        return x * dropout_mask(key.fold(place), tuple(x.shape), self.dropout, step=tick)

    def whole(self, projection: tuple[Tensor, Tensor] | None) -> Whole:
        """All linear maps prepared, the first with `projection` multiplied in, and what lies between them."""
        raise NotImplementedError


class Blocks(Synapse):
    """The module of a `SynapseBlock`."""

    def __init__(self, config: SynapseBlock, neurons: int, inputs: int):
        super().__init__(inputs, config.dropout, nn.Linear(inputs + neurons, 2 * neurons))
        self.norm = nn.LayerNorm(neurons)
        self.more = nn.ModuleList(
            nn.ModuleDict({"linear": nn.Linear(neurons, 2 * neurons), "norm": nn.LayerNorm(neurons)})
            for _ in range(config.blocks - 1)
        )

    def whole(self, projection: tuple[Tensor, Tensor] | None) -> Whole:
        linears = [block["linear"] for block in self.more]  # pyright: ignore[reportIndexIssue]
        later = [linear_map(linear.weight, linear.bias) for linear in linears]
        return partial(self._through, [linear_map(*self.first_map(projection)), *later])

    def _through(self, maps: Sequence[Map], x: Tensor, key: Key | None, tick: int) -> Tensor:
        x = self.norm(F.glu(maps[0](x), -1))
        for block, linear in zip(self.more, maps[1:], strict=True):
            x = block["norm"](F.glu(linear(x), -1))  # pyright: ignore[reportIndexIssue]
        return x


class _Step(nn.Module):
    """A linear map and a layer norm, which a SiLU follows."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.linear, self.norm = nn.Linear(inputs, outputs), nn.LayerNorm(outputs)


class UNet(Synapse):
    """The module of a `SynapseUNet`."""

    def __init__(self, config: SynapseUNet, neurons: int, inputs: int):
        super().__init__(inputs, config.dropout, nn.Linear(inputs + neurons, neurons))
        widths = config.widths(neurons)
        self.norm = nn.LayerNorm(neurons)
        self.down = nn.ModuleList(_Step(wide, narrow) for wide, narrow in pairwise(widths))
        self.up = nn.ModuleList(_Step(narrow, wide) for wide, narrow in pairwise(widths))
        self.skip_norms = nn.ModuleList(nn.LayerNorm(wide) for wide in widths[:-1])

    def whole(self, projection: tuple[Tensor, Tensor] | None) -> Whole:
        """Where gradients are wanted little in between is kept: it would be most of a tick's memory."""
        linears: list[Any] = [step.linear for step in (*self.down, *reversed(self.up))]  # pyright: ignore
        maps = [self.first_map(projection), *((linear.weight, linear.bias) for linear in linears)]
        if learns():
            return Part(self._through, maps, self._norms())
        prepared, norms = [linear_map(*one) for one in maps], self._norms()
        return lambda x, key, tick: self._through(x, prepared, norms, key, tick)

    def _norms(self) -> list[Tensor]:
        """Scale and shift of every norm, in the order of their use."""
        norms = [self.norm, *(step.norm for step in self.down)]
        for level in reversed(range(len(self.up))):
            norms += [self.up[level].norm, self.skip_norms[level]]
        return [tensor for norm in norms for tensor in (norm.weight, norm.bias)]  # pyright: ignore

    def _through(self, x: Tensor, maps: Sequence[Map], norms: Sequence[Tensor], key: Key | None, tick: int) -> Tensor:
        linear, norm = iter(maps), iter(norms)
        skips = [F.silu(_normalised(next(linear)(x), norm))]
        for place in range(len(self.down)):
            x = next(linear)(self.drop(skips[-1], key, place, tick))
            skips.append(F.silu(_normalised(x, norm)))
        x = skips.pop()
        for level in reversed(range(len(self.up))):
            x = next(linear)(self.drop(x, key, f"up {level}", tick))
            x = _normalised(F.silu(_normalised(x, norm)) + skips[level], norm)
        return x


def _normalised(x: Tensor, norm: Iterator[Tensor]) -> Tensor:
    """Layer norm by the next scale and shift."""
    return F.layer_norm(x, x.shape[-1:], next(norm), next(norm))
