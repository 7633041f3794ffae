"""Thinking until it is enough: samples that a policy stops leave the batch, and the work goes on for the others.

A sample's numbers must not depend on who thinks beside it. From 16 rows on they do not: every operation of a tick gives
a row the same bits however many rows there are. So a batch is only ever reduced to a multiple of 16 rows, made up with
samples that have stopped, and an answer equals that of the full run cut at the same tick. Smaller batches stay whole.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from cofire import checks
from cofire.ctm._attention import Percept
from cofire.ctm._crowd import Crowd, Diary
from cofire.ctm._heads import Heads, Said
from cofire.ctm._rows import percept_rows
from cofire.ctm._thought import Thought
from cofire.ctm.halting._policy import Policy, Seen, as_policy
from cofire.random import Key


class Plan(NamedTuple):
    """A thought that is about to begin."""

    state: Any
    observations: list[Any]  # one per tick
    listening: int  # so many of them are a stream and its question, in which nothing stops
    alike: bool  # whether a sample's place in the batch is without meaning; dropout is addressed by place


class Mind(Protocol):
    """What thinking needs of a machine; `CTM` and `LSTMBaseline` have it."""

    config: Any
    sync_out: Any

    def _plan(self, x: Tensor, question: Tensor | None, ticks: int | None, key: Key | None) -> Plan:
        """Perceive everything and make the start state."""
        ...

    def _step(self, state: Any, observation: Any) -> tuple[Any, Any]:
        """One tick up to the readings."""
        ...

    def _rows(self, state: Any, constants: Any, rows: Tensor, ticks: int) -> Any:
        """The state of some samples, with room for so many ticks."""
        ...

    def _heads(self) -> Heads:
        """What is said about a reading."""
        ...


Seeing = TypeVar("Seeing", bound=tuple)


class Thinker(Generic[Seeing]):
    """What every machine with ticks can do beside a whole thought: stop when it is enough, and hand out ticks."""

    def think(
        self: Any,
        x: Tensor,
        *,
        halt: Policy | Callable[[Seen], Tensor] | None = None,
        question: Tensor | None = None,
        ticks: int | None = None,
        key: Key | None = None,
    ) -> Thought:
        """Think about a batch until it is enough: samples that `halt` stops leave it, and their work is saved.

        Arguments: `halt`, a policy of `cofire.ctm.halting` or a function of `halting.Seen` that says which samples
        stop; None never stops. The others as for a call; `ticks` bounds the thought. For streamed observations the
        policy is asked from the first tick of silence on.

        Returns a thought without gradient and without `sync_out`, whose `ticks` (B,) say how long each sample thought.
        Its answers equal those of the full run, made without gradient, cut at the same ticks (`halting.cut`).

        Raises InvalidValue as a call does, for a policy that cannot be kept, and where numbers are not numbers.
        """
        return _think(self, x, halt, question, ticks, key)

    def thinking(
        self: Any,
        x: Tensor | Iterable[Tensor],
        *,
        question: Tensor | None = None,
        ticks: int | None = None,
        key: Key | None = None,
    ) -> Iterator[Seeing]:
        """Think, and hand out each tick when it is done: its `logits` (B, out), `certainty` (B,), and what led to them.

        Arguments as for a call. A machine of streamed observations also takes any iterable of frames (B, …), one of
        which is seen per tick, when it comes; the question and the silence follow when it ends. The thought goes on
        only as long as the caller asks for ticks, without gradient.
        """
        if self.config.streamed and not isinstance(x, Tensor):
            frames = checks.instance("x", x, Iterable, fix="a tensor (B, S, …), or whatever hands out frames (B, …)")
            return _live(self, iter(frames), question, ticks, key)
        with torch.no_grad():
            plan = self._plan(x, question, ticks, key)
        return _ticks(self, plan)


@torch.no_grad()
def _think(mind: Mind, x: Tensor, halt: Any, question: Tensor | None, ticks: int | None, key: Key | None) -> Thought:
    """Think about a batch until the policy has stopped every sample."""
    policy, answer = as_policy(halt), mind.config.answer
    if answer is None:
        fix = "model.observe(state, x) for a machine without one"
        raise checks.InvalidValue(checks.message("answer", "a machine with an answer head", "none", fix))
    plan = mind._plan(x, question, ticks, key)
    policy.start(len(x))
    state, length, kept = plan.state, len(plan.observations), None
    crowd, diary, sight = Crowd(len(x), x.device), Diary(length, len(x)), Sight(len(x))
    for t, observation in enumerate(plan.observations):
        observation = observation._replace(percept=sight.of(observation.percept, crowd.samples))
        _, state = mind._step(state, observation)
        said = crowd.of_thinking(mind._heads().read(mind.sync_out.read(state.sync_out, observation.constants.out)))
        _check_numbers(said, crowd.who(), t, x)
        diary.write(t, said, crowd.who())
        if t < plan.listening:
            continue
        seen = Seen(*said[:3], t + 1 - plan.listening, length - 1 - t, answer.positions)  # pyright: ignore
        stops, kept = policy.step(seen, kept)
        if not bool(stops.any()):
            continue
        crowd.stop(stops)
        kept = tuple(part[~stops] for part in kept)
        if not len(crowd.thinking):
            break
        rows = crowd.reduce() if plan.alike else None
        if rows is not None:
            state = mind._rows(state, observation.constants, rows, length - 1 - t)
    return diary.thought()


@torch.no_grad()
def _ticks(mind: Any, plan: Plan) -> Iterator[Any]:
    state = plan.state
    for observation in plan.observations:
        tick, state = mind.tick(state, observation)
        yield tick


@torch.no_grad()
def _live(
    mind: Any, frames: Iterator[Tensor], question: Tensor | None, ticks: int | None, key: Key | None
) -> Iterator[Any]:
    """A tick for each frame when it comes, and then those of a question and of silence."""
    senses, observation, state, tick = mind._senses(), None, None, None
    for frame in frames:
        checks.instance("frame", frame, Tensor, fix="torch.from_numpy(frame)")
        if observation is None:
            observation, state = mind.perceive(frame, key=key), mind.init_state(len(frame))
        else:
            observation = observation._replace(percept=senses.percept(frame))
        tick, state = mind.tick(state, observation)
        yield tick
    if observation is None or tick is None:
        raise checks.InvalidValue(checks.message("x", "one frame or more", "none", "a stream that hands out frames"))
    for percept in senses.after_stream(question, mind._ticks(ticks), tick.sync_out):
        tick, state = mind.tick(state, observation._replace(percept=percept))
        yield tick


class Sight:
    """What the rows of a batch observe: those of a tick's percept, made once for as long as both stay the same."""

    def __init__(self, batch: int):
        self._batch = batch
        self._last: tuple[Percept, Tensor, Percept] | None = None

    def of(self, percept: Percept, samples: Tensor) -> Percept:
        """The percept (B, …) of samples (m,)."""
        if len(samples) == self._batch:
            return percept
        if self._last is None or self._last[0] is not percept or self._last[1] is not samples:
            self._last = percept, samples, percept_rows(percept, samples, self._batch)
        return self._last[2]


def _check_numbers(said: Said, samples: Tensor, tick: int, x: Tensor) -> None:
    """Raise InvalidValue, naming the first sample and the likely cause, where an answer is not a number."""
    if said.certainty is None or not bool(said.certainty.isnan().any()):
        return
    sample = int(samples[said.certainty.isnan()][0])
    if x.is_floating_point() and not bool(x[sample].isfinite().all()):
        fix = "look for missing values where x is made"
        raise checks.InvalidValue(checks.message("x", "finite numbers", f"NaN or infinity in sample {sample}", fix))
    got, fix = f"NaN for sample {sample} at tick {tick + 1}", "look for the step at which training diverged"
    raise checks.InvalidValue(checks.message("logits", "finite numbers", got, fix))
