"""What a run writes down and tells: a row of metrics per step, and how fast it goes."""

import math
import time
from collections import deque
from pathlib import Path

from torch import Tensor

from cofire import checks
from cofire.train._config import TrainConfig
from cofire.train._events import Evaluated, Listener, Progress
from cofire.train._metrics import MetricsFile
from cofire.train._state import TrainState

_MOST_SKIPPED = 40  # float16 steps in a row that overflow: the scale of the loss is halved at each


class Diverged(checks.CofireError):
    """The loss or the gradient is no longer finite."""


class Journal:
    """Keeps the scalars of steps on their device until somebody wants to know, then writes and tells them at once.

    `seconds` counts from construction, on top of those of earlier processes. Ranks other than the first have no file.
    """

    def __init__(
        self, state: TrainState, config: TrainConfig, path: Path | None, step: int, seconds: float, listener: Listener
    ):
        self._state, self._config, self._listener = state, config, listener
        self._file = MetricsFile(path, step) if path else None
        self._waiting: list[tuple[int, float, Tensor]] = []
        self._start = time.perf_counter() - seconds
        self._pace = deque([(step, seconds)], maxlen=30)
        self._skipped = 0

    @property
    def seconds(self) -> float:
        """Time spent on this run so far."""
        return time.perf_counter() - self._start

    def note(self, step: int, scalars: Tensor) -> None:
        """Keep the scalars of a completed step."""
        self._waiting.append((step, self.seconds, scalars))

    def write(self, tested: dict[str, float]) -> None:
        """Write the rows of all steps noted since the last time; `tested` belongs to the last of them."""
        state, config = self._state, self._config
        table = state.mean([scalars for _, _, scalars in self._waiting])
        columns = [f"test_{name}" for name in state.names if name != "gradient_norm"] if config.evaluate_every else []
        for (step, seconds, _), values in zip(self._waiting, table, strict=True):
            self._check_finite(step, dict(zip(state.names, values, strict=True)))
            last = step == self._waiting[-1][0]
            if self._file:
                self._file.add(
                    {
                        "step": step,
                        "seconds": round(seconds, 3),
                        "learning_rate": config.learning_rate_at(step),
                        **dict(zip(state.names, values, strict=True)),
                        **{column: tested.get(column) if last else None for column in columns},
                    }
                )
        if self._file:
            self._file.flush()
        means = [sum(column) / len(table) for column in zip(*table, strict=True)]
        self._tell(dict(zip(state.names, means, strict=True)), tested)
        self._waiting.clear()

    def sync(self) -> None:
        """Make all rows last through a power cut."""
        if self._file:
            self._file.sync()

    def close(self) -> None:
        """Close the file; steps that were noted only are not written."""
        if self._file:
            self._file.close()

    def _tell(self, means: dict[str, float], tested: dict[str, float]) -> None:
        step, seconds = self._waiting[-1][0], self.seconds
        first_step, first_seconds = self._pace[0]
        self._pace.append((step, seconds))
        rate = (step - first_step) / max(seconds - first_seconds, 1e-9)
        steps, rate_now = self._config.steps, self._config.learning_rate_at(step)
        self._listener(Progress(step, steps, seconds, rate, (steps - step) / rate, rate_now, means))
        if tested:
            self._listener(Evaluated(step, tested))

    def _check_finite(self, step: int, values: dict[str, float]) -> None:
        finite = math.isfinite(values["gradient_norm"])
        self._skipped = 0 if finite else self._skipped + 1
        if not math.isfinite(values["loss"]):
            raise _diverged("loss", values["loss"], step)
        if not finite and not (self._state.may_skip and self._skipped < _MOST_SKIPPED):
            raise _diverged("gradient_norm", values["gradient_norm"], step)


def _diverged(name: str, value: float, step: int) -> Diverged:
    fix = "a lower learning rate, a longer warm-up, or clipping"
    return Diverged(checks.message(name, "a finite number", f"{value} at step {step}", fix))
