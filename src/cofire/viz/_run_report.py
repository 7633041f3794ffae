"""The report on a run of any task: evidence in, one HTML file and its figures out."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from os import PathLike
from pathlib import Path

from cofire import checks
from cofire.train._run import parameter_count
from cofire.viz import _run_sections as generic
from cofire.viz._early_stops import stopping_early
from cofire.viz._page import Headline, Page, Section
from cofire.viz._page_files import write_page
from cofire.viz._run_evidence import RunEvidence
from cofire.viz._run_summary import RunSummary, Spread
from cofire.viz._stop_choices import HeldOut
from cofire.viz._words import count, counted, duration, share

KINDS = {"CTM": "A Continuous Thought Machine", "LSTMBaseline": "An LSTM", "FeedForward": "A feed-forward network"}


def write_run_report(
    folder: str | PathLike[str], evidence: RunEvidence, *, command: str = "", facts: Mapping[str, str] | None = None
) -> Path:
    """Write `report.html`, one self-contained file, and every figure of it under `figures/`; return the report's path.

    command: what trains the same again. facts: further lines about the machine it ran on. Raises InvalidType for other
    evidence, FileProblem where the folder cannot be written.
    """
    checks.instance("evidence", evidence, RunEvidence)
    return write_page(folder, lambda: run_page(evidence, command=command, facts=facts or {}))


def run_page(evidence: RunEvidence, *, command: str = "", facts: Mapping[str, str]) -> Page:
    """The report as a page: what any run has to show, and the pictures of its task."""
    answered: list[Section] = []
    summary = RunSummary(evidence)
    if evidence.predictions is not None:
        answered = [generic.did_thinking_help(summary), generic.how_sure(summary)]
        if evidence.stops:
            answered += stopping_early([HeldOut.of(run) for run in evidence.runs])
    return Page(
        kind="cofire: the report of a run",
        title=f"How it learned {evidence.name.replace('-', ' ')}",
        lead=_lead(summary),
        headlines=_headlines(summary),
        sections=[
            *answered,
            *task_sections(evidence),
            generic.training(evidence),
            generic.what_was_trained(evidence, facts),
            generic.again(evidence, command),
        ],
        footer=(
            "Ticks are counted from 1. ± is one standard deviation over runs that differ by their seed alone. "
            "Every figure lies beside this page as a PNG, under figures/."
        ),
    )


def task_sections(evidence: RunEvidence) -> list[Section]:
    """The sections that the task has of its own, none where there is no module for it."""
    module = f"cofire.viz._pictures_{evidence.name.replace('-', '_')}"
    return import_module(module).sections(evidence) if find_spec(module) else []


def _lead(summary: RunSummary) -> str:
    evidence = summary.evidence
    kind = KINDS.get(evidence.config["model"]["class"], f"A {evidence.config['model']['class']}")
    steps = counted(int(evidence.metrics["step"][-1]), "step")
    trained = f"{kind} of {counted(parameter_count(evidence.model), 'parameter')} was trained for {steps}"
    if len(summary.runs) > 1:
        trained += f", {len(summary.runs)} times with different seeds"
    if evidence.predictions is None:
        return f"{trained}."
    name = summary.names[0]
    read = "Read when most certain" if evidence.stops else "In the end"
    found = f"{trained}, and shown {counted(summary.total, 'example')} that it had never seen. {read}, "
    found += f"{summary.score(name).percent()} is right"
    if "whole" in summary.names:
        found += f", and {summary.score('whole').percent()} of the answers as a whole"
    if not summary.controls:
        return f"{found}."
    return f"{found}. The same with one tick of thought: {summary.control_score(name).percent()}."


def _headlines(summary: RunSummary) -> list[Headline]:
    evidence = summary.evidence
    found: list[Headline] = []
    if evidence.predictions is not None:
        when = "at the most certain tick" if evidence.stops else "in the end"
        for name in summary.names[:2]:
            label = f"held-out {name} {when}" if name == "accuracy" else f"{name.replace('_', ' ')} answers right"
            found.append(
                Headline(share(summary.score(name).mean), label, _aside(summary, summary.runs, name), "thought")
            )
        if summary.controls:
            name = summary.names[0]
            aside = f"trained in the same way; {_aside(summary, summary.controls, name)}"
            found.append(Headline(share(summary.control_score(name).mean), "one-tick control", aside, "control"))
        if evidence.stops and summary.ticks > 1:
            time = f"{summary.thinking_time.mean:.1f} of {summary.ticks}"
            found.append(Headline(time, "ticks of thought on average", "up to the most certain tick"))
    seconds = float(evidence.metrics["seconds"][-1])
    steps = counted(int(evidence.metrics["step"][-1]), "step")
    found.append(Headline(duration(seconds), "training time", steps))
    return [*found, Headline(count(parameter_count(evidence.model)), "parameters")]


def _aside(summary: RunSummary, runs: Sequence[RunEvidence], name: str) -> str:
    if len(runs) == 1:
        return f"of {counted(summary.total, 'example')}"
    means = [float(run.scores[name].mean()) for run in runs]
    deviation = 100 * Spread.of(means).deviation
    return f"± {deviation:.1f} over {len(runs)} seeds, from {share(min(means))} to {share(max(means))}"
