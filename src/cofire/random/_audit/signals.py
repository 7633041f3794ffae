"""Causes that are signals: a rhythm, a memory, a common input, and what only amplitudes show."""

from collections.abc import Mapping

import numpy as np

from cofire.random._audit import groups as naming
from cofire.random._audit import higher, null, pairs
from cofire.random._audit.copies import KEYED
from cofire.random._audit.report import COUPLING, TIME, Cause, Check
from cofire.random._audit.values import Evidence

LINEAR = ("correlation, largest", "eigenvalue, largest", "population variance")
SMALL_GROUP = 4  # correlated units in larger groups share a signal
DETERMINED = 0.9  # a correlation beyond this makes one value a function of the other
SERIAL = "serial dependence"
NONLINEAR = (
    "amplitude, across units",
    "amplitude eigenvalue, largest",
    "amplitude population variance",
    "distance correlation",
    "distance correlation, next step",
)


def rhythm(evidence: Evidence, found: Mapping[str, Check]) -> list[Cause]:
    """A frequency that many units have."""
    together, alone = "rhythm in phase" in found, "rhythm in each unit" in found
    if evidence.rhythm is None or not len(evidence.rhythm.bins) or not (together or alone):
        return []
    spectrum, bins = evidence.rhythm.spectrum, evidence.rhythm.bins
    power = spectrum.coherent * spectrum.own if together else spectrum.own
    top = int(bins[np.argmax(power[bins])])
    strength = float(power[bins].sum() / power.sum())
    frequency = float(spectrum.frequencies[top])
    phase = "in phase" if together else "each with its own phase"
    says = f"the units oscillate {phase} at {frequency:.4g} cycles per step (period {1 / frequency:.4g}), "
    says += f"{strength:.1%} of " + ("the variance of their sum" if together else "their variance")
    kind = COUPLING if together else TIME
    place = {"frequency": frequency, "period": 1 / frequency, "units": "all"}
    remedy = "look for a clock, a drive or a wave that is added to every unit"
    return [Cause(name="global rhythm", kind=kind, strength=strength, place=place, says=says, remedy=remedy)]


def memory(evidence: Evidence, found: Mapping[str, Check]) -> list[Cause]:
    """Steps of one unit that depend on each other."""
    if evidence.memory is None or (evidence.rhythm is not None and len(evidence.rhythm.bins)):
        return []
    seen, causes = evidence.memory.amplitudes, []
    lag, kind = np.unravel_index(int(np.abs(seen.pooled).argmax()), seen.pooled.shape)
    linear = "serial correlation" in found or ("serial dependence, all units" in found and kind == 0)
    if linear:
        causes.append(linear_memory(evidence))
    pooled = "serial dependence, all units" in found and kind > 0
    mixed = seen.within.kind != higher.KINDS[3] or not linear
    if pooled or ("amplitude, consecutive samples" in found and mixed):
        causes.append(consecutive(evidence, int(lag) + 1 if pooled else seen.within.lag, int(kind) if pooled else 0))
    if "distance correlation, own next step" in found and not causes:
        causes.append(free_memory(found["distance correlation, own next step"]))
    return causes


def free_memory(check: Check) -> Cause:
    """Dependence of a step on the one before it, in a form that has no name."""
    says = f"{check.place} depends on its own last value (distance correlation {check.measured:.3g})"
    place = {"units": check.place, "lag": 1}
    remedy = "consecutive samples share random bits, or each is computed from the last"
    return Cause(name=SERIAL, kind=TIME, strength=check.measured, place=place, says=says, remedy=remedy)


def linear_memory(evidence: Evidence) -> Cause:
    """Serial correlation: in one unit, or a little in all."""
    if evidence.memory is None or evidence.comparison is None:
        raise RuntimeError("memory is named where it was looked for")
    seen = evidence.memory
    top = seen.lags.units[0]
    level = null.each_of(evidence.level, seen.lags.unit_count)
    strong = [pair for pair in seen.lags.units if null.correlation_p(pair.r, pair.n) < level]
    if strong:
        rows = [int(evidence.rows[evidence.few[pair.first]]) for pair in strong]
        who = evidence.few_label(top.first)
        says = f"unit {who} is correlated with its own past (lag {top.lag}, r {top.r:.3g})"
        says += f", and so are {len(rows) - 1} more" if len(rows) > 1 else ""
        place, strength = naming.units_place(evidence.noise, rows, lag=top.lag), abs(top.r)
    else:
        lag = int(np.abs(seen.amplitudes.pooled[:, 0]).argmax()) + 1
        strength = float(
            np.abs(seen.amplitudes.pooled[lag - 1, 0]) / np.sqrt(seen.amplitudes.units * evidence.noise.steps)
        )
        says = f"all units together are correlated with their own past (lag {lag}, mean r {strength:.3g})"
        place = naming.units_place(evidence.noise, evidence.rows, lag=lag)
    remedy = "if it is meant to be coloured (an Ornstein-Uhlenbeck process, a voltage), say so: white=False"
    return Cause(name=SERIAL, kind=TIME, strength=strength, place=place, says=says, remedy=remedy)


def consecutive(evidence: Evidence, lag: int, kind: int) -> Cause:
    """Steps whose amplitudes depend on each other while their values are uncorrelated."""
    if evidence.memory is None:
        raise RuntimeError("memory is named where it was looked for")
    link = evidence.memory.amplitudes.within
    kind = kind or higher.KINDS.index(link.kind)
    values = evidence.noise.values[evidence.rows]
    r = squared_correlation(values, lag, kind)
    who = int(np.abs(r).argmax())
    form = ("", "z(t) and z(t+{0})^2", "z(t)^2 and z(t+{0})", "z(t)^2 and z(t+{0})^2")[kind].format(lag)
    many = int((np.abs(r) > abs(r[who]) / 2).sum())
    says = f"{form} are correlated ({r[who]:.2g} in unit {evidence.label(who)}), in {many} of {len(r)} units alike"
    place = naming.units_place(evidence.noise, evidence.rows, lag=lag)
    if abs(r[who]) > DETERMINED:
        says, remedy = f"a value is a function of an earlier one: {says}", "use a counter-based generator"
        return Cause(name=SERIAL, kind=TIME, strength=float(abs(r[who])), place=place, says=says, remedy=remedy)
    remedy = (
        "consecutive samples read the same uniform number (Box-Muller from counters c and c + 1 with a step of 1); "
        "give each sample counters of its own"
    )
    name = "shared draw between consecutive samples"
    return Cause(name=name, kind=TIME, strength=float(abs(r[who])), place=place, says=says, remedy=remedy)


def squared_correlation(values: np.ndarray, lag: int, kind: int) -> np.ndarray:
    """Each unit's correlation (N,) between z or z**2 at t and z or z**2 at t + lag, as `kind` says."""
    z = values - values.mean(axis=1, keepdims=True)
    early, late = z[:, : z.shape[1] - lag], z[:, lag:]
    early = early**2 if kind in (2, 3) else early
    late = late**2 if kind in (1, 3) else late
    early, late = early - early.mean(axis=1, keepdims=True), late - late.mean(axis=1, keepdims=True)
    scale = np.sqrt((early**2).sum(axis=1) * (late**2).sum(axis=1))
    return (early * late).sum(axis=1) / np.maximum(scale, 1e-30)


def common(
    evidence: Evidence, groups: list[list[int]], explained: np.ndarray, found: Mapping[str, Check]
) -> tuple[list[Cause], bool]:
    """A signal that units share at one step, beyond copies; and whether it explains everything about pairs.

    `explained` (N, N) is extended by the pairs that turn out correlated.
    """
    seen = evidence.comparison
    if seen is None or not any(name in found for name in LINEAR):
        return [], False
    leaders = one_of_each(groups, seen.pairs.units)
    if len(leaders) < 2:
        return [], True
    left = pairs.of_matrix(seen.pairs.R[np.ix_(leaders, leaders)], seen.pairs.steps)
    single, largest, population = (one.p_value < evidence.level for one in pairs.questions(left, evidence.label))
    if population and left.population < 1 and not largest:
        return [removed_mean(evidence, left, leaders)], True
    alone = single and isolated(left, evidence.level)
    if (largest or population) and not alone:
        members, signs = participants(left) if largest else (np.arange(len(leaders)), np.ones(len(leaders)))
        explained[np.ix_(leaders[members], leaders[members])] = True
        cause = shared_signal(evidence, left, leaders, members, signs)
        return [cause], 2 * len(members) >= len(leaders)
    return ([correlated(evidence, left, leaders, explained)] if single else []), False


def significant(left: pairs.Pairs, level: float) -> list[tuple[int, int]]:
    """The correlated pairs beyond the edge, strongest first; at least the strongest one."""
    edge = null.correlation_edge(null.each_of(level, left.units * (left.units - 1) / 2), left.steps)
    R = np.triu(np.abs(left.R), 1)
    order = np.argsort(-R, axis=None)[: max(1, int((edge < R).sum()))]
    return [(int(i), int(j)) for i, j in zip(*np.unravel_index(order, R.shape), strict=True)]


def isolated(left: pairs.Pairs, level: float) -> bool:
    """Whether single pairs, and no signal in many units, account for all that is correlated.

    They form small groups, and without them neither the sum's variance nor the largest eigenvalue is remarkable.
    """
    found = significant(left, level)
    groups = naming.grouped(found, left.units)
    rest = left.R.copy()
    for i, j in found:
        rest[i, j] = rest[j, i] = 0
    without = pairs.of_matrix(rest, left.steps)
    quiet = all(one.p_value > level for one in pairs.questions(without, str))
    return quiet and max(len(group) for group in groups) <= SMALL_GROUP


def one_of_each(groups: list[list[int]], units: int) -> np.ndarray:
    """The rows with one representative of each group of copies."""
    return np.setdiff1d(np.arange(units), [row for group in groups for row in group[1:]])


def participants(left: pairs.Pairs) -> tuple[np.ndarray, np.ndarray]:
    """The units that the leading eigenvector rests on, and the sign with which each takes part."""
    v = left.leading * (np.sign(left.leading.sum()) or 1.0)
    members = np.flatnonzero(np.abs(v) > 0.5 * np.sqrt((v**4).sum()))
    return members, np.sign(v[members])


def shared_signal(
    evidence: Evidence, left: pairs.Pairs, leaders: np.ndarray, members: np.ndarray, signs: np.ndarray
) -> Cause:
    """One signal in many units: a broadcast that is added to noise of their own."""
    R = left.R[np.ix_(members, members)] * np.outer(signs, signs)
    m = len(members)
    strength = float((R.sum() - m) / max(1, m * (m - 1)))
    broad = 2 * m >= left.units and abs(signs.sum()) > 0.8 * m
    rows = evidence.rows[leaders[members]]
    says = f"a common signal makes up {strength:.2%} of the variance of {m} of {left.units} units"
    says += "" if m == left.units else f" ({naming.listing(evidence.noise.labels(rows))})"
    name = "broadcast" if broad else "shared signal"
    place = naming.units_place(evidence.noise, rows, lag=0)
    remedy = "look for a sample, drift or drive that is added to all of them; give each unit a draw of its own"
    return Cause(name=name, kind=COUPLING, strength=strength, place=place, says=says, remedy=remedy)


def removed_mean(evidence: Evidence, left: pairs.Pairs, leaders: np.ndarray) -> Cause:
    """Units whose sum varies less than that of independent units."""
    ratio = left.population
    says = f"the units' sum varies {ratio:.3g} times as much as that of independent units: they compensate each other"
    place = naming.units_place(evidence.noise, evidence.rows[leaders], lag=0)
    remedy = "do not normalise the noise across units (a mean or a norm taken out at each step)"
    strength = float(1 - ratio)
    return Cause(name="common mean removed", kind=COUPLING, strength=strength, place=place, says=says, remedy=remedy)


def correlated(evidence: Evidence, left: pairs.Pairs, leaders: np.ndarray, explained: np.ndarray) -> Cause:
    """Single pairs that are correlated without being copies."""
    found = [(int(leaders[i]), int(leaders[j])) for i, j in significant(left, evidence.level)]
    for i, j in found:
        explained[i, j] = explained[j, i] = True
    rows = [(int(evidence.rows[i]), int(evidence.rows[j])) for i, j in found]
    i, j, r = left.strongest
    says = f"{evidence.label(int(leaders[i]))} and {evidence.label(int(leaders[j]))} are correlated (r {r:.3g})"
    says += f", and so are {len(rows) - 1} more pairs" if len(rows) > 1 else ""
    place = naming.pairs_place(evidence.noise, rows, lag=0)
    remedy = "the pair has a part of its draws in common; " + KEYED
    return Cause(name="correlated units", kind=COUPLING, strength=abs(r), place=place, says=says, remedy=remedy)


def amplitude(
    evidence: Evidence, groups: list[list[int]], explained: np.ndarray, found: Mapping[str, Check]
) -> list[Cause]:
    """Units whose amplitudes depend on each other although their values are uncorrelated."""
    seen = evidence.comparison
    if seen is None or not any(name in found for name in NONLINEAR):
        return []
    inside = one_of_each(groups, seen.pairs.units)
    few = np.flatnonzero(np.isin(evidence.few, inside))
    if len(few) > 2:
        left = pairs.of_matrix(seen.loudness.R[np.ix_(few, few)], seen.loudness.steps)
        asked = pairs.questions(left, evidence.few_label)
        single, largest, population = (one.p_value < evidence.level for one in asked)
        members, signs = participants(left) if largest else (np.arange(len(few)), np.ones(len(few)))
        alone = single and isolated(left, evidence.level)
        if (largest or population) and len(members) > 2 and not alone:
            return [shared_amplitude(evidence, left, few, members, signs)]
    links = list(seen.amplitudes.linked)
    top = seen.amplitudes.across
    if "amplitude, across units" in found and not links:
        links = [(top.first, top.second, top.lag)]
    for lag, Q in enumerate(seen.distances):
        links += [(i, j, lag) for i, j in far(Q if lag else np.triu(Q, 1), evidence.level)]
    rows = {(int(evidence.few[i]), int(evidence.few[j])): lag for i, j, lag in reversed(links)}
    new = {pair: lag for pair, lag in rows.items() if not explained[pair] and pair[0] != pair[1]}
    return [shared_draw(evidence, new)] if new else []


def far(Q: np.ndarray, level: float) -> list[tuple[int, int]]:
    """The pairs whose distance correlation lies beyond the edge."""
    edge = higher.quadratic_edge(null.each_of(level, Q.size), higher.distance_weights().ravel())
    return [(int(i), int(j)) for i, j in np.argwhere(edge < Q)]


def shared_amplitude(
    evidence: Evidence, left: pairs.Pairs, few: np.ndarray, members: np.ndarray, signs: np.ndarray
) -> Cause:
    """Many units that are loud at the same steps."""
    R, m = left.R[np.ix_(members, members)] * np.outer(signs, signs), len(members)
    strength = float((R.sum() - m) / (m * (m - 1)))
    rows = evidence.rows[evidence.few[few[members]]]
    says = f"{m} units are loud and quiet at the same steps (|z| correlated by {strength:.2g} on average)"
    place = naming.units_place(evidence.noise, rows, lag=0)
    remedy = "one draw scales many units (a shared variance or radius): give each unit its own"
    return Cause(name="shared amplitude", kind=COUPLING, strength=strength, place=place, says=says, remedy=remedy)


def shared_draw(evidence: Evidence, links: Mapping[tuple[int, int], int]) -> Cause:
    """Pairs that share a part of their draws in a way that leaves them uncorrelated."""
    seen, noise = evidence.comparison, evidence.noise
    rows = [(int(evidence.rows[i]), int(evidence.rows[j])) for i, j in links]
    between = naming.different_variables(noise, rows)
    top = None if seen is None else seen.amplitudes.across
    strength = 0.0 if top is None else abs(top.r)
    lag = next(iter(links.values()))
    first, second = noise.labels(rows[0])
    form = "" if top is None else f" ({top.kind}: r {top.r:.2g})"
    says = f"{first} and {second} are uncorrelated but not independent{form}"
    says += f" at lag {lag}" if lag else ""
    says += f", and so are {len(rows) - 1} more pairs" if len(rows) > 1 else ""
    place = naming.pairs_place(noise, rows, lag=lag)
    if between:
        place["variables"] = naming.variable_names(noise, rows)
    name = f"shared draw between {'variables' if between else 'units'}"
    remedy = "both are computed from one random word (a uniform used twice): " + KEYED
    return Cause(name=name, kind=COUPLING, strength=strength, place=place, says=says, remedy=remedy)
