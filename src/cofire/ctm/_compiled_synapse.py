"""A synapse model as a list of compiled steps between buffers that are made once."""

import struct
from typing import Any

import torch
from torch import Tensor, nn

from cofire import kernels
from cofire.ctm._dense import FEW_SAMPLES, FEWEST_OUTPUTS, SMALL, Dense, work_of_few
from cofire.ctm._synapses import Blocks, Synapse
from cofire.ctm._torch_threads import Work, address
from cofire.kernels import Kernel


class Product:
    """y = x W^T + b from one buffer into another."""

    def __init__(self, weight: Tensor, bias: Tensor, x: Tensor):
        self.x, self.weight, self.bias = x, weight.detach().contiguous(), bias.detach().contiguous()
        self.y = x.new_empty(len(x), len(weight))
        few = (len(x) < FEW_SAMPLES or weight.numel() < SMALL) and len(weight) >= FEWEST_OUTPUTS
        self.work = work_of_few(x, self.weight, self.bias, self.y) if few else None
        self.dense = Dense(self.weight, self.bias)

    def __call__(self) -> Tensor:
        """Compute y; what is returned holds it until the next call."""
        if self.work is None:
            return self.dense(self.x)
        self.work()
        return self.y

    def keep(self, rows: Tensor) -> None:
        """Go on with some of the samples, whose inputs have moved up."""
        self.x = self.x[: len(rows)]
        if self.work is not None:
            self.work.numbers[2] = len(rows)


class Norm:
    """A layer norm with what the kernel puts around it, from any buffer into one of its own."""

    def __init__(self, kernel: Kernel, norm: nn.LayerNorm, batch: int, *, skip: Tensor | None = None):
        scale, shift = norm.weight.detach(), norm.bias.detach()
        self.y = scale.new_empty(batch, len(scale))
        self.kept = (scale, shift, skip)
        (eps,) = struct.unpack("q", struct.pack("d", norm.eps))
        side = (0, 0) if skip is None else (skip.data_ptr(), 4 * skip.stride(0))
        step = 4 * self.y.stride(0)
        addresses = [0, side[0], *(address(one) for one in (self.y, scale, shift))]
        self.work = Work(kernel.address, [batch, len(scale), eps, *addresses, 0, side[1], step])

    def __call__(self, x: Tensor) -> Tensor:
        """Compute y."""
        self.work.numbers[4], self.work.numbers[9] = x.data_ptr(), 4 * x.stride(0)
        self.work()
        return self.y

    def keep(self, rows: Tensor) -> None:
        """Go on with some of the samples."""
        self.work.numbers[1] = len(rows)


Stage = tuple[Product | None, list[Norm]]  # a product, and the norms that follow it one after the other


class CompiledSynapse:
    """A synapse model for B samples whose inputs [o; z] lie in a buffer (B, I + D)."""

    def __init__(self, synapse: Synapse, inputs: Tensor, projection: tuple[Tensor, Tensor] | None):
        self.synapse, self.inputs, self.projection = synapse, inputs, projection
        self._first: dict[bool, Product] = {}
        self._kept: Tensor | None = None  # the rows that were kept last; what is made later needs their number
        self._stages = _blocks(synapse, len(inputs)) if isinstance(synapse, Blocks) else _unet(synapse, len(inputs))
        self.pre_activation = self._stages[-1][1][-1].y  # (B, D), written by every call

    def __call__(self, *, project: bool) -> None:
        """From [o; z] to the pre-activations; where `project`, o still lacks its projection."""
        if project not in self._first:
            weight, bias = self.synapse.first_map(self.projection if project else None)
            self._first[project] = Product(weight, bias, self.inputs)
            if self._kept is not None:
                self._first[project].keep(self._kept)
        x = self._first[project]()
        for product, norms in self._stages:
            x = x if product is None else product()
            for norm in norms:
                x = norm(x)

    def keep(self, rows: Tensor) -> None:
        """Go on with some of the samples, whose inputs have moved up."""
        parts = [*self._first.values(), *(one for product, norms in self._stages for one in (product, *norms))]
        for part in parts:
            if part is not None:
                part.keep(rows)
        self._kept = rows


def move_up(tensor: Tensor, rows: Tensor, dimension: int = 0) -> None:
    """Move some rows, or what lies along another dimension, to the front; those that lie in their places stay there,
    and no row moves to where one is wanted.

    >>> x = torch.tensor([[0], [1], [2], [3]])
    >>> move_up(x, torch.tensor([0, 3, 2]))
    >>> x[:3].flatten().tolist()
    [0, 3, 2]
    """
    moved = (rows != torch.arange(len(rows))).nonzero().squeeze(1)
    tensor.index_copy_(dimension, moved, tensor.index_select(dimension, rows[moved]))


def _blocks(synapse: Blocks, batch: int) -> list[Stage]:
    stages: list[Stage] = [(None, [Norm(kernels.gated, synapse.norm, batch)])]
    for block in synapse.more:
        linear, norm = block["linear"], block["norm"]  # pyright: ignore[reportIndexIssue]
        stages.append((_after(stages, linear), [Norm(kernels.gated, norm, batch)]))
    return stages


def _unet(synapse: Any, batch: int) -> list[Stage]:
    stages: list[Stage] = [(None, [Norm(kernels.silu, synapse.norm, batch)])]
    for step in synapse.down:
        stages.append((_after(stages, step.linear), [Norm(kernels.silu, step.norm, batch)]))
    skips = [norms[-1].y for _, norms in stages]
    for level in reversed(range(len(synapse.up))):
        step = synapse.up[level]
        joined = Norm(kernels.joined, synapse.skip_norms[level], batch, skip=skips[level])
        stages.append((_after(stages, step.linear), [Norm(kernels.silu, step.norm, batch), joined]))
    return stages


def _after(stages: list[Stage], linear: nn.Linear) -> Product:
    """A product of what the stages end with."""
    return Product(linear.weight, linear.bias, stages[-1][1][-1].y)
