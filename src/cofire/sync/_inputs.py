"""What every measure asks of its input, said in one place."""

from typing import Any

import numpy as np

from cofire import checks


def checked_traces(x: Any, *, least_ticks: int = 1, least_units: int = 1, name: str = "x") -> np.ndarray:
    """Traces (T, D) as float64, finite, with enough ticks and units."""
    array = np.asarray(x)
    if array.dtype.kind not in "biuf":
        raise checks.InvalidType(checks.message(name, "real numbers", f"dtype {array.dtype}", "give an array (T, D)"))
    fix = "give ticks by units; choose one example of a batch with recording.select(batch=0)"
    checks.shape(name, array, ("T", "D"), fix=fix)
    ticks, units = array.shape
    if ticks < least_ticks:
        raise checks.InvalidValue(checks.message(name, f"at least {least_ticks} tick(s)", str(ticks), "record longer"))
    if units < least_units:
        fix = "synchrony needs a pair of units"
        raise checks.InvalidValue(checks.message(name, f"at least {least_units} unit(s)", str(units), fix))
    return checks.finite(name, array.astype(np.float64, copy=False), fix="leave out the ticks that have no value")


def checked_matrix(S: Any, *, least_units: int = 1, name: str = "S") -> np.ndarray:
    """A symmetric finite matrix (D, D) as float64."""
    array = np.asarray(S, np.float64)
    checks.shape(name, array, (len(array), len(array)) if array.ndim else ("D", "D"), fix="give a matrix of pairs")
    checks.finite(name, array, fix="choose a stated value for undefined pairs, or leave those units out")
    if len(array) < least_units:
        raise checks.InvalidValue(checks.message(name, f"at least {least_units} unit(s)", str(len(array))))
    if not np.allclose(array, array.T, rtol=1e-6, atol=1e-9 * max(1.0, float(np.abs(array).max(initial=0)))):
        raise checks.InvalidValue(checks.message(name, "a symmetric matrix", "one that is not", "use (S + S.T) / 2"))
    return array


def checked_window(window: int) -> int:
    """A window length in ticks."""
    return checks.integer("window", window, low=1, fix="give the window in ticks, for example 16")
