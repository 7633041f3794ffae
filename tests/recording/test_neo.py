"""Recordings go to Neo and come back; Neo's own data comes in. And arrays are a plain dictionary away."""

import builtins

import numpy as np
import pytest

from cofire.checks import InvalidValue, MissingExtra
from cofire.random import Key
from cofire.recording import Recording, Trace, from_neo, to_neo
from cofire.spiking import draw_free_running


def test_plain_arrays_go_in_and_out():
    arrays = {"a": np.arange(6.0).reshape(3, 2), "b": np.ones((3, 4), bool)}
    back = dict(Recording(arrays))
    assert list(back) == ["a", "b"]
    for name, values in arrays.items():
        np.testing.assert_array_equal(back[name], values)


def test_without_neo_the_extra_is_named(monkeypatch):
    real = builtins.__import__

    def missing(name, *rest, **more):
        if name == "neo":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(MissingExtra, match=r"pip install 'cofire\[neo\]'"):
        to_neo(Recording({"a": np.zeros((2, 2))}))


@pytest.mark.parametrize("time_unit", ["tick", "ms"])
def test_a_recording_comes_back_as_it_was(time_unit):
    pytest.importorskip("neo")
    run = draw_free_running(Key(0), 12, outputs=3).run(30, kick=[1])
    traces = {name: run.trace(name) for name in run}
    traces["voltage"] = Trace(np.zeros((30, 2, 3), np.float32), ("tick", "batch", "neuron"), "mV", "of the membrane")
    one = Recording(traces, time_unit=time_unit, time_step=0.5, start=2.0, provenance={"seed": 0})
    assert from_neo(to_neo(one)) == one
    only_spikes = Recording({"spike": one["spike"]}, time_unit="ms", time_step=0.1)
    assert from_neo(to_neo(only_spikes)) == only_spikes


def test_neos_own_blocks_come_in():
    neo, pq = pytest.importorskip("neo"), pytest.importorskip("quantities")
    block, segment = neo.Block(), neo.Segment()
    block.segments.append(segment)
    segment.analogsignals.append(
        neo.AnalogSignal(np.ones((10, 2)), units="mV", sampling_period=2 * pq.ms, t_start=1 * pq.s, name="lfp")
    )
    segment.spiketrains.append(neo.SpikeTrain([1.004, 1.01] * pq.s, t_start=1 * pq.s, t_stop=1.02 * pq.s))
    found = from_neo(block)
    assert found.trace("lfp").unit == "mV"
    assert (found.time_unit, found.time_step, found.start) == ("ms", 2.0, 1000.0)
    assert np.flatnonzero(found["spike"][:, 0]).tolist() == [2, 5]
    segment.analogsignals.append(neo.AnalogSignal(np.ones((9, 2)), units="mV", sampling_period=2 * pq.ms))
    with pytest.raises(InvalidValue, match="signals: wanted one start, step and length"):
        from_neo(block)


def test_irregular_times_are_refused():
    pytest.importorskip("neo")
    with pytest.raises(InvalidValue, match="evenly spaced times, got irregular ones"):
        to_neo(Recording({"a": np.zeros((4, 2))}).select(tick=[0, 1, 3]))
