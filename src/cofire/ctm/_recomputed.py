"""A part of a tick that keeps nothing for the backward pass but what it was given, and is computed again there.

Its linear maps are shared by the ticks (see `_deferred`): they note their shares in the graph that is made anew, and
their links, handed through, see to it that the notes are read last.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from cofire.ctm._deferred import SharedLinear

Map = Callable[[Tensor], Tensor]


class Part:
    """A function of a tensor and of linear maps, and the parameters that it uses beside them."""

    __slots__ = ("function", "maps", "parameters")

    def __init__(
        self,
        function: Callable[[Tensor, Sequence[Map]], Tensor],
        maps: Sequence[SharedLinear],
        parameters: Sequence[Tensor],
    ):
        self.function, self.maps, self.parameters = function, maps, parameters

    def __call__(self, x: Tensor) -> Tensor:
        """Compute it, to be computed again."""
        links = [shared.link for shared in self.maps]
        return _Again.apply(self, x, *self.parameters, *links)  # pyright: ignore[reportReturnType]


class _Again(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, part: Part, x: Tensor, *others: Tensor) -> Tensor:
        ctx.part = part
        ctx.save_for_backward(x, *others[len(part.parameters) :])
        return part.function(x, [shared.dense for shared in part.maps])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        part: Part = ctx.part
        x, *links = ctx.saved_tensors
        for shared in part.maps:
            shared.notes.open()
        with torch.enable_grad():
            source = x.detach().requires_grad_()
            y = part.function(source, [shared.again for shared in part.maps])
            wanted = [source, *(one for one in part.parameters if one.requires_grad)]
            shares = iter(torch.autograd.grad(y, wanted, gradient))
        flow = next(shares)
        return None, flow, *(next(shares) if one.requires_grad else None for one in part.parameters), *links
