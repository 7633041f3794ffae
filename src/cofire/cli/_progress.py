"""Progress on a screen: one line that stays up to date on a terminal, a line every few seconds anywhere else."""

import shutil
import time
from collections.abc import Callable, Mapping
from typing import TextIO

from cofire.train import Evaluated, Finished, Progress, Started

LIVE_SECONDS, PLAIN_SECONDS = 0.1, 5.0
_CLEAR = "\r\x1b[2K"


class ProgressLine:
    """Shows the events of a training run, under a title."""

    def __init__(self, title: str, stream: TextIO, clock: Callable[[], float] = time.monotonic):
        self._title, self._stream, self._clock = title, stream, clock
        self._live = stream.isatty()
        self._shown_at = -float("inf")
        self._latest = self._shown = ""

    def __call__(self, event: Started | Progress | Evaluated | Finished) -> None:
        """Show an event; of progress, only what is due."""
        match event:
            case Started():
                self._begin(event)
            case Progress():
                self._latest = f"{self._title} {describe(event)}"
                now = self._clock()
                if now - self._shown_at >= (LIVE_SECONDS if self._live else PLAIN_SECONDS):
                    self._shown_at = now
                    self._show()
            case Evaluated():
                self._stay(f"{self._title}: {describe_test(event)}")
            case Finished():
                self.close()

    def close(self) -> None:
        """Leave the latest line on the screen, and go to the next."""
        if self._latest:
            self._show()
        if self._live and self._shown:
            self._write("\n")
        self._latest = self._shown = ""

    def _begin(self, event: Started) -> None:
        if 0 < event.step < event.steps:
            changed = f" (not to the bit: {', '.join(event.changed)})" if event.changed else ""
            self._stay(f"{self._title}: going on after step {event.step} of {event.steps}{changed}")

    def _stay(self, line: str) -> None:
        """Write a line that stays above the one that changes."""
        self._write(f"{_CLEAR}{line}\n" if self._live else f"{line}\n")
        if self._live and self._shown:
            self._show()

    def _show(self) -> None:
        if self._live:
            self._write(_CLEAR + self._latest[: shutil.get_terminal_size().columns - 1])
        elif self._latest != self._shown:
            self._write(self._latest + "\n")
        self._shown = self._latest

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def describe(event: Progress) -> str:
    """Return progress in words that fit a terminal of 80 columns.

    >>> describe(Progress(50, 2000, 5.0, 10.0, 195.0, 1e-3, {"loss": 0.25, "accuracy": 0.9, "thinking_time": 6.0}))
    '50/2000  10.0/s  3:15 left  loss 0.250  accuracy 90.0%  6.0 ticks'
    """
    return (
        f"{event.step}/{event.steps}  {event.rate:.1f}/s  {minutes(event.seconds_left)} left  "
        f"{results(event.metrics, between='  ')}"
    )


def describe_test(event: Evaluated) -> str:
    """Return what came of the held-out examples in words.

    >>> describe_test(Evaluated(250, {"test_loss": 0.1, "test_accuracy": 0.953, "test_thinking_time": 6.04}))
    '95.3% of what was held out is right after 250 steps, thinking for 6.0 ticks'
    >>> describe_test(Evaluated(250, {"test_loss": 0.1, "test_accuracy": 0.953, "test_whole": 0.5}))
    'held out after 250 steps: loss 0.100, accuracy 95.3%, whole 50.0%'
    """
    metrics = {name.removeprefix("test_"): value for name, value in event.metrics.items()}
    if {*metrics} - {"loss"} == {"accuracy", "thinking_time"}:
        right, ticks = metrics["accuracy"], metrics["thinking_time"]
        return f"{right:.1%} of what was held out is right after {event.step} steps, thinking for {ticks:.1f} ticks"
    return f"held out after {event.step} steps: {results(metrics)}"


def results(metrics: Mapping[str, float], between: str = ", ") -> str:
    """Return the scalars of a task in words.

    >>> results({"loss": 0.25, "accuracy": 0.99, "whole": 0.875, "thinking_time": 6.04, "return": 181.2})
    'loss 0.250, accuracy 99.0%, whole 87.5%, 6.0 ticks, return 181'
    """
    words = {
        "loss": lambda value: f"loss {value:.3f}",
        "accuracy": lambda value: f"accuracy {value:.1%}",
        "whole": lambda value: f"whole {value:.1%}",
        "thinking_time": lambda value: f"{value:.1f} ticks",
    }
    told = {name: value for name, value in metrics.items() if name != "gradient_norm"}
    return between.join(words[name](value) if name in words else f"{name} {value:.3g}" for name, value in told.items())


def minutes(seconds: float) -> str:
    """Return a time as minutes and seconds, with hours where there are some.

    >>> minutes(61.4), minutes(3723.0)
    ('1:01', '1:02:03')
    """
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
