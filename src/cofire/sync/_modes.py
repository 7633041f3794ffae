"""Patterns rather than groups: orthogonal modes of synchrony, and assemblies that come and go."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from cofire import checks
from cofire.random import Key
from cofire.sync._inputs import checked_matrix, checked_traces, checked_window


@final
@dataclass(frozen=True, eq=False)
class Modes:
    """Orthogonal patterns of units, strongest first."""

    vectors: np.ndarray  # (D, n), unit length, the largest entry positive
    values: np.ndarray  # (n,) eigenvalues
    share: np.ndarray  # (n,) of the trace

    def project(self, x: Any) -> np.ndarray:
        """The strength of every mode at every tick, (T, n): one voice per mode."""
        z = checked_traces(x)
        checks.shape("x", z, ("T", len(self.vectors)), fix="give the units that the modes were found on")
        return z @ self.vectors


def modes(S: Any, n: int = 4) -> Modes:
    """The n leading eigenvectors of a synchrony matrix (D, D).

    Of the correlation matrix they are principal components of standardised traces; of S = Z Zᵀ they are dominated by
    the mean activity, mode 0, and by loud units.

    >>> found = modes(np.array([[2.0, 1.0], [1.0, 2.0]]), 1)
    >>> found.vectors[:, 0].round(3), found.share.round(3)
    (array([0.707, 0.707]), array([0.75]))
    """
    matrix = checked_matrix(S)
    n = checks.integer("n", n, low=1, high=len(matrix))
    values, vectors = np.linalg.eigh(matrix)
    leading, patterns = values[::-1][:n], vectors[:, ::-1][:, :n]
    largest = patterns[np.abs(patterns).argmax(axis=0), np.arange(n)]
    trace = float(np.trace(matrix))
    share = leading / trace if trace > 0 else np.zeros(n)
    return Modes(patterns * np.sign(largest), leading, share)


@final
@dataclass(frozen=True, eq=False)
class Assemblies:
    """Groups of units with the windows in which they fire together; a unit may belong to several."""

    members: np.ndarray  # (D, n) >= 0, each column of unit length
    activity: np.ndarray  # (W, n) >= 0
    starts: np.ndarray  # (W,) first tick of each window
    window: int
    explained: float  # share of the windowed synchrony between different units, from 0 to 1

    @property
    def labels(self) -> np.ndarray:
        """(D,): the assembly each unit belongs to most, from 0; -1 for units that belong to none."""
        strongest = self.members.argmax(axis=1)
        return np.where(self.members.max(axis=1) > 0.05, strongest, -1)


def assemblies(x: Any, n: int, *, key: Key, window: int = 16, iterations: int = 300) -> Assemblies:
    """Which groups are active when: a non-negative factorisation of the windowed synchrony.

        Σ_{t in window w} x_i(t) x_j(t) ≈ Σ_k activity_wk members_ik members_jk    for i ≠ j

    Consecutive windows of `window` ticks (a last part is left out); least squares over pairs of different units, by
    multiplicative updates of all factors, which never go below zero. The tensor (W, D, D) is never formed: an update
    costs T D n. Assemblies come in the order of their share.

    Parameters
    ----------
    x
        (T, D), non-negative: activations or spikes. For signed traces give deviations that were rectified.
    n
        How many assemblies.
    key
        Of the starting point.

    >>> on = (np.arange(128)[:, None] // 64) == np.array([0, 0, 0, 1, 1, 1])
    >>> beat = (np.arange(128) % 4 == 0)[:, None] * on
    >>> found = assemblies(beat, 2, key=Key(0))
    >>> bool((found.labels[:3] == found.labels[0]).all() and found.labels[0] != found.labels[3])
    True
    """
    z = checked_traces(x, least_units=2)
    if z.min() < 0:
        fix = "rectify deviations first, for example np.maximum(x - x.mean(axis=0), 0)"
        raise checks.InvalidValue(checks.message("x", "numbers of at least 0", f"{z.min():g}", fix))
    window = checked_window(window)
    count = checks.integer("windows", len(z) // window, low=1, fix="take windows shorter than the recording")
    n = checks.integer("n", n, low=1)
    cut = z[: count * window].reshape(count, window, -1)
    power = (cut**2).sum(axis=1)  # (W, D): the diagonal that is left out
    total = _squared_norm(cut, power)
    if total <= 0:
        fix = "no two units are active in one tick"
        raise checks.InvalidValue(checks.message("x", "some synchrony", "none", fix))
    activity = key.fold("activity").uniform((count, n), low=0.5, high=1.5, dtype=np.float64)
    members = key.fold("members").uniform((z.shape[1], n), low=0.5, high=1.5, dtype=np.float64)
    for _ in range(checks.integer("iterations", iterations, low=1)):
        seen = cut @ members  # (W, window, n)
        want = (seen**2).sum(axis=1) - power @ members**2
        activity *= _ratio(want, activity @ (members.T @ members) ** 2 - _diagonal(activity, members) @ members**2)
        pull = np.einsum("wti,wtk,wk->ik", cut, seen, activity, optimize=True) - (power.T @ activity) * members
        weight = (activity.T @ activity) * (members.T @ members)
        push = members @ weight - (_diagonal(activity, members).T @ activity) * members
        members *= np.sqrt(_ratio(pull, push))  # the factor appears twice, so half a step
        length = np.maximum(np.linalg.norm(members, axis=0), 1e-300)
        members, activity = members / length, activity * length**2
    error = total - 2 * (activity * ((cut @ members) ** 2).sum(axis=1)).sum()
    error += 2 * (activity * (power @ members**2)).sum() + _modelled_norm(activity, members)
    order = np.argsort(-activity.sum(axis=0), kind="stable")
    explained = float(np.clip(1.0 - error / total, 0.0, 1.0))
    return Assemblies(members[:, order], activity[:, order], np.arange(count) * window, window, explained)


def _diagonal(activity: np.ndarray, members: np.ndarray) -> np.ndarray:
    """What the model says of every unit with itself, (W, D)."""
    return activity @ (members**2).T


def _squared_norm(cut: np.ndarray, power: np.ndarray) -> float:
    """Σ over windows and pairs i ≠ j of S_ij², from products of ticks where that is smaller than pairs of units."""
    gram = np.einsum("wti,wsi->wts", cut, cut, optimize=True)
    return float((gram**2).sum() - (power**2).sum())


def _modelled_norm(activity: np.ndarray, members: np.ndarray) -> float:
    overlap = (members.T @ members) ** 2
    return float(np.einsum("wk,wl,kl->", activity, activity, overlap) - (_diagonal(activity, members) ** 2).sum())


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.maximum(above, 0.0) / np.maximum(below, 1e-300)
