"""Recordings keep shapes honest, cut cleanly and survive the disk."""

import json
import zipfile

import numpy as np
import pytest

from cofire.checks import FileProblem, InvalidType, InvalidValue
from cofire.recording import Recording, Trace, write_atomically


def recording(**more) -> Recording:
    activation = np.arange(24, dtype=np.float64).reshape(6, 4)
    traces = {
        "activation": activation,
        "spike": activation > 10,
        "logits": Trace(np.arange(36, dtype=np.float32).reshape(6, 2, 3), ("tick", "batch", "class"), unit="nat"),
    }
    return Recording(traces, labels={"neuron": list("abcd")}, provenance={"seed": 3, "sizes": (1, 2)}, **more)


def test_it_is_a_mapping_of_read_only_arrays():
    one = recording()
    assert list(one) == ["activation", "spike", "logits"]
    assert len(one) == 3
    assert one.ticks == 6
    with pytest.raises(ValueError, match="read-only"):
        one["activation"][0, 0] = 1
    assert one.trace("logits").unit == "nat"
    with pytest.raises(KeyError, match="no trace 'voltage'; this recording has activation"):
        one["voltage"]


def test_the_caller_keeps_a_writable_array():
    values = np.zeros((3, 2))
    one = Recording({"x": values})
    values[0, 0] = 1
    assert one["x"][0, 0] == 1


def test_select_cuts_every_axis_with_its_labels_and_times():
    cut = recording(time_unit="ms", time_step=0.5).select(tick=slice(2, 6, 2), neuron=[3, 0], batch=1)
    np.testing.assert_array_equal(cut["activation"], [[11, 8], [19, 16]])
    np.testing.assert_array_equal(cut["logits"], np.arange(36).reshape(6, 2, 3)[[2, 4], 1])
    assert cut.trace("logits").axes == ("tick", "class")
    assert cut.labels == {"neuron": ["d", "a"]}
    assert (cut.time_step, cut.start) == (1.0, 1.0)
    np.testing.assert_array_equal(cut.times, [1.0, 2.0])


def test_select_takes_masks_and_irregular_ticks():
    cut = recording().select(tick=[0, 1, 5], neuron=np.array([True, False, False, True]))
    np.testing.assert_array_equal(cut.times, [0, 1, 5])
    assert not cut.regular
    assert cut["activation"].shape == (3, 2)
    assert recording().select(neuron=2).labels == {}
    one_tick = recording().select(tick=-1)
    assert (one_tick.ticks, one_tick.start) == (1, 5.0)
    assert one_tick["spike"].shape == (1, 4)
    assert recording().select(tick=slice(0, 0)).ticks == 0


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        ({"unit": 0}, "axis: wanted one of 'batch', 'class', 'neuron', 'tick', got 'unit'"),
        ({"neuron": 4}, "neuron of activation: wanted indices within 4, got 4"),
        ({"neuron": [True, False]}, "neuron of activation mask: wanted shape"),
        ({"tick": [0.5]}, "tick: wanted a slice, indices or a mask"),
    ],
)
def test_select_explains_what_is_wrong(selection, words):
    with pytest.raises((InvalidValue, InvalidType), match=words):
        recording().select(**selection)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Recording({}), "at least one trace"),
        (lambda: Recording({"a": np.zeros((3, 2)), "b": np.zeros((4, 2))}), r"same number of ticks in all.*'b': 4"),
        (lambda: Recording({"a/b": np.zeros((3, 2))}), "names that are Python identifiers, got 'a/b'"),
        (lambda: Recording({"a": np.zeros((3, 2))}, labels={"neuron": ["x"]}), "one label per index, got 1 labels"),
        (lambda: Recording({"a": np.zeros((3, 2))}, labels={"cell": ["x"]}), "one of the axes"),
        (lambda: Recording({"a": np.zeros((3, 2))}, time_unit="hour"), "one of 'tick', 'ms'"),
        (lambda: Recording({"a": np.zeros((3, 2))}, time_step=0.0), "above 0"),
        (lambda: Recording({"a": np.zeros((3, 2))}, times=[0, 1]), "times: wanted shape"),
        (lambda: Recording({"a": np.zeros((3, 2))}, provenance={"f": object()}), "values that JSON can hold"),
        (lambda: Trace(np.zeros((3, 2, 2))), r"3 names for shape \(3, 2, 2\)"),
        (lambda: Trace(np.zeros((3, 2)), ("neuron", "tick")), "'tick' as the first axis"),
        (lambda: Trace(np.zeros((3, 2, 2)), ("tick", "a", "a")), "distinct names"),
        (lambda: Trace(np.array([["a"]])), "numbers or booleans, got dtype <U1"),
    ],
)
def test_construction_checks_what_it_is_given(make, words):
    with pytest.raises((InvalidValue, InvalidType), match=words):
        make()


def test_repr_shows_shapes_and_units():
    assert repr(recording(time_unit="ms", time_step=0.1)).splitlines() == [
        "Recording(6 ticks of 0.1 ms",
        "  activation  (6 tick, 4 neuron) float64",
        "  spike       (6 tick, 4 neuron) bool",
        "  logits      (6 tick, 2 batch, 3 class) float32, nat",
        ")",
    ]


def test_equality_is_of_everything():
    assert recording() == recording()
    assert recording() != recording(time_unit="ms")
    assert recording() != recording().select(tick=slice(0, 5))
    assert recording() != "a recording"
    nan = Recording({"x": np.full((2, 2), np.nan)})
    assert nan == Recording({"x": np.full((2, 2), np.nan)})
    assert nan != Recording({"x": np.full((2, 2), np.nan, np.float32)})


def test_save_and_load_give_the_same_recording_and_the_same_bytes(tmp_path):
    one = recording().select(tick=[0, 1, 5])
    for name in ("a.npz", "b.npz"):
        one.save(tmp_path / name)
    assert Recording.load(tmp_path / "a.npz") == one
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "b.npz"]


def test_the_file_opens_with_plain_numpy(tmp_path):
    recording().save(tmp_path / "run.npz")
    with np.load(tmp_path / "run.npz") as archive:
        np.testing.assert_array_equal(archive["activation"], recording()["activation"])
        header = json.loads(archive["recording.json"])
    assert header["provenance"] == {"seed": 3, "sizes": [1, 2]}
    assert header["format"] == "cofire-recording/1"


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "run.npz"
    path.write_bytes(b"old")

    def fail(file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(FileProblem, match="No space left on device"):
        write_atomically(path, fail)
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["run.npz"]
    with pytest.raises(FileProblem, match="a file in a writable folder"):
        recording().save(tmp_path / "missing" / "run.npz")


def test_foreign_and_damaged_files_are_refused_in_words(tmp_path):
    path = tmp_path / "run.npz"
    with pytest.raises(FileProblem, match="No such file"):
        Recording.load(path)
    path.write_text("not a zip")
    with pytest.raises(FileProblem, match="foreign or damaged file"):
        Recording.load(path)
    np.savez(path, activation=np.zeros((2, 2)))
    with pytest.raises(FileProblem, match=r"no recording\.json in it\); the usual fix: give a file that"):
        Recording.load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("recording.json", "[1]")
    with pytest.raises(FileProblem, match=r"another recording\.json|foreign or damaged"):
        Recording.load(path)
    np.savez(path, pickled=np.array([{}], dtype=object))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("recording.json", json.dumps({"format": "cofire-recording/1", "traces": {"pickled": {}}}))
    with pytest.raises(FileProblem, match="foreign or damaged file"):
        Recording.load(path)


def test_every_flipped_byte_is_noticed_or_harmless(tmp_path):
    path = tmp_path / "run.npz"
    recording().save(path)
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        try:
            assert Recording.load(path) == recording()
        except FileProblem as error:
            assert str(path) in str(error)  # noqa: PT017 - either outcome is right, a wrong recording is not
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileProblem, match="foreign or damaged"):
        Recording.load(path)
