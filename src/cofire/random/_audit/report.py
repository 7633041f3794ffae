"""The report: what was asked, what was found, and the likely cause."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, final

import numpy as np

COUPLING, TIME, MARGINAL, INVARIANCE, ANSWERS = "coupling", "time", "marginal", "invariance", "answers"


@final
@dataclass(frozen=True, kw_only=True)
class Check:
    """One question with its answer: `measured` stays below `edge` for sound noise, except by chance."""

    name: str
    asks: str
    measured: float
    edge: float
    p_value: float  # of this question alone
    adjusted: float  # Holm's, over all questions of the audit
    place: str
    found: bool


@final
@dataclass(frozen=True, kw_only=True)
class Cause:
    """A likely cause of what was found: its name, how strong it is (1 is the worst), where it is, and what to do.

    `kind` is "coupling" (units, variables or keys share draws), "time" (steps of one unit depend on each other),
    "marginal" (the wrong distribution), "invariance" (the noise depends on how it is asked) or "answers" (a bit
    function that returns other words than published). `place` names the units, the lag, the step or the bits.
    """

    name: str
    kind: str
    strength: float
    place: Mapping[str, Any]
    says: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.says}"


@final
@dataclass(frozen=True, kw_only=True)
class Condition:
    """One way of asking for the same noise again, and the first step at which the answer was another one."""

    name: str
    same: bool
    first_step: int | None
    difference: float | None  # the largest, over what was compared; None for another shape
    says: str


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class AuditReport:
    """What an audit found; `print(report)` shows the verdict, the causes and the table.

    `checks` are statistical and share the rate of false alarms; `conditions` compare bit for bit and cannot alarm
    falsely; `measures` are numbers without a judgement; `pictures` hold the arrays that `figure` draws.
    """

    subject: str
    false_alarms: float
    checks: list[Check]
    causes: list[Cause]
    conditions: list[Condition] = field(default_factory=list)
    measures: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    pictures: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def coupled(self) -> bool:
        """Whether numbers that should be independent depend on each other: between units, variables, keys or steps."""
        return any(cause.kind in (COUPLING, TIME) for cause in self.causes)

    @property
    def invariant(self) -> bool | None:
        """Whether the noise was the same however it was asked for; None when it could not be asked."""
        return all(condition.same for condition in self.conditions) if self.conditions else None

    @property
    def p_value(self) -> float:
        """The chance that sound noise looks at least this suspicious, over all checks."""
        return min((check.adjusted for check in self.checks), default=1.0)

    @property
    def verdict(self) -> str:
        """The result in one line."""
        if self.coupled:
            rest = len(self.causes) - 1
            first = next(cause for cause in self.causes if cause.kind in (COUPLING, TIME))
            more = f" (and {rest} more finding{'s' if rest > 1 else ''})" if rest else ""
            return f"COUPLED: {first}{more}"
        tests = f"{len(self.checks)} checks, false alarms at most {self.false_alarms:g}"
        if self.invariant is False:
            changes = ", ".join(condition.name for condition in self.conditions if not condition.same)
            return f"INDEPENDENT BUT NOT INVARIANT: no coupling found ({tests}), yet the noise changes with: {changes}"
        if self.causes:
            return f"NOT AS IT SHOULD BE: {self.causes[0]}"
        if not self.checks:
            return "UNDECIDED: there is nothing that could be coupled"
        also = " and invariant" if self.invariant else ""
        return f"INDEPENDENT{also.upper()}: no coupling found ({tests})"

    def table(self) -> str:
        """All checks and conditions, one a line."""
        lines = []
        if self.checks:
            lines.append(f"{'check':<34} {'measured':>10} {'edge':>10} {'p':>9}  where")
        for check in self.checks:
            mark = "!" if check.found else " "
            measured = f"{check.measured:>10.4g} {check.edge:>10.4g} {check.adjusted:>9.2g}"
            lines.append(f"{mark}{check.name:<33} {measured}  {check.place}".rstrip())
        for condition in self.conditions:
            lines.append(f"{' ' if condition.same else '!'}{condition.name:<33} {condition.says}")
        lines += [f" {name:<33} {value:>10.4g}" for name, value in self.measures.items()]
        return "\n".join(lines)

    def __str__(self) -> str:
        causes = [f"- {cause}" + (f"\n  remedy: {cause.remedy}" if cause.remedy else "") for cause in self.causes]
        return "\n".join([self.subject, self.verdict, *causes, *self.notes, "", self.table()])

    def figure(self) -> Any:
        """One page that shows it, as a matplotlib figure: `report.figure().savefig("audit.png")`.

        Raises MissingExtra where matplotlib is not installed.
        """
        return import_module("cofire.viz").audit_page(self)

    def to_json(self) -> dict[str, Any]:
        """Everything but the pictures, as plain JSON values."""
        return {
            "subject": self.subject,
            "verdict": self.verdict,
            "coupled": self.coupled,
            "invariant": self.invariant,
            "p_value": self.p_value,
            "false_alarms": self.false_alarms,
            "causes": [plain(vars(cause)) for cause in self.causes],
            "checks": [plain(vars(check)) for check in self.checks],
            "conditions": [plain(vars(condition)) for condition in self.conditions],
            "measures": plain(self.measures),
            "notes": list(self.notes),
        }


def plain(value: Any) -> Any:
    """The value as JSON holds it."""
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(one) for one in value]
    return value.item() if isinstance(value, np.generic) else value
