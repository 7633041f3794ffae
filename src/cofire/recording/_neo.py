"""To and from Neo, the common data model of electrophysiology in Python."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cofire import checks
from cofire.recording._recording import Recording
from cofire.recording._trace import TIME_AXIS, Trace

if TYPE_CHECKING:
    import neo

_OURS = "cofire"


def to_neo(recording: Recording) -> "neo.Block":
    """The recording as a Neo block with one segment.

    Boolean traces (T, D) become spike trains, one per unit, every other trace an analog signal (T, channels) with its
    further axes flattened. Neo knows no ticks: a tick is written as 1 ms. Names, axes and shapes go along as
    annotations, so that `from_neo` gives the same recording back. Units that Neo does not know count as dimensionless.

    Raises MissingExtra without neo, InvalidValue for irregular times.
    """
    neo, pq = _neo()
    if not recording.regular:
        fix = "select ticks with a slice"
        raise checks.InvalidValue(checks.message("recording", "evenly spaced times", "irregular ones", fix))
    segment = neo.Segment(name="recording")
    start, step = recording.start, recording.time_step
    for name in recording:
        trace = recording.trace(name)
        words = {"trace": name, "axes": list(trace.axes), "shape": list(trace.shape), "unit": trace.unit}
        if trace.values.dtype == bool and trace.values.ndim == 2:
            for unit, column in enumerate(trace.values.T):
                times = start + step * np.flatnonzero(column)
                stop = start + step * recording.ticks
                train = neo.SpikeTrain(times * pq.ms, t_start=start * pq.ms, t_stop=stop * pq.ms, name=f"{name} {unit}")
                train.annotate(index=unit, **words)
                segment.spiketrains.append(train)
            continue
        flat = trace.values.reshape(recording.ticks, math.prod(trace.shape[1:]))
        signal = neo.AnalogSignal(
            flat, units=_known_unit(pq, trace.unit), sampling_period=step * pq.ms, t_start=start * pq.ms, name=name
        )
        signal.annotate(dtype=str(trace.values.dtype), description_of_trace=trace.description, **words)
        segment.analogsignals.append(signal)
    block = neo.Block(name="cofire recording")
    block.annotate(
        made_by=_OURS, time_unit=recording.time_unit, labels=recording.labels, provenance=recording.provenance
    )
    block.segments.append(segment)
    return block


def from_neo(block: "neo.Block", *, time_step: float | int | None = None) -> Recording:
    """The first segment of a Neo block as a recording in ms.

    Analog signals become traces of axes (tick, channel), which must share start, length and sampling; spike trains
    become one raster "spike" (tick, neuron), on the signals' grid, or that of `time_step` (ms) where there is none.
    Blocks that `to_neo` wrote come back as they were. Raises InvalidValue where parts do not fit.
    """
    _, pq = _neo()
    checks.integer("segments", len(block.segments), low=1, fix="give a block with a segment")
    segment, ours = block.segments[0], block.annotations.get("made_by") == _OURS
    signals = list(segment.analogsignals)
    grids = {(float(s.t_start.rescale(pq.ms)), float(s.sampling_period.rescale(pq.ms)), len(s)) for s in signals}
    if len(grids) > 1:
        fix = "resample first, or convert them one by one"
        raise checks.InvalidValue(checks.message("signals", "one start, step and length", f"{sorted(grids)}", fix))
    trains = list(segment.spiketrains)
    start, step, ticks = grids.pop() if grids else _grid_of_trains(trains, time_step, pq)
    traces: dict[str, Trace] = {}
    for number, signal in enumerate(signals):
        name, trace = _from_signal(signal, number, ours)
        traces[name] = trace
    for name, members in _by_trace(trains, ours).items():
        traces[name] = Trace(_raster(members, start, step, ticks, pq), (TIME_AXIS, "neuron"))
    if not ours:
        return Recording(traces, time_unit="ms", time_step=step, start=start)
    notes = block.annotations
    return Recording(
        traces,
        time_unit=notes["time_unit"],
        time_step=step,
        start=start,
        labels=notes["labels"],
        provenance=notes["provenance"],
    )


def _from_signal(signal: Any, number: int, ours: bool) -> tuple[str, Trace]:
    values = np.asarray(signal.magnitude)
    if not ours:
        name = str(signal.name or "")
        return (name if name.isidentifier() else f"signal_{number}"), Trace(
            values, (TIME_AXIS, "channel"), unit=str(signal.dimensionality)
        )
    notes = signal.annotations
    shaped = values.reshape(notes["shape"]).astype(notes["dtype"])
    return notes["trace"], Trace(shaped, tuple(notes["axes"]), notes["unit"], notes["description_of_trace"])


def _by_trace(trains: list[Any], ours: bool) -> Mapping[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    for train in trains:
        groups.setdefault(train.annotations["trace"] if ours else "spike", []).append(train)
    return groups


def _raster(trains: list[Any], start: float, step: float, ticks: int, pq: Any) -> np.ndarray:
    raster = np.zeros((ticks, len(trains)), bool)
    for unit, train in enumerate(trains):
        rows = np.rint((np.asarray(train.rescale(pq.ms).magnitude) - start) / step).astype(np.int64)
        raster[rows[(rows >= 0) & (rows < ticks)], unit] = True
    return raster


def _grid_of_trains(trains: list[Any], time_step: float | int | None, pq: Any) -> tuple[float, float, int]:
    checks.integer("signals and spike trains", len(trains), low=1, fix="give a segment with data")
    ours = trains[0].annotations.get("shape")
    start = min(float(train.t_start.rescale(pq.ms)) for train in trains)
    stop = max(float(train.t_stop.rescale(pq.ms)) for train in trains)
    if ours:
        return start, (stop - start) / ours[0], int(ours[0])
    step = checks.number("time_step", 1.0 if time_step is None else time_step, above=0)
    return start, step, max(1, round((stop - start) / step))


def _known_unit(pq: Any, unit: str) -> Any:
    try:
        return pq.Quantity(1, unit).units if unit else pq.dimensionless
    except (LookupError, SyntaxError):
        return pq.dimensionless


def _neo() -> tuple[Any, Any]:
    try:
        import neo
        import quantities
    except ImportError as error:
        text = checks.message("neo", "the package neo", "none installed", "pip install 'cofire[neo]'")
        raise checks.MissingExtra(text) from error
    return neo, quantities
