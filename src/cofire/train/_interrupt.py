"""Ctrl-C and a polite kill: the step under way is finished, a checkpoint written, then the run ends."""

import signal
import threading
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from cofire import checks


class Interrupted(checks.CofireError):
    """A run was asked to stop, has written a checkpoint, and can go on from there."""

    def __init__(self, folder: Path, step: int, steps: int, signal_number: int):
        self.folder, self.step, self.steps, self.signal_number = folder, step, steps, signal_number
        super().__init__(
            f"interrupted after step {step} of {steps}; all is kept in {folder}, and resume=True (--resume) goes on"
        )


class StopRequest:
    """While it is entered, the first SIGINT or SIGTERM is only noted in `signal_number`; a second one acts as usual.

    A signal that nobody answered by an error acts on leaving. Signals can be caught in the main thread alone;
    elsewhere nothing is changed.
    """

    def __init__(self):
        self.signal_number = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopRequest":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note) or signal.SIG_DFL
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()
        if self.signal_number and error is None:
            signal.raise_signal(self.signal_number)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal_number = number
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()
