"""A thought without gradients on a CPU: the steps of a tick compiled, between buffers that are made once.

The plain tick of `CTM.tick` is the definition; this one computes the same numbers up to the order of additions. A
sample's numbers do not depend on which other samples are in the batch, except through the change from few samples to
many (16), where dense layers and neuron-level models add in another order.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cofire import kernels
from cofire.ctm._attention import Percept
from cofire.ctm._compiled_synapse import CompiledSynapse, Product, move_up
from cofire.ctm._neuron_fast import FastNeurons
from cofire.ctm._neuron_models import DeepNeuronModel
from cofire.ctm._room import room
from cofire.ctm._synchronisation import DecayedSynchronisation
from cofire.ctm._torch_threads import Work, readable

if TYPE_CHECKING:
    from cofire.ctm._model import CTM


class Running:
    """The running synchronisation of one reading for B samples, over at most T ticks."""

    def __init__(self, reading: nn.Module, z: Tensor, ticks: int, *, keep: bool):
        if not isinstance(reading, DecayedSynchronisation):
            raise TypeError("a reading that is not compiled")
        left, right, retention = (one.contiguous() for one in reading.constants(1)[:3])
        self.alpha = z.index_select(1, left) * z.index_select(1, right)
        self._scale = _scales(retention, ticks)
        self.read = room((ticks if keep else 1, *self.alpha.shape), self.alpha)  # S of every tick, or of the last
        self._alive = (left, right, retention, z)
        batch, pairs = self.alpha.shape
        addresses = [one.data_ptr() for one in (z, left, right, retention, self._scale, self.alpha)]
        numbers = [batch, pairs, *addresses, 4 * z.stride(0), 4 * pairs, self.read.data_ptr()]
        self._work = Work(kernels.pairs.address, numbers)

    def update(self, tick: int) -> Tensor:
        """S after the activations of a tick, counted from 0: (B, P)."""
        read = self.read[tick if len(self.read) > 1 else 0]
        self._work.numbers[7] = self._scale[tick + 1].data_ptr()
        self._work.numbers[11] = read.data_ptr()
        self._work()
        return read

    def keep(self, rows: Tensor) -> None:
        """Go on with some of the samples."""
        move_up(self.alpha, rows)
        if len(self.read) == 1:  # this one is still to be looked with
            move_up(self.read[0], rows)
        self._work.numbers[1] = len(rows)


class Look:
    """Attention of samples into one percept: each into what the sample of its number in `owners` (B,) perceives."""

    def __init__(self, percept: Percept, heads: int, seen: Tensor, owners: Tensor):
        keys, values = percept.keys, percept.values
        if keys is None or values is None:
            raise ValueError("a percept without keys")
        _, width, tokens = keys.shape
        ordered, count = (_filled(keys), _filled(values)), len(owners) * heads
        weights = keys.new_empty(count, ordered[0].shape[2])
        self._heads, self._owners, self._alive = heads, owners, (ordered, weights, seen)
        addresses = [one.data_ptr() for one in (*ordered, seen, weights)]
        numbers = [count, heads, width, tokens, 0, *addresses, 4 * seen.stride(0), owners.data_ptr()]
        self._work = Work(kernels.look.address, numbers)

    def __call__(self, query: Tensor) -> None:
        """Write what queries (B, H w) find into the buffer (B, H w)."""
        self._work.numbers[5] = query.data_ptr()
        self._work()

    def keep(self, rows: Tensor) -> None:
        """Go on with some of the samples; what they perceive stays where it is."""
        self._owners = self._owners[rows]
        self._work.numbers[1], self._work.numbers[11] = len(rows) * self._heads, self._owners.data_ptr()


class CompiledThought:
    """A thought of B samples through one percept per tick, taken on tick by tick: a course (see `_thinking`)."""

    alike = True

    def __init__(self, model: "CTM", percepts: Sequence[Percept], batch: int, *, listening: int = 0):
        self.length, self.listening = len(percepts), listening
        self._percepts, self._tick = percepts, 0
        self._rows: Tensor | None = None  # of the samples that are left, where some are gone
        neurons, memory_length = model.start_window.shape
        self._memory_length = memory_length
        observed = model.synapse.inputs
        self._inputs = model.start_window.new_empty(batch, observed + neurons)  # [o; z]
        self._seen, self._z = self._inputs[:, :observed], self._inputs[:, observed:]
        self._z[:] = model.start_activation
        self._history = room((neurons, memory_length + self.length, batch), self._inputs)
        self._history[:, :memory_length] = model.start_window[..., None]
        constants = model.neuron_models.constants(batch)
        self._neurons = FastNeurons(constants.weights, constants.biases, batch)
        reader, heads = model.attention, 1
        projection = None if reader is None else (reader.out.weight, reader.out.bias)
        self._synapse = CompiledSynapse(model.synapse, self._inputs, projection)
        self._out = Running(model.sync_out, self._z, self.length, keep=True)
        self._action = self._query = None
        if reader is not None and model.sync_action is not None:
            heads = reader.config.heads
            self._action = Running(model.sync_action, self._z, self.length, keep=False)
            self._action.read[0] = self._action.alpha
            self._query = Product(*reader.query_map(), self._action.read[0])
        self._heads = heads
        self._percept: Percept | None = None
        self._look: Look | None = None

    def advance(self) -> Tensor:
        """Think one more tick: the synchronisation for the answer, (B, P)."""
        percept = self._percepts[self._tick]
        if percept is not self._percept:
            self._turn_to(percept)
        if self._look is not None and self._query is not None:
            self._look(self._query())
        self._synapse(project=percept.features is None)
        self._tick += 1
        window = self._history[:, self._tick : self._tick + self._memory_length]
        self._neurons(window, self._synapse.pre_activation, self._z)
        if self._action is not None:
            self._action.update(self._tick - 1)
        read = self._out.update(self._tick - 1)
        return read if self._rows is None else read[: len(self._rows)]

    def keep(self, rows: Tensor) -> None:
        """Go on with some of the samples: rows move up to fill the first places, and fewer are computed."""
        self._rows = rows if self._rows is None else self._rows[rows]
        move_up(self._inputs, rows)
        move_up(self._history[:, self._tick : self._tick + self._memory_length], rows, 2)
        for part in (self._synapse, self._neurons, self._out, self._action, self._query, self._look):
            if part is not None:
                part.keep(rows)

    def synchronisation(self) -> Tensor:
        """The synchronisation for the answer after every tick so far, (T, B, P)."""
        return self._out.read[: self._tick]

    def _turn_to(self, percept: Percept) -> None:
        """See something else from now on."""
        self._percept, self._look = percept, None
        rows = torch.arange(len(self._inputs)) if self._rows is None else self._rows
        if percept.features is not None:
            self._seen[: len(rows)] = percept.features[rows]
        else:
            self._look = Look(percept, self._heads, self._seen, rows)


def compiles(model: "CTM") -> bool:
    """Whether a thought of this machine can be compiled now: no gradients wanted, and parts of which there are."""
    readings = [reading for reading in (model.sync_out, model.sync_action) if reading is not None]
    config = model.config
    parts = [part for part in (config.synapse, config.neuron_model, config.attention) if part is not None]
    return (
        readable(model.start_window)
        and all(isinstance(reading, DecayedSynchronisation) for reading in readings)
        and isinstance(config.neuron_model, DeepNeuronModel)
        and not config.neuron_model.normalise
        and not (model.training and any(part.dropout > 0 for part in parts))
    )


def think_compiled(model: "CTM", percepts: Sequence[Percept], batch: int) -> Tensor:
    """The synchronisation for the answer of every tick, (T, B, P)."""
    thought = CompiledThought(model, percepts, batch)
    for _ in percepts:
        thought.advance()
    return thought.synchronisation()


def _scales(retention: Tensor, ticks: int) -> Tensor:
    """1 / sqrt(beta) at the start and after each tick, (T + 1, P): beta is the sum of the powers of r so far."""
    powers = retention ** torch.arange(ticks + 1, dtype=retention.dtype)[:, None]
    return powers.cumsum(0).rsqrt_()


def _filled(tokens: Tensor) -> Tensor:
    """(G, a, n) with its rows filled up to a multiple of the lanes: as it lies where there is room, or else a copy."""
    count, rows, size = tokens.shape
    wide = kernels.filled(size)
    if tokens.stride() == (rows * wide, wide, 1):
        return tokens.as_strided((count, rows, wide), tokens.stride())
    return F.pad(tokens, (0, wide - size)).contiguous()
