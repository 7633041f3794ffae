"""From two trained machines to what the report is made of, and the closing words."""

import math
import os
import platform
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

import cofire
from cofire.cli._progress import minutes
from cofire.ctm import CTM
from cofire.tasks import Digits
from cofire.train import Finished, Predictions, RunFolder, predict, read_metrics
from cofire.viz import RunFacts, ThinkingEvidence

RECORDED = 8  # digits whose thought is kept in full
RECORDING = "recording.npz"  # in the folder of the run, where `cofire analyse` looks for it


class Trained(NamedTuple):
    """A machine, the folder of its run, and how the run ended."""

    model: CTM
    folder: RunFolder
    finished: Finished

    @property
    def parameters(self) -> int:
        """How many numbers were learned."""
        return sum(parameter.numel() for parameter in self.model.parameters())


def make_evidence(task: Digits, machine: Trained, control: Trained, command: str) -> ThinkingEvidence:
    """Show both machines every held-out digit, and keep, in its folder too, what the first does inside on a few."""
    answers, control_answers = predict(machine.model, task), predict(control.model, task)
    images = task.test(np.arange(task.test_size)).inputs
    config = machine.folder.read_config()
    examples = spread(answers, RECORDED)
    model = machine.model.eval()
    recording = model.record(images[examples].to(next(model.parameters()).device))
    recording.save(machine.folder.path / RECORDING)
    readings = {"output": model.sync_out, "action": model.sync_action}
    side = math.isqrt(recording["attention"].shape[-1])
    return ThinkingEvidence(
        images=task.pictures(images),
        labels=answers.targets,
        logits=answers.logits,
        certainty=answers.certainty,
        control_logits=control_answers.logits,
        examples=examples,
        recording=recording,
        token_grid=(side, side),
        decays={name: reading.rates().detach().cpu().numpy() for name, reading in readings.items() if reading},
        metrics=read_metrics(machine.folder.metrics),
        control_metrics=read_metrics(control.folder.metrics),
        config=config,
        facts=RunFacts(
            command=command,
            seed=config["about"]["seed"],
            steps=config["train"]["steps"],
            batch_size=config["train"]["batch_size"],
            train_examples=task.train_size,
            training_seconds=machine.finished.seconds,
            control_seconds=control.finished.seconds,
            parameters=machine.parameters,
            control_parameters=control.parameters,
            machine=describe_machine(),
        ),
    )


def spread(answers: Predictions, count: int) -> np.ndarray:
    """Choose examples from the one settled soonest to the one settled last, of different classes where possible."""
    order = np.lexsort((-answers.certainty.max(axis=1), answers.certainty.argmax(axis=1)))
    chosen: list[int] = []
    for place in np.linspace(0, len(order) - 1, count).astype(int):
        nearest = order[np.argsort(np.abs(np.arange(len(order)) - place), kind="stable")]
        known = answers.targets[chosen]
        chosen.append(next((one for one in nearest if answers.targets[one] not in known), nearest[0]))
    return np.array(chosen)


def describe_machine() -> dict[str, str]:
    """Name what the figures were measured on."""
    return {
        "processor": _processor(),
        "threads": f"{torch.get_num_threads()} on {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.release()}",
        "versions": f"cofire {cofire.__version__}, torch {torch.__version__}, Python {platform.python_version()}",
    }


def closing_words(evidence: ThinkingEvidence, report: os.PathLike[str]) -> str:
    """Say what came out, in four lines."""
    tick = evidence.certainty.argmax(axis=1)
    right = evidence.logits[np.arange(len(tick)), :, tick].argmax(axis=1) == evidence.labels
    control_right = evidence.control_logits[:, :, 0].argmax(axis=1) == evidence.labels
    facts = evidence.facts
    return (
        f"held out   {right.mean():.1%} right at the most certain tick, "
        f"after {tick.mean() + 1:.1f} of {evidence.ticks} ticks on average\n"
        f"control    {control_right.mean():.1%} right with one tick, trained on the same number of examples\n"
        f"training   {minutes(facts.training_seconds)}, and {minutes(facts.control_seconds)} for the control; "
        f"threads: {facts.machine['threads']}\n"
        f"report     {report}"
    )


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
