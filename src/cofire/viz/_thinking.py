"""The report on how a model thought: evidence in, one HTML file and its figures out."""

from os import PathLike
from pathlib import Path

import torch

from cofire import checks
from cofire.ctm import Thought, halting
from cofire.random import Key
from cofire.recording import Recording
from cofire.viz import _outcome, _process
from cofire.viz._early_stops import stopping_early
from cofire.viz._evidence import ThinkingEvidence
from cofire.viz._page import Headline, Page, Paragraph, Section
from cofire.viz._page_files import write_page
from cofire.viz._stop_choices import HeldOut
from cofire.viz._summary import Summary
from cofire.viz._sync_findings import Synchrony
from cofire.viz._sync_report import synchrony_sections
from cofire.viz._words import count, counted, duration, share

SHORTEST_READING = 8  # ticks that a reading of synchrony needs


def write_thinking_report(folder: str | PathLike[str], evidence: ThinkingEvidence) -> Path:
    """Write `report.html`, one self-contained file, and every figure of it under `figures/`; return the report's path.

    The folder is made if need be; files of an earlier report are replaced, each whole or not at all, the page last.
    Equal evidence gives equal bytes.

    Raises
    ------
    InvalidType
        If `evidence` is something else.
    FileProblem
        If the folder cannot be made or written.
    """
    checks.instance("evidence", evidence, ThinkingEvidence)
    return write_page(folder, lambda: thinking_page(evidence))


def thinking_page(evidence: ThinkingEvidence) -> Page:
    """The report as a page: what was found first, then how each of it shows."""
    summary = Summary(evidence)
    return Page(
        kind="cofire: the report of a run",
        title="How it thought about handwritten digits",
        lead=_lead(summary),
        headlines=_headlines(summary),
        sections=[
            _outcome.did_thinking_help(summary),
            _outcome.where_it_stopped(summary),
            *stopping_early([_held_out(evidence)]),
            *([_process.where_it_looked(summary)] if evidence.attends else []),
            _outcome.sure_and_wrong(summary),
            _process.inside(summary),
            *_synchrony(evidence),
            _process.training(summary),
            _process.time_and_machine(summary),
            _process.again(summary),
        ],
        footer=(
            "Ticks are counted from 1. Intervals hold the true share with 95% confidence (Wilson). "
            "Every figure lies beside this page as a PNG, under figures/."
        ),
    )


def _synchrony(evidence: ThinkingEvidence) -> list[Section]:
    """Read a recorded thought as any recording is read: who moved together, in which groups, beside chance."""
    recording = evidence.recording
    if not isinstance(recording, Recording) or recording.ticks < SHORTEST_READING:
        return []
    key = Key(evidence.facts.seed).fold("report", "synchrony")
    found = Synchrony(recording=recording, key=key, trace="post_activation")
    _, together, *others = synchrony_sections(found)
    words = Paragraph(
        f"The neurons of one thought, the first of the films, over its {recording.ticks} ticks. So short a "
        "recording supports few claims; what it does support stands in the table, chance beside it. "
        "cofire analyse reads the other recorded thoughts in the same way."
    )
    return [Section(together.heading, [words, *together.blocks]), *others]


def _held_out(evidence: ThinkingEvidence) -> HeldOut:
    """Thoughts that may stop, and how right each tick's answer is."""
    logits, certainty, labels = map(torch.from_numpy, (evidence.logits, evidence.certainty, evidence.labels))
    return HeldOut(Thought(logits, certainty), halting.rightness(logits, labels), positions=1)


def _lead(summary: Summary) -> str:
    facts = summary.evidence.facts
    right, control = int(summary.right.sum()), int(summary.control_right.sum())
    return (
        f"A Continuous Thought Machine of {counted(facts.parameters, 'parameter')} looked at "
        f"{counted(summary.total, 'digit')} that it had never seen, for {summary.evidence.ticks} ticks each. Answering "
        f"when most certain, it was right on {count(right)}. A control that was trained on the same examples but may "
        f"think for one tick only was right on {count(control)}."
    )


def _headlines(summary: Summary) -> list[Headline]:
    evidence, facts = summary.evidence, summary.evidence.facts
    low, high = summary.interval(summary.right)
    control_low, control_high = summary.interval(summary.control_right)
    return [
        Headline(
            share(summary.accuracy),
            "held-out accuracy at the most certain tick",
            f"{count(int(summary.right.sum()))} of {count(summary.total)}; interval {share(low)} to {share(high)}",
            "thought",
        ),
        Headline(
            share(summary.control_accuracy),
            "one-tick control, trained beside it",
            f"{count(int(summary.control_right.sum()))} of {count(summary.total)}; "
            f"interval {share(control_low)} to {share(control_high)}",
            "control",
        ),
        Headline(
            duration(facts.training_seconds),
            "training time",
            f"{counted(facts.steps, 'step')} of {counted(facts.batch_size, 'digit')}; "
            f"the control took {duration(facts.control_seconds)}",
        ),
        Headline(count(facts.parameters), "parameters", f"the control has {count(facts.control_parameters)}"),
        Headline(
            f"{summary.thinking_time:.1f} of {evidence.ticks}",
            "ticks of thought on average",
            "up to the most certain tick",
        ),
    ]
