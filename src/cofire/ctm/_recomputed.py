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
    """A function of a tensor, of linear maps, and of further tensors that are learned."""

    __slots__ = ("function", "learned", "maps")

    def __init__(
        self,
        function: Callable[[Tensor, Sequence[Map], Sequence[Tensor]], Tensor],
        maps: Sequence[SharedLinear],
        learned: Sequence[Tensor],
    ):
        self.function, self.maps, self.learned = function, maps, learned

    def __call__(self, x: Tensor) -> Tensor:
        """Compute it, to be computed again."""
        links = [shared.link for shared in self.maps]
        return _Again.apply(self, x, *self.learned, *links)  # pyright: ignore[reportReturnType]


class _Again(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, part: Part, x: Tensor, *others: Tensor) -> Tensor:
        ctx.part = part
        ctx.save_for_backward(x, *others)
        return part.function(x, [shared.dense for shared in part.maps], others[: len(part.learned)])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        part: Part = ctx.part
        count = 1 + len(part.learned)
        given, links = ctx.saved_tensors[:count], ctx.saved_tensors[count:]
        for shared in part.maps:
            shared.notes.open()
        with torch.enable_grad():
            x, *learned = (one.detach().requires_grad_() for one in given)
            y = part.function(x, [shared.again for shared in part.maps], learned)
            return None, *torch.autograd.grad(y, [x, *learned], gradient), *links
