"""A dense layer that many ticks use, prepared for the processor it runs on.

On a CPU the weights are brought once into the order in which oneDNN reads them: four samples then take the time of
one, which is that of reading the weights, and many samples come near the peak of the processor. The plain product
rearranges the weights at every tick, or reads them slowly.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

USES_BEFORE_PACKING = 3  # rearranging costs about as much as it saves in this many products
SMALL = 1 << 16  # weights below which the plain product starts faster


def packs(weight: Tensor) -> bool:
    """Whether oneDNN's product pays for these weights: single precision on a CPU, and not a few."""
    plain = weight.device.type == "cpu" and weight.dtype == torch.float32 and weight.numel() >= SMALL
    return plain and torch.backends.mkldnn.is_available()


class Dense:
    """y = x W^T + b for weight (O, I) and bias (O,), None for none; no gradient flows.

    >>> Dense(torch.eye(2), torch.ones(2))(torch.tensor([[1.0, 2.0]])).tolist()
    [[2.0, 3.0]]
    """

    __slots__ = ("bias", "packed", "packs", "uses", "weight")

    def __init__(self, weight: Tensor, bias: Tensor | None):
        self.weight, self.bias = weight.detach(), None if bias is None else bias.detach()
        self.packs, self.uses = packs(self.weight), 0
        self.packed: Tensor | None = None

    def __call__(self, x: Tensor) -> Tensor:
        """Apply to (B, I): (B, O)."""
        if not self.packs or torch.is_autocast_enabled("cpu") or torch.compiler.is_compiling():
            return F.linear(x, self.weight, self.bias)
        self.uses += 1
        if self.packed is None and self.uses > USES_BEFORE_PACKING:
            self.packed = torch.ops.mkldnn._reorder_linear_weight(self.weight.contiguous(), len(x))
        return _product(x.contiguous(), self.weight if self.packed is None else self.packed, self.bias)


def _product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Any:
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
