"""What a report on a thinking model is made from: plain arrays and dicts, checked once, so that drawing need not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from cofire import checks


@final
@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """How a run was made: what somebody needs in order to make it again, and what it cost.

    Parameters
    ----------
    command, seed
        What was typed, and the seed from which every random number came.
    steps, batch_size, train_examples
        Gradient steps, examples per step, and distinct training examples.
    training_seconds, control_seconds
        Wall-clock time of training the model and its one-tick control.
    parameters, control_parameters
        Trained numbers in each.
    machine
        What it ran on, as words to print: processor, cores, versions.
    """

    command: str
    seed: int
    steps: int
    batch_size: int
    train_examples: int
    training_seconds: float
    control_seconds: float
    parameters: int
    control_parameters: int
    machine: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        checks.instance("command", self.command, str)
        checks.integer("seed", self.seed)
        for name in ("steps", "batch_size", "train_examples", "parameters", "control_parameters"):
            checks.integer(name, getattr(self, name), low=1)
        for name in ("training_seconds", "control_seconds"):
            checks.number(name, getattr(self, name), low=0)
        checks.instance("machine", self.machine, Mapping, fix='give {"processor": "...", "cores": "2"}')


@final
@dataclass(frozen=True, kw_only=True)
class ThinkingEvidence:
    """What a model said about held-out images, what it did inside on a few, and how it came to be.

    N held-out images of C classes over T ticks; B of them recorded in full. Nothing here is drawn or computed.

    Parameters
    ----------
    images, labels
        (N, height, width) brightness, ink high on paper low, and (N,) integer classes.
    logits, certainty
        (N, C, T) and (N, T) of the model.
    control_logits
        (N, C, 1) of the one-tick control on the same images.
    examples, recording
        (B,) indices of the recorded images, and their traces: `post_activation` (T, B, D), `attention`
        (T, B, H, tokens) where the model attends, and `sync_out` (T, B, P) where it was recorded. A `cofire.Recording`
        or any mapping of names to arrays. The first eight are shown.
    token_grid
        Rows and columns of the attended tokens, in row-major order; None for a model without attention.
    decays
        Learned decays r >= 0 (P,) of each synchronisation by name, as in "output" and "action".
    metrics, control_metrics
        Columns of the training log (rows,), as `cofire.train.read_metrics` gives them: `step`, and any of `loss`,
        `accuracy`, `thinking_time` and the same with `test_` before it; NaN where a step was not measured.
    config
        The configuration of model and training, as JSON holds it.
    facts
        How the run was made.

    Raises
    ------
    InvalidType, InvalidValue
        If sizes do not fit together or a number is not finite; the message names the field.
    """

    images: np.ndarray
    labels: np.ndarray
    logits: np.ndarray
    certainty: np.ndarray
    control_logits: np.ndarray
    examples: np.ndarray
    recording: Mapping[str, np.ndarray]
    token_grid: tuple[int, int] | None
    decays: Mapping[str, np.ndarray]
    metrics: Mapping[str, np.ndarray]
    control_metrics: Mapping[str, np.ndarray]
    config: Mapping[str, Any]
    facts: RunFacts

    def __post_init__(self) -> None:
        self._check_answers()
        self._check_recording()
        for name, decay in self.decays.items():
            checks.finite(f"decays[{name!r}]", checks.shape(f"decays[{name!r}]", decay, ("P",)))
        for name in ("metrics", "control_metrics"):
            _check_log(name, getattr(self, name))
        checks.instance("config", self.config, Mapping)
        checks.instance("facts", self.facts, RunFacts)

    @property
    def classes(self) -> int:
        """C."""
        return self.logits.shape[1]

    @property
    def ticks(self) -> int:
        """T."""
        return self.logits.shape[2]

    @property
    def attends(self) -> bool:
        """Whether there is attention to show."""
        return self.token_grid is not None

    def _check_answers(self) -> None:
        checks.shape("logits", self.logits, ("N", "C", "T"))
        size, classes, ticks = self.logits.shape
        if not self.logits.size:
            fix = "evaluate at least one held-out example"
            raise checks.InvalidValue(
                checks.message("logits", "at least one example", f"shape {(size, classes, ticks)}", fix)
            )
        checks.finite("logits", self.logits, fix="look for the step at which training diverged")
        checks.finite("certainty", checks.shape("certainty", self.certainty, (size, ticks)))
        checks.finite("control_logits", checks.shape("control_logits", self.control_logits, (size, classes, 1)))
        checks.finite("images", checks.shape("images", self.images, (size, "height", "width")))
        checks.shape("labels", self.labels, (size,))
        _indices("labels", self.labels, classes)

    def _check_recording(self) -> None:
        checks.shape("examples", self.examples, ("B",))
        _indices("examples", self.examples, len(self.logits))
        batch = len(self.examples)
        wanted: dict[str, tuple[int | str, ...]] = {"post_activation": (self.ticks, batch, "D")}
        if self.token_grid is not None:
            wanted["attention"] = (self.ticks, batch, "H", self.token_grid[0] * self.token_grid[1])
        if "sync_out" in self.recording:
            wanted["sync_out"] = (self.ticks, batch, "P")
        for name, shape in wanted.items():
            if name not in self.recording:
                got = f"only {', '.join(self.recording) or 'nothing'}"
                raise checks.InvalidValue(checks.message("recording", f"a trace {name!r}", got, "use model.record"))
            checks.finite(f"recording[{name!r}]", checks.shape(f"recording[{name!r}]", self.recording[name], shape))


def _check_log(name: str, log: Mapping[str, np.ndarray]) -> None:
    if "step" not in log:
        got = f"only {', '.join(map(repr, log)) or 'nothing'}"
        raise checks.InvalidValue(checks.message(name, "a column 'step'", got, "pass what read_metrics returns"))
    rows = len(checks.shape(f"{name}['step']", log["step"], ("rows",)))
    for column, values in log.items():
        checks.shape(f"{name}[{column!r}]", values, (rows,))


def _indices(name: str, values: np.ndarray, bound: int) -> None:
    if values.dtype.kind not in "iu" or not values.size:
        raise checks.InvalidType(checks.message(name, "one integer or more", f"{values.size} of dtype {values.dtype}"))
    if values.min() < 0 or values.max() >= bound:
        got = f"values from {values.min()} to {values.max()}"
        raise checks.InvalidValue(checks.message(name, f"values from 0 to {bound - 1}", got))
