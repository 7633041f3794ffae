"""From evidence to likely causes: each fault leaves several marks, and is named once.

The order is that of strength of proof: what repeats bit for bit, copies, shifted copies, rhythms, serial dependence,
common signals, then what only amplitudes show. A mark that an earlier cause explains names no cause of its own.
"""

from collections.abc import Sequence

import numpy as np

from cofire.random._audit import copies, signals
from cofire.random._audit.groups import grouped
from cofire.random._audit.report import COUPLING, MARGINAL, TIME, Cause, Check
from cofire.random._audit.values import Evidence

SERIAL = ("serial correlation", "serial dependence, all units", "amplitude, consecutive samples")
DISTRIBUTION = ("distribution of a unit", "distribution of all units", "tails of all units")


def likely_causes(evidence: Evidence, checks: Sequence[Check]) -> list[Cause]:
    """The causes; none where no check was found and no unit is constant."""
    found = {check.name: check for check in checks if check.found}
    causes = copies.constant(evidence)
    if "repeated values" in found and evidence.restart:
        causes.append(copies.restart(evidence))
    groups = copies.groups(evidence, found)
    causes += copies.named(evidence, groups)
    shifted = copies.shifted(evidence, groups, found)
    shifts = [] if shifted is None else shifted[1]
    causes += [] if shifted is None else [shifted[0]]
    causes += signals.rhythm(evidence, found)
    causes += signals.memory(evidence, found)
    explained = copies.explained(evidence, groups, shifts)
    common, everything = signals.common(evidence, tied(explained), explained, found)
    causes += common
    causes += [] if everything else signals.amplitude(evidence, tied(explained), explained, found)
    causes += marginal(found)
    return causes + unexplained(causes, found)


def tied(explained: np.ndarray) -> list[list[int]]:
    """The groups of units that earlier causes connect; one unit of each can stand for all."""
    return grouped([(int(i), int(j)) for i, j in np.argwhere(np.triu(explained, 1))], len(explained))


def marginal(found: dict[str, Check]) -> list[Cause]:
    """A distribution that is not the wanted one."""
    wrong = [found[name] for name in DISTRIBUTION if name in found]
    if not wrong:
        return []
    first = wrong[0]
    who, _, target = first.place.partition(": ")
    if first.name.startswith("tails"):
        strength = min(1.0, abs(first.measured / 30 - 1))
        says = f"{who} have {first.measured:.0f} extreme values together, where 30 are expected ({target})"
    else:
        strength = first.measured
        says = f"{who} {'is' if who.startswith('unit') else 'are'} not {target} (distance {first.measured:.3g})"
    place = {"units": who, "distribution": target}
    remedy = "look at how uniform numbers are turned into this distribution"
    name = "wrong distribution"
    return [Cause(name=name, kind=MARGINAL, strength=strength, place=place, says=says, remedy=remedy)]


def unexplained(causes: list[Cause], found: dict[str, Check]) -> list[Cause]:
    """Something was found for which no cause is known."""
    if causes or not found:
        return []
    first = min(found.values(), key=lambda check: check.adjusted)
    kind = TIME if first.name in SERIAL else COUPLING
    says = f"{first.name} is {first.measured:.3g}, sound noise stays within {first.edge:.3g}"
    says += f" ({first.place})" if first.place else ""
    strength = float(np.clip(first.measured / max(first.edge, 1e-9) - 1, 0, 1))
    return [Cause(name="unknown dependence", kind=kind, strength=strength, place={"where": first.place}, says=says)]
