"""Synchronisation: how pairs of neurons move together over a thought, the machine's only way out.

For a pair (i, j) with learned decay rate lambda and retention r = exp(-clamp(lambda, 0, 15)), over activations z^0 ..
z^t:

    alpha^t = r alpha^{t-1} + z_i^t z_j^t        beta^t = r beta^{t-1} + 1        S^t = alpha^t / sqrt(beta^t)

from alpha^0 = z_i^0 z_j^0, beta^0 = 1. The matrix of all pairs is never formed. (The paper's text divides
by beta, its listing and its trained weights by sqrt(beta): cofire follows the weights.)

Over a stored window of the last M activations, with rates clamped to [0, 4], oldest first, w_k = exp(-(M - 1 - k)
lambda):

    S = sum_k w_k z_i^k z_j^k / sqrt(sum_k w_k)

Source: Darlow et al., Continuous Thought Machines, arXiv 2505.05522, section 3.4 and appendix.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from cofire.ctm._gpu import fused
from cofire.ctm._gpu_pairs import Incidence, running
from cofire.ctm._pairs import PairSelection, Side
from cofire.ctm._readings import paired_sums
from cofire.random import Key
from cofire.sync._torch import decayed_sums


@dataclass(frozen=True, kw_only=True, slots=True)
class Decayed:
    """The synchronisation of chosen pairs over the whole thought, each pair with a learned decay."""

    pairs: PairSelection
    highest_rate = 15.0

    def build(self, neurons: int, side: Side) -> "DecayedSynchronisation":
        """The module for D neurons."""
        return DecayedSynchronisation(self, neurons, side)


@dataclass(frozen=True, kw_only=True, slots=True)
class Windowed:
    """The synchronisation of chosen pairs over the last M activations, each pair with a learned decay."""

    pairs: PairSelection
    highest_rate = 4.0

    def build(self, neurons: int, side: Side) -> "WindowedSynchronisation":
        """The module for D neurons."""
        return WindowedSynchronisation(self, neurons, side)


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """No synchronisation: the activations of this tick are read instead (an ablation)."""

    def build(self, neurons: int, side: Side) -> "SnapshotReading":
        """The module for D neurons."""
        return SnapshotReading(neurons)


Reading = Decayed | Windowed | Snapshot


def _leaves(x: Tensor, gradient: Tensor, low: float, high: float) -> Tensor:
    """Where a descent step would leave the interval."""
    return ((x <= low) & (gradient > 0)) | ((x >= high) & (gradient < 0))


class _Bounded(torch.autograd.Function):
    """clamp(x, low, high) whose gradient dies only where a descent step would leave the interval.

    With `whole` false the gradient is but a part of that of the step, and passes as it is.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, low: float, high: float, whole: bool) -> Tensor:
        ctx.save_for_backward(x)
        ctx.low, ctx.high, ctx.whole = low, high, whole
        return x.clamp(low, high)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        (x,) = ctx.saved_tensors
        if ctx.whole:
            gradient = gradient.masked_fill(_leaves(x, gradient, ctx.low, ctx.high), 0.0)
        return gradient, None, None, None


class SynchronisationConstants(NamedTuple):
    """What reading costs once per call: the pairs written out and their retention or weights."""

    left: Tensor  # (P,)
    right: Tensor  # (P,)
    retention: Tensor  # (P,) for decayed reading, weights (M, P) for windowed
    incidence: Incidence | None = None  # for gradients on a CUDA device


class Accumulator(NamedTuple):
    """The running sums of decayed synchronisation: alpha (B, P) and beta (P,), and S where the update gave it too."""

    alpha: Tensor
    beta: Tensor
    read: Tensor | None = None


class _PairReading(nn.Module):
    """What both kinds of reading share: pairs kept with the weights, and learned decay rates."""

    left: Tensor
    right: Tensor
    whole_gradient = True  # False where a step adds up gradients of parts: `bound_gradient` then judges their sum

    def __init__(self, config: Decayed | Windowed, neurons: int, side: Side):
        super().__init__()
        self.config: Decayed | Windowed = config
        self.neurons = neurons
        self.side: Side = side
        self.width = config.pairs.count
        chosen = len(config.pairs.choose(neurons, side, Key(0))[0])
        self.register_buffer("left", torch.empty(chosen, dtype=torch.int64))
        self.register_buffer("right", torch.empty(chosen, dtype=torch.int64))
        self.decay = nn.Parameter(torch.empty(self.width))

    def initialise(self, key: Key) -> None:
        """Draw the pairs; start without forgetting."""
        left, right = self.config.pairs.choose(self.neurons, self.side, key.fold("pairs"))
        self.left.copy_(torch.from_numpy(left))
        self.right.copy_(torch.from_numpy(right))
        self.decay.zero_()

    def pairs(self) -> tuple[Tensor, Tensor]:
        """The two indices of every pair, (P,) each."""
        if not self.config.pairs.dense:
            return self.left, self.right
        rows, columns = torch.triu_indices(len(self.left), len(self.left), device=self.left.device)
        return self.left[rows], self.right[columns]

    def rates(self) -> Tensor:
        """The decay rates in use, (P,)."""
        bounds = (0.0, self.config.highest_rate)
        return _Bounded.apply(self.decay, *bounds, self.whole_gradient)  # pyright: ignore[reportReturnType]

    def bound_gradient(self) -> None:
        """Drop of the decay's gradient what would take it out of its interval, once all parts are added up."""
        if self.decay.grad is not None:
            outward = _leaves(self.decay.detach(), self.decay.grad, 0.0, self.config.highest_rate)
            self.decay.grad.masked_fill_(outward, 0.0)


class DecayedSynchronisation(_PairReading):
    """Running synchronisation: `start`, `update` by one tick, `read`; or `read_all` ticks at once."""

    def constants(self, window: int) -> SynchronisationConstants:
        """Pairs and retention of this call."""
        left, right = self.pairs()
        learning = torch.is_grad_enabled() and fused(self.decay)
        incidence = Incidence.of(left, right, self.neurons) if learning else None
        return SynchronisationConstants(left, right, torch.exp(-self.rates()), incidence)

    def products(self, activation: Tensor, constants: SynchronisationConstants) -> Tensor:
        """z_i z_j of every pair, (…, D) -> (…, P)."""
        return activation.index_select(-1, constants.left) * activation.index_select(-1, constants.right)

    def start(self, activation: Tensor, constants: SynchronisationConstants) -> Accumulator:
        """The sums after the first activations, (B, D)."""
        return Accumulator(self.products(activation, constants), torch.ones_like(constants.retention))

    def update(self, state: Accumulator, activation: Tensor, constants: SynchronisationConstants) -> Accumulator:
        """The sums after one more tick, rounded as `read_all` rounds them."""
        if self._fused(state, activation, constants):
            read, alpha, beta = running(activation[None], state.alpha, state.beta, *constants)
            return Accumulator(alpha, beta, read[0])
        alpha = torch.addcmul(self.products(activation, constants), state.alpha, constants.retention)
        return Accumulator(alpha, torch.addcmul(torch.ones_like(state.beta), state.beta, constants.retention))

    def read(self, state: Accumulator, constants: SynchronisationConstants) -> Tensor:
        """S = alpha / sqrt(beta), (B, P)."""
        if state.read is not None:
            return state.read
        return (state.alpha * state.beta.rsqrt()).to(constants.retention.dtype)  # sums may be more precise

    def read_all(self, state: Accumulator, activations: Tensor, constants: SynchronisationConstants) -> Tensor:
        """S after each of the next T activations (T, B, D) at once, (T, B, P)."""
        if self._fused(state, activations, constants):
            return running(activations, state.alpha, state.beta, *constants)[0]
        ones = torch.ones_like(constants.retention).expand(len(activations), -1)
        second = torch.addcmul(ones[0], state.beta, constants.retention)
        beta = decayed_sums(torch.cat([second[None], ones[1:]]), constants.retention)
        return paired_sums(activations, state.alpha, constants.retention, beta.rsqrt(), *constants[:2])

    def _fused(self, state: Accumulator, activation: Tensor, constants: SynchronisationConstants) -> bool:
        """Whether one kernel does it all; it takes sums beta that all samples share."""
        return state.beta.dim() == 1 and fused(activation, constants.retention)


class WindowedSynchronisation(_PairReading):
    """Synchronisation over the last M activations, kept as a tuple of M tensors that consecutive states share."""

    def constants(self, window: int) -> SynchronisationConstants:
        """Pairs and weights (M, P) of this call."""
        age = torch.arange(window - 1, -1, -1, device=self.decay.device, dtype=self.decay.dtype)
        return SynchronisationConstants(*self.pairs(), torch.exp(-age[:, None] * self.rates()))

    def start(self, trace: Tensor, constants: SynchronisationConstants) -> tuple[Tensor, ...]:
        """The window (B, D, M) as M tensors, oldest first."""
        return trace.unbind(-1)

    def update(
        self, state: tuple[Tensor, ...], activation: Tensor, constants: SynchronisationConstants
    ) -> tuple[Tensor, ...]:
        """Forget the oldest activations and append the newest."""
        return (*state[1:], activation)

    def read(self, state: tuple[Tensor, ...], constants: SynchronisationConstants) -> Tensor:
        """The weighted sum over the window, (B, P), oldest first: the same numbers however many samples there are."""
        weights = constants.retention
        total = weights.new_zeros(())
        for weight, z in zip(weights, state, strict=True):
            product = z.index_select(-1, constants.left) * z.index_select(-1, constants.right)
            total = torch.addcmul(total, product, weight)
        return total / weights.sum(0).sqrt()

    def read_all(self, state: tuple[Tensor, ...], activations: Tensor, constants: SynchronisationConstants) -> Tensor:
        """S after each of the next T activations (T, B, D), (T, B, P)."""
        seen = (*state, *activations.unbind(0))
        window = len(state)
        return torch.stack([self.read(seen[t + 1 : t + 1 + window], constants) for t in range(len(activations))])


class SnapshotReading(nn.Module):
    """The activations themselves."""

    def __init__(self, neurons: int):
        super().__init__()
        self.width = neurons

    def constants(self, window: int) -> None:
        """Nothing to prepare."""

    def start(self, activation: Tensor, constants: None) -> Tensor:
        """The activations, (B, D)."""
        return activation

    def update(self, state: Tensor, activation: Tensor, constants: None) -> Tensor:
        """The newer activations."""
        return activation

    def read(self, state: Tensor, constants: None) -> Tensor:
        """The activations, (B, D)."""
        return state

    def read_all(self, state: Tensor, activations: Tensor, constants: None) -> Tensor:
        """The activations of the next T ticks, (T, B, D)."""
        return activations
