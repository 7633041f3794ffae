"""Early stops on the command line: a policy by name, and what it saves on held-out examples."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from cofire import checks
from cofire.cli._arguments import Usage, integer, number

if TYPE_CHECKING:
    import torch

    from cofire.train import Run
    from cofire.viz._run_evidence import RunEvidence

MOST = 10**6  # of ticks
FIX = "--halt {}"


def between(text: str) -> float:
    """Read a certainty: a number between 0 and 1, both excluded, which would stop everything at once, or nothing."""
    value = number("--halt certainty", 0, 1, FIX.format("certainty=0.9"))(text)
    if value in (0, 1):
        wanted = "a number between 0 and 1, both excluded"
        raise Usage(checks.message("--halt certainty", wanted, text, FIX.format("certainty=0.9")))
    return value


# Name of a policy, how its value is read, and what it means.
POLICIES: dict[str, tuple[Callable[[str], Any], str]] = {
    "certainty": (between, "certainty=0.9: when so certain"),
    "patience": (
        integer("--halt patience", 1, MOST, FIX.format("patience=3")),
        "patience=3: when the answer has stayed for so many ticks",
    ),
    "plateau": (
        integer("--halt plateau", 1, MOST, FIX.format("plateau=3")),
        "plateau=3: when certainty has not risen for so many ticks",
    ),
    "energy": (
        integer("--halt energy", 1, MOST, FIX.format("energy=1")),
        "energy=1: so many ticks after the lowest energy",
    ),
    "budget": (
        number("--halt budget", 1, MOST, FIX.format("budget=5")),
        "budget=5: so many ticks per example, spent where there is doubt",
    ),
    "calibrated": (
        number("--halt calibrated", 0, 1, FIX.format("calibrated=0.002 for 0.2 points of accuracy")),
        "calibrated=0.002: as soon as no more accuracy is lost, fitted on one half and measured on the other",
    ),
}


class Halt(NamedTuple):
    """A policy by name and its value."""

    name: str
    value: float

    def __str__(self) -> str:
        return f"{self.name}={self.value if isinstance(self.value, int) else format(self.value, 'g')}"


def policy(text: str) -> Halt:
    """Read NAME=VALUE.

    >>> policy("patience=3")
    Halt(name='patience', value=3)
    """
    name, _, value = text.partition("=")
    try:
        checks.choice("--halt", name, POLICIES)
    except checks.InvalidValue as problem:
        raise Usage(str(problem)) from problem  # argparse would hide what it takes for a ValueError of its own
    return Halt(name, POLICIES[name][0](value))


def check(run: "Run", halt: Halt) -> None:
    """Raise InvalidValue where the machine of a run cannot be stopped so, before it has been looked at."""
    if not hasattr(run.model, "think"):
        got = type(run.model).__name__
        raise checks.InvalidValue(checks.message(str(run.folder), "a model that thinks", got, "leave --halt away"))
    if halt.name == "energy" and getattr(run.model_config, "energy", None) is None:
        wanted, fix = "a machine with an energy head", "--halt certainty=0.9"
        raise checks.InvalidValue(checks.message("--halt energy", wanted, f"{run.folder} without one", fix))


def stopped(run: "Run", evidence: "RunEvidence", halt: Halt, *, batch_size: int, ticks: int | None) -> dict[str, Any]:
    """Think until the policy says stop, beside the full run on the same examples: scores, ticks, and time of both."""
    import numpy as np

    from cofire.train._evaluate import batches, looking
    from cofire.viz._stop_choices import halve

    model: Any = run.model
    count = len(evidence.tick)
    examples = halve(count)[1] if halt.name == "calibrated" else np.arange(count)
    options = {} if ticks is None else {"ticks": ticks}
    rows: list[dict[str, np.ndarray]] = []
    seconds = np.zeros(2)
    with looking(run.model):
        for places in batches(len(examples), batch_size):
            batch = run.task.test(examples[places])
            rule = build(halt, run, evidence, len(places))
            if not rows:
                batch.show(model, **options)  # the first calls pay for what later ones find ready
                batch.show(model.think, halt=rule, **options)
            full, first = timed(batch.show, model, **options)
            short, second = timed(batch.show, model.think, halt=rule, **options)
            seconds += first, second
            found = run.task.score(short.logits, batch.targets, read(evidence, short.certainty))
            whole = run.task.score(full.logits, batch.targets, read(evidence, full.certainty))
            rows.append(
                {name: score.double().numpy() for name, score in found.items()}
                | {f"full {name}": score.double().numpy() for name, score in whole.items()}
                | {"ticks": short.ticks.double().numpy()}
            )
    means = {name: float(np.concatenate([row[name] for row in rows]).mean()) for name in rows[0]}
    return {
        "policy": str(halt),
        "examples": len(examples),
        "ticks": means.pop("ticks"),
        "seconds": round(float(seconds[1]), 3),
        "scores": {name: value for name, value in means.items() if not name.startswith("full ")},
        "full_ticks": evidence.ticks,
        "full_seconds": round(float(seconds[0]), 3),
        "full_scores": {name[5:]: value for name, value in means.items() if name.startswith("full ")},
    }


def build(halt: Halt, run: "Run", evidence: "RunEvidence", batch: int) -> Any:
    """Make the policy for a batch."""
    from cofire.ctm import halting

    match halt.name:
        case "budget":
            return halting.Budget(round(halt.value * batch))
        case "calibrated":
            return calibrated(evidence, halt.value)
    kinds = {"certainty": halting.Certainty, "patience": halting.Patience, "energy": halting.EnergyMinimum}
    return {**kinds, "plateau": halting.Plateau}[halt.name](halt.value)


def calibrated(evidence: "RunEvidence", loss: float) -> Any:
    """Fit confidence and threshold on one half of the held-out examples, drawn by key whatever their order."""
    from cofire.ctm import halting
    from cofire.viz._stop_choices import HeldOut, halve

    half = HeldOut.of(evidence).part(halve(len(evidence.tick))[0])
    return halting.calibrate(half.thought, half.right, positions=half.positions, loss=loss)


def read(evidence: "RunEvidence", certainty: "torch.Tensor") -> "torch.Tensor":
    """The tick at which each example is read, as `RunEvidence.tick` has it."""
    import torch

    return certainty.argmax(1) if evidence.stops else torch.full((len(certainty),), certainty.shape[1] - 1)


def timed(call: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[Any, float]:
    """What a call returns, and how many seconds it takes."""
    begin = time.perf_counter()
    return call(*arguments, **options), time.perf_counter() - begin
