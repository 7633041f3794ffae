"""One quantity over time: an array whose first axis is the tick, with named axes and a unit."""

import re
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from cofire import checks

TIME_AXIS = "tick"
_AXIS_NAME = re.compile(r"[A-Za-z_]\w*")


@final
@dataclass(frozen=True, eq=False, repr=False)
class Trace:
    """An array of shape (T, ...) with a name for each axis; the values are held read-only and not copied.

    Parameters
    ----------
    values
        Booleans, integers, floats or complex numbers of shape (T, ...); anything that NumPy reads as such an array.
    axes
        One name per axis; the first is always "tick".
    unit
        Of the values, such as "mV" or "Hz"; empty for pure numbers.
    description
        One line for reports.

    Raises
    ------
    InvalidType, InvalidValue
        If the values are no numbers, or the axes do not fit them.

    >>> Trace(np.zeros((5, 3)), unit="mV")
    Trace((5 tick, 3 neuron) float64, mV)
    """

    values: Any
    axes: tuple[str, ...] = (TIME_AXIS, "neuron")
    unit: str = ""
    description: str = ""

    def __post_init__(self) -> None:
        values = np.asarray(self.values)
        if values.dtype.kind not in "biufc":
            fix = "give an array of numbers or booleans; ragged lists have no array shape"
            raise checks.InvalidType(checks.message("values", "numbers or booleans", f"dtype {values.dtype}", fix))
        object.__setattr__(self, "values", _read_only(values))
        object.__setattr__(self, "axes", _checked_axes(tuple(self.axes), values.shape))
        checks.instance("unit", self.unit, str)
        checks.instance("description", self.description, str)

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes along `axes`."""
        return self.values.shape

    @property
    def sizes(self) -> dict[str, int]:
        """The size of each axis by its name."""
        return dict(zip(self.axes, self.shape, strict=True))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Trace):
            return NotImplemented
        same_words = (self.axes, self.unit, self.description) == (other.axes, other.unit, other.description)
        return same_words and self.values.dtype == other.values.dtype and _same_numbers(self.values, other.values)

    __hash__ = None  # pyright: ignore[reportAssignmentType] - holds an array

    def __repr__(self) -> str:
        shape = ", ".join(f"{size} {axis}" for axis, size in self.sizes.items())
        return f"Trace(({shape}) {self.values.dtype}{f', {self.unit}' if self.unit else ''})"


def _read_only(values: np.ndarray) -> np.ndarray:
    view = values.view()
    view.flags.writeable = False
    return view


def _same_numbers(one: np.ndarray, other: np.ndarray) -> bool:
    may_hold_nan = one.dtype.kind in "fc"
    return np.array_equal(one, other, equal_nan=may_hold_nan)


def _checked_axes(axes: tuple[str, ...], shape: tuple[int, ...]) -> tuple[str, ...]:
    if len(axes) != len(shape):
        fix = f"name every axis, for example axes={('tick', 'batch', 'neuron')[: max(1, len(shape))]}"
        raise checks.InvalidValue(checks.message("axes", f"{len(shape)} names for shape {shape}", str(axes), fix))
    if axes[0] != TIME_AXIS:
        fix = "put time first, for example values.T"
        raise checks.InvalidValue(checks.message("axes", "'tick' as the first axis", str(axes), fix))
    if len(set(axes)) != len(axes) or not all(_AXIS_NAME.fullmatch(axis) for axis in axes):
        raise checks.InvalidValue(checks.message("axes", "distinct names that are Python identifiers", str(axes)))
    return axes
