"""What the report of a run on sorting shows besides: lists as they are emitted, and waits before large gaps."""

from typing import NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from scipy.stats import rankdata

from cofire import checks
from cofire.tasks import Sort, decode
from cofire.viz._accuracy import tick_axis
from cofire.viz._page import Block, Paragraph, Section
from cofire.viz._picture import make_picture
from cofire.viz._run_evidence import RunEvidence
from cofire.viz._style import LIGHT, Theme

GALLERY = 12
BINS = 10


class Waits(NamedTuple):
    """Of every number but the first of every list that is wholly right: the gap before it and the wait for it."""

    gaps: np.ndarray  # (n,) to the next smaller number of the list
    ticks: np.ndarray  # (n,) since that was emitted
    places: np.ndarray  # (n,) in the sorted list, from 1 for its second number


def sections(evidence: RunEvidence) -> list[Section]:
    """How lists come out, tick by tick, and how the waits between numbers follow the gaps between them."""
    return [Section("How a list comes out", _emitting(evidence))]


def waits(evidence: RunEvidence) -> Waits:
    """The waits of all held-out lists that are wholly right."""
    said = decode(torch.from_numpy(evidence.answers.logits))
    targets = evidence.answers.targets
    count = targets.shape[1]
    right = evidence.scores["whole"].astype(bool)
    numbers = np.take_along_axis(_numbers(evidence), targets, axis=1)[right]
    ticks = said.waits().numpy()[right][:, 1:count]
    return Waits(np.diff(numbers, axis=1).ravel(), ticks.ravel(), np.tile(np.arange(1, count), len(numbers)))


def draw_emissions(
    ticks: np.ndarray, places: np.ndarray, wrong: np.ndarray, axis: Axes, *, length: int, theme: Theme = LIGHT
) -> Axes:
    """One row per list: a dot at every tick (G, K) at which a number comes, the darker the later in the sorted list.

    `places` (G, K) are those of the numbers in the sorted list, from 0 to 1; -1 stands for nothing. Numbers that are
    not where they belong (`wrong`, bool (G, K)) have a cross.
    """
    rows = np.broadcast_to(np.arange(1, len(ticks) + 1)[:, None], ticks.shape)
    colours = theme.ramp(theme.thought)
    right = (ticks >= 0) & ~wrong
    axis.scatter(ticks[right] + 1, rows[right], c=colours(0.3 + 0.7 * places[right]), s=30, linewidths=0)
    missed = (ticks >= 0) & wrong
    axis.scatter(ticks[missed] + 1, rows[missed], color=theme.wrong, marker="x", s=26, linewidths=1.4)
    axis.set(title="When numbers come", ylabel="list", ylim=(len(ticks) + 0.7, 0.3), yticks=range(1, len(ticks) + 1))
    return tick_axis(axis, length)


def draw_waits(found: Waits, axis: Axes, *, theme: Theme = LIGHT) -> Axes:
    """The mean wait by gap, in bins of equally many numbers, with a standard deviation to each side."""
    order = np.argsort(found.gaps, kind="stable")
    parts = [part for part in np.array_split(order, min(BINS, len(order))) if len(part)]
    gaps = np.array([np.median(found.gaps[part]) for part in parts])
    mean, spread = (np.array([kind(found.ticks[part]) for part in parts]) for kind in (np.mean, np.std))
    axis.fill_between(gaps, mean - spread, mean + spread, color=theme.thought, alpha=0.18, linewidth=0)
    axis.plot(gaps, mean, color=theme.thought, marker="o", markersize=4)
    axis.set(title="Waits by gap", xlabel="gap to the number before (standard deviations)", ylabel="ticks waited")
    axis.set_ylim(bottom=0)
    return axis


def draw_waits_by_place(found: Waits, axis: Axes, *, theme: Theme = LIGHT) -> Axes:
    """The mean wait for the second number, the third and so on."""
    places = np.unique(found.places)
    means = [found.ticks[found.places == place].mean() for place in places]
    axis.bar(places + 1, means, color=theme.second, width=0.7)
    axis.set(title="Waits by place", xlabel="place in the sorted list", ylabel="ticks waited")
    return axis


def _numbers(evidence: RunEvidence) -> np.ndarray:
    """The numbers of all held-out lists, (N, count)."""
    task = checks.instance("task", evidence.task, Sort)
    return task.test(np.arange(len(evidence.answers.targets))).inputs.numpy()


def _emitting(evidence: RunEvidence) -> list[Block]:
    targets = evidence.answers.targets[:GALLERY]
    count = targets.shape[1]
    said = decode(torch.from_numpy(evidence.answers.logits[:GALLERY]))
    symbols, ticks = said.symbols.numpy(), said.ticks.numpy()
    places = np.argsort(targets, axis=1)  # of every number in the sorted list
    shown = np.where(symbols < 0, -1, np.take_along_axis(places, np.maximum(symbols, 0), axis=1))
    wrong = shown != np.arange(symbols.shape[1])
    blocks: list[Block] = [
        make_picture(
            "emissions",
            lambda axis, theme: draw_emissions(
                ticks, shown / max(count - 1, 1), wrong, axis, length=evidence.ticks, theme=theme
            ),
            "Each row is a held-out list, each dot a number that is named at that tick: pale the least, dark the "
            "greatest. A cross is a number that is not next in the sorted list.",
            f"{len(targets)} lists, {int((wrong & (ticks >= 0)).sum())} numbers out of order.",
        )
    ]
    found = waits(evidence)
    if not len(found.gaps):
        return [*blocks, Paragraph("No held-out list is wholly right: there are no waits to compare.")]
    blocks.append(
        make_picture(
            "waits",
            lambda axis, theme: draw_waits(found, axis, theme=theme),
            "How long it waits before a number, by how much larger that is than the one before: the mean over lists "
            "that are wholly right, and a standard deviation to each side.",
            "Mean waits by gap between neighbours of the sorted list.",
        )
    )
    blocks.append(
        make_picture(
            "waits_by_place",
            lambda axis, theme: draw_waits_by_place(found, axis, theme=theme),
            "The mean wait for each place of the sorted list, from the second on.",
            "Bars of mean waits by place.",
        )
    )
    return [*blocks, *_said(found)]


def _said(found: Waits) -> list[Block]:
    """The rank correlation of waits and gaps, where both vary."""
    if len(np.unique(found.gaps)) < 2 or len(np.unique(found.ticks)) < 2:
        return []
    correlation = np.corrcoef(rankdata(found.gaps), rankdata(found.ticks))[0, 1]
    words = f"The rank correlation of wait and gap is {correlation:+.2f}, over {len(found.gaps)} numbers."
    return [Paragraph(words)]
