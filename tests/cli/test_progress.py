"""What a run looks like on a terminal, and in a file."""

import io
import os

import pytest

from cofire.cli._progress import PLAIN_SECONDS, ProgressLine, minutes
from cofire.train import Evaluated, Finished, Progress, Started


class Screen(io.StringIO):
    def __init__(self, live: bool):
        super().__init__()
        self._live = live

    def isatty(self) -> bool:
        return self._live


def progress(step: int) -> Progress:
    metrics = {"loss": 1 / step, "gradient_norm": 1.0, "accuracy": 0.5, "thinking_time": 3.0}
    return Progress(step, 100, step * 0.5, 2.0, (100 - step) / 2, 1e-3, metrics)


def show(live: bool, seconds: float, *, held_out: int = 0, steps: int = 10) -> str:
    """What a screen holds after some steps, each of which takes some seconds."""
    now = [0.0]
    screen = Screen(live)
    line = ProgressLine("machine", screen, clock=lambda: now[0])
    line(Started(0, 100, "cpu", "32-true", ()))
    for step in range(1, steps + 1):
        now[0] += seconds
        line(progress(step))
        if step == held_out:
            line(Evaluated(step, {"test_accuracy": 0.25, "test_thinking_time": 2.5}))
    line(Finished(steps, 5.0))
    return screen.getvalue()


def test_a_file_gets_a_line_every_few_seconds_and_the_last():
    lines = show(live=False, seconds=PLAIN_SECONDS / 4).splitlines()
    assert [line.split()[1] for line in lines] == ["1/100", "5/100", "9/100", "10/100"]
    assert lines[1] == "machine 5/100  2.0/s  0:48 left  loss 0.200  accuracy 50.0%  3.0 ticks"
    assert "\r" not in "".join(lines)


def test_a_terminal_keeps_one_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((40, 20)))
    text = show(live=True, seconds=1.0, steps=4)
    assert text.count("\n") == 1
    assert text.endswith("\n")
    parts = text.rstrip("\n").split("\r\x1b[2K")
    assert parts[0] == ""
    assert [part.split()[1] for part in parts[1:]] == ["1/100", "2/100", "3/100", "4/100", "4/100"]
    assert all(len(part) <= 39 for part in parts)


def test_a_terminal_is_not_flooded():
    assert show(live=True, seconds=0.001, steps=50).count("\r") == 2  # the first and the last


WORDS = "machine: 25.0% of what was held out is right after 2 steps, thinking for 2.5 ticks\n"


def test_what_was_held_out_stays_on_the_screen():
    lines = show(live=False, seconds=PLAIN_SECONDS, held_out=2, steps=3).splitlines(keepends=True)
    assert [line.split()[1] for line in lines] == ["1/100", "2/100", "25.0%", "3/100"]
    assert lines[2] == WORDS
    parts = show(live=True, seconds=1.0, held_out=2, steps=3).split("\r\x1b[2K")
    assert parts[3] == WORDS
    assert parts[4] == parts[2]  # the line that changes is drawn again below
    assert [part.split()[1] for part in parts[5:]] == ["3/100", "3/100"]


def test_going_on_says_where_and_what_is_different():
    screen = Screen(live=False)
    line = ProgressLine("machine", screen)
    line(Started(7, 100, "cpu", "32-true", ("threads 2 -> 1",)))
    line.close()
    assert screen.getvalue() == "machine: going on after step 7 of 100 (not to the bit: threads 2 -> 1)\n"


def test_times_are_read_as_clocks_show_them():
    assert [minutes(seconds) for seconds in (0, 59.6, 3599, 3600)] == ["0:00", "1:00", "59:59", "1:00:00"]
