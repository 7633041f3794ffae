"""The recurrent baseline: the same senses and heads around layers of long short-term memory, for T ticks.

    o      = attention(query = S_action, keys and values of the tokens)     as in the machine
    h, c   = LSTM(o, h, c)                                                  layer by layer
    S      = reading of the last layer's h^0 .. h^t                         for the answer and for the next query

With `Snapshot` readings S is h itself: the published baseline. With `Decayed` readings it is their synchronisation, the
ablation "LSTM + synchronisation". Questions are fed as the machine feeds them (the published baseline projects them as
if they were tokens). Source: Darlow et al., Continuous Thought Machines, arXiv 2505.05522, and Hochreiter &
Schmidhuber, 1997.
"""

import math
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, NamedTuple, final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cofire import checks
from cofire.ctm._attention import AttentionConstants, AttentionReader, Percept
from cofire.ctm._heads import Heads
from cofire.ctm._initialise import materialise
from cofire.ctm._lstm_config import LSTMConfig
from cofire.ctm._rows import reading_rows
from cofire.ctm._senses import Senses
from cofire.ctm._thinking import PlainCourse, Thinker
from cofire.ctm._thought import Thought
from cofire.random import Key
from cofire.random import torch_ as draws
from cofire.recording import Recording


class LSTMState(NamedTuple):
    """Where a baseline stands: hidden and cell state of every layer, (B, H) each, and what the readings keep."""

    hidden: tuple[Tensor, ...]
    cell: tuple[Tensor, ...]
    sync_out: Any
    sync_action: Any
    tick: int


class LSTMConstants(NamedTuple):
    """What a call computes once."""

    attention: AttentionConstants | None
    out: Any
    action: Any
    key: Key | None


class LSTMObservation(NamedTuple):
    """What a tick sees, made by `LSTMBaseline.perceive`."""

    percept: Percept
    constants: LSTMConstants


class LSTMTick(NamedTuple):
    """What one tick gives; absent parts are None."""

    logits: Tensor | None  # (B, out)
    certainty: Tensor | None  # (B,)
    energy: Tensor | None  # (B,)
    sync_out: Tensor  # (B, P)
    sync_action: Tensor | None  # (B, P)
    attention: Tensor | None  # (B, H, N)
    post_activation: Tensor  # (B, width)


class _Step(NamedTuple):
    """What one tick leaves for a record."""

    activation: Tensor
    sync_action: Tensor | None
    attention: Tensor | None
    pre_activation: None = None


class _Cell(nn.LSTMCell):
    """One layer for one tick, with start weights from a key."""

    def initialise(self, key: Key) -> None:
        """Everything uniform in +-1/sqrt(width)."""
        bound = 1 / math.sqrt(self.hidden_size)
        for name, tensor in self.named_parameters():
            tensor.copy_(draws.uniform(key.fold(name), tuple(tensor.shape), -bound, bound))


@final
class LSTMBaseline(Thinker, nn.Module):
    """A recurrent network with the senses, the readings, the heads and the interface of a `CTM`.

    Arguments: `config`, and the `key` that every start weight is drawn from (None leaves them without values, on
    torch's meta device, for weights that are about to be loaded).

    >>> from cofire.ctm import Answer, Attention, Direct, Snapshot
    >>> config = LSTMConfig(
    ...     width=20, ticks=5, backbone=Direct(features=8), attention=Attention(width=16, heads=2),
    ...     sync_action=Snapshot(), answer=Answer(outputs=10),
    ... )
    >>> thought = LSTMBaseline(config, key=Key(0))(torch.ones(3, 7, 8))
    >>> tuple(thought.logits.shape), tuple(thought.certainty.shape)
    ((3, 10, 5), (3, 5))
    """

    def __init__(self, config: LSTMConfig, *, key: Key | None):
        super().__init__()
        self.config = checks.instance("config", config, LSTMConfig)
        with torch.device("meta"):
            self.backbone = config.backbone.build()
            features = config.backbone.features
            self.position = None if config.position is None else config.position.build(features)
            self.sync_out = config.sync_out.build(config.width, "out")
            self.sync_action = None if config.sync_action is None else config.sync_action.build(config.width, "action")
            self.attention = None
            if config.attention is not None and self.sync_action is not None:
                self.attention = AttentionReader(config.attention, features, self.sync_action.width)
                features = config.attention.width
            self.inputs = features
            widths = [features] + [config.width] * config.layers
            self.cells = nn.ModuleList(_Cell(wide, config.width) for wide in widths[:-1])
            self.start_hidden = nn.Parameter(torch.empty(config.layers, config.width))
            self.start_cell = nn.Parameter(torch.empty(config.layers, config.width))
            width = self.sync_out.width
            self.answer = None if config.answer is None else config.answer.build(width)
            self.energy = None if config.energy is None else config.energy.build(width)
            self.more_heads = nn.ModuleDict({name: head.build(width) for name, head in config.more_heads})
            self.question = None if config.question is None else config.question.build(features)
        if key is not None:
            materialise(self, key)

    def initialise(self, key: Key) -> None:
        """Start states: uniform in +-1/sqrt(width)."""
        bound = 1 / math.sqrt(self.config.width)
        for name, tensor in (("start_hidden", self.start_hidden), ("start_cell", self.start_cell)):
            tensor.copy_(draws.uniform(key.fold(name), tuple(tensor.shape), -bound, bound))

    def constants(self, key: Key | None = None) -> LSTMConstants:
        """What a call computes once for all its ticks; `key` addresses the dropout of the call."""
        self._check_key(key)
        parts = {name: None if key is None else key.fold(name) for name in ("attention", "layers")}
        return LSTMConstants(
            attention=None if self.attention is None else self.attention.constants(parts["attention"]),
            out=self.sync_out.constants(1),
            action=None if self.sync_action is None else self.sync_action.constants(1),
            key=parts["layers"] if self.training and self.config.dropout > 0 else None,
        )

    def perceive(self, x: Tensor, *, key: Key | None = None) -> LSTMObservation:
        """Everything about an observation (B, …) that does not change from tick to tick."""
        return LSTMObservation(self._senses().percept(x), self.constants(key))

    def init_state(self, batch: int) -> LSTMState:
        """The learned start state for a batch."""
        checks.integer("batch", batch, low=1, fix="think about one sample or more")
        return self._start(self.constants(Key(0) if self.training else None), batch)

    def tick(self, state: LSTMState, observation: LSTMObservation) -> tuple[LSTMTick, LSTMState]:
        """One tick: the outputs and the new state; the old state stays as it was."""
        step, state = self._step(state, observation)
        read = self.sync_out.read(state.sync_out, observation.constants.out)
        said = self._heads().read(read)
        seen = LSTMTick(
            said.logits, said.certainty, said.energy, read, step.sync_action, step.attention, step.activation
        )
        return seen, state

    def observe(
        self, state: LSTMState, x: Tensor | LSTMObservation, *, ticks: int | None = None, key: Key | None = None
    ) -> tuple[Float[Tensor, "B P"], LSTMState]:
        """Think about one observation of an environment, as it is or perceived, and carry the state on: what is read
        (B, P) after the last tick, and the state.
        """
        observation = x if isinstance(x, LSTMObservation) else self.perceive(x, key=key)
        for _ in range(self._ticks(ticks)):
            _, state = self._step(state, observation)
        return self.sync_out.read(state.sync_out, observation.constants.out), state

    def forward(
        self, x: Tensor, *, question: Tensor | None = None, ticks: int | None = None, key: Key | None = None
    ) -> Thought:
        """Think about a batch; arguments and errors are those of `CTM`."""
        return self._heads().thought(self._run(x, question, ticks, key)[2])

    @torch.no_grad()
    def record(
        self, x: Tensor, *, question: Tensor | None = None, ticks: int | None = None, key: Key | None = None
    ) -> Recording:
        """Think about a batch and keep every trace, as a `Recording` with ticks first.

        Traces: `post_activation` (T, B, H), the last layer's hidden state; the others as in `CTM.record`.
        """
        from cofire.ctm._record import to_recording

        steps, activations, read = self._run(x, question, ticks, key)
        return to_recording(self, steps, activations, read, self._heads().thought(read))

    def save(self, folder: str | PathLike[str], *, facts: Mapping[str, Any] | None = None) -> None:
        """Write the baseline as a folder; see `CTM.save`."""
        from cofire.ctm._saving import save_machine

        save_machine(self, folder, facts)

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> "LSTMBaseline":
        """The baseline that `save` wrote; see `CTM.load`."""
        from cofire.ctm._saving import load_machine

        return load_machine(cls, LSTMConfig, folder)

    def _prepare(
        self, x: Tensor, question: Tensor | None, ticks: int | None, key: Key | None
    ) -> tuple[LSTMConstants, list[Percept]]:
        senses, dtype = self._senses(), self.start_hidden.dtype
        percepts = senses.percepts(x, question, self._ticks(ticks), streamed=self.config.streamed, dtype=dtype)
        return self.constants(key), percepts

    def _course(self, x: Tensor, question: Tensor | None, ticks: int | None, key: Key | None) -> PlainCourse:
        constants, percepts = self._prepare(x, question, ticks, key)
        listening = len(percepts) - self._ticks(ticks) if self.config.streamed else 0
        observations = [LSTMObservation(percept, constants) for percept in percepts]
        state, alike = self._start(constants, len(x)), not (self.training and self._dropout() > 0)
        return PlainCourse(self, state, observations, listening=listening, alike=alike)

    def _rows(self, state: LSTMState, constants: LSTMConstants, rows: Tensor, ticks: int) -> LSTMState:
        hidden, cell = (tuple(part[rows] for part in parts) for parts in (state.hidden, state.cell))
        readings = reading_rows(state.sync_out, rows), reading_rows(state.sync_action, rows)
        return LSTMState(hidden, cell, *readings, state.tick)

    def _run(
        self, x: Tensor, question: Tensor | None, ticks: int | None, key: Key | None
    ) -> tuple[Sequence[_Step], Tensor, Tensor]:
        """Steps, activations (T, B, H) and what is read from them (T, B, P)."""
        constants, percepts = self._prepare(x, question, ticks, key)
        start = state = self._start(constants, len(x))
        steps: list[_Step] = []
        for t, percept in enumerate(percepts):
            action = state.sync_action
            if t > 0 and self.sync_action is not None:
                action = self.sync_action.update(action, state.hidden[-1], constants.action)
            state = state._replace(sync_action=action, tick=t)
            step, hidden, cell = self._advance(percept, constants, state)
            state = state._replace(hidden=hidden, cell=cell)
            steps.append(step)
        activations = torch.stack([step.activation for step in steps])
        return steps, activations, self.sync_out.read_all(start.sync_out, activations, constants.out)

    def _start(self, constants: LSTMConstants, batch: int) -> LSTMState:
        hidden, cell = (
            tuple(one.expand(batch, -1) for one in part.unbind(0)) for part in (self.start_hidden, self.start_cell)
        )
        action = None if self.sync_action is None else self.sync_action.start(hidden[-1], constants.action)
        return LSTMState(hidden, cell, self.sync_out.start(hidden[-1], constants.out), action, 0)

    def _step(self, state: LSTMState, observation: LSTMObservation) -> tuple[_Step, LSTMState]:
        constants = observation.constants
        step, hidden, cell = self._advance(observation.percept, constants, state)
        out: Any = self.sync_out.update(state.sync_out, step.activation, constants.out)
        action = state.sync_action
        if self.sync_action is not None:
            action = self.sync_action.update(action, step.activation, constants.action)
        return step, LSTMState(hidden, cell, out, action, state.tick + 1)

    def _advance(
        self, percept: Percept, constants: LSTMConstants, state: LSTMState
    ) -> tuple[_Step, tuple[Tensor, ...], tuple[Tensor, ...]]:
        x, synchronisation, weights = percept.features, None, None
        if self.sync_action is not None and self.attention is not None and constants.attention is not None:
            synchronisation = self.sync_action.read(state.sync_action, constants.action)
            if x is None:
                seen, weights = self.attention.attend(synchronisation, percept, constants.attention, state.tick)
                x = functional.linear(seen, self.attention.out.weight, self.attention.out.bias)
        hidden, cell = [], []
        for layer, part in enumerate(self.cells):
            if layer > 0 and constants.key is not None and x is not None:
                x = draws.dropout(x, constants.key.fold(layer), self.config.dropout, step=state.tick)
            x, remembered = part(x, (state.hidden[layer], state.cell[layer]))
            hidden.append(x)
            cell.append(remembered)
        return _Step(hidden[-1], synchronisation, weights), tuple(hidden), tuple(cell)

    def _senses(self) -> Senses:
        return Senses(self.backbone, self.position, self.attention, self.question, self.inputs)

    def _heads(self) -> Heads:
        return Heads(self.answer, self.config.answer, self.energy, self.more_heads)

    def _ticks(self, ticks: int | None) -> int:
        return self.config.ticks if ticks is None else checks.integer("ticks", ticks, low=1, fix="one tick or more")

    def _check_key(self, key: Key | None) -> None:
        if self.training and key is None and self._dropout() > 0:
            fix = "model(x, key=key.fold(step)) in training, model.eval() otherwise"
            raise checks.InvalidValue(checks.message("key", "a key for the dropout of this call", "None", fix))

    def _dropout(self) -> float:
        return max(self.config.dropout, 0.0 if self.config.attention is None else self.config.attention.dropout)
