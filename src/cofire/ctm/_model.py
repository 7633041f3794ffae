"""The Continuous Thought Machine: one class for every task, by composition.

A tick, with everything constant over ticks computed once before the first:

    o  = attention(query = S_action, keys and values of the tokens)     what is looked at
    a  = synapse([o; z])                                                pre-activations
    A  = the last M pre-activations of every neuron
    z' = neuron-level models(A)                                         activations
    S  = synchronisation of pairs of z^0 .. z'                          for the answer and for the next query
    y  = W S_out + b,   certainty = 1 - normalised entropy of y

Source: Darlow et al., Continuous Thought Machines, arXiv 2505.05522.
"""

import math
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, NamedTuple, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cofire import checks
from cofire.ctm._attention import AttentionConstants, AttentionReader, Percept
from cofire.ctm._compiled import CompiledThought, compiles, think_compiled
from cofire.ctm._config import CTMConfig
from cofire.ctm._heads import Heads
from cofire.ctm._history import SPARE_TICKS, History
from cofire.ctm._initialise import materialise
from cofire.ctm._neuron_models import NeuronConstants, NeuronModels
from cofire.ctm._origin import PublishedOrigin
from cofire.ctm._rows import reading_rows
from cofire.ctm._senses import Senses
from cofire.ctm._synapses import SynapseConstants
from cofire.ctm._synchronisation import Windowed
from cofire.ctm._thinking import Course, PlainCourse, Thinker
from cofire.ctm._thought import Thought
from cofire.random import Key
from cofire.random import torch_ as draws
from cofire.recording import Recording


class Constants(NamedTuple):
    """All that a call computes once, whatever its number of ticks."""

    attention: AttentionConstants | None
    synapse: SynapseConstants
    neurons: NeuronConstants
    out: Any
    action: Any


class Observation(NamedTuple):
    """What a tick sees, made by `CTM.perceive`."""

    percept: Percept
    constants: Constants


class CTMState(NamedTuple):
    """Where a thought stands: values of this type are never changed, so they can be kept, reused and branched."""

    history: History
    activation: Tensor  # z, (B, D)
    sync_out: Any
    sync_action: Any


class Tick(NamedTuple):
    """What one tick gives: the heads' outputs and everything that led to them; absent parts are None."""

    logits: Tensor | None  # (B, out)
    certainty: Tensor | None  # (B,)
    energy: Tensor | None  # (B,)
    sync_out: Tensor  # (B, P)
    sync_action: Tensor | None  # (B, P)
    attention: Tensor | None  # (B, H, N)
    pre_activation: Tensor  # (B, D)
    post_activation: Tensor  # (B, D)


class _Step(NamedTuple):
    """The part of a tick that the next tick needs, with its traces."""

    history: History
    activation: Tensor
    sync_action: Tensor | None
    attention: Tensor | None
    pre_activation: Tensor


@final
class CTM(Thinker, nn.Module):
    """A Continuous Thought Machine.

    Arguments: `config`, and the `key` that every start weight and every choice of pairs is drawn from (None leaves them
    without values, on torch's meta device, for weights that are about to be loaded with `assign=True`).

    >>> from cofire.ctm import (Answer, Attention, CTMConfig, Decayed, DeepNeuronModel, Direct, RandomPairs)
    >>> config = CTMConfig(
    ...     neurons=32, ticks=5, memory_length=4, backbone=Direct(features=8), attention=Attention(width=16, heads=2),
    ...     neuron_model=DeepNeuronModel(hidden=4), sync_out=Decayed(pairs=RandomPairs(pairs=24)),
    ...     sync_action=Decayed(pairs=RandomPairs(pairs=16)), answer=Answer(outputs=10),
    ... )
    >>> model = CTM(config, key=Key(0))
    >>> thought = model(torch.ones(3, 7, 8))  # three samples of seven tokens
    >>> tuple(thought.logits.shape), tuple(thought.certainty.shape), tuple(thought.answer().shape)
    ((3, 10, 5), (3, 5), (3, 10))
    """

    def __init__(self, config: CTMConfig, *, key: Key | None):
        super().__init__()
        self.config = checks.instance("config", config, CTMConfig)
        self.published: PublishedOrigin | None = None
        neurons, memory = config.neurons, config.memory_length
        with torch.device("meta"):
            self.backbone = config.backbone.build()
            features = config.backbone.features
            self.position = None if config.position is None else config.position.build(features)
            self.sync_out = config.sync_out.build(neurons, "out")
            self.sync_action = None if config.sync_action is None else config.sync_action.build(neurons, "action")
            self.attention = None
            if config.attention is not None and self.sync_action is not None:
                self.attention = AttentionReader(config.attention, features, self.sync_action.width)
                features = config.attention.width
            self.synapse = config.synapse.build(neurons, features)
            self.neuron_models = NeuronModels(config.neuron_model, neurons, memory)
            self.start_window = nn.Parameter(torch.empty(neurons, memory))
            remembered = (neurons, memory) if isinstance(config.sync_out, Windowed) else (neurons,)
            self.start_activation = nn.Parameter(torch.empty(remembered))
            width = self.sync_out.width
            self.answer = None if config.answer is None else config.answer.build(width)
            self.energy = None if config.energy is None else config.energy.build(width)
            self.more_heads = nn.ModuleDict({name: head.build(width) for name, head in config.more_heads})
            self.question = None if config.question is None else config.question.build(features)
        if key is not None:
            materialise(self, key)

    def initialise(self, key: Key) -> None:
        """Start states: uniform in +-1/sqrt(D + M) for the window, +-1/sqrt(D) for the activations."""
        neurons, memory = self.start_window.shape
        for name, tensor, count in (
            ("start_window", self.start_window, neurons + memory),
            ("start_activation", self.start_activation, sum(self.start_activation.shape)),
        ):
            bound = 1 / math.sqrt(count)
            tensor.copy_(draws.uniform(key.fold(name), tuple(tensor.shape), -bound, bound))

    # --- what is computed once -------------------------------------------------------------------------------------

    def constants(self, batch: int, key: Key | None = None) -> Constants:
        """What a call computes once for all its ticks; `key` addresses the dropout of the call."""
        self._check_key(key)
        parts = {name: None if key is None else key.fold(name) for name in ("attention", "synapse", "neurons")}
        projection = None if self.attention is None else (self.attention.out.weight, self.attention.out.bias)
        memory = self.config.memory_length
        return Constants(
            attention=None if self.attention is None else self.attention.constants(parts["attention"]),
            synapse=self.synapse.constants(projection, parts["synapse"]),
            neurons=self.neuron_models.constants(batch, parts["neurons"]),
            out=self.sync_out.constants(memory),
            action=None if self.sync_action is None else self.sync_action.constants(memory),
        )

    def perceive(self, x: Tensor, *, key: Key | None = None) -> Observation:
        """Everything about an observation (B, …) that does not change from tick to tick."""
        return Observation(self._senses().percept(x), self.constants(len(x), key))

    def init_state(self, batch: int) -> CTMState:
        """The learned start state for a batch."""
        checks.integer("batch", batch, low=1, fix="think about one sample or more")
        return self._start(self.constants(batch, Key(0) if self.training else None), batch, SPARE_TICKS)

    # --- one tick --------------------------------------------------------------------------------------------------

    def tick(self, state: CTMState, observation: Observation) -> tuple[Tick, CTMState]:
        """One tick of thought: the outputs and the new state; the old state stays as it was."""
        constants = observation.constants
        step, state = self._step(state, observation)
        read = self.sync_out.read(state.sync_out, constants.out)
        said = self._heads().read(read)
        outputs = Tick(
            said.logits,
            said.certainty,
            said.energy,
            read,
            step.sync_action,
            step.attention,
            step.pre_activation,
            step.activation,
        )
        return outputs, state

    def observe(
        self, state: CTMState, x: Tensor | Observation, *, ticks: int | None = None, key: Key | None = None
    ) -> tuple[Float[Tensor, "B P"], CTMState]:
        """Think about one observation of an environment, as it is or perceived, and carry the state on: the
        synchronisation (B, P) after the last tick, and the state.
        """
        observation = x if isinstance(x, Observation) else self.perceive(x, key=key)
        for _ in range(self._ticks(ticks)):
            _, state = self._step(state, observation)
        return self.sync_out.read(state.sync_out, observation.constants.out), state

    # --- a whole thought -------------------------------------------------------------------------------------------

    def forward(
        self, x: Tensor, *, question: Tensor | None = None, ticks: int | None = None, key: Key | None = None
    ) -> Thought:
        """Think about a batch.

        Arguments: `x` (B, …) as the backbone wants it, or (B, S, …), one per tick, for streamed observations;
        `question` (B, Q) for machines that are asked; `ticks` of thought instead of the configured number; `key` for
        the dropout of a training step (fold the step into it).

        Raises InvalidValue for an empty batch, impossible ticks, or dropout without a key.
        """
        if compiles(self):
            return self._heads().thought(think_compiled(self, self._percepts(x, question, ticks), len(x)))
        constants = self.constants(len(x), key)  # first, so that the backward pass comes to it last
        percepts = self._percepts(x, question, ticks)
        state = self._start(constants, len(x), len(percepts))
        steps = self._think(percepts, constants, state)
        activations = torch.stack([step.activation for step in steps])
        read = self.sync_out.read_all(state.sync_out, activations, constants.out)
        return self._heads().thought(read)

    @torch.no_grad()
    def record(
        self, x: Tensor, *, question: Tensor | None = None, ticks: int | None = None, key: Key | None = None
    ) -> Recording:
        """Think about a batch and keep every trace, as a `Recording` with ticks first.

        Traces: `pre_activation`, `post_activation` (T, B, D); `sync_out`, `sync_action` (T, B, P); `attention` (T, B,
        H, N); `logits` (T, B, out); `certainty`, `energy` (T, B); those that the machine has.
        """
        from cofire.ctm._record import to_recording

        percepts, constants = self._percepts(x, question, ticks), self.constants(len(x), key)
        state = self._start(constants, len(x), len(percepts))
        steps = self._think(percepts, constants, state)
        activations = torch.stack([step.activation for step in steps])
        read = self.sync_out.read_all(state.sync_out, activations, constants.out)
        return to_recording(self, steps, activations, read, self._heads().thought(read))

    # --- files -----------------------------------------------------------------------------------------------------

    def save(self, folder: str | PathLike[str], *, facts: Mapping[str, Any] | None = None) -> None:
        """Write the machine as a folder, whole or not at all: weights, configuration and a model card.

        Arguments: `folder`, new, empty or an earlier save; `facts` about the training for the card, by name: `task`,
        `seed`, `steps`, `accuracy`, `control_accuracy` (of a one-tick control trained the same way), and whatever else
        matters.

        Raises FileProblem where the folder cannot be written, InvalidValue for a machine that JSON cannot describe.
        """
        from cofire.ctm._saving import save_machine

        save_machine(self, folder, facts)

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> "CTM":
        """The machine that `save` wrote, ready to think (in evaluation mode).

        Raises FileProblem for what is no such folder, InvalidValue that lists entries unknown, missing or misshapen.
        """
        from cofire.ctm._saving import load_machine

        return load_machine(cls, CTMConfig, folder)

    def to_published(self, folder: str | PathLike[str]) -> None:
        """Write the machine in the layout of the published ones, which their own code loads.

        Raises InvalidValue for a machine of a composition that was never published.
        """
        from cofire.ctm._published import write_published

        write_published(self, folder)

    # --- inside ----------------------------------------------------------------------------------------------------

    def _percepts(self, x: Tensor, question: Tensor | None, ticks: int | None) -> list[Percept]:
        senses, dtype = self._senses(), self.start_window.dtype
        return senses.percepts(x, question, self._ticks(ticks), streamed=self.config.streamed, dtype=dtype)

    def _course(self, x: Tensor, question: Tensor | None, ticks: int | None, key: Key | None) -> Course:
        percepts = self._percepts(x, question, ticks)
        listening = len(percepts) - self._ticks(ticks) if self.config.streamed else 0
        if compiles(self):
            return CompiledThought(self, percepts, len(x), listening=listening)
        constants = self.constants(len(x), key)
        observations = [Observation(percept, constants) for percept in percepts]
        state, alike = self._start(constants, len(x), len(percepts)), not (self.training and self._drops())
        return PlainCourse(self, state, observations, listening=listening, alike=alike)

    def _rows(self, state: CTMState, constants: Constants, rows: Tensor, ticks: int) -> CTMState:
        window, tick = state.history.window()[..., rows], state.history.tick
        history = History.begin(constants.neurons, window, len(rows), ticks, tick)
        readings = reading_rows(state.sync_out, rows), reading_rows(state.sync_action, rows)
        return CTMState(history, state.activation[rows], *readings)

    def _senses(self) -> Senses:
        return Senses(self.backbone, self.position, self.attention, self.question, self.synapse.inputs)

    def _start(self, constants: Constants, batch: int, ticks: int) -> CTMState:
        history = History.begin(constants.neurons, self.start_window, batch, ticks)
        remembered = self.start_activation.expand(batch, *self.start_activation.shape)
        activation = remembered[..., -1] if remembered.dim() == 3 else remembered
        action = None
        if self.sync_action is not None:
            action = self.sync_action.start(activation, constants.action)
        return CTMState(history, activation, self.sync_out.start(remembered, constants.out), action)

    def _step(self, state: CTMState, observation: Observation) -> tuple[_Step, CTMState]:
        constants = observation.constants
        step, action = self._advance(observation.percept, constants, state.history, state.activation, state.sync_action)
        out: Any = self.sync_out.update(state.sync_out, step.activation, constants.out)
        if self.sync_action is not None:
            action = self.sync_action.update(action, step.activation, constants.action)
        return step, CTMState(step.history, step.activation, out, action)

    def _advance(
        self, percept: Percept, constants: Constants, history: History, activation: Tensor, action: Any
    ) -> tuple[_Step, Any]:
        observed, synchronisation, weights = percept.features, None, None
        if self.sync_action is not None and self.attention is not None and constants.attention is not None:
            synchronisation = self.sync_action.read(action, constants.action)
            if observed is None:
                observed, weights = self.attention.attend(synchronisation, percept, constants.attention, history.tick)
        attended = percept.features is None
        pre = self.synapse(observed, activation, constants.synapse, history.tick, project=attended)
        history, activation = history.push(pre, constants.neurons)
        return _Step(history, activation, synchronisation, weights, pre), action

    def _think(self, percepts: Sequence[Percept], constants: Constants, state: CTMState) -> list[_Step]:
        steps: list[_Step] = []
        history, activation, action = state.history, state.activation, state.sync_action
        for t, percept in enumerate(percepts):
            if t > 0 and self.sync_action is not None:
                action = self.sync_action.update(action, activation, constants.action)
            step, action = self._advance(percept, constants, history, activation, action)
            history, activation = step.history, step.activation
            steps.append(step)
        return steps

    def _heads(self) -> Heads:
        return Heads(self.answer, self.config.answer, self.energy, self.more_heads)

    def _ticks(self, ticks: int | None) -> int:
        if ticks is None:
            return self.config.ticks
        return checks.integer("ticks", ticks, low=1, fix="think for one tick or more")

    def _check_key(self, key: Key | None) -> None:
        if self.training and key is None and self._drops():
            fix = "model(x, key=key.fold(step)) in training, model.eval() otherwise"
            raise checks.InvalidValue(checks.message("key", "a key for the dropout of this call", "None", fix))

    def _drops(self) -> bool:
        parts = (self.config.synapse, self.config.neuron_model, self.config.attention)
        return any(part is not None and part.dropout > 0 for part in parts)
