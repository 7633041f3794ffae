"""What thinking costs when it may stop: accuracy, ticks and time per example, against the full run in the same minute.

    python -m benchmarks.halting [--run RUN]... [--batch 250] [--threads N] [--loss 0.002]

RUN: folders of trained runs. Without any: the digits of the demo, trained for it where there are none (two to three
minutes), and the parity of 16 signs where `cofire train parity` has left its run. Every policy is set on one half of
the held-out examples so that a loss of `--loss` in accuracy is to be expected of others, and measured on the other;
then the halves change places. All are timed in turns, one example at a time and in batches of `--batch`, several times
over; times are medians of the time that passes, ratios medians of those within a turn. The answers must equal those of
the full run cut at the same ticks.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from cofire import Thought
from cofire.cli import main as cofire
from cofire.cli._report import look
from cofire.ctm import halting
from cofire.tasks import Batch
from cofire.train import RunFolder, load_run
from cofire.viz._stop_choices import LOSS, HeldOut, choose, for_so_many, halve

TURNS, FEW_TURNS = 7, 3
SINGLE = 40  # examples of each half that are shown one at a time
BATCH = 250
DIGITS = (Path("runs/demo"), Path("runs/digits-small-0"))
PARITY = Path("runs/parity-small-0")
FULL, SENSES = "never", "(before the first tick)"


class Cost(NamedTuple):
    """Seconds per example, and how many times less that is than the full run in the same turn."""

    seconds: float
    less: float


class Row(NamedTuple):
    """What a policy came to on one half: accuracy, mean ticks, and what it costs one by one and in batches."""

    accuracy: float
    ticks: float
    single: Cost
    batched: Cost


def in_turns(calls: Mapping[str, Callable[[], object]], examples: int, turns: int) -> dict[str, Cost]:
    """The cost of each call, all of them timed one after the other in every turn."""
    for call in calls.values():
        call()  # the first pays for what later ones find ready
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(turns):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start)
    return {
        name: Cost(
            statistics.median(times) / examples,
            statistics.median(full / one for full, one in zip(seconds[FULL], times, strict=True)),
        )
        for name, times in seconds.items()
    }


def divided(task: Any, rows: np.ndarray, size: int) -> list[Batch]:
    """Some held-out examples in batches."""
    return [task.test(rows[at : at + size]) for at in range(0, len(rows), size)]


def show(model: Any, parts: list[Batch], halt: Any, known: int) -> list[Thought]:
    """The thoughts under a policy that was set on so many examples, or the full runs."""
    if halt is None:
        with torch.inference_mode():
            return [part.show(model) for part in parts]
    return [part.show(model.think, halt=for_so_many(halt, known, len(part.targets))) for part in parts]


def perceive(model: Any, parts: list[Batch]) -> None:
    """What happens before the first tick."""
    with torch.inference_mode():
        for part in parts:
            model._course(part.inputs, None, None, None)


def judge(task: Any, model: Any, parts: list[Batch], halt: Any, known: int) -> tuple[float, float]:
    """Accuracy and mean ticks; stops where an answer is not that of the full run."""
    right, ticks = [], []
    thoughts, wholes = show(model, parts, halt, known), show(model, parts, None, known)
    for part, thought, whole in zip(parts, thoughts, wholes, strict=True):
        used = torch.full_like(whole.most_certain(), whole.certainty.shape[1]) if halt is None else thought.ticks
        if used is None or not torch.allclose(thought.logits, halting.cut(whole, used).logits, atol=1e-5):
            raise SystemExit(f"{halt}: the answers differ from those of the full run")
        right.append(task.score(thought.logits, part.targets, thought.most_certain())["accuracy"])
        ticks.append(used)
    return torch.cat(right).mean().item(), torch.cat(ticks).double().mean().item()


def half(task: Any, model: Any, policies: dict[str, Any], rows: np.ndarray, known: int, batch: int) -> dict[str, Row]:
    """Every policy on some examples."""
    batched, single = divided(task, rows, batch), divided(task, rows[:: max(1, len(rows) // SINGLE)][:SINGLE], 1)
    costs = []
    for parts, turns in ((single, FEW_TURNS), (batched, TURNS)):
        calls: dict[str, Callable[[], object]] = {
            name: lambda halt=halt, parts=parts: show(model, parts, halt, known) for name, halt in policies.items()
        }
        if not model.config.streamed:  # a stream is perceived while it comes
            calls[SENSES] = lambda parts=parts: perceive(model, parts)
        costs.append(in_turns(calls, sum(len(part.targets) for part in parts), turns))
    judged = {name: judge(task, model, batched, halt, known) for name, halt in policies.items()}
    found = {name: Row(*judged[name], costs[0][name], costs[1][name]) for name in policies}
    if SENSES in costs[0]:
        found[SENSES] = Row(np.nan, 0.0, costs[0][SENSES], costs[1][SENSES])
    return found


def table(folder: Path, loss: float, batch: int) -> None:
    """Print the table of one run."""
    run = load_run(folder)
    held = HeldOut.of(look(run, None))
    task, model, halves, found = run.task, run.model.eval(), halve(len(held)), []
    for known, new in (halves, halves[::-1]):
        policies = {FULL: None, **choose(held.part(known), loss)}
        found.append(half(task, model, policies, new, len(known), batch))
    print(
        f"\n{folder}: {run.name}, {len(held):,} held-out examples, {held.ticks} ticks, "
        f"policies set to lose {100 * loss:g} points of accuracy at most"
    )
    print(f"{'':24}{'':8}{'':7}{'':7}{'':8}   one at a time      in batches of {batch}")
    print(f"{'stops by':24}accuracy   lost  ticks   fewer   us each     less     us each     less")
    full = float(np.mean([one[FULL].accuracy for one in found]))
    for name in found[0]:
        accuracy, used = np.mean([one[name][:2] for one in found], axis=0)
        single, batched = (np.mean([one[name][place] for one in found], axis=0) for place in (2, 3))
        shown = f"{'':8}{'':7}{'':7}{'':8}"
        if used:
            shown = f"{100 * accuracy:8.2f}{100 * (full - accuracy):7.2f}{used:7.2f}{held.ticks / used:7.2f}x"
        costs = (f"{1e6 * seconds:10.0f}{less:8.2f}x" for seconds, less in (single, batched))
        print(f"{name:24}{shown}{'  '.join(costs)}", flush=True)


def default_runs() -> list[Path]:
    """The runs that are there, the digits trained if need be."""
    found = [folder for folder in DIGITS if RunFolder(folder).weights.exists()][:1]
    if not found:
        folder = DIGITS[-1]
        resume = ["--resume"] if (folder / "config.json").exists() else []
        print(f"no run of the digits: training one in {folder}, two to three minutes on two cores", flush=True)
        if cofire(["train", "digits", "--preset", "small", "--seed", "0", "--out", str(folder), *resume]) == 0:
            found.append(folder)
    if RunFolder(PARITY).weights.exists():
        return [*found, PARITY]
    print(f"no {PARITY}: cofire train parity --preset small trains it; its table is printed when it is there")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", dest="runs", action="append", type=Path, metavar="RUN", help="the folder of a run")
    parser.add_argument("--batch", type=int, default=BATCH)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--loss", type=float, default=LOSS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for folder in arguments.runs or default_runs():
        table(folder, arguments.loss, arguments.batch)


if __name__ == "__main__":
    main()
