"""Weights that every tick uses: their gradients are computed once, after the last tick's share is known.

A linear map y = W x + b used at T ticks has the gradient sum_t g_t x_t^T. Taken tick by tick that is T small products
and T additions to a tensor of W's size; here a tick only notes (x_t, g_t), and one product over many of them follows.
The same holds for the keys and values of the attention, whose gradients are sums over ticks of products of vectors.

Each use holds an empty tensor (`link`) that the opening node made, so that automatic differentiation comes back to the
opening node last.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from cofire.ctm._dense import Dense

ROWS_TOGETHER = 512  # shares of so many samples and ticks become one product: enough for its speed, and little to keep


def learns() -> bool:
    """True where gradients may be wanted in one precision; under autocast the plain operations are taken."""
    return torch.is_grad_enabled() and not torch.is_autocast_enabled("cpu") and not torch.is_autocast_enabled("cuda")


def kept() -> bool:
    """Whether the graph of the backward pass that runs now may be used again."""
    inner: Any = torch._C
    return inner._autograd._get_current_graph_task_keep_graph()


class Notes:
    """What the ticks of one backward pass have noted; another pass starts a new page."""

    __slots__ = ("entries", "task")

    def __init__(self) -> None:
        self.entries: list[tuple[Tensor, ...]] = []
        self.task = -1

    def add(self, *entry: Tensor) -> None:
        """Note a tick's share in the backward pass that runs now."""
        task = torch._C._current_graph_task_id()
        if task != self.task:
            self.entries, self.task = [], task
        self.entries.append(entry)

    def take(self) -> list[Tensor]:
        """Everything noted, each kind stacked over ticks; the page is empty afterwards."""
        entries, self.entries = self.entries, []
        return [torch.stack(parts) for parts in zip(*entries, strict=True)]


class LinearNotes:
    """Gradients of a linear map's weight and bias, gathered from the shares (x, g) of many ticks."""

    __slots__ = ("_entries", "_rows", "_sums", "_task")

    def __init__(self) -> None:
        self._entries: list[tuple[Tensor, Tensor]] = []
        self._rows, self._task = 0, -1
        self._sums: tuple[Tensor, Tensor] | None = None

    def add(self, x: Tensor, gradient: Tensor) -> None:
        """Note the share of a tick in the backward pass that runs now; every so often the shares become one product."""
        task = torch._C._current_graph_task_id()
        if task != self._task:
            self._entries, self._rows, self._sums, self._task = [], 0, None, task
        self._entries.append((x, gradient))
        self._rows += len(x)
        if self._rows >= ROWS_TOGETHER:
            self._gather()

    def take(self) -> tuple[Tensor, Tensor]:
        """Both gradients; the page is empty afterwards."""
        if self._entries:
            self._gather()
        if self._sums is None:
            raise RuntimeError("nothing was noted")
        sums, self._sums = self._sums, None
        return sums

    def _gather(self) -> None:
        x, gradient = (torch.cat(parts) for parts in zip(*self._entries, strict=True))
        if self._sums is None:
            self._sums = gradient.t() @ x, gradient.sum(0)
        else:
            self._sums[0].addmm_(gradient.t(), x)
            self._sums[1].add_(gradient.sum(0))
        self._entries, self._rows = [], 0


class SharedLinear:
    """y = x W^T + b for a weight (O, I) and bias (O,) that many ticks use."""

    __slots__ = ("dense", "link", "notes")

    def __init__(self, weight: Tensor, bias: Tensor):
        self.dense, self.notes = Dense(weight, bias), LinearNotes()
        self.link: Any = _OpenLinear.apply(self.notes, weight, bias)

    def __call__(self, x: Tensor) -> Tensor:
        """Apply to (B, I): (B, O)."""
        return _Linear.apply(self, x, self.link)  # pyright: ignore[reportReturnType]


def linear_map(weight: Tensor, bias: Tensor) -> Callable[[Tensor], Tensor]:
    """y = x W^T + b for weight (O, I) and bias (O,), prepared for the ticks of a call."""
    if not torch.is_grad_enabled():
        return Dense(weight, bias)
    return SharedLinear(weight, bias) if learns() else partial(F.linear, weight=weight, bias=bias)


class SharedLookup:
    """Attention into keys (G, w, N) and values (G, N, w), G = B H, that many ticks look into."""

    __slots__ = ("keys", "link", "notes", "values")

    def __init__(self, keys: Tensor, values: Tensor):
        self.keys, self.values, self.notes = keys.detach(), values.detach(), Notes()
        self.link = _OpenLookup.apply(self.notes, keys, values)

    def __call__(self, query: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Look up queries (G, 1, w): what is seen (G, 1, w) and the weights (G, 1, N), which `mask` scales."""
        return _Lookup.apply(self, query, mask, self.link)  # pyright: ignore[reportReturnType]


class _OpenLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, notes: LinearNotes, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.notes = notes
        return weight.new_empty(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, _link: Tensor) -> tuple[None, Tensor, Tensor]:
        return None, *ctx.notes.take()


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, shared: SharedLinear, x: Tensor, link: Tensor) -> Tensor:
        ctx.shared = shared
        ctx.save_for_backward(x, link)
        return shared.dense(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor, Tensor]:
        x, link = ctx.saved_tensors
        shared: SharedLinear = ctx.shared
        shared.notes.add(x, gradient)
        return None, shared.dense.back(gradient), link


class _OpenLookup(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, notes: Notes, keys: Tensor, values: Tensor) -> Tensor:
        ctx.notes = notes
        return keys.new_empty(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, _link: Tensor) -> tuple[None, Tensor, Tensor]:
        query, score, weight, seen = (part.squeeze(2).transpose(0, 1) for part in ctx.notes.take())  # (G, T, …)
        return None, torch.bmm(query.transpose(1, 2), score), torch.bmm(weight.transpose(1, 2), seen)


class _Lookup(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, shared: SharedLookup, query: Tensor, mask: Tensor | None, link: Tensor
    ) -> tuple[Tensor, Tensor]:
        weights = torch.softmax(torch.bmm(query, shared.keys), -1)
        ctx.shared, ctx.mask = shared, mask
        ctx.save_for_backward(query, weights, link)
        used = weights if mask is None else weights * mask
        return torch.bmm(used, shared.values), weights

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, seen: Tensor, outer: Tensor) -> tuple[None, Tensor, None, Tensor]:
        query, weights, link = ctx.saved_tensors
        used = weights if ctx.mask is None else weights * ctx.mask
        flow = torch.bmm(seen, ctx.shared.values.transpose(1, 2))
        flow = outer + (flow if ctx.mask is None else flow * ctx.mask)
        score = torch.ops.aten._softmax_backward_data(flow, weights, -1, weights.dtype)
        ctx.shared.notes.add(query, score, used, seen)
        return None, torch.bmm(score, ctx.shared.keys.transpose(1, 2)), None, link
