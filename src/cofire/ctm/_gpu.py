"""Neuron-level models on CUDA devices: where the fused kernels apply, and how they are launched.

Triton is imported when the first kernel is launched, not before. Without it the plain operations are taken.
"""

from functools import cache
from importlib.util import find_spec
from typing import Any, NamedTuple

import torch
from torch import Tensor

DEVICES = ("cuda",)
PRECISIONS = (torch.float32, torch.bfloat16)
MANY = 16  # samples from which on products are taken by tiles
TILE = 4096  # numbers of a product of few samples that one program holds at once
LAUNCH = {"enable_fp_fusion": True}  # as Triton's default was, and will not be
BACK = {"SAMPLES": 32, "num_warps": 8}  # more samples, or fewer threads, spill registers (ptxas for sm_90)


def fused(*tensors: Tensor) -> bool:
    """Whether Triton's kernels take these tensors: on a CUDA device, of one precision that they know, not traced."""
    device, dtype = tensors[0].device, tensors[0].dtype
    return (
        device.type in DEVICES
        and dtype in PRECISIONS
        and all(one.device == device and one.dtype == dtype for one in tensors)
        and not torch.compiler.is_compiling()
        and has_triton()
    )


@cache
def has_triton() -> bool:
    """Whether Triton is installed; it is made for Linux."""
    return find_spec("triton") is not None


def precision(dtype: torch.dtype) -> str:
    """How tiles are multiplied: bfloat16 fits into tf32 as it is, so that tensor cores lose nothing."""
    return "ieee" if dtype == torch.float32 else "tf32"


def power_of_two(count: int, low: int, high: int) -> int:
    """The smallest power of two that is not below `count`, between two of them.

    >>> power_of_two(25, 16, 32), power_of_two(3, 16, 32), power_of_two(100, 16, 32)
    (32, 16, 32)
    """
    return min(max(1 << max(count - 1, 0).bit_length(), low), high)


class Blocks(NamedTuple):
    """How the work on one neuron is divided: hidden units, columns and samples at once, and how products are taken."""

    hidden: int
    columns: int
    samples: int
    many: bool


def blocks(batch: int, memory_length: int, hidden: int) -> Blocks:
    """The division for windows of M columns, H hidden units and a batch.

    >>> blocks(64, 25, 16), blocks(1, 25, 32)
    (Blocks(hidden=16, columns=32, samples=64, many=True), Blocks(hidden=32, columns=32, samples=1, many=False))
    """
    if batch >= MANY:
        units, columns = power_of_two(hidden, 16, 32), power_of_two(memory_length, 16, 32)
        return Blocks(units, columns, power_of_two(batch, 16, 64), True)
    units, columns = power_of_two(hidden, 1, 64), power_of_two(memory_length, 1, 32)
    return Blocks(units, columns, power_of_two(batch, 1, max(1, TILE // (units * columns))), False)


class GpuNeurons:
    """Neuron-level models of one or two layers for windows (D, M, B): weights (D, out, in) and biases (D, out)."""

    __slots__ = ("back", "options", "parts", "samples")

    def __init__(self, weights: tuple[Tensor, ...], biases: tuple[Tensor, ...], batch: int):
        layers, (outputs, memory_length) = len(weights), weights[0].shape[1:]
        division = blocks(batch, memory_length, outputs // 2)
        self.samples = division.samples
        ordered = [one.contiguous() for pair in zip(weights, biases, strict=True) for one in pair]
        self.parts = (ordered * 2)[:4]  # a layer that is not there is not read
        self.options = {
            "M": memory_length,
            "H": outputs // 2,
            "LAYERS": layers,
            "HIDDEN": division.hidden,
            "COLUMNS": division.columns,
            "SAMPLES": division.samples,
            "PRECISION": precision(weights[0].dtype),
            "MANY": division.many,
            **LAUNCH,
        }
        self.back = self.options | BACK if division.samples > BACK["SAMPLES"] else self.options

    def __call__(self, window: Tensor, newest: Tensor, out: Tensor) -> None:
        """Write pre-activations (B, D) into the last column of the window, and activations (B, D) into `out`."""
        from cofire.kernels.gpu import _neurons

        neurons, _, batch = window.shape
        strides = *window.stride()[:2], newest.stride(0), out.stride(0)
        grid = neurons, -(-batch // self.samples)
        with on_device(window):
            launched(_neurons.forward)[grid](window, newest, out, *self.parts, batch, *strides, **self.options)

    def backward(self, gradient: Tensor, window: Tensor, window_gradient: Tensor, gradients: list[Tensor]) -> None:
        """Add what the gradient (B, D) of the activations means for the window (D, M, B), and for weights and biases,
        in the order of `NeuronConstants.tensors()`.
        """
        from cofire.kernels.gpu import _neurons_back

        neurons, _, batch = window.shape
        layers, gradient = len(gradients) // 2, gradient.contiguous()
        ordered = [one for layer in range(layers) for one in (gradients[layer], gradients[layers + layer])]
        strides = gradient.stride(0), *window.stride()[:2], *window_gradient.stride()[:2]
        tensors = gradient, window, window_gradient, *self.parts, *(ordered * 2)[:4]
        with on_device(window):
            launched(_neurons_back.backward)[(neurons,)](*tensors, batch, *strides, **self.back)


def launched(kernel: Any) -> Any:
    """A Triton kernel, whose type says too little."""
    return kernel


def on_device(tensor: Tensor) -> Any:
    """The context in which kernels are launched on the device of a tensor."""
    return torch.cuda.device_of(tensor)
