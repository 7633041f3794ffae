"""The sections that the report of any run has: what came out, how sure it was, where it stopped, how it was trained."""

import json
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from cofire.train.presets._partners import ONE_TICK, changes_for
from cofire.train.presets._setup import command_words
from cofire.viz import _reliability, _run_figures, _training
from cofire.viz._page import Block, Listing, Paragraph, Picture, Section, Table
from cofire.viz._picture import make_picture
from cofire.viz._run_evidence import RunEvidence
from cofire.viz._run_summary import RunSummary, Spread, whole
from cofire.viz._words import chance, count, counted, duration, share

SPREAD = "The band is one standard deviation over {} runs that differ by their seed. "
TITLES = {"accuracy": "Right answers", "whole": "Answers right as a whole"}


def did_thinking_help(summary: RunSummary) -> Section:
    """Scores tick by tick, beside the one-tick control; a table of all runs."""
    blocks: list[Block] = [Paragraph(verdict(summary))]
    if summary.ticks > 1:
        blocks += [*(_by_tick(summary, name) for name in summary.names), _certainty(summary)]
    return Section("Did thinking help?", [*blocks, _table_of_runs(summary)])


def how_sure(summary: RunSummary) -> Section:
    """Accuracy among the most certain, calibration, and where it was most certain."""
    blocks: list[Block] = [_coverage(summary)]
    diagram = summary.reliability
    if diagram is not None:
        error = share(diagram.expected_calibration_error)
        blocks.append(
            make_picture(
                "reliability",
                lambda axis, theme: _reliability.draw_reliability(diagram, axis, theme=theme),
                "How often it was right when it was so confident, for every position of every answer, in 15 equal "
                "steps of confidence with 95% intervals. Points below the dotted line are overconfident. The expected "
                f"calibration error, their mean distance from it, is {error}.",
                f"Reliability diagram with an expected calibration error of {error}.",
            )
        )
    if summary.evidence.stops and summary.ticks > 1:
        blocks.append(_stopping(summary))
    return Section("How sure it was, and where it stopped", blocks)


def training(evidence: RunEvidence) -> Section:
    """The curves of the log: loss, scores, and whatever else was noted."""
    noted = dict.fromkeys(name.removeprefix("test_") for name in evidence.metrics)
    shown = [name for name in noted if name not in ("step", "seconds", "learning_rate", "gradient_norm")]
    several = len(evidence.runs) > 1
    blocks: list[Block] = []
    for name in shown:
        curves = _curves(evidence, name)
        if curves:
            blocks.append(_training_picture(name, curves, SPREAD.format(len(evidence.runs)) if several else ""))
    return Section("Training", blocks or [Paragraph("The log holds no curves.")])


def what_was_trained(evidence: RunEvidence, facts: Mapping[str, str]) -> Section:
    """Task, model, training and time as a table."""
    train = evidence.config["train"]
    task = {name: value for name, value in evidence.config["task"]["settings"].items() if name != "key"}
    seconds = [float(run.metrics["seconds"][-1]) for run in evidence.runs]
    rows = [
        ("task", f"{evidence.name}, {_listed(task)}" if task else evidence.name),
        ("model", _listed(_parts(evidence.config["model"]["config"] or {}))),
        ("training", _listed({name: value for name, value in train.items() if value not in (None, 0, 0.0, [])})),
        ("time", " and ".join(duration(one) for one in seconds)),
        ("seeds", ", ".join(str(run.config["about"].get("seed", "unknown")) for run in evidence.runs)),
        *facts.items(),
        ("cofire", str(evidence.config.get("cofire", ""))),
    ]
    return Section("What was trained, and how", [Table([row for row in rows if row[1]])])


def again(evidence: RunEvidence, command: str) -> Section:
    """How to get the same result once more."""
    blocks: list[Block] = []
    if command:
        words = (
            "All randomness comes from the seed: on the same machine, with the same versions and number of threads, "
            "this gives the same weights and the same figures; only the times differ."
        )
        blocks = [Paragraph(words), Listing(command)]
    whole_configuration = json.dumps(dict(evidence.config), indent=2, default=str)
    return Section("Do it again", [*blocks, Listing(whole_configuration, summary="The whole configuration")])


def verdict(summary: RunSummary) -> str:
    """Whether thinking for more than one tick has helped, in words."""
    config = summary.evidence.config
    if not summary.controls:
        if summary.ticks == 1:
            return "It answers after a single tick."
        command = _control_command(config)
        return f"What thinking has gained is not known yet: that takes a control with a single tick of thought{command}"
    name = summary.names[0]
    ours, theirs = summary.score(name), summary.control_score(name)
    first = f"With {summary.ticks} ticks {ours.percent()} is right, with one tick {theirs.percent()}."
    paired = summary.paired
    if paired is None:
        return f"{first} The two were tested on different examples, so they cannot be compared one by one."
    differ = paired.only_first + paired.only_second
    if not differ:
        return (
            f"{first} Neither has a whole answer right that the other has wrong: these runs show no use of thinking "
            "longer."
        )
    shown = (
        f"{first} They differ on {counted(differ, 'whole answer')}: thinking alone was right on "
        f"{count(paired.only_first)}, the control alone on {count(paired.only_second)}."
    )
    odds = f"If neither were better, a split at least as uneven would come about with {chance(paired.p_value)}"
    if paired.p_value >= 0.05:
        return f"{shown} {odds}: that does not show that thinking longer helped."
    better = (
        "thinking longer helped here" if paired.only_first > paired.only_second else "the control is the better one"
    )
    return f"{shown} {odds} (McNemar's exact test): {better}."


def _control_command(config: Mapping[str, Any]) -> str:
    """How to train the control of a run, "." where it was not begun from a preset."""
    about = config["about"]
    if not about.get("preset"):
        return "."
    preset = f"{about['preset']}-{ONE_TICK}"
    changed = changes_for(preset, about.get("changed", {}))
    return ": " + shlex.join(["cofire", *command_words(config["task"]["name"], preset, about["seed"], changed)])


def _by_tick(summary: RunSummary, name: str) -> Picture:
    rows = summary.by_tick(name)
    levels, roles = {}, {"at this tick": "thought"}
    if summary.evidence.stops:
        levels["when most certain"] = np.array([run.scores[name].mean() for run in summary.runs])
        roles["when most certain"] = "thought"
    if summary.controls:
        levels["one-tick control"] = np.array([run.scores[name].mean() for run in summary.controls])
        roles["one-tick control"] = "control"
    title = TITLES.get(name, name.replace("_", " ").capitalize())
    if name == "accuracy" and "whole" in summary.names:
        title = "Right, on average over each answer"
    return make_picture(
        f"{name}_by_tick",
        lambda axis, theme: _run_figures.draw_by_tick(
            {"at this tick": rows},
            axis,
            title=title,
            ylabel="held-out examples",
            levels=levels,
            roles=roles,
            theme=theme,
        ),
        f"{title}, if thinking were cut after each tick: {share(rows[:, 0].mean())} after the first, "
        f"{share(rows[:, -1].mean())} after the last. Where the curve still climbs, thinking pays; dashed lines are "
        f"what to compare it with. {SPREAD.format(len(rows)) if len(rows) > 1 else ''}",
        f"Line from {share(rows[:, 0].mean())} at tick 1 to {share(rows[:, -1].mean())} at tick {rows.shape[1]}.",
    )


def _certainty(summary: RunSummary) -> Picture:
    found = summary.certainty_by_tick
    curves = {f"{kind} in the end": rows for kind, rows in found.items() if np.isfinite(rows).all()}
    roles = {"right in the end": "thought", "wrong in the end": "wrong"}
    ends = ", ".join(f"{rows[:, -1].mean():.2f} for what is {label}" for label, rows in curves.items())
    return make_picture(
        "certainty",
        lambda axis, theme: _run_figures.draw_by_tick(
            curves, axis, title="Certainty", ylabel="1 − normalised entropy", roles=roles, theme=theme
        ),
        "How certain it was after each tick, on average: for answers that are wholly right in the end, and for the "
        "others. The gap between the lines is what makes certainty worth heeding.",
        f"Lines of mean certainty, ending at {ends}.",
    )


def _stopping(summary: RunSummary) -> Picture:
    counts = np.stack([[_stops(run, right) for run in summary.runs] for right in (True, False)])
    busiest = int(counts.sum(axis=(0, 1)).argmax()) + 1
    time = summary.thinking_time
    return make_picture(
        "stopping",
        lambda axis, theme: _run_figures.draw_stops(counts, axis, mean=time.mean, theme=theme),
        f"The tick at which it was most certain about each example: {time.number()} of {summary.ticks} on average, "
        f"the commonest {busiest}. At the last tick stand those whose certainty still grew."
        + (" Thin lines: a standard deviation over runs." if time.runs > 1 else ""),
        f"Histogram of most certain ticks with its peak at tick {busiest}.",
    )


def _coverage(summary: RunSummary) -> Picture:
    curves = {"the machine": summary.coverage(summary.runs)}
    if summary.controls:
        curves["one-tick control"] = summary.coverage(summary.controls)
    half = curves["the machine"][:, 49].mean()
    return make_picture(
        "coverage",
        lambda axis, theme: _run_figures.draw_coverage(
            curves, axis, roles={"the machine": "thought", "one-tick control": "control"}, theme=theme
        ),
        "If only the examples that it is most certain about were answered: how right those are. The right end is the "
        f"accuracy on all; of the more certain half {share(half)} is right.",
        f"Curves of accuracy against the share answered; {share(half)} at one half.",
    )


def _table_of_runs(summary: RunSummary) -> Table:
    names, stops = summary.names, summary.evidence.stops
    groups = [("seed", summary.runs), ("one-tick control, seed", summary.controls)]
    rows = []
    for label, runs in groups:
        for run in runs:
            scores = [share(run.scores[name].mean()) for name in names]
            last = [share(run.scores_by_tick[names[0]][-1])]
            time = [f"{run.tick.mean() + 1:.1f}"] if stops else []
            rows.append([f"{label} {run.config['about'].get('seed', '?')}", *scores, *last, *time])
        if len(runs) > 1:
            means = [Spread.of(run.scores[name].mean() for run in runs).percent() for name in names]
            last = [Spread.of(run.scores_by_tick[names[0]][-1] for run in runs).percent()]
            time = [Spread.of(run.tick.mean() + 1 for run in runs).number()] if stops else []
            rows.append([f"mean and deviation of {len(runs)}", *means, *last, *time])
    header = ["", *names, f"{names[0]} at the last tick", *(["ticks of thought"] if stops else [])]
    return Table(rows, header)


def _stops(run: RunEvidence, right: bool) -> np.ndarray:
    return np.bincount(run.tick[whole(run.scores) == right], minlength=run.ticks)


def _curves(evidence: RunEvidence, column: str) -> dict[str, tuple[np.ndarray, np.ndarray, str]]:
    """Steps (S,), values (R, S) and the role of a column, by label; those of the control beside them."""
    groups: list[tuple[str, Iterable[RunEvidence], str]] = [("", evidence.runs, "thought")]
    if evidence.control and column != "thinking_time":
        groups.append(("control, ", evidence.control.runs, "control"))
    curves = {}
    for who, runs, role in groups:
        for prefix, where in (("", "training"), ("test_", "held out")):
            logs = [run.metrics for run in runs]
            length = min(len(log["step"]) for log in logs)
            rows = [log[prefix + column][:length] for log in logs if prefix + column in log]
            if len(rows) == len(logs) and np.isfinite(rows).all(axis=0).any():
                curves[f"{who}{where}"] = (logs[0]["step"][:length], np.stack(rows), role)
    return curves


def _training_picture(name: str, curves: Mapping[str, tuple[np.ndarray, np.ndarray, str]], spread: str) -> Picture:
    title = f"{name.replace('_', ' ').capitalize()} in training"
    shares = name in ("accuracy", "whole")
    return make_picture(
        f"training_{name}",
        lambda axis, theme: _training.draw_training(
            {label: (steps, rows) for label, (steps, rows, _) in curves.items()},
            axis,
            title=title,
            ylabel=name.replace("_", " "),
            scale="log" if name == "loss" else "share" if shares else "linear",
            colours={label: getattr(theme, role) for label, (_, _, role) in curves.items()},
            theme=theme,
        ),
        f"Lines: means over the training examples of a step, smoothed. Dots: held-out examples. {spread}".strip(),
        f"Curves of {name.replace('_', ' ')} over the steps: {', '.join(curves)}.",
    )


def _parts(config: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a model's configuration, every part by its kind alone."""
    short = {name: value["kind"] if isinstance(value, dict) else value for name, value in config.items()}
    return {name: value for name, value in short.items() if value not in (None, [], False)}


def _listed(values: Mapping[str, Any]) -> str:
    words = (
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False).strip("{}").replace('"', "")
        for value in values.values()
    )
    return "; ".join(f"{name.replace('_', ' ')} {word}" for name, word in zip(values, words, strict=True))
