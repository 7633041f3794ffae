"""The report on a recording's synchrony: one HTML file, its figures, and all numbers as JSON."""

import json
from os import PathLike
from pathlib import Path

import numpy as np

from cofire.viz import _sync_activity as activity
from cofire.viz import _sync_groups as groups
from cofire.viz._page import Headline, Page, Paragraph, Picture, Section, Table
from cofire.viz._page_files import write_bytes, write_page
from cofire.viz._picture import make_picture
from cofire.viz._sync_findings import Synchrony


def write_synchrony_report(folder: str | PathLike[str], found: Synchrony) -> Path:
    """Write `report.html`, `numbers.json` and the figures as PNG under `figures/`; return the report's path.

    Each file appears whole or not at all. Raises FileProblem where the folder cannot be written.
    """
    report = write_page(folder, lambda: synchrony_page(found))
    write_bytes(report.parent / "numbers.json", json.dumps(found.to_json(), indent=1).encode())
    return report


def synchrony_page(found: Synchrony) -> Page:
    """The report as a page: what was found first, then how each of it shows."""
    together, natural = found.together, found.natural
    above = float(together.p) <= 0.05
    verdict = "more in step than chance" if above else "no more in step than chance"
    origin = found.recording.provenance.get("made_by", "a recording")
    return Page(
        kind="cofire: the synchrony of a recording",
        title="Who fires together, when",
        lead=(
            f"{len(found.units)} units of {origin}, read over {len(found.x) - found.first} ticks after a warm-up of "
            f"{found.first}, are {verdict} (mean correlation {float(together.observed):.3f} against "
            f"{float(together.null_mean):.3f} ± {float(together.null_std):.3f}, p = {float(together.p):.2g})."
        ),
        headlines=[
            Headline(f"{float(together.observed):.3f}", "mean correlation of pairs", f"p = {float(together.p):.2g}"),
            Headline(f"{_pairs_above(found):.1%}", "of pairs above chance", "false discoveries held to 5 %"),
            Headline(
                str(natural.by_gap),
                "clusters by the gap in the tree",
                f"silhouette says {natural.by_silhouette}, {_stable(natural.by_stability)}",
            ),
        ],
        sections=synchrony_sections(found),
        footer="Every surrogate is drawn from a key: the same recording and seed give the same page.",
    )


def synchrony_sections(found: Synchrony) -> list[Section]:
    """What happened, who fires together, the groups in it, and how sure one may be; for this report and others."""
    return [_what_happened(found), _who_together(found), _which_groups(found), _how_sure(found)]


def _what_happened(found: Synchrony) -> Section:
    order = found.clustering.order
    blocks: list[Picture] = []
    if found.spikes is not None:
        spikes = found.spikes
        blocks.append(
            make_picture(
                "raster",
                lambda axis, theme: activity.draw_raster(spikes, axis, order=order, theme=theme),
                "Every spike, units sorted by cluster; beneath, the share of units that spike.",
                "A raster of spikes over the rate of the population.",
            )
        )
    blocks.append(
        make_picture(
            "activity",
            lambda axis, theme: activity.draw_heat_map(found.x, axis, order=order, theme=theme),
            f"The trace {found.trace!r} of every unit, sorted by cluster.",
            "A heat map of activity, units by ticks.",
        )
    )
    blocks.append(
        make_picture(
            "spectra",
            lambda axis, theme: activity.draw_spectra(found.x, axis, labels=found.clustering.labels, theme=theme),
            "The rhythms of each cluster's mean activity.",
            "Power spectra, one line per cluster.",
        )
    )
    return Section("What happened", blocks)


def _who_together(found: Synchrony) -> Section:
    warmup, order = found.first, found.clustering.order
    return Section(
        "Who fires together",
        [
            Paragraph(
                "Synchrony is the sum over ticks of the product of two traces, S = Z Zᵀ. Loud units weigh more than "
                "quiet ones, so the correlation, in which loudness has no part, stands beside it."
            ),
            make_picture(
                "synchrony",
                lambda axis, theme: groups.draw_synchrony(found.S, axis, clustering=found.clustering, theme=theme),
                "Cumulative synchrony of all pairs; clusters are framed. The colour scale leaves out the diagonal.",
                "A matrix of synchrony sorted by cluster.",
            ),
            make_picture(
                "correlation",
                lambda axis, theme: groups.draw_synchrony(
                    found.correlation,
                    axis,
                    clustering=found.clustering,
                    title="Correlation, in the same order",
                    theme=theme,
                ),
                "What remains of the blocks here is synchrony and not loudness.",
                "A matrix of correlations in the same order.",
            ),
            make_picture(
                "evolution",
                lambda axis, theme: groups.draw_evolution(found.x, axis, warmup=warmup, order=order, theme=theme),
                "The matrix as it gathers, each divided by its own largest pairs.",
                "Eight small matrices of synchrony at later and later ticks.",
            ),
            make_picture(
                "pairs",
                lambda axis, theme: activity.draw_strongest_pairs(found.x, axis, warmup=warmup, theme=theme),
                "The strongest pairs: steady rise means steady company, steps mean rare meetings.",
                "Lines of cumulative synchrony of the five strongest pairs.",
            ),
        ],
    )


def _which_groups(found: Synchrony) -> Section:
    labels = found.clustering.labels
    largest = int(found.clustering.sizes.argmax()) + 1
    pictures = [
        make_picture(
            "tree",
            lambda axis, theme: groups.draw_dendrogram(found.clustering, axis, theme=theme),
            "The tree of Ward's linkage on 1 - S / max(S), and where it was cut.",
            "A dendrogram with the cut.",
        ),
        make_picture(
            "number",
            lambda axis, theme: groups.draw_natural_number(found.natural, axis, theme=theme),
            "A number of groups is real where halves of the recording agree on it more than by chance (dashed).",
            "Gap, silhouette and stability for every number of clusters.",
        ),
        make_picture(
            "clusters",
            lambda axis, theme: groups.draw_cluster_traces(found.x, labels, axis, theme=theme),
            "The mean of each cluster; the band is one standard deviation over its units.",
            "Mean activity of each cluster over time.",
        ),
        make_picture(
            "measures",
            lambda axis, theme: activity.draw_measures(
                found.x[:, labels == largest], axis, window=found.window, theme=theme
            ),
            f"The largest cluster ({largest}): coherence need not follow activity, and often runs against it.",
            "Five measures of the largest cluster over time.",
        ),
    ]
    assemblies = found.assemblies
    if assemblies is not None:
        pictures.append(
            make_picture(
                "assemblies",
                lambda axis, theme: groups.draw_assemblies(assemblies, axis, theme=theme),
                f"Groups that rise together, and when: {assemblies.explained:.0%} of the windowed synchrony of pairs.",
                "Assemblies by windows of time.",
            )
        )
    return Section("The groups in it", pictures)


def _how_sure(found: Synchrony) -> Section:
    within, natural = found.within, found.natural
    rows = [
        [
            f"cluster {number + 1}",
            str(size),
            f"{within.observed[number]:.3f}",
            f"{within.null_mean[number]:.3f} ± {within.null_std[number]:.3f}",
            f"{within.q[number]:.2g}",
            _signed(found.phase_relation[number]),
        ]
        for number, size in enumerate(found.clustering.sizes)
    ]
    at = found.clustering.n - 2
    agreement = (
        f"Cut into {found.clustering.n}, two halves of the recording agree {natural.stability[at]:.2f} (adjusted "
        "Rand), "
        f"{natural.null_stability[at]:.2f} by chance, p = {natural.p[at]:.2g}. "
        if 0 <= at < len(natural.numbers)
        else ""
    )
    return Section(
        "How sure one may be",
        [
            Paragraph(
                f"Chance is {within.surrogates} surrogates in which every trace is turned round in time by its own "
                f"amount: what a unit does stays, with whom it does it goes. {agreement}A q below 0.05 keeps false "
                "discoveries below 5 %. Clusters were found on the same recording, which favours them: read the "
                "agreement of halves before a small q."
            ),
            Table(rows, ("", "units", "mean correlation", "by chance", "q", "coherence with activity")),
        ],
    )


def _pairs_above(found: Synchrony) -> float:
    upper = np.triu_indices(len(found.units), 1)
    return float((found.pairs.q[upper] <= 0.05).mean())


def _stable(number: int) -> str:
    return "no number recurs beyond chance" if number == 1 else f"stability {number}"


def _signed(value: float) -> str:
    return "undefined" if np.isnan(value) else f"{value:+.2f}"
