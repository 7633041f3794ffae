"""A part of a tick that keeps for the backward pass what its linear maps gave; the rest is computed again there.

Products are dear to compute and their results small; norms and gates between them are cheap, and keep most. The maps
are shared by the ticks (see `_deferred`): they note their shares in the graph that is made anew, and their links,
handed through, see to it that the notes are read last.
"""

from collections.abc import Callable, Sequence
from functools import partial
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
        mapped: list[Tensor] = []

        def noting(shared: SharedLinear) -> Map:
            return lambda given: mapped.append(shared.dense(given)) or mapped[-1]

        y = part.function(x, [noting(shared) for shared in part.maps], others[: len(part.learned)])
        ctx.part = part
        ctx.save_for_backward(x, *others, *mapped)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        part: Part = ctx.part
        ends = 1 + len(part.learned), 1 + len(part.learned) + len(part.maps)
        given, links, mapped = (
            ctx.saved_tensors[part] for part in (slice(ends[0]), slice(*ends), slice(ends[1], None))
        )
        for shared in part.maps:
            shared.notes.open()
        with torch.enable_grad():
            x, *learned = (one.detach().requires_grad_() for one in given)
            maps = [partial(shared.again, known=known) for shared, known in zip(part.maps, mapped, strict=True)]
            y = part.function(x, maps, learned)
            return None, *torch.autograd.grad(y, [x, *learned], gradient), *links
