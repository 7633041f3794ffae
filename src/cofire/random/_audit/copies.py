"""Causes that are copies: constant units, streams that start again, duplicated and shifted units."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cofire.random._audit import groups as naming
from cofire.random._audit.lags import significant
from cofire.random._audit.report import COUPLING, TIME, Cause
from cofire.random._audit.values import MATRIX_UNITS, Evidence

KEYED = "draw from a key that names the unit and the variable, with the step as the counter: Key(seed).fold(...)"
BROADCAST = 5  # a group of copies of this size is called a broadcast
REPEATED = 0.2  # the share of a stream's windows that must come again in another for the two to be copies


def constant(evidence: Evidence) -> list[Cause]:
    """Units that never change."""
    rows, units = evidence.constant, evidence.noise.units
    if not len(rows):
        return []
    place = naming.units_place(evidence.noise, rows, lag=1)
    if len(rows) == units:
        says = "every step has the same numbers: the generator starts again in each step"
        remedy = "seed once, outside the step; better, " + KEYED
        return [Cause(name="reseeding", kind=TIME, strength=1.0, place=place, says=says, remedy=remedy)]
    says = f"{naming.listing(evidence.noise.labels(rows))} never change{'s' if len(rows) == 1 else ''}"
    return [Cause(name="constant unit", kind=TIME, strength=len(rows) / units, place=place, says=says)]


def restart(evidence: Evidence) -> Cause:
    """All units repeat themselves after the same number of steps."""
    period, noise = evidence.restart, evidence.noise
    place = naming.units_place(noise, evidence.rows, lag=period)
    says = f"the whole stream starts again every {period} step{'s' if period > 1 else ''}"
    remedy = "the generator is reseeded on the way, or its period is that short; seed once; better, " + KEYED
    return Cause(name="reseeding", kind=TIME, strength=share(evidence, period), place=place, says=says, remedy=remedy)


def share(evidence: Evidence, lag: int) -> float:
    """The share of all windows that come again after `lag` steps in the unit where most do."""
    counts = [count for (first, second, k), count in evidence.repeats.counts.items() if first == second and k == lag]
    return float(min(1.0, max(counts) / possible(evidence, lag)))


def possible(evidence: Evidence, lag: int) -> int:
    """How many windows of one unit could come again after `lag` steps."""
    return max(1, evidence.noise.steps - lag - evidence.repeats.window + 1)


def groups(evidence: Evidence, found: Mapping[str, Any]) -> list[list[int]]:
    """Groups of compared rows that are copies of each other at the same step."""
    pairs: list[tuple[int, int]] = []
    if "repeated values" in found:
        counts = evidence.repeats.counts.items()
        pairs += [(i, j) for (i, j, lag), count in counts if lag == 0 and count > REPEATED * possible(evidence, 0)]
    if evidence.comparison is not None and "correlation, largest" in found:
        near = np.argwhere(np.triu(np.abs(evidence.comparison.pairs.R), 1) > naming.COPY)
        pairs += [(int(i), int(j)) for i, j in near]
    return naming.grouped(pairs, len(evidence.rows))


def named(evidence: Evidence, found: list[list[int]]) -> list[Cause]:
    """Copies as causes: a draw shared by variables, a broadcast, or duplicated units."""
    noise = evidence.noise
    rows = [tuple(evidence.rows[group].tolist()) for group in found]
    shared = [one for one in rows if naming.different_variables(noise, [(one[0], other) for other in one[1:]])]
    wide = [one for one in rows if one not in shared and len(one) >= max(3, min(BROADCAST, noise.units // 2))]
    same = [one for one in rows if one not in shared and one not in wide]
    causes = [shared_variables(evidence, shared)] if shared else []
    for group in wide:
        says = f"one sample is given to {len(group)} of {noise.units} units ({naming.listing(noise.labels(group))})"
        place = naming.units_place(noise, group, lag=0)
        remedy = "draw an array with a number for each unit; better, " + KEYED
        causes.append(Cause(name="broadcast", kind=COUPLING, strength=1.0, place=place, says=says, remedy=remedy))
    if same:
        says = f"{len(same)} group{'s' if len(same) > 1 else ''} of units are copies of each other"
        says += f" ({couples(evidence, same)})"
        place = group_place(evidence, same)
        remedy = "two units have the same seed, key or counter; " + KEYED
        causes.append(Cause(name="duplicated unit", kind=COUPLING, strength=1.0, place=place, says=says, remedy=remedy))
    return causes


def shared_variables(evidence: Evidence, shared: Sequence[tuple[int, ...]]) -> Cause:
    """Variables that draw the same numbers."""
    names = naming.variable_names(evidence.noise, shared)
    says = f"{' and '.join(names)} are copies of each other in {len(shared)} units ({couples(evidence, shared)})"
    place = {**group_place(evidence, shared), "variables": names}
    remedy = "fold the variable's name into its key, so that two variables never share a counter"
    name = "shared draw between variables"
    return Cause(name=name, kind=COUPLING, strength=1.0, place=place, says=says, remedy=remedy)


def couples(evidence: Evidence, found: Sequence[tuple[int, ...]]) -> str:
    """The first groups, in words."""
    shown = "; ".join(" = ".join(evidence.noise.labels(group[:3])) for group in found[:4])
    return shown + ("; ..." if len(found) > 4 else "")


def group_place(evidence: Evidence, found: Sequence[tuple[int, ...]]) -> dict[str, Any]:
    """The place of groups of copies."""
    listed = [evidence.noise.labels(group[: naming.SHOWN]) for group in found[: naming.SHOWN]]
    return {"groups": listed, "count": len(found), "lag": 0}


def shifted(
    evidence: Evidence, known: list[list[int]], found: Mapping[str, Any]
) -> tuple[Cause, list[tuple[int, int]]] | None:
    """Units that repeat others some steps later, as one cause, with all pairs that it explains (compared rows)."""
    group_of = {row: number for number, group in enumerate(known) for row in group}
    copies: dict[tuple[int, int], tuple[int, float]] = {}
    if "lagged correlation" in found and evidence.comparison is not None:
        for pair in significant(evidence.comparison.lags, evidence.level):
            rows = int(evidence.few[pair.first]), int(evidence.few[pair.second])
            copies[rows] = (pair.lag, abs(pair.r))
    if "repeated values" in found:
        for (i, j, lag), count in evidence.repeats.counts.items():
            strength = count / possible(evidence, lag)
            if lag and i != j and strength > REPEATED and copies.get((i, j), (0, 0.0))[1] < strength:
                copies[i, j] = (lag, strength)
    within = [pair for pair in copies if group_of.get(pair[0], -1) == group_of.get(pair[1], -2)]
    for pair in within:
        del copies[pair]
    if not copies:
        return None
    ordered = sorted(copies, key=lambda pair: (-round(copies[pair][1], 3), copies[pair][0], pair))
    return shift_cause(evidence, ordered, copies), ordered


def shift_cause(
    evidence: Evidence, ordered: list[tuple[int, int]], copies: Mapping[tuple[int, int], tuple[int, float]]
) -> Cause:
    """The cause of shifted copies, at the strongest pair."""
    noise = evidence.noise
    rows = [(int(evidence.rows[i]), int(evidence.rows[j])) for i, j in ordered]
    lag, strength = copies[ordered[0]]
    first, second = noise.labels(rows[0])
    exact = strength > 0.9
    name = "counter overlap" if exact else "lagged coupling"
    verb = "repeats" if exact else "follows"
    lags = sorted({copies[pair][0] for pair in ordered})
    says = f"{second} {verb} {first} at lag {lag}"
    if len(rows) > 1:
        span = f"lags {lags[0]} to {lags[-1]}" if len(lags) > 1 else f"the same lag {lag}"
        says += f", and {len(rows) - 1} more pair{'s' if len(rows) > 2 else ''} at {span}"
    remedy = "two units read one sequence from different starts (counters such as seed + step); " + KEYED
    place = naming.pairs_place(noise, rows, lag=lag, lags=lags[: naming.SHOWN])
    return Cause(
        name=name, kind=COUPLING, strength=min(1.0, strength), place=place, says=says, remedy=remedy if exact else ""
    )


def explained(evidence: Evidence, known: list[list[int]], shifts: list[tuple[int, int]]) -> np.ndarray:
    """Which pairs of compared rows (N, N) copies and shifts account for."""
    N = min(len(evidence.rows), MATRIX_UNITS)
    done = np.zeros((N, N), bool)
    for group in known:
        members = [row for row in group if row < N]
        done[np.ix_(members, members)] = True
    for i, j in shifts:
        if max(i, j) < N:
            done[i, j] = done[j, i] = True
    return done
