"""A part of a tick that keeps for the backward pass what its linear maps gave; the rest is computed again there.

Products are dear to compute and their results small; norms and gates between them are cheap, and keep most. All ticks
share the maps, so the gradients of their weights are taken of many ticks at once, from what each map was given and the
gradient of what it gave. These lie in sheets: one row per sample and tick, one matrix per map. Where a graph is used
for the last time, what a map was given takes the place of the result that it was computed from.

A sheet becomes gradients when the next one is begun, or after the last tick: a thought that fits on one needs no room
for the gradients of weights while there are ticks to come, which for few samples are larger than all its sheets.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from cofire.ctm._deferred import ROWS_TOGETHER, kept
from cofire.ctm._dense import Dense
from cofire.ctm._mapped import give_back, mapped_zeros

LARGE = 1 << 22  # weights from which on it pays to tidy the memory before their gradients are made

Map = Callable[[Tensor], Tensor]


class Part:
    """A function of a tensor (B, I), of linear maps in the order of their use, and of further tensors that are learned.

    The maps are given by weight (O, I) and bias (O,); the first is applied to the tensor itself. The function takes the
    tensor, the maps, the learned tensors and whatever else a call gives.
    """

    __slots__ = ("dense", "function", "learned", "link", "notes", "sheet")

    def __init__(
        self, function: Callable[..., Tensor], maps: Sequence[tuple[Tensor, Tensor]], learned: Sequence[Tensor]
    ):
        self.function = function
        self.dense = [Dense(weight, bias, frugal=True) for weight, bias in maps]
        self.learned = [one.detach() for one in learned]
        self.notes, self.sheet = PartNotes(len(maps)), None
        parameters = (*(weight for weight, _ in maps), *(bias for _, bias in maps), *learned)
        self.link: Any = _Open.apply(self.notes, *parameters)

    def __call__(self, x: Tensor, *others: Any) -> Tensor:
        """Compute it, to be computed again."""
        return _Again.apply(self, others, x, self.link)  # pyright: ignore[reportReturnType]

    def place(self, x: Tensor) -> tuple["Sheet", slice]:
        """The rows for a tick of x (B, I), on the sheet that is being filled or on a new one."""
        if self.sheet is None or self.sheet.filled + len(x) > self.sheet.rows:
            self.sheet = Sheet(max(ROWS_TOGETHER, len(x)), [one.weight for one in self.dense])
        start = self.sheet.filled
        self.sheet.filled += len(x)
        return self.sheet, slice(start, self.sheet.filled)


class Sheet:
    """Rows of many ticks: what each map was given, what it gave, and the gradient of that."""

    __slots__ = ("filled", "given", "gradients", "known", "noted", "rows", "weights")

    def __init__(self, rows: int, weights: list[Tensor]):
        self.rows, self.filled, self.weights = rows, 0, weights
        self.known: list[Any] = [mapped_zeros((rows, len(weight)), weight) for weight in weights]
        self.given: list[Any] = [mapped_zeros((rows, weights[0].shape[1]), weights[0])]  # of the other maps: in `open`
        self.gradients: list[Any] = []
        self.noted = 0

    def open(self, *, last: bool) -> None:
        """Make room for gradients and for what the maps were given."""
        if self.gradients:
            return
        self.gradients = [mapped_zeros((self.rows, len(weight)), weight) for weight in self.weights]
        if len(self.given) == 1:
            for known, weight in zip(self.known, self.weights[1:], strict=False):
                in_place = last and known.shape[1] == weight.shape[1]
                self.given.append(known if in_place else mapped_zeros((self.rows, weight.shape[1]), weight))

    def note(self, rows: slice, shares: list[tuple[int, Tensor, Tensor]]) -> None:
        """Write what maps were given and their gradients for a tick."""
        for place, x, gradient in shares:
            self.gradients[place][rows] = gradient
            if place > 0:
                self.given[place][rows] = x
        self.noted += rows.stop - rows.start

    def largest_first(self) -> list[int]:
        """The maps in the order in which the rest of the sheet needs the least room beside the gradients of weights."""
        return sorted(range(len(self.weights)), key=lambda place: self.weights[place].numel(), reverse=True)

    def size(self) -> int:
        """Numbers in all weights on a CPU, whose gradients are about to be made."""
        return sum(weight.numel() for weight in self.weights if weight.device.type == "cpu")

    def take(self, place: int, *, last: bool) -> tuple[Tensor, Tensor]:
        """What a map was given and its gradients; where they are used for the last time, the sheet lets go of them."""
        x, gradient = self.given[place][: self.filled], self.gradients[place][: self.filled]
        self.gradients[place] = None
        if last and self.noted == self.filled:
            self.given[place] = self.known[place - 1 if place > 0 else -1] = None
        return x, gradient


class PartNotes:
    """The gradients of a part's weights, biases and other learned tensors in the backward pass that runs now."""

    __slots__ = ("_last", "_others", "_sheet", "_sums", "_task")

    def __init__(self, maps: int):
        self._sums: list[Any] = [None] * maps
        self._others: list[Tensor] = []
        self._sheet: Sheet | None = None
        self._task, self._last = -1, True

    def open(self, sheet: Sheet) -> None:
        """Go to a sheet; where another backward pass runs than before, with nothing gathered."""
        task = torch._C._current_graph_task_id()
        if task != self._task:
            self._task, self._last = task, not kept()
            self._sums, self._others, self._sheet = [None] * len(self._sums), [], None
        if sheet is not self._sheet:
            first = self._sheet is None
            self._gather()
            self._sheet = sheet
            if first:
                self._tidy()
        sheet.open(last=self._last)

    def note(self, rows: slice, shares: list[tuple[int, Tensor, Tensor]], others: Sequence[Tensor]) -> None:
        """Note the share of a tick on the sheet that is open."""
        if self._sheet is not None:
            self._sheet.note(rows, shares)
        if not self._others:
            self._others = list(others)
            return
        for total, share in zip(self._others, others, strict=True):
            total += share

    def take(self) -> list[Tensor]:
        """All gradients: of weights, of biases, of the others; nothing is kept."""
        self._tidy()
        self._gather()
        sums, others = self._sums, self._others
        self._sums, self._others = [None] * len(sums), []
        return [*(weight for weight, _ in sums), *(bias for _, bias in sums), *others]

    def _tidy(self) -> None:
        """What was needed after the ticks, or for them, is free by now, but in pieces too small for large gradients."""
        if self._sheet is not None and self._sheet.size() > LARGE:
            give_back()

    def _gather(self) -> None:
        if self._sheet is None:
            return
        for place in self._sheet.largest_first():
            sums = self._sums[place]
            x, gradient = self._sheet.take(place, last=self._last)
            if sums is None:
                self._sums[place] = gradient.t() @ x, gradient.sum(0)
            else:
                sums[0].addmm_(gradient.t(), x)
                sums[1].add_(gradient.sum(0))
        self._sheet.gradients, self._sheet = [], None


class _Open(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, notes: PartNotes, *parameters: Tensor) -> Tensor:
        ctx.notes = notes
        return parameters[0].new_empty(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, _link: Tensor) -> tuple[Tensor | None, ...]:
        return None, *ctx.notes.take()


class _Again(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, part: Part, others: tuple[Any, ...], x: Tensor, link: Tensor) -> Tensor:
        sheet, rows = part.place(x)
        sheet.given[0][rows] = x

        def noting(dense: Dense, known: Tensor) -> Map:
            return lambda given: known[rows].copy_(dense(given))

        maps = [noting(dense, known) for dense, known in zip(part.dense, sheet.known, strict=True)]
        ctx.part, ctx.others, ctx.sheet, ctx.rows = part, others, sheet, rows
        ctx.save_for_backward(link)
        return part.function(x, maps, part.learned, *others)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None, Tensor, Tensor]:
        (link,) = ctx.saved_tensors
        part, sheet, rows = ctx.part, ctx.sheet, ctx.rows
        part.notes.open(sheet)
        shares: list[tuple[int, Tensor, Tensor]] = []
        with torch.enable_grad():
            x, *learned = (one.detach().requires_grad_() for one in (sheet.given[0][rows], *part.learned))
            maps = [
                partial(_known, place, dense, known[rows], shares)
                for place, (dense, known) in enumerate(zip(part.dense, sheet.known, strict=True))
            ]
            y = part.function(x, maps, learned, *ctx.others)
            flow, *others = torch.autograd.grad(y, [x, *learned], gradient)
        part.notes.note(rows, shares, others)
        return None, None, flow, link


def _known(place: int, dense: Dense, known: Tensor, shares: list[tuple[int, Tensor, Tensor]], x: Tensor) -> Tensor:
    """A map whose result is known, in the graph that a backward pass makes anew."""
    return _Known.apply(place, dense, known, shares, x)  # pyright: ignore[reportReturnType]


class _Known(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, place: int, dense: Dense, known: Tensor, shares: list[tuple[int, Tensor, Tensor]], x: Tensor
    ) -> Tensor:
        ctx.place, ctx.dense, ctx.shares = place, dense, shares
        ctx.save_for_backward(x)
        return known.view_as(known)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None, None, None, Tensor]:
        ctx.shares.append((ctx.place, ctx.saved_tensors[0].detach(), gradient))  # nothing that holds this graph
        return None, None, None, None, ctx.dense.back(gradient)
