"""What a run of proximal policy optimisation writes down and tells: a row of metrics per iteration."""

import math
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path

from cofire import checks
from cofire.train._events import Evaluated, Listener, Progress
from cofire.train._journal import Diverged
from cofire.train._metrics import MetricsFile
from cofire.train.ppo._config import PPOConfig

TESTED = ("test_return_greedy", "test_length_greedy", "test_return_sampled", "test_length_sampled")


class PPOJournal:
    """Writes the rows of iterations and tells of their means.

    `seconds` counts from construction, on top of those of earlier processes.
    """

    def __init__(self, config: PPOConfig, path: Path, step: int, seconds: float, listener: Listener):
        self._config, self._listener = config, listener
        self._file = MetricsFile(path, step)
        self._start = time.perf_counter() - seconds
        self._pace = deque([(step, seconds)], maxlen=30)
        self._untold: list[Mapping[str, float]] = []

    @property
    def seconds(self) -> float:
        """Time spent on this run so far."""
        return time.perf_counter() - self._start

    def write(self, step: int, scalars: Mapping[str, float], tested: Mapping[str, float]) -> None:
        """Write the row of an iteration; means of no episodes are left empty."""
        config = self._config
        for name in ("loss", "gradient_norm"):
            if not math.isfinite(scalars[name]):
                fix = "a lower learning rate"
                raise Diverged(checks.message(name, "a finite number", f"{scalars[name]} at iteration {step}", fix))
        known = {name: value if math.isfinite(value) else None for name, value in scalars.items()}
        self._file.add(
            {
                "step": step,
                "seconds": round(self.seconds, 3),
                "environment_steps": step * config.steps_per_iteration,
                "learning_rate": config.learning_rate_at(step),
                **known,
                **({name: tested.get(name) for name in TESTED} if config.evaluate_every else {}),
            }
        )
        self._file.flush()
        self._untold.append(scalars)

    def tell(self, step: int, tested: Mapping[str, float]) -> None:
        """Tell how far the run is, with the means since the last time, over the iterations that have them."""
        means = {}
        for name in self._untold[-1]:
            values = [one[name] for one in self._untold if math.isfinite(one[name])]
            if values:
                means[name] = sum(values) / len(values)
        self._untold.clear()
        seconds = self.seconds
        first_step, first_seconds = self._pace[0]
        self._pace.append((step, seconds))
        rate = (step - first_step) / max(seconds - first_seconds, 1e-9)
        steps, rate_now = self._config.steps, self._config.learning_rate_at(step)
        self._listener(Progress(step, steps, seconds, rate, (steps - step) / rate, rate_now, means))
        if tested:
            self._listener(Evaluated(step, tested))

    def sync(self) -> None:
        """Make all rows last through a power cut."""
        self._file.sync()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
