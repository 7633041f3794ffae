"""The compiled form of deep neuron-level models: where it applies, and how its work is described."""

import torch
import torch.nn.functional as F
from torch import Tensor

from cofire import kernels
from cofire.ctm._torch_threads import Work

LANES = 16  # samples, hidden units or tokens that are computed at once


class FastNeurons:
    """Deep models of D neurons, ready for windows (D, M, B) of one batch size: weights in the order of their use."""

    __slots__ = ("fewest", "tensors", "work")

    def __init__(self, weights: tuple[Tensor, ...], biases: tuple[Tensor, ...], batch: int):
        (w1, w2), (b1, b2) = weights, biases
        neurons, double, memory_length = w1.shape
        hidden = double // 2
        kernel = kernels.many_samples if batch >= LANES else kernels.few_samples
        self.fewest = LANES if batch >= LANES else 1
        if batch < LANES:  # hidden units side by side, and as many as fill the lanes
            more = (0, -hidden % LANES)
            w1 = F.pad(w1.view(neurons, 2, hidden, memory_length).permute(0, 3, 1, 2), more)
            b1, w2 = F.pad(b1.view(neurons, 2, hidden), more), F.pad(w2, more)
            hidden += more[1]
        self.tensors = [one.contiguous() for one in (w1, b1, w2, b2)]  # kept alive, and in this order
        addresses = [one.data_ptr() for one in self.tensors]
        self.work = Work(kernel.address, [neurons, batch, memory_length, hidden, 0, 0, 0, *addresses, 0, 0, 0, 0])

    def __call__(self, window: Tensor, newest: Tensor, out: Tensor) -> None:
        """Write pre-activations (B, D) into the last column of the window, and activations (B, D) into `out`."""
        numbers = self.work.numbers
        numbers[5:8] = window.data_ptr(), 4 * window.stride(0), 4 * window.stride(1)
        numbers[12:16] = out.data_ptr(), 4 * out.stride(0), newest.data_ptr(), 4 * newest.stride(0)
        self.work()

    def keep(self, rows: Tensor) -> None:
        """Go on with some of the samples; where lanes hold samples, with as many as fill them."""
        self.work.numbers[2] = max(len(rows), self.fewest)


def applies(weights: tuple[Tensor, ...]) -> bool:
    """Whether there is a compiled form: two layers in single precision on a CPU, and nothing that must be traced."""
    plain = all(one.device.type == "cpu" and one.dtype == torch.float32 for one in weights)
    return len(weights) == 2 and plain and not torch.compiler.is_compiling()
