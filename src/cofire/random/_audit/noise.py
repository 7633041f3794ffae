"""What is audited: arrays of noise with a name for every unit, out of whatever produces it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from inspect import Parameter, signature
from typing import Any, final

import numpy as np

from cofire import checks

MIN_STEPS = 100
VALUES, SPIKES = "values", "spikes"
KEYWORDS = ("units", "batch", "chunk", "threads", "device")  # ways of asking that a callable may understand


@final
@dataclass(frozen=True, eq=False)
class Noise:
    """Noise (N, T) of one or more variables, a row for each unit.

    `variables` holds a name for each variable ("" when there is only one without a name), `shapes` the shape of one
    step of each; the rows follow one another in that order.
    """

    values: np.ndarray
    variables: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    kind: str

    @property
    def units(self) -> int:
        """How many rows there are, over all variables."""
        return self.values.shape[0]

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return self.values.shape[1]

    @cached_property
    def variable_of(self) -> np.ndarray:
        """The number of the variable that each row belongs to (N,)."""
        return np.repeat(np.arange(len(self.shapes)), [int(np.prod(shape)) for shape in self.shapes])

    @cached_property
    def place_of(self) -> np.ndarray:
        """The place of each row within its variable (N,)."""
        return np.concatenate([np.arange(int(np.prod(shape))) for shape in self.shapes])

    def label(self, row: int) -> str:
        """The name of a row: `7`, `current[7]`, or `current[2, 7]` for noise with more axes."""
        variable = int(self.variable_of[row])
        place = np.unravel_index(int(self.place_of[row]), self.shapes[variable])
        text = ", ".join(str(int(index)) for index in place)
        if self.variables[variable]:
            return f"{self.variables[variable]}[{text}]"
        return text if len(place) == 1 else f"[{text}]"

    def labels(self, rows: Sequence[int] | np.ndarray) -> list[str]:
        """The names of some rows."""
        return [self.label(int(row)) for row in rows]


def gather(noise: Any, steps: int, traces: Sequence[str] | None = None) -> Noise:
    """The noise of an array (steps, units, ...), a mapping of such arrays, or a callable.

    Raises InvalidType or InvalidValue for what cannot be audited: no numbers, NaN or infinity, one unit, few steps.
    """
    if callable(noise):
        noise = produced(noise, steps)
    if not isinstance(noise, Mapping):
        if traces is not None:
            fix = "name traces of a Recording or of a mapping of arrays"
            raise checks.InvalidType(checks.message("traces", "none for a single array", repr(traces), fix))
        noise = {"": noise}
    elif traces is not None:
        noise = {checks.choice("traces", name, list(noise)): noise[name] for name in traces}
    if not noise:
        raise checks.InvalidValue(checks.message("noise", "at least one array", "an empty mapping"))
    arrays = {str(name): checked_array(str(name) or "noise", values) for name, values in noise.items()}
    return joined(arrays)


def produced(source: Callable[..., Any], steps: int) -> Any:
    """What a callable draws: the whole run of one that takes no step, else the stack of its steps."""
    if takes_no_step(source):
        return source()
    rows = [source(step) for step in range(steps)]
    if rows and isinstance(rows[0], Mapping):
        return {name: stacked([row[name] for row in rows]) for name in rows[0]}
    return stacked(rows)


def takes_no_step(source: Callable[..., Any]) -> bool:
    """Whether a callable has no positional parameter besides the `KEYWORDS`: it returns a whole run (steps, units)."""
    positional = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD, Parameter.VAR_POSITIONAL)
    named = [parameter.name for parameter in parameters(source) if parameter.kind in positional]
    return all(name in KEYWORDS for name in named)


def parameters(source: Callable[..., Any]) -> Iterator[Parameter]:
    """The parameters of a callable; none are known of some built-in ones, which are taken for f(step)."""
    try:
        return iter(signature(source).parameters.values())
    except (TypeError, ValueError):
        return iter([Parameter("step", Parameter.POSITIONAL_ONLY)])


def plain_array(values: Any) -> np.ndarray:
    """A NumPy array of an array, a torch tensor on any device, or nested lists."""
    for method in ("detach", "cpu"):
        values = getattr(values, method)() if hasattr(values, method) else values
    return np.asarray(values)


def stacked(rows: Sequence[Any]) -> np.ndarray:
    """The steps of a callable as one array; every step must have the shape of the first."""
    arrays = [plain_array(row) for row in rows]
    for step, array in enumerate(arrays):
        if array.ndim == 0 or array.shape != arrays[0].shape:
            wanted = f"an array of shape {arrays[0].shape} at every step" if arrays[0].ndim else "an array (units,)"
            got = f"shape {array.shape} at step {step}"
            raise checks.InvalidValue(checks.message("noise", wanted, got, "return one number for each unit"))
    return np.stack(arrays)


def checked_array(name: str, values: Any) -> np.ndarray:
    """An array (T, ...) of finite real numbers with enough steps."""
    try:
        array = plain_array(values)
    except (TypeError, ValueError) as error:
        raise checks.InvalidType(checks.message(name, "an array (steps, units)", str(error))) from error
    if array.dtype.kind not in "biuf":
        fix = "give real numbers, or booleans for spikes"
        raise checks.InvalidType(checks.message(name, "real numbers or booleans", f"dtype {array.dtype}", fix))
    if array.ndim < 2:
        fix = "put steps first and units second; one unit alone has nobody to be coupled to"
        raise checks.InvalidValue(checks.message(name, "an array (steps, units)", f"shape {array.shape}", fix))
    if 0 in array.shape:
        raise checks.InvalidValue(checks.message(name, "at least one number", f"an empty array {array.shape}"))
    if array.shape[0] < MIN_STEPS:
        got, fix = f"{array.shape[0]} steps in shape {array.shape}", "record longer; steps are the first axis"
        raise checks.InvalidValue(checks.message(name, f"at least {MIN_STEPS} steps", got, fix))
    if array.dtype.kind == "f":
        checks.finite(name, array, fix="find the step that makes it; no statement is possible about the rest")
    return array


def joined(arrays: Mapping[str, np.ndarray]) -> Noise:
    """All variables as the rows of one `Noise`."""
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise checks.InvalidValue(checks.message("noise", "the same number of steps in all", str(lengths)))
    kinds = {name: kind_of(array) for name, array in arrays.items()}
    if len(set(kinds.values())) > 1:
        fix = "audit them one after the other: traces=[...]"
        raise checks.InvalidValue(checks.message("noise", "only spikes or only values", str(kinds), fix))
    rows = [array.reshape(len(array), -1).T for array in arrays.values()]
    values = np.ascontiguousarray(np.concatenate([row.astype(np.float64) for row in rows]))
    if len(values) < 2:
        fix = "give at least two units; one alone has nobody to be coupled to"
        raise checks.InvalidValue(checks.message("noise", "at least 2 units", "1 unit", fix))
    shapes = tuple(array.shape[1:] for array in arrays.values())
    return Noise(values, tuple(arrays), shapes, next(iter(kinds.values())))


def kind_of(array: np.ndarray) -> str:
    """Spikes are booleans, zeros and ones, or counts of which most are zero; anything else is values."""
    if array.dtype.kind == "b":
        return SPIKES
    whole = array.dtype.kind in "iu" or bool((array == np.floor(array)).all())
    if not whole or array.min() < 0:
        return VALUES
    return SPIKES if array.max() <= 1 or float((array == 0).mean()) > 0.5 else VALUES
