"""What thinking costs when it may stop: accuracy, ticks and processor time, against the full run in the same run.

    python -m benchmarks.halting [RUN ...] [--threads N] [--batch N] [--loss 0]

RUN: folders of trained runs, runs/demo unless others are given. Each policy that has a setting takes the one with the
fewest ticks that keeps the accuracy on one half of the held-out examples, less the loss allowed; what is printed is
measured on the other half, and the other way round. The answers must equal those of the full run cut at the same ticks.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from cofire import Thought
from cofire.ctm import halting
from cofire.tasks import Batch
from cofire.train import load_run

REPEATS = 3


def settings(half: Thought, right: Tensor, positions: int, loss: float) -> dict[str, halting.Policy]:
    """The policies, with what keeps the accuracy on these examples."""
    answered = halting.cut(half, torch.full_like(half.most_certain(), half.certainty.shape[1]))
    full = right.gather(1, answered.most_certain()[:, None]).mean().item()
    families: dict[str, list[halting.Policy]] = {
        "certainty": [halting.Certainty(n / 40) for n in range(1, 40)],
        "patience": [halting.Patience(k) for k in range(1, half.certainty.shape[1])],
        "plateau": [halting.Plateau(k, 0.01, n / 10) for k in (1, 2, 3) for n in range(10)],
    }
    chosen: dict[str, halting.Policy] = {}
    for name, family in families.items():
        cost = []
        for policy in family:
            cut = halting.replay(policy, half, positions=positions)
            kept = right.gather(1, cut.most_certain()[:, None]).mean().item() >= full - loss - 1e-9
            cost.append(cut.ticks.float().mean().item() if kept else float("inf"))
        chosen[name] = family[int(np.argmin(cost))]
    calibrated = halting.calibrate(half, right, positions=positions, loss=loss)
    mean = halting.replay(calibrated, half, positions=positions).ticks.float().mean().item()
    budget = round(mean * len(right))
    return chosen | {
        "calibrated": calibrated,
        "budget": halting.Budget(budget),
        "calibrated budget": halting.Budget(budget, calibrated),
    }


def joined(thoughts: list[Thought]) -> Thought:
    """Several batches as one thought."""
    logits, certainty = (torch.cat([getattr(one, name) for one in thoughts]) for name in ("logits", "certainty"))
    ticks = [one.ticks for one in thoughts if one.ticks is not None]
    return Thought(logits, certainty, ticks=torch.cat(ticks) if ticks else None)


def median_seconds(call: Callable[[], object]) -> float:
    """The median processor time of a call: on a busy machine steadier than the time that passes."""
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return statistics.median(times)


class Examples(NamedTuple):
    """Some held-out examples in batches."""

    parts: list[Batch]
    targets: Tensor

    @staticmethod
    def of(batch: Batch, rows: Tensor, size: int) -> "Examples":
        chosen = [None if part is None else part[rows] for part in batch]
        cuts = range(0, len(chosen[0]), size)  # pyright: ignore[reportArgumentType]
        parts = [Batch(*(None if part is None else part[at : at + size] for part in chosen)) for at in cuts]  # pyright: ignore
        return Examples(parts, batch.targets[rows])

    def full(self, model: Any) -> Thought:
        """The full run."""
        with torch.inference_mode():
            return joined([part.show(model) for part in self.parts])

    def perceived(self, model: Any) -> None:
        """What happens before the first tick."""
        with torch.inference_mode():
            for part in self.parts:
                model._course(part.inputs, part.question, None, None)

    def stopped(self, model: Any, halt: Any) -> Thought:
        """The run under a policy; a budget is divided among the batches."""
        thoughts = []
        for part in self.parts:
            rule = halt
            if isinstance(halt, halting.Budget):
                rule = halting.Budget(round(halt.total * len(part.targets) / len(self.targets)), halt.confidence)
            thoughts.append(part.show(model.think, halt=rule))
        return joined(thoughts)


def measure(model: Any, task: Any, examples: Examples, whole: Thought, halt: Any) -> tuple[float, float, float]:
    """Accuracy, mean ticks, and processor time against the full run; stops where an answer is another."""
    thought = examples.stopped(model, halt)
    if thought.ticks is None or not torch.allclose(thought.logits, halting.cut(whole, thought.ticks).logits, atol=1e-5):
        raise SystemExit(f"{halt}: the answers differ from those of the full run")
    accuracy = task.score(thought.logits, examples.targets, thought.most_certain())["accuracy"].mean().item()
    ratio = median_seconds(lambda: examples.stopped(model, halt)) / median_seconds(lambda: examples.full(model))
    return accuracy, thought.ticks.float().mean().item(), ratio


def table(folder: Path, size: int, loss: float) -> None:
    """Print the table of one run."""
    run = load_run(folder)
    task, model = run.task, run.model.eval()
    count, ticks = task.test_size, model.config.ticks
    every = torch.arange(count)
    halves = [every[0::2], every[1::2]]
    batch = task.test(np.arange(count))
    rows: dict[str, list[tuple[float, float, float]]] = {}
    for fitted, shown in (halves, halves[::-1]):
        known = Examples.of(batch, fitted, size)
        half = known.full(model)
        scores = [
            task.score(half.logits, known.targets, torch.full((len(fitted),), t))["accuracy"] for t in range(ticks)
        ]
        policies = settings(half, torch.stack(scores, 1), model.config.answer.positions, loss)
        examples = Examples.of(batch, shown, size)
        whole = examples.full(model)
        for name, policy in {"never": None, **policies}.items():
            rows.setdefault(name, []).append(measure(model, task, examples, whole, policy))
    examples = Examples.of(batch, every, size)
    call, senses = median_seconds(lambda: examples.full(model)), median_seconds(lambda: examples.perceived(model))
    print(f"\n{folder}: {run.name}, {count} held-out examples, {ticks} ticks, batches of {size}")
    print(
        f"a full run: {1e6 * call / count:.0f} us per example, {100 * senses / call:.0f} % of it before the first tick"
    )
    print(f"{'stops by':18} accuracy    lost   ticks   fewer    time    less")
    full = float(np.mean(rows["never"], axis=0)[0])
    for name, measured in rows.items():
        accuracy, used, ratio = np.mean(measured, axis=0)
        print(
            f"{name:18} {100 * accuracy:7.2f} {100 * (full - accuracy):7.2f} {used:7.2f} {ticks / used:6.2f}x"
            f" {ratio:7.2f} {1 / ratio:6.2f}x",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="*", type=Path, default=[Path("runs/demo")])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--batch", type=int, default=250)
    parser.add_argument("--loss", type=float, default=0.0)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for folder in arguments.runs:
        table(folder, arguments.batch, arguments.loss)


if __name__ == "__main__":
    main()
