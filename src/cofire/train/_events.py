"""What a run tells while it goes on. The loop reports, somebody else shows it."""

from collections.abc import Callable, Mapping
from typing import NamedTuple


class Started(NamedTuple):
    """The loop begins, after `step` completed steps; `changed` names what differs from where the run was before."""

    step: int
    steps: int
    device: str
    precision: str
    changed: tuple[str, ...]


class Progress(NamedTuple):
    """`step` steps are complete. rate: steps per second, lately; metrics: means since the last report."""

    step: int
    steps: int
    seconds: float
    rate: float
    seconds_left: float
    learning_rate: float
    metrics: Mapping[str, float]


class Evaluated(NamedTuple):
    """The held-out examples were looked at after `step` steps; metrics are means over them."""

    step: int
    metrics: Mapping[str, float]


class Finished(NamedTuple):
    """All steps are complete. seconds: time spent training, that before interruptions included."""

    step: int
    seconds: float


Event = Started | Progress | Evaluated | Finished
Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Listen to nothing."""
