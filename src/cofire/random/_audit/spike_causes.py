"""From the evidence of spikes to likely causes."""

from collections.abc import Sequence

import numpy as np

from cofire.random._audit import groups as naming
from cofire.random._audit.report import COUPLING, TIME, Cause, Check
from cofire.random._audit.spikes import Counts, SpikeEvidence

REMEDY = "run without synapses and with keyed noise; look for an input, a seed or a counter that they have in common"


def likely_causes(evidence: SpikeEvidence, checks: Sequence[Check]) -> list[Cause]:
    """The causes; none where no check was found."""
    found = [check for check in checks if check.found]
    if not found:
        return []
    names = {check.name.rsplit(",", 1)[0] for check in found}
    causes = copies(evidence) if any("correlation" in name or "eigenvalue" in name for name in names) else []
    if any(check.name.startswith("coincidences") for check in found):
        causes += shifted(evidence)
    if (
        any(check.name == "rhythm in phase" for check in found)
        and evidence.spectrum is not None
        and len(evidence.lines)
    ):
        causes.append(rhythm(evidence))
    if any(check.name.startswith("serial") for check in found):
        check = next(one for one in found if one.name.startswith("serial"))
        says = f"the trains depend on their own past ({check.place})"
        strength = min(1.0, check.measured / np.sqrt(evidence.noise.values.size))
        causes.append(
            Cause(name="serial dependence", kind=TIME, strength=strength, place={"where": check.place}, says=says)
        )
    if not causes or all(cause.kind == TIME for cause in causes):
        causes += common(evidence, [check for check in found if "count" in check.name or "population" in check.name])
    return causes


def copies(evidence: SpikeEvidence) -> list[Cause]:
    """Trains that are equal."""
    finest = evidence.counts[0]
    pairs = [(int(i), int(j)) for i, j in np.argwhere(np.triu(finest.R, 1) > naming.COPY)]
    causes = []
    for group in naming.grouped(pairs, len(finest.R)):
        rows = evidence.rows[group]
        whole = len(group) >= max(3, len(evidence.rows) // 2)
        says = f"{naming.listing(evidence.noise.labels(rows))} fire at the same steps"
        name = "broadcast" if whole else "duplicated unit"
        place = naming.units_place(evidence.noise, rows, lag=0)
        causes.append(Cause(name=name, kind=COUPLING, strength=1.0, place=place, says=says, remedy=REMEDY))
    return causes


def shifted(evidence: SpikeEvidence) -> list[Cause]:
    """Trains that repeat others some steps later."""
    if not evidence.pairs:
        return []
    top = evidence.pairs[0]
    rows = [(int(evidence.rows[pair.first]), int(evidence.rows[pair.second])) for pair in evidence.pairs]
    first, second = evidence.noise.labels(rows[0])
    name = "counter overlap" if top.r > 0.9 else "lagged coupling"
    says = f"{top.r:.0%} of the spikes of {first} come again in {second} {top.lag} steps later"
    says += f", and so in {len(rows) - 1} more pairs" if len(rows) > 1 else ""
    place = naming.pairs_place(evidence.noise, rows, lag=top.lag)
    return [Cause(name=name, kind=COUPLING, strength=top.r, place=place, says=says, remedy=REMEDY)]


def rhythm(evidence: SpikeEvidence) -> Cause:
    """A frequency of the population rate."""
    if evidence.spectrum is None:
        raise RuntimeError("a rhythm is named where the spectrum was measured")
    seen, bins = evidence.spectrum, evidence.lines
    top = int(bins[np.argmax(seen.coherent[bins])])
    frequency = float(seen.frequencies[top])
    power = seen.coherent * seen.own
    strength = float(power[bins].sum() / power.sum())
    says = f"the population rate oscillates at {frequency:.4g} cycles per step (period {1 / frequency:.4g}), "
    says += f"{strength:.1%} of its variance"
    place = {"frequency": frequency, "period": 1 / frequency, "units": "all"}
    return Cause(name="global rhythm", kind=COUPLING, strength=strength, place=place, says=says, remedy=REMEDY)


def common(evidence: SpikeEvidence, found: Sequence[Check]) -> list[Cause]:
    """A rate that trains share."""
    if not found:
        return []
    check = min(found, key=lambda one: one.adjusted)
    seen = next(one for one in evidence.counts if check.place == place_of(one))
    off = seen.R[np.triu_indices(len(seen.R), 1)]
    i, j = np.unravel_index(int(np.triu(seen.R, 1).argmax()), seen.R.shape)
    rows = evidence.rows
    if "correlation" in check.name:
        place = naming.pairs_place(evidence.noise, [(int(rows[i]), int(rows[j]))], lag=0)
        first, second = evidence.label(int(i)), evidence.label(int(j))
        says = f"{first} and {second} have correlated counts (r {seen.pair:.2g}, {check.place})"
        return [
            Cause(name="correlated units", kind=COUPLING, strength=seen.pair, place=place, says=says, remedy=REMEDY)
        ]
    says = f"the population rate varies {seen.population:.3g} times as much as independent trains predict "
    says += f"({check.place}), mean count correlation {off.mean():.2g}"
    place = naming.units_place(evidence.noise, rows, lag=0, bins=seen.width)
    strength = float(abs(off.mean()))
    return [Cause(name="common input", kind=COUPLING, strength=strength, place=place, says=says, remedy=REMEDY)]


def place_of(counts: Counts) -> str:
    """How the questions about these counts name them."""
    return f"bins of {counts.width} step{'s' if counts.width > 1 else ''}"
