"""How it came about: where it looked, what its neurons did, training, time and machine, and how to repeat it."""

import json
from collections.abc import Mapping

import numpy as np

from cofire.viz import _film, _inside, _training
from cofire.viz._page import Block, Film, Listing, Paragraph, Section, Table, film_columns
from cofire.viz._picture import make_picture
from cofire.viz._summary import Summary
from cofire.viz._words import count, counted, duration, times

_FILMS = 8
_NEURONS = 16


def where_it_looked(summary: Summary) -> Section:
    """The attention of each head over a few digits, as a film."""
    evidence = summary.evidence
    attention, grid = evidence.recording["attention"], evidence.token_grid or (1, 1)
    chosen = evidence.examples[:_FILMS]
    walks = [
        _film.Walk(
            evidence.images[one],
            attention[:, place],
            grid,
            evidence.logits[one],
            evidence.certainty[one],
            int(evidence.labels[one]),
        )
        for place, one in enumerate(chosen)
    ]
    films = [_film.film_frames(walk) for walk in walks]
    small = [_film.film_frames(walk, scale=1) for walk in walks]
    columns = film_columns(len(walks))
    heads = counted(attention.shape[2], "head")
    return Section(
        "Where it looked",
        [
            Film(
                name="attention",
                caption=(
                    f"{counted(len(walks), 'held-out digit')}, {heads} of attention each. A head lights what it looks "
                    "at; full light is the most that it gave to any place in this film, or four times an even share "
                    "where that is more. The line is the way the middle of its attention has gone. Below: the "
                    "probability of each answer, and the certainty with a notch at its highest so far: the answer that "
                    "counts is the one at the highest of all. Press Play, or drag."
                ),
                frames=[[_film.write_jpeg(frame) for frame in frames] for frames in films],
                size=films[0][0].size,
                alts=[
                    f"Attention of {heads} over a {evidence.labels[one]}, most certain at tick {summary.ticks[one] + 1}"
                    for one in chosen
                ],
                rest=evidence.ticks - 1,
                still=_film.write_png(_film.sheet([frames[-1] for frames in films], columns)),
                gif=_film.write_gif(small, columns),
            )
        ],
    )


def inside(summary: Summary) -> Section:
    """Neurons' traces, all neurons at once, and what the synchronisations remember."""
    evidence = summary.evidence
    activation = np.asarray(evidence.recording["post_activation"])
    slowest = int(summary.ticks[evidence.examples].argmax())
    digit = f"a {evidence.labels[evidence.examples[slowest]]}"
    shown = min(_NEURONS, activation.shape[2])
    blocks: list[Block] = [
        make_picture(
            "traces",
            lambda axis, theme: _inside.draw_traces(
                activation, axis, bold=slowest, count=shown, columns=4, theme=theme
            ),
            f"The activation of the {shown} neurons that move most, over the {evidence.ticks} ticks, each on its own "
            f"scale: the strong line for the recorded digit that took longest ({digit}), the faint ones for the "
            f"other {activation.shape[1] - 1}. What differs between the lines is what the network can tell digits by.",
            f"Small line plots of {shown} neurons.",
            height=4.4,
        ),
        make_picture(
            "activity",
            lambda axis, theme: _inside.draw_activity(activation[:, slowest], axis, theme=theme),
            f"All {count(activation.shape[2])} neurons while it thought about {digit}, a row each, sorted by the tick "
            "at which they are most active. Full colour is a neuron's own maximum: this shows when, not how much.",
            f"Heat map of {count(activation.shape[2])} neurons over {evidence.ticks} ticks, sorted by their maximum.",
            height=4.4,
        ),
    ]
    if "sync_out" in evidence.recording:
        synchronisation = np.asarray(evidence.recording["sync_out"])[:, slowest]
        blocks.append(
            make_picture(
                "synchronisation",
                lambda axis, theme: _inside.draw_synchronisation(synchronisation, axis, theme=theme),
                f"What the answer is read from: how {counted(synchronisation.shape[1], 'pair')} of neurons moved "
                f"together (blue) or against each other (red) while it thought about {digit}, sorted by the last tick. "
                "Rows that change colour late are what thinking longer changed.",
                f"Heat map of the synchronisation of {counted(synchronisation.shape[1], 'pair')} over the ticks.",
                height=4.4,
            )
        )
    if evidence.decays:
        blocks.append(
            make_picture(
                "decays",
                lambda axis, theme: _inside.draw_decays(evidence.decays, axis, theme=theme),
                "A synchronisation is read from pairs of neurons, and each pair learned how much of the past it keeps "
                "from one tick to the next. All began at 100%, a sum over the whole thought; pairs that fell forget "
                "and follow the present.",
                _decay_words(evidence.decays),
                height=4.4,
            )
        )
    return Section("Inside", blocks)


def training(summary: Summary) -> Section:
    """What the log says about loss, accuracy and thinking time."""
    long = len(summary.evidence.metrics["step"]) >= _training.LONG
    smoothed = ", smoothed over a fiftieth of the run" if long else ""
    held_out = "; points are the held-out digits." if "test_accuracy" in summary.evidence.metrics else "."
    accuracy = f"The share of right answers at the most certain tick in each batch{smoothed}{held_out}"
    figures = (
        ("loss", "Loss", "cross-entropy", "log", f"The loss in training{smoothed}. Lower is better."),
        ("accuracy", "Accuracy in training", "share of right answers", "share", accuracy),
        (
            "thinking_time",
            "Thinking time in training",
            "ticks",
            "linear",
            "The mean most certain tick in training: how long it thinks as it learns.",
        ),
    )
    blocks: list[Block] = []
    for column, title, ylabel, scale, caption in figures:
        curves = _curves(summary, column)
        if not curves:
            continue
        blocks.append(
            make_picture(
                f"training_{column}",
                lambda axis, theme, curves=curves, title=title, ylabel=ylabel, scale=scale: _training.draw_training(
                    {name: points for name, (points, _) in curves.items()},
                    axis,
                    title=title,
                    ylabel=ylabel,
                    scale=scale,
                    colours={name: getattr(theme, role) for name, (_, role) in curves.items()},
                    theme=theme,
                ),
                caption,
                f"Curves of {title.lower()} over {counted(summary.evidence.facts.steps, 'step')}: {', '.join(curves)}.",
            )
        )
    return Section("Training", blocks or [Paragraph("The log holds no loss or accuracy.")])


def time_and_machine(summary: Summary) -> Section:
    """What it cost, and on what."""
    facts = summary.evidence.facts
    seen = facts.steps * facts.batch_size
    return Section(
        "Time and machine",
        [
            Table(
                [
                    ("training", f"{duration(facts.training_seconds)}, {counted(facts.steps, 'step')}"),
                    ("training of the control", duration(facts.control_seconds)),
                    ("examples per second", f"{seen / max(facts.training_seconds, 1e-9):,.0f}"),
                    ("training examples", f"{count(facts.train_examples)}, looked at {times(seen)} in all"),
                    ("held-out examples", count(summary.total)),
                    *((name, str(value)) for name, value in facts.machine.items()),
                ]
            )
        ],
    )


def again(summary: Summary) -> Section:
    """How to get the same result once more."""
    facts = summary.evidence.facts
    return Section(
        "Do it again",
        [
            Paragraph(
                f"Every random number comes from seed {facts.seed}: on the same machine, with the same versions and "
                "number of threads, this command gives the same weights and the same figures; only the times differ."
            ),
            Listing(facts.command),
            Listing(
                json.dumps(dict(summary.evidence.config), indent=2, default=str), summary="The whole configuration"
            ),
        ],
    )


def _curves(summary: Summary, column: str) -> dict[str, tuple[tuple[np.ndarray, np.ndarray], str]]:
    """Curves of a column by name, each with the role whose colour it has; held-out points after training curves."""
    evidence = summary.evidence
    curves = {}
    logs = [("", evidence.metrics, "thought"), ("control", evidence.control_metrics, "control")]
    for who, log, role in logs[:1] if column == "thinking_time" else logs:  # the control always thinks for one
        for prefix, where in (("", "training"), ("test_", "held out")):
            values = log.get(prefix + column)
            if values is not None and np.isfinite(values).any():
                name = f"{who}, {where}" if who else where
                curves[name] = ((log["step"], values), role)
    return curves


def _decay_words(decays: Mapping[str, np.ndarray]) -> str:
    kept = {name: np.exp(-np.clip(decay, 0, _inside.DECAY_LIMIT)) for name, decay in decays.items()}
    parts = [f"{name}: median {100 * np.median(one):.0f}%" for name, one in kept.items()]
    return f"Sorted shares kept from tick to tick; {', '.join(parts)}."
