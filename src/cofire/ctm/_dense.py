"""A dense layer that many ticks use, prepared for the processor it runs on.

On a CPU in single precision a few samples take the time of reading the weights once for four of them, by a compiled
loop; for many samples the weights are brought once into the order in which oneDNN reads them, and the product comes
near the peak of the processor. The plain product rearranges the weights at every tick, or reads them slowly.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from cofire import kernels
from cofire.ctm._torch_threads import Work, address

FEW_SAMPLES = 16  # below this the weights are read for each tick as they lie
NOT_MANY = 64  # up to this the loop of few samples is slower by a tenth only, and needs no second copy of the weights
FEWEST_OUTPUTS = 4  # so many are computed side by side
USES_BEFORE_PACKING = 3  # rearranging costs about as much as it saves in this many products
SMALL = 1 << 16  # weights below which the plain product starts faster
LARGE = 1 << 22  # multiplications from which on it does not matter how long a product takes to start


class Dense:
    """y = x W^T + b for weight (O, I) and bias (O,), None for none; no gradient flows.

    A `frugal` one has up to sixty-four samples without a copy of the weights, where the way forward is concerned.

    >>> Dense(torch.eye(2), torch.ones(2))(torch.tensor([[1.0, 2.0]])).tolist()
    [[2.0, 3.0]]
    """

    __slots__ = ("_back", "_few", "_packed", "_plain", "_uses", "bias", "weight")

    def __init__(self, weight: Tensor, bias: Tensor | None, *, frugal: bool = False):
        self.weight, self.bias = weight.detach(), None if bias is None else bias.detach()
        self._plain = weight.device.type != "cpu" or weight.dtype != torch.float32
        self._few = NOT_MANY if frugal else FEW_SAMPLES - 1
        self._uses = 0
        self._packed: Tensor | None = None
        self._back: Dense | None = None

    def __call__(self, x: Tensor) -> Tensor:
        """Apply to (B, I): (B, O)."""
        if self._plain or self._small(len(x)) or torch.is_autocast_enabled("cpu") or torch.compiler.is_compiling():
            return F.linear(x, self.weight, self.bias)
        if len(x) <= self._few and self.bias is not None and len(self.weight) >= FEWEST_OUTPUTS:
            return few(x.contiguous(), self.weight, self.bias)
        return self._many(x.contiguous())

    def back(self, gradient: Tensor) -> Tensor:
        """From the gradient of y (B, O) to that of x (B, I)."""
        if self._plain or self._small(len(gradient)):
            return gradient @ self.weight
        if len(gradient) < FEW_SAMPLES:
            return self._few_back(gradient.contiguous())
        if self._back is None:
            self._back = Dense(self.weight.t(), None)
        return self._back(gradient)

    def _small(self, rows: int) -> bool:
        return self.weight.numel() < min(SMALL, LARGE // max(rows, 1))

    def _few_back(self, gradient: Tensor) -> Tensor:
        weight = self.weight = self.weight.contiguous()
        (outputs, inputs), x = weight.shape, gradient.new_zeros(len(gradient), weight.shape[1])
        addresses = [one.data_ptr() for one in (gradient, weight, x)]
        Work(kernels.dense_back.address, [inputs, len(x), outputs, *addresses, 4 * outputs, 4 * inputs])()
        return x

    def _many(self, x: Tensor) -> Tensor:
        self._uses += 1
        if self._packed is None and self._uses > USES_BEFORE_PACKING and torch.backends.mkldnn.is_available():
            self._packed = torch.ops.mkldnn._reorder_linear_weight(self.weight, len(x))
        return many(x, self.weight if self._packed is None else self._packed, self.bias)


def few(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """y = x W^T + b for x (B, I) by the compiled loop: a row has the same bits however many there are.

    >>> few(torch.ones(1, 2), torch.eye(4, 2), torch.zeros(4)).tolist()
    [[1.0, 1.0, 0.0, 0.0]]
    """
    weight, y = weight.contiguous(), x.new_empty(len(x), len(weight))
    work_of_few(x, weight, bias, y)()
    return y


def work_of_few(x: Tensor, weight: Tensor, bias: Tensor, y: Tensor) -> Work:
    """The work of writing x W^T + b into y (B, O), for a weight that lies row by row; all four must be kept alive."""
    (outputs, inputs), addresses = weight.shape, [address(one) for one in (x, weight, bias, y)]
    return Work(kernels.dense.address, [outputs, len(x), inputs, *addresses, 4 * x.stride(0), 4 * y.stride(0)])


def many(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """y = x W^T + b by oneDNN, where there is one; the weight may be in its own order then.

    >>> many(torch.ones(1, 2), torch.eye(2), None).tolist()
    [[1.0, 1.0]]
    """
    if not torch.backends.mkldnn.is_available():
        return F.linear(x, weight, bias)
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
