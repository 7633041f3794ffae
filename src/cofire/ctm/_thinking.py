"""Thinking until it is enough: samples that a policy stops leave the batch, and the work goes on for the others.

A sample's numbers must not depend on who thinks beside it. From 16 rows on they do not: every operation of a tick gives
a row the same bits however many rows there are. So a batch is only ever reduced to a multiple of 16 rows, made up with
samples that have stopped, and an answer equals that of the full run cut at the same tick. Smaller batches stay whole.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, runtime_checkable

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


@runtime_checkable
class Course(Protocol):
    """A thought that goes on tick by tick, for fewer and fewer samples."""

    length: int  # ticks that there can be
    listening: int  # so many of them are a stream and its question, in which nothing stops
    alike: bool  # whether a sample's place in the batch is without meaning; dropout is addressed by place

    def advance(self) -> Tensor:
        """Think one more tick: what is read from the rows, (m, P)."""
        ...

    def keep(self, rows: Tensor) -> None:
        """Go on with those of the rows only, most of them in their old places."""
        ...


@runtime_checkable
class Mind(Protocol):
    """What thinking needs of a machine; `CTM` and `LSTMBaseline` have it."""

    config: Any
    sync_out: Any

    def _course(self, x: Tensor, question: Tensor | None, ticks: int | None, key: Key | None) -> Course:
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


class PlainCourse:
    """A course by the machine's own steps, from a state through one observation per tick."""

    def __init__(self, mind: Mind, state: Any, observations: list[Any], *, listening: int, alike: bool):
        self._mind, self._state, self._observations, self._tick = mind, state, observations, 0
        self._sight: Sight | None = None
        self.length, self.listening, self.alike = len(observations), listening, alike

    def advance(self) -> Tensor:
        """One step, and the reading for the answer."""
        observation = self._observations[self._tick]
        if self._sight is not None:
            observation = observation._replace(percept=self._sight.of(observation.percept))
        _, self._state = self._mind._step(self._state, observation)
        self._tick += 1
        return self._mind.sync_out.read(self._state.sync_out, observation.constants.out)

    def keep(self, rows: Tensor) -> None:
        """Select the rows of the state, and of what is observed from now on."""
        constants = self._observations[0].constants
        self._state = self._mind._rows(self._state, constants, rows, self.length - self._tick)
        attention = self._mind.config.attention
        heads = 1 if attention is None else attention.heads
        self._sight = Sight(rows if self._sight is None else self._sight.rows[rows], heads)


class Thinker:
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
    ) -> Iterator[Said]:
        """Think, and hand out what is said at each tick when it is done: its `logits` (B, out), `certainty` (B,), and
        `energy` (B,) and `others` where the machine has such heads.

        Arguments as for a call. A machine of streamed observations also takes any iterable of frames (B, …), one of
        which is seen per tick, when it comes; the question and the silence follow when it ends. The thought goes on
        only as long as the caller asks for ticks, without gradient.
        """
        if self.config.streamed and not isinstance(x, Tensor):
            frames = checks.instance("x", x, Iterable, fix="a tensor (B, S, …), or whatever hands out frames (B, …)")
            return _live(self, iter(frames), question, ticks, key)
        with torch.no_grad():
            course = self._course(x, question, ticks, key)
        return _ticks(self._heads(), course)


@torch.no_grad()
def _think(mind: Mind, x: Tensor, halt: Any, question: Tensor | None, ticks: int | None, key: Key | None) -> Thought:
    """Think about a batch until the policy has stopped every sample."""
    policy, answer = as_policy(halt), mind.config.answer
    if answer is None:
        fix = "model.observe(state, x) for a machine without one"
        raise checks.InvalidValue(checks.message("answer", "a machine with an answer head", "none", fix))
    course, heads, kept = mind._course(x, question, ticks, key), mind._heads(), None
    policy.start(len(x))
    crowd, diary = Crowd(len(x), x.device), Diary()
    for t in range(course.length):
        said, samples = crowd.of_thinking(heads.read(course.advance())), crowd.who()
        _check_numbers(said, samples, t, x)
        diary.write(said, samples)
        if t < course.listening:
            continue
        seen = Seen(*said[:3], t + 1 - course.listening, course.length - 1 - t, answer.positions)  # pyright: ignore
        stops, kept = policy.step(seen, kept)
        if not bool(stops.any()):
            continue
        crowd.stop(stops)
        kept = tuple(part[~stops] for part in kept)
        if not len(crowd.thinking):
            break
        rows = crowd.reduce() if course.alike else None
        if rows is not None:
            course.keep(rows)
    return diary.thought(len(x), course.length)


def _ticks(heads: Heads, course: Course) -> Iterator[Said]:
    for _ in range(course.length):
        with torch.no_grad():  # not while the caller has the tick
            said = heads.read(course.advance())
        yield said


def _live(
    mind: Any, frames: Iterator[Tensor], question: Tensor | None, ticks: int | None, key: Key | None
) -> Iterator[Said]:
    """A tick for each frame when it comes, and then those of a question and of silence."""
    senses, heads, observation, state, read = mind._senses(), mind._heads(), None, None, None
    for frame in frames:
        checks.instance("frame", frame, Tensor, fix="torch.from_numpy(frame)")
        with torch.no_grad():
            if observation is None:
                observation, state = mind.perceive(frame, key=key), mind.init_state(len(frame))
            else:
                observation = observation._replace(percept=senses.percept(frame))
            _, state = mind._step(state, observation)
            read = mind.sync_out.read(state.sync_out, observation.constants.out)
            said = heads.read(read)
        yield said
    if observation is None or read is None:
        raise checks.InvalidValue(checks.message("x", "one frame or more", "none", "a stream that hands out frames"))
    with torch.no_grad():
        after = senses.after_stream(question, mind._ticks(ticks), read)
    for percept in after:
        with torch.no_grad():
            _, state = mind._step(state, observation._replace(percept=percept))
            said = heads.read(mind.sync_out.read(state.sync_out, observation.constants.out))
        yield said


class Sight:
    """What some samples (m,) of a batch observe: those rows of a percept, selected once for as long as it lasts."""

    def __init__(self, rows: Tensor, heads: int):
        self.rows, self.heads = rows, heads
        self._last: tuple[Percept, Percept] | None = None

    def of(self, percept: Percept) -> Percept:
        """The percept (B, …) of those samples."""
        if self._last is None or self._last[0] is not percept:
            self._last = percept, percept_rows(percept, self.rows, self.heads)
        return self._last[1]


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
