"""The compiled form of deep neuron-level models: where it applies, and how its work is described."""

import torch
import torch.nn.functional as F
from torch import Tensor

from cofire import kernels
from cofire.ctm._torch_threads import Work, address

LANES = 16  # samples, hidden units or tokens that are computed at once


class FastNeurons:
    """Deep models of D neurons, ready for windows (D, M, B) of one batch size: weights in the order of their use."""

    __slots__ = ("back", "fewest", "tensors", "work")

    def __init__(self, weights: tuple[Tensor, ...], biases: tuple[Tensor, ...], batch: int):
        (w1, w2), (b1, b2) = weights, biases
        neurons, double, memory_length = w1.shape
        hidden = double // 2
        kernel = kernels.many_samples if batch >= LANES else kernels.few_samples
        self.fewest = LANES if batch >= LANES else 1
        learned = [w1.transpose(1, 2), b1, w2, b2]
        if batch < LANES:  # hidden units side by side, and as many as fill the lanes
            more = (0, -hidden % LANES)
            w1 = _filled(w1.transpose(1, 2).unflatten(2, (2, hidden)), more)
            b1, w2 = _filled(b1.view(neurons, 2, hidden), more), _filled(w2, more)
            hidden += more[1]
        self.tensors = [one.contiguous() for one in (w1, b1, w2, b2)]  # kept alive, and in this order
        addresses = [address(one) for one in self.tensors]
        numbers = [neurons, batch, memory_length, hidden, 0, 0, 0, *addresses]
        self.work = Work(kernel.address, [*numbers, 0, 0, 0, 0])
        self.back: Work | None = None  # where gradients can lie as the weights do
        if batch < LANES and addresses == [one.data_ptr() for one in learned]:
            self.back = Work(kernels.few_samples_back.address, [*numbers, *[0] * 9])

    def __call__(self, window: Tensor, newest: Tensor, out: Tensor) -> None:
        """Write pre-activations (B, D) into the last column of the window, and activations (B, D) into `out`."""
        numbers = self.work.numbers
        numbers[5:8] = window.data_ptr(), 4 * window.stride(0), 4 * window.stride(1)
        numbers[12:16] = out.data_ptr(), 4 * out.stride(0), newest.data_ptr(), 4 * newest.stride(0)
        self.work()

    def backward(self, gradient: Tensor, window: Tensor, window_gradient: Tensor, gradients: list[Tensor]) -> None:
        """Add what the gradient (B, D) of the activations means for the window (D, M, B), and for weights and biases,
        which lie as those do, in the order of `NeuronConstants.tensors()`.
        """
        if self.back is None:
            raise TypeError("weights that are not in the order of their use")
        gradient, (w1, w2, b1, b2) = gradient.contiguous(), gradients
        numbers = self.back.numbers
        numbers[5:8] = window.data_ptr(), 4 * window.stride(0), 4 * window.stride(1)
        numbers[12:14] = gradient.data_ptr(), 4 * gradient.stride(0)
        numbers[14:17] = window_gradient.data_ptr(), 4 * window_gradient.stride(0), 4 * window_gradient.stride(1)
        numbers[17:21] = w1.data_ptr(), b1.data_ptr(), w2.data_ptr(), b2.data_ptr()
        self.back()

    def keep(self, rows: Tensor) -> None:
        """Go on with some of the samples; where lanes hold samples, with as many as fill them."""
        self.work.numbers[2] = max(len(rows), self.fewest)


def applies(weights: tuple[Tensor, ...]) -> bool:
    """Whether there is a compiled form: two layers in single precision on a CPU, and nothing that must be traced."""
    plain = all(one.device.type == "cpu" and one.dtype == torch.float32 for one in weights)
    return len(weights) == 2 and plain and not torch.compiler.is_compiling()


def in_order(weights: tuple[Tensor, ...], batch: int) -> bool:
    """Whether the compiled form reads the weights of the first layer as (D, M, 2H), and as they are."""
    return applies(weights) and batch < LANES and weights[0].shape[1] // 2 % LANES == 0


def _filled(tensor: Tensor, more: tuple[int, int]) -> Tensor:
    return F.pad(tensor, more) if more[1] else tensor
