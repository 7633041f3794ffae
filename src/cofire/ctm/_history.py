"""The history of pre-activations: one buffer that is written in place, read as windows, and differentiable.

A run of T ticks over B samples keeps its pre-activations in one buffer of shape (D, M + T, B). Tick t writes column M
+ t and reads the window of columns t + 1 .. M + t; no window is ever copied and none is stored for the backward pass,
which reads the same columns again and recomputes the hidden layer of the neuron-level models.

The gradient with respect to the buffer is one buffer too. Tick t's share flows into the columns of its window; because
every later tick depends on tick t, all shares have arrived when the backward pass reaches it. A chain of empty tensors
(`link`) makes that order certain even where parts of the machine are frozen.

A `History` looks immutable: it is a run and the number of columns seen. Appending to a history that is not the newest
of its run starts a new run from its window, so that states can be kept, reused and branched freely.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from cofire.ctm._deferred import kept
from cofire.ctm._gpu import GpuNeurons, fused
from cofire.ctm._mapped import mapped_zeros, mapped_zeros_like
from cofire.ctm._neuron_fast import FastNeurons, applies
from cofire.ctm._neuron_models import NeuronConstants, neuron_backward, neuron_forward

SPARE_TICKS = 64  # columns that a run of unknown length reserves; a full run hands its window to the next


class Run:
    """The shared columns of one run and the gradients that gather while it is differentiated."""

    __slots__ = ("fast", "filled", "gradient", "memory_length", "model", "model_gradients", "source", "task", "values")

    def __init__(self, model: NeuronConstants, start: Tensor, batch: int, ticks: int):
        neurons, memory_length = start.shape[:2]
        self.source = model  # another call's constants start another run
        self.model = model.with_tensors([tensor.detach() for tensor in model.tensors()])
        self.fast = _fast(self.model, batch)
        self.memory_length = memory_length
        self.values = mapped_zeros((neurons, memory_length + ticks, batch), start)
        self.filled = memory_length
        self.gradient: Tensor | None = None
        self.model_gradients: list[Tensor] | None = None
        self.task = -1

    def window(self, end: int) -> Tensor:
        """Columns end - M .. end - 1, (D, M, B), a view."""
        return self.values[:, end - self.memory_length : end]

    def gradients(self) -> tuple[Tensor, list[Tensor]]:
        """The gathering gradients, made at the first use of a backward pass (one that stopped early leaves none)."""
        task = torch._C._current_graph_task_id()
        if self.gradient is None or self.model_gradients is None or task != self.task:
            self.task = task
            dtype = torch.float32 if isinstance(self.fast, GpuNeurons) else self.values.dtype
            self.gradient = mapped_zeros_like(self.values, dtype)
            self.model_gradients = [mapped_zeros_like(part, dtype) for part in self.model.tensors()]
        return self.gradient, self.model_gradients


def _fast(model: NeuronConstants, batch: int) -> FastNeurons | GpuNeurons | None:
    """The compiled form of models, where there is one for them and for where they are."""
    if not model.weights or model.scales or model.key is not None:
        return None
    if fused(*model.weights, *model.biases):
        return GpuNeurons(model.weights, model.biases, batch)
    return FastNeurons(model.weights, model.biases, batch) if applies(model.weights) else None


def _run(ctx: Any) -> Run:
    """The run of a node, which lets go of it where the graph is not kept: nodes live as long as the loss does.

    Raises RuntimeError, as torch does, where the graph was used before.
    """
    run, _ = ctx.run, ctx.saved_tensors
    if not kept():
        ctx.run = None
    return run


class _Begin(torch.autograd.Function):
    """Write the start window; in the backward pass, the last of a run, hand out what has gathered."""

    @staticmethod
    def forward(ctx: Any, run: Run, start: Tensor, *model: Tensor) -> Tensor:
        ctx.run, ctx.shared = run, start.dim() == 2
        run.values[:, : run.memory_length] = start.unsqueeze(-1) if ctx.shared else start
        link = start.new_empty(0)
        ctx.save_for_backward(link)
        return link

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, _link: Tensor) -> tuple[Tensor | None, ...]:
        run = _run(ctx)
        gradient, model = run.gradients()
        start = gradient[:, : run.memory_length]
        run.gradient = run.model_gradients = None  # a second pass over a kept graph gathers afresh
        return None, start.sum(-1) if ctx.shared else start, *model


class _Tick(torch.autograd.Function):
    """Write one column, apply the neuron-level models to the window that ends with it."""

    @staticmethod
    def forward(ctx: Any, run: Run, end: int, tick: int, pre_activation: Tensor, link: Tensor) -> tuple[Tensor, Tensor]:
        ctx.run, ctx.end, ctx.tick = run, end, tick
        ctx.save_for_backward(link)
        if run.fast and (pre_activation.dtype == run.values.dtype or isinstance(run.fast, GpuNeurons)):
            activation = run.values.new_empty(pre_activation.shape)
            run.fast(run.window(end), pre_activation.contiguous(), activation)
            return activation, link.new_empty(0)
        run.values[:, end - 1] = pre_activation.t()
        with torch.autocast(run.values.device.type, enabled=False):  # the history is kept in full precision
            return neuron_forward(run.window(end), run.model, tick).t(), link.new_empty(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, activation: Tensor, link: Tensor) -> tuple[None, None, None, Tensor, Tensor]:
        run = _run(ctx)
        gradient, model = run.gradients()
        share = gradient[:, ctx.end - run.memory_length : ctx.end]
        if isinstance(run.fast, GpuNeurons) or (run.fast is not None and run.fast.back is not None):
            run.fast.backward(activation, run.window(ctx.end), share, model)
        else:
            neuron_backward(activation.t(), run.window(ctx.end), run.model, ctx.tick, share, model)
        return None, None, None, gradient[:, ctx.end - 1].t(), link


class _Window(torch.autograd.Function):
    """A copy of the window that ends at a column, through which gradients flow back into the run."""

    @staticmethod
    def forward(ctx: Any, run: Run, end: int, link: Tensor) -> Tensor:
        ctx.run, ctx.end, ctx.link = run, end, link.shape
        return run.window(end).clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None, Tensor]:
        ctx.run.gradients()[0][:, ctx.end - ctx.run.memory_length : ctx.end] += gradient
        return None, None, gradient.new_empty(ctx.link)


class History(NamedTuple):
    """The pre-activations that a state has seen: M of them are the window that the neuron-level models read.

    Immutable to its users; see the module's text for how runs share one buffer.
    """

    run: Run
    end: int  # columns of the run that this history has
    tick: int  # pre-activations seen since the start state
    link: Tensor

    @staticmethod
    def begin(model: NeuronConstants, start: Tensor, batch: int, ticks: int = SPARE_TICKS, tick: int = 0) -> "History":
        """A history that starts with the window `start`, (D, M) for all samples or (D, M, B)."""
        run = Run(model, start, batch, ticks)
        link = _Begin.apply(run, start, *model.tensors())
        return History(run, run.memory_length, tick, link)

    def push(self, pre_activation: Tensor, model: NeuronConstants) -> tuple["History", Tensor]:
        """Append pre-activations (B, D) and apply the neuron-level models: the new history and z, (B, D)."""
        run = self.run
        full = self.end == run.values.shape[1]
        if full or run.filled != self.end or run.source is not model:  # no column left, a branch, or another call
            branch = History.begin(model, self.window(), run.values.shape[2], tick=self.tick)
            return branch.push(pre_activation, model)
        run.filled += 1
        activation, link = _Tick.apply(run, self.end + 1, self.tick + 1, pre_activation, self.link)
        return History(run, self.end + 1, self.tick + 1, link), activation

    def window(self) -> Tensor:
        """A differentiable copy of the last M pre-activations, (D, M, B)."""
        return _Window.apply(self.run, self.end, self.link)
