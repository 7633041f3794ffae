"""The recording of a run: a read-only mapping from trace names to arrays that share their ticks."""

import math
import re
from collections.abc import Iterator, Mapping
from os import PathLike
from typing import Any, final

import numpy as np

from cofire import checks
from cofire.recording._file import load_recording, save_recording
from cofire.recording._plain import plain
from cofire.recording._trace import TIME_AXIS, Trace

TIME_UNITS = ("tick", "ms")
_TRACE_NAME = re.compile(r"[A-Za-z]\w*")


@final
class Recording(Mapping[str, np.ndarray]):
    """Named traces over the ticks of one run, with labels of the units and where it all came from.

    `recording["name"]` is the read-only array, `recording.trace("name")` the array with its axes and unit.
    Sizes of the axes other than time may differ between traces, unless the axis is labelled.

    Parameters
    ----------
    traces
        Trace (or a plain (T, D) array) by name; all have the same number of ticks. Names are Python identifiers.
    time_unit, time_step, start
        Row k of every trace was recorded at `start + k * time_step`, in "tick" or "ms".
    times
        Instead of `time_step` and `start`: the time of each row, for irregular selections.
    labels
        For an axis, one label (string or number) per index.
    provenance
        Anything JSON can hold: the seed, the configuration, the version.

    Raises
    ------
    InvalidType, InvalidValue
        If the shapes, names, labels or times do not fit together.
    FileProblem
        From `load` and `save`.

    >>> recording = Recording({"activation": np.zeros((4, 3)), "spike": np.zeros((4, 3), bool)})
    >>> recording
    Recording(4 ticks
      activation  (4 tick, 3 neuron) float64
      spike       (4 tick, 3 neuron) bool
    )
    >>> recording.select(tick=slice(1, 3), neuron=[0])["spike"].shape
    (2, 1)
    """

    def __init__(
        self,
        traces: Mapping[str, Any],
        *,
        time_unit: str = "tick",
        time_step: float | int = 1.0,
        start: float | int = 0.0,
        times: Any = None,
        labels: Mapping[str, Any] | None = None,
        provenance: Mapping[str, Any] | None = None,
    ) -> None:
        self._traces = _checked_traces(traces)
        self.ticks: int = next(iter(self._traces.values())).shape[0]
        self.time_unit: str = checks.choice("time_unit", time_unit, TIME_UNITS)
        self.time_step: float = checks.number("time_step", time_step, above=0)
        self.start: float = checks.number("start", start)
        self._times = None if times is None else _checked_times(times, self.ticks)
        self.labels: dict[str, list[Any]] = _checked_labels(labels or {}, self._traces)
        self.provenance: dict[str, Any] = plain("provenance", dict(provenance or {}))

    def __getitem__(self, name: str) -> np.ndarray:
        return self.trace(name).values

    def __iter__(self) -> Iterator[str]:
        return iter(self._traces)

    def __len__(self) -> int:
        return len(self._traces)

    def trace(self, name: str) -> Trace:
        """The trace with its axes and unit; an unknown name raises a KeyError that lists the known ones."""
        if name not in self._traces:
            raise KeyError(f"no trace {name!r}; this recording has {', '.join(self._traces)}")
        return self._traces[name]

    @property
    def times(self) -> np.ndarray:
        """The time of each row (T,), in `time_unit`."""
        if self._times is not None:
            return self._times
        return self.start + self.time_step * np.arange(self.ticks)

    @property
    def regular(self) -> bool:
        """Whether the rows are evenly spaced by `time_step`."""
        return self._times is None

    def select(self, **selection: Any) -> "Recording":
        """The recording cut along named axes: `select(tick=slice(32, None), neuron=[3, 5], batch=0)`.

        A selection is a slice, a list of indices, a boolean mask, or one integer, which removes its axis (except
        for the tick, which stays). Traces without the axis are kept whole. Raises InvalidValue for an axis that no
        trace has, and for indices outside it.

        >>> whole = Recording({"logits": Trace(np.zeros((4, 2, 10)), ("tick", "batch", "class"))})
        >>> whole.select(batch=1, tick=slice(2, None)).trace("logits")
        Trace((2 tick, 10 class) float64)
        """
        known = {axis for trace in self._traces.values() for axis in trace.axes}
        for axis in selection:
            checks.choice("axis", axis, sorted(known))
        traces = {name: _cut(name, trace, selection) for name, trace in self._traces.items()}
        labels = {axis: _cut_labels(axis, names, selection) for axis, names in self.labels.items()}
        rows = _index(TIME_AXIS, selection[TIME_AXIS], self.ticks) if TIME_AXIS in selection else slice(None)
        return Recording(
            traces,
            time_unit=self.time_unit,
            labels={axis: names for axis, names in labels.items() if names is not None},
            provenance=self.provenance,
            **_clock(self.times[rows], self.time_step),
        )

    def save(self, path: str | PathLike[str]) -> None:
        """Write one `.npz` file: an array per trace that `np.load` reads, and `recording.json` for the rest.

        The file appears whole or not at all. Equal recordings give equal bytes.
        """
        save_recording(path, self._arrays(), self._header())

    @classmethod
    def load(cls, path: str | PathLike[str]) -> "Recording":
        """Read what `save` wrote; a missing, foreign or damaged file raises FileProblem."""
        arrays, header = load_recording(path)
        try:
            traces = {
                name: Trace(arrays[name], tuple(words["axes"]), words["unit"], words["description"])
                for name, words in header.pop("traces").items()
            }
            return cls(traces, **header)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            text = checks.message(str(path), "a recording", f"a file whose parts do not fit ({error})", "record again")
            raise checks.FileProblem(text) from error

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Recording):
            return NotImplemented
        return self._traces == other._traces and self._header() == other._header()

    __hash__ = None  # pyright: ignore[reportAssignmentType] - holds arrays

    def __repr__(self) -> str:
        ending = "s" if self.ticks != 1 else ""
        clock = f" of {self.time_step:g} ms" if self.time_unit == "ms" else ""
        width = max(map(len, self._traces))
        lines = [f"  {name:<{width}}  {repr(trace)[6:-1]}" for name, trace in self._traces.items()]
        return "\n".join([f"Recording({self.ticks} tick{ending}{clock}", *lines, ")"])

    def _arrays(self) -> dict[str, np.ndarray]:
        return {name: trace.values for name, trace in self._traces.items()}

    def _header(self) -> dict[str, Any]:
        words = {
            name: {"axes": list(trace.axes), "unit": trace.unit, "description": trace.description}
            for name, trace in self._traces.items()
        }
        return {
            "traces": words,
            "time_unit": self.time_unit,
            "time_step": self.time_step,
            "start": self.start,
            "times": None if self._times is None else self._times.tolist(),
            "labels": self.labels,
            "provenance": self.provenance,
        }


def _checked_traces(traces: Mapping[str, Any]) -> dict[str, Trace]:
    checks.instance("traces", traces, Mapping, fix='give {"activation": array of shape (T, D)}')
    checked: dict[str, Trace] = {}
    for name, trace in traces.items():
        if not isinstance(name, str) or not _TRACE_NAME.fullmatch(name):
            raise checks.InvalidValue(checks.message("traces", "names that are Python identifiers", repr(name)))
        checked[name] = trace if isinstance(trace, Trace) else Trace(trace)
    ticks = {name: trace.shape[0] for name, trace in checked.items()}
    if not ticks:
        raise checks.InvalidValue(checks.message("traces", "at least one trace", "none"))
    if len(set(ticks.values())) > 1:
        fix = "cut the longer ones, or make two recordings"
        raise checks.InvalidValue(checks.message("traces", "the same number of ticks in all", str(ticks), fix))
    return checked


def _checked_times(times: Any, ticks: int) -> np.ndarray:
    array = np.array(times, dtype=np.float64)
    checks.finite("times", checks.shape("times", array, (ticks,)))
    array.flags.writeable = False
    return array


def _checked_labels(labels: Mapping[str, Any], traces: Mapping[str, Trace]) -> dict[str, list[Any]]:
    checked = {}
    for axis, names in labels.items():
        sizes = {name: trace.sizes[axis] for name, trace in traces.items() if axis in trace.axes}
        if not sizes:
            known = sorted({one for trace in traces.values() for one in trace.axes})
            raise checks.InvalidValue(checks.message("labels", f"one of the axes {known}", repr(axis)))
        checked[axis] = plain(f"labels of {axis}", list(names))
        if set(sizes.values()) != {len(checked[axis])}:
            got = f"{len(checked[axis])} labels for sizes {sizes}"
            raise checks.InvalidValue(checks.message(f"labels of {axis}", "one label per index", got))
    return checked


def _index(axis: str, selection: Any, size: int) -> Any:
    """A slice or an array of integers that is inside the axis."""
    if isinstance(selection, slice):
        return selection
    index = np.asarray(selection)
    if index.dtype == bool:
        checks.shape(f"{axis} mask", index, (size,))
        return np.flatnonzero(index)
    if index.ndim > 1 or (index.size and index.dtype.kind not in "iu"):
        fix = "give a slice, indices or a boolean mask"
        raise checks.InvalidType(checks.message(axis, "a slice, indices or a mask", repr(selection), fix))
    if index.size and (index.min() < -size or index.max() >= size):
        raise checks.InvalidValue(checks.message(axis, f"indices within {size}", repr(selection)))
    index = index.astype(np.int64)
    return np.atleast_1d(index) if axis == TIME_AXIS else index


def _cut(name: str, trace: Trace, selection: Mapping[str, Any]) -> Trace:
    values, axes = trace.values, list(trace.axes)
    for axis, chosen in selection.items():
        if axis in axes:
            place = axes.index(axis)
            index = _index(f"{axis} of {name}" if axis != TIME_AXIS else axis, chosen, values.shape[place])
            values = values[(slice(None),) * place + (index,)]
            if values.ndim < len(axes):
                axes.pop(place)
    return Trace(values, tuple(axes), trace.unit, trace.description)


def _cut_labels(axis: str, names: list[Any], selection: Mapping[str, Any]) -> list[Any] | None:
    if axis not in selection:
        return names
    index = _index(axis, selection[axis], len(names))
    places = np.arange(len(names))[index]
    return None if places.ndim == 0 else [names[place] for place in places]


def _clock(times: np.ndarray, time_step: float | int) -> dict[str, Any]:
    """Start and step where the times are even, else the times themselves."""
    if len(times) == 0:
        return {"time_step": time_step}
    step = float(times[1] - times[0]) if len(times) > 1 else time_step
    even = step > 0 and np.allclose(times, times[0] + step * np.arange(len(times)), rtol=0, atol=1e-9 * abs(step))
    if even and math.isfinite(step):
        return {"time_step": step, "start": float(times[0])}
    return {"time_step": time_step, "times": times}
