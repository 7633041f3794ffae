"""Neuron-level models: every neuron has a private model of its own recent history.

For neuron d with window A_d = (a^{t-M+1}_d, ..., a^t_d) of M pre-activations,

    y = (W1_d A_d + b1_d) / tau1,     h = y[:H] * sigmoid(y[H:])        (deep models only, H hidden units)
    y' = (W2_d h + b2_d) / tau2,      z_d = y'_1 * sigmoid(y'_2)

with weights of its own for each of the D neurons and one learned temperature tau per layer. A linear model has the
second layer only; without models z is the newest pre-activation.
Source: Darlow et al., Continuous Thought Machines, arXiv 2505.05522, section 3.3.

Weights are stored (D, out, in): one matrix per neuron, as the batched product wants them. Windows are (D, M, B).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from cofire import checks
from cofire.ctm._gpu import fused
from cofire.ctm._mapped import mapped_zeros
from cofire.ctm._neuron_fast import applies, in_order
from cofire.random import Key
from cofire.random.torch_ import dropout_mask

NEURONS_TOGETHER = 128  # in the backward pass
FEW_SAMPLES = 12  # below this batch the product is faster with the samples as rows (measured on two CPU cores)


class NeuronConstants(NamedTuple):
    """What the neuron-level models of one call compute with: temperatures divided in, nothing repeated per tick."""

    weights: tuple[Tensor, ...]  # per layer (D, out, in)
    biases: tuple[Tensor, ...]  # per layer (D, out)
    scales: tuple[Tensor, ...] = ()  # affine map of the normalisation per layer, (in,); empty without normalisation
    shifts: tuple[Tensor, ...] = ()
    dropout: float = 0.0
    key: Key | None = None  # addresses the dropout of this call

    def tensors(self) -> tuple[Tensor, ...]:
        """Everything that is learned, in one order."""
        return (*self.weights, *self.biases, *self.scales, *self.shifts)

    def with_tensors(self, tensors: Sequence[Tensor]) -> "NeuronConstants":
        """The same with other tensors, in the order of `tensors()`."""
        layers, parts = len(self.weights), iter(tensors)
        take = [tuple(next(parts) for _ in range(n)) for n in (layers, layers, len(self.scales), len(self.shifts))]
        return NeuronConstants(*take, dropout=self.dropout, key=self.key)


@dataclass(frozen=True, kw_only=True, slots=True)
class DeepNeuronModel:
    """A two-layer perceptron with gated linear units for each neuron.

    Arguments: `hidden` units H after the gate, `normalise` (layer norm over the inputs of each layer), `dropout` of
    inputs.

    >>> DeepNeuronModel(hidden=4).widths(memory_length=25)
    ((25, 8), (4, 2))
    """

    hidden: int = 4
    normalise: bool = False
    dropout: float = 0.0

    def __post_init__(self) -> None:
        checks.integer("hidden", self.hidden, low=1)
        checks.number("dropout", self.dropout, low=0, high=0.99)

    def widths(self, memory_length: int) -> tuple[tuple[int, int], ...]:
        """(inputs, outputs before the gate) of each layer."""
        return (memory_length, 2 * self.hidden), (self.hidden, 2)


@dataclass(frozen=True, kw_only=True, slots=True)
class LinearNeuronModel:
    """One gated linear layer for each neuron.

    >>> LinearNeuronModel().widths(memory_length=25)
    ((25, 2),)
    """

    normalise: bool = False
    dropout: float = 0.0

    def __post_init__(self) -> None:
        checks.number("dropout", self.dropout, low=0, high=0.99)

    def widths(self, memory_length: int) -> tuple[tuple[int, int], ...]:
        """(inputs, outputs before the gate) of each layer."""
        return ((memory_length, 2),)


@dataclass(frozen=True, kw_only=True, slots=True)
class NoNeuronModel:
    """No neuron-level models (an ablation): z = a, the newest pre-activation, without history or private weights.

    >>> NoNeuronModel().widths(memory_length=25)
    ()
    """

    normalise = False
    dropout = 0.0

    def widths(self, memory_length: int) -> tuple[tuple[int, int], ...]:
        """No layers."""
        return ()


NeuronModel = DeepNeuronModel | LinearNeuronModel | NoNeuronModel


class NeuronLayer(nn.Module):
    """One private affine map per neuron: y_d = (W_d x_d + b_d) / tau, (D, in, B) -> (D, out, B)."""

    def __init__(self, neurons: int, inputs: int, outputs: int, *, normalise: bool):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(neurons, outputs, inputs))
        self.bias = nn.Parameter(torch.empty(neurons, outputs))
        self.temperature = nn.Parameter(torch.empty(1))
        self.norm = nn.LayerNorm(inputs) if normalise else None

    def initialise(self, key: Key) -> None:
        """Weights uniform in +-1/sqrt(in + out), no bias, temperature one."""
        _, outputs, inputs = self.weight.shape
        bound = 1 / math.sqrt(inputs + outputs)
        self.weight.copy_(
            torch.from_numpy(key.fold("weight").uniform(tuple(self.weight.shape), low=-bound, high=bound))
        )
        self.bias.zero_()
        self.temperature.fill_(1.0)


class NeuronModels(nn.Module):
    """The neuron-level models of all D neurons."""

    def __init__(self, config: NeuronModel, neurons: int, memory_length: int):
        super().__init__()
        self.dropout = config.dropout
        self.layers = nn.ModuleList(
            NeuronLayer(neurons, inputs, outputs, normalise=config.normalise)
            for inputs, outputs in config.widths(memory_length)
        )

    def constants(self, batch: int, key: Key | None = None) -> NeuronConstants:
        """Temperatures folded into weights and biases and the layout that suits the batch: once per call."""
        layers: list[NeuronLayer] = list(self.layers)  # pyright: ignore[reportAssignmentType]
        norms = [layer.norm for layer in layers if layer.norm is not None]
        dropping = self.training and self.dropout > 0
        plain = tuple(layer.weight for layer in layers)
        turned = in_order(plain, batch), False  # the first layer's, where they are wanted in another order
        weights = tuple(
            _over(layer.weight, layer.temperature, turn) for layer, turn in zip(layers, turned, strict=False)
        )
        compiled = not weights or applies(weights) or fused(*weights)
        if batch < FEW_SAMPLES and not compiled:  # the inputs of a neuron as rows in memory
            weights = tuple(weight.transpose(1, 2).contiguous().transpose(1, 2) for weight in weights)
        return NeuronConstants(
            weights=weights,
            biases=tuple(layer.bias / layer.temperature for layer in layers),
            scales=tuple(norm.weight for norm in norms),
            shifts=tuple(norm.bias for norm in norms),
            dropout=self.dropout if dropping else 0.0,
            key=key if dropping else None,
        )


def neuron_forward(window: Tensor, model: NeuronConstants, tick: int) -> Tensor:
    """Apply the models to windows (D, M, B): activations z, (D, B)."""
    if not model.weights:
        return window[:, -1].clone()
    x = window
    for layer, (weight, bias) in enumerate(zip(model.weights, model.biases, strict=True)):
        if model.key is not None:
            x = x * dropout_mask(model.key.fold(layer), tuple(x.shape), model.dropout, step=tick)
        if model.scales:
            x = F.layer_norm(x.transpose(1, 2), weight.shape[2:], model.scales[layer], model.shifts[layer]).transpose(
                1, 2
            )
        x = F.glu(_affine(weight, bias, x), 1)
    return x.squeeze(1)


def neuron_backward(
    gradient: Tensor,
    window: Tensor,
    model: NeuronConstants,
    tick: int,
    window_gradient: Tensor,
    model_gradients: list[Tensor],
) -> None:
    """Add the gradients for z's gradient (D, B) to those of the window and the tensors, recomputing what lies
    between.
    """
    if model.scales or model.key is not None:
        _backward_by_autograd(gradient, window, model, tick, window_gradient, model_gradients)
        return
    if not model.weights:
        window_gradient[:, -1] += gradient
        return
    for start in range(0, len(window), NEURONS_TOGETHER):
        some = slice(start, start + NEURONS_TOGETHER)
        part = model.with_tensors([one[some] for one in model.tensors()])
        _backward(gradient[some], window[some], part, window_gradient[some], [one[some] for one in model_gradients])


def _backward(
    gradient: Tensor, window: Tensor, model: NeuronConstants, window_gradient: Tensor, model_gradients: list[Tensor]
) -> None:
    """The same by hand, for some neurons whose layers stay near the processor together."""
    inputs, gated = [window], []
    for weight, bias in zip(model.weights, model.biases, strict=True):
        gated.append(_affine(weight, bias, inputs[-1]))
        if len(gated) < len(model.weights):
            inputs.append(F.glu(gated[-1], 1))
    flow, layers = gradient.unsqueeze(1), len(gated)
    for layer in reversed(range(layers)):
        flow = torch.ops.aten.glu_backward(flow, gated[layer], 1)
        model_gradients[layer].baddbmm_(flow, inputs[layer].transpose(1, 2))
        model_gradients[layers + layer] += flow.sum(-1)
        if layer > 0:
            flow = torch.bmm(model.weights[layer].transpose(1, 2), flow)
    window_gradient += torch.bmm(model.weights[0].transpose(1, 2), flow)


def _backward_by_autograd(
    gradient: Tensor,
    window: Tensor,
    model: NeuronConstants,
    tick: int,
    window_gradient: Tensor,
    model_gradients: list[Tensor],
) -> None:
    with torch.enable_grad():
        source = window.detach().requires_grad_()
        tensors = [tensor.detach().requires_grad_() for tensor in model.tensors()]
        activation = neuron_forward(source, model.with_tensors(tensors), tick)
        shares = torch.autograd.grad(activation, [source, *tensors], gradient)
    window_gradient += shares[0]
    for total, share in zip(model_gradients, shares[1:], strict=True):
        total += share


def _over(weight: Tensor, temperature: Tensor, turned: bool) -> Tensor:
    """Weights (D, out, in) over a temperature; `turned`, they lie in memory as (D, in, out)."""
    return _Over.apply(weight, temperature, turned)  # pyright: ignore[reportReturnType]


class _Over(torch.autograd.Function):
    """The quotient, whose backward pass makes nothing of the size of the weights but their gradient."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, temperature: Tensor, turned: bool) -> Tensor:
        ctx.save_for_backward(weight, temperature)
        if not turned:
            return weight / temperature
        neurons, outputs, inputs = weight.shape
        return torch.div(weight, temperature, out=mapped_zeros((neurons, inputs, outputs), weight).transpose(1, 2))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        weight, temperature = ctx.saved_tensors
        share = torch.div(gradient, temperature, out=torch.empty_like(weight))
        parts = torch.bmm(share.flatten(1).unsqueeze(1), weight.flatten(1).unsqueeze(2))  # of each neuron
        return share, -parts.sum().reshape(1) / temperature, None


def _affine(weight: Tensor, bias: Tensor, x: Tensor) -> Tensor:
    """W x + b for every neuron: (D, out, in), (D, out), (D, in, B) -> (D, out, B)."""
    if x.shape[2] < FEW_SAMPLES:
        return torch.baddbmm(bias.unsqueeze(1), x.transpose(1, 2), weight.transpose(1, 2)).transpose(1, 2)
    return torch.baddbmm(bias.unsqueeze(2), weight, x)
