"""The audit of noise: are the units independent, and is the noise the same however it is asked for?

report = audit(noise)
report.coupled, report.causes
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cofire import checks
from cofire.random._audit import causes, invariance, pictures, spike_causes, spikes, values
from cofire.random._audit.bits import PHILOX4X32_10 as PHILOX4X32_10
from cofire.random._audit.bits import audit_bits as audit_bits
from cofire.random._audit.noise import SPIKES, Noise, gather
from cofire.random._audit.question import judged
from cofire.random._audit.report import AuditReport as AuditReport
from cofire.random._audit.report import Cause as Cause
from cofire.random._audit.report import Check as Check
from cofire.random._audit.report import Condition as Condition

SAME_NOISE = (
    "The units are independent of each other as they were drawn here. What fails is invariance: a number belongs to "
    "the moment or place at which it was drawn, not to a unit and a step. Another order, batch, number of units or "
    "device gives every unit other noise, so that two runs cannot be compared number by number."
)


def audit(
    noise: Any,
    *,
    steps: int = 10_000,
    white: bool | None = None,
    distribution: str | Callable[[np.ndarray], np.ndarray] | None = None,
    traces: Sequence[str] | None = None,
    false_alarms: float = 0.01,
) -> AuditReport:
    """Whether units that should be independent are coupled, how, how strongly, and by what likely cause.

    Every question has a p-value under independence, and all of them together alarm falsely with probability
    `false_alarms` at most (Holm). Values are replaced by normal scores of their ranks first, so that this holds for any
    distribution. A fault is named once: what it explains is taken out before the next question.

    Parameters
    ----------
    noise
        An array (steps, units, ...); a mapping of such arrays, such as a Recording, whose variables are compared with
        each other too; or a callable: `f(step) -> array (units,)`, which is also asked again in another order, or one
        without positional parameters that returns a whole run (a network without synapses, say). A callable that names
        `units`, `batch`, `chunk`, `threads` or `device` in its signature is asked in those ways as well.
        Booleans, zeros and ones, and counts that are mostly zero are taken for spikes.
    steps
        How many steps to draw from a callable f(step).
    white
        Whether a unit's steps should be independent of each other too. By default yes for values, and no for spikes.
        With `False` each unit's own linear memory is taken out before units are compared.
    distribution
        "normal" (standard), "uniform" (on [0, 1)) or a distribution function that the values should follow. By default
        a distribution near a normal or a uniform one is held to it.
    traces
        The names to audit of a mapping; all by default.
    false_alarms
        How often sound noise may be accused.

    Returns
    -------
    AuditReport
        `coupled`, `causes`, `invariant`, `checks`, `figure()`, `to_json()`; printing it shows all.

    Raises
    ------
    InvalidType, InvalidValue
        For noise that is not finite real numbers of at least two units and 100 steps.

    >>> from cofire.random import Key
    >>> key = Key(3).fold("noise")
    >>> sound = np.stack([key.normal(4, step=step) for step in range(300)])
    >>> audit(sound).coupled
    False
    >>> sound[20:, 3] = sound[:-20, 1]
    >>> print(audit(sound).causes[0])
    counter overlap: 3 repeats 1 at lag 20
    """
    checks.integer("steps", steps, low=1)
    alarms = checks.number("false_alarms", false_alarms, above=0, high=0.5)
    if white is not None:
        checks.instance("white", white, bool)
    drawn = gather(noise, steps, traces)
    conditions = invariance.conditions(noise, steps) if callable(noise) else []
    if drawn.kind == SPIKES:
        report = audit_spikes(drawn, bool(white), alarms)
    else:
        report = audit_values(drawn, white is not False, distribution, alarms)
    changed = [*invariance.causes(conditions)]
    notes = [SAME_NOISE] if changed and not report.coupled else []
    return replace(report, conditions=conditions, causes=[*report.causes, *changed], notes=notes)


def audit_values(noise: Noise, white: bool, distribution: Any, false_alarms: float) -> AuditReport:
    """The audit of real-valued noise."""
    evidence = values.examine(noise, white=white, distribution=distribution, false_alarms=false_alarms)
    judgement = judged(evidence.questions, false_alarms)
    return AuditReport(
        subject=subject(noise),
        false_alarms=false_alarms,
        checks=judgement,
        causes=causes.likely_causes(evidence, judgement),
        pictures=pictures.of_values(evidence),
    )


def audit_spikes(noise: Noise, white: bool, false_alarms: float) -> AuditReport:
    """The audit of spikes."""
    evidence = spikes.examine(noise, white=white, false_alarms=false_alarms)
    judgement = judged(evidence.questions, false_alarms)
    return AuditReport(
        subject=subject(noise),
        false_alarms=false_alarms,
        checks=judgement,
        causes=spike_causes.likely_causes(evidence, judgement),
        measures=evidence.measures,
        pictures=pictures.of_spikes(evidence),
    )


def subject(noise: Noise) -> str:
    """What was audited, in one line."""
    named = [name for name in noise.variables if name]
    of = f" of {', '.join(named)}" if named else ""
    return f"{noise.kind}{of}: {noise.units} units, {noise.steps} steps"
