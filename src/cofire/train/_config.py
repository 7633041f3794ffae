"""How a network is trained: everything that the resulting weights depend on, besides the model and the task."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from cofire import checks
from cofire.train._clip import Clip, clip_from_json, clip_to_json
from cofire.train._pressures import (
    PRESSURES,
    EarlyStop,
    PonderCost,
    RandomDepth,
    TickDropout,
    pressure_from_json,
    pressure_to_json,
)
from cofire.train._schedule import warmup_cosine

PRECISIONS = ("auto", "float32", "bfloat16", "float16")


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainConfig:
    """AdamW with linear warm-up and a cosine down to `final_learning_rate`.

    steps: updates in all. batch_size: examples per update, over all devices together.
    weight_decay: decoupled; it spares scalars and vectors (biases, normalisations, decays), and every parameter whose
    dotted name contains one of `weight_decay_exclusions`.
    clip: `NormClip(max)`, `QuantileClip(quantile, history)` or None.
    average: decay of a moving average of the weights, which is evaluated and what the run ends with; 0 for none.
    accumulate: parts that each device divides its share of an update into, one after the other; the update is that of
    the whole (but for dropout, and for batch normalisation, which sees the parts), the memory that of a part.
    precision: "float32", "bfloat16" (mixed: weights stay float32), "float16" (mixed, with a loss that is scaled so that
    small gradients survive; a step whose gradient overflows is left out), or "auto": bfloat16 on a CUDA device, else
    float32.
    log_every: steps between progress events and writes of the metrics (a row is kept of every step).
    evaluate_every: steps between passes over the held-out examples, and one at the end; 0 for none.
    save_every: steps between checkpoints; one is always written at the end. keep_last: how many are kept.
    keep_best: the scalar of the evaluation ("loss", "accuracy", ...) whose best weights are kept as
    `best.safetensors`; "" for none. Losses are better when lower, all else when higher.
    early_stop, ponder, random_depth, tick_dropout: see `EarlyStop`, `PonderCost`, `RandomDepth`, `TickDropout`; None
    for none.

    >>> config = TrainConfig(steps=100, learning_rate=1e-3, warmup_steps=10)
    >>> config.learning_rate_at(5)
    0.0005
    >>> TrainConfig.from_json(config.to_json()) == config
    True
    """

    steps: int
    batch_size: int = 64
    learning_rate: float = 1e-3
    final_learning_rate: float = 1e-7
    warmup_steps: int = 0
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    weight_decay_exclusions: tuple[str, ...] = ("bias", "start")
    clip: Clip | None = None
    average: float = 0.0
    accumulate: int = 1
    precision: str = "auto"
    log_every: int = 10
    evaluate_every: int = 0
    test_batch_size: int = 250
    save_every: int = 500
    keep_last: int = 2
    keep_best: str = ""
    early_stop: EarlyStop | None = None
    ponder: PonderCost | None = None
    random_depth: RandomDepth | None = None
    tick_dropout: TickDropout | None = None

    def __post_init__(self):
        for name in ("steps", "batch_size", "log_every", "test_batch_size", "save_every", "keep_last"):
            checks.integer(name, getattr(self, name), low=1)
        checks.integer("evaluate_every", self.evaluate_every, low=0, fix="0 for no evaluation")
        checks.integer("warmup_steps", self.warmup_steps, low=0, high=self.steps, fix="warm up for fewer steps")
        checks.number("learning_rate", self.learning_rate, above=0)
        checks.number("final_learning_rate", self.final_learning_rate, low=0, high=self.learning_rate)
        checks.number("epsilon", self.epsilon, above=0)
        checks.number("weight_decay", self.weight_decay, low=0)
        checks.number("average", self.average, low=0, high=1 - 1e-9, fix="0.99 averages over the last hundred steps")
        for beta in self.betas:
            checks.number("betas", beta, low=0, high=1 - 1e-9)
        checks.integer("accumulate", self.accumulate, low=1, high=self.batch_size, fix="at most a part per example")
        checks.choice("precision", self.precision, PRECISIONS)
        checks.instance("keep_best", self.keep_best, str, fix="the name of a scalar, such as 'loss'")
        for name, kind in PRESSURES.items():
            checks.instance(name, getattr(self, name), (kind, type(None)))
        for name in ("keep_best", "early_stop"):
            if getattr(self, name) and not self.evaluate_every:
                text = checks.message("evaluate_every", f"evaluations, for {name}", "0", "a number of steps")
                raise checks.InvalidValue(text)

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of the update that completes `step`, counted from 1."""
        return warmup_cosine(
            step,
            steps=self.steps,
            peak=self.learning_rate,
            warmup=self.warmup_steps,
            final=self.final_learning_rate,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
        pressures = {name: pressure_to_json(getattr(self, name)) for name in PRESSURES}
        return {**values, "clip": clip_to_json(self.clip), **pressures}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "TrainConfig":
        """Return the configuration that `to_json` wrote; an unknown field raises `InvalidValue`."""
        names = [field.name for field in fields(cls)]
        values = {checks.choice("train config field", name, names): value for name, value in data.items()}
        for name in ("betas", "weight_decay_exclusions"):
            if name in values:
                values[name] = tuple(values[name])
        if "clip" in values:
            values["clip"] = clip_from_json(values["clip"])
        for name, kind in PRESSURES.items():
            values[name] = pressure_from_json(name, kind, values.get(name))
        return cls(**values)
