"""A key is an identity: equal paths give equal streams, different names give different ones."""

import itertools
import json
import pickle

import numpy as np
import pytest

from cofire.checks import InvalidType, InvalidValue
from cofire.random import Key


def test_folding_is_associative_and_reads_as_written():
    key = Key(7).fold("cortex", "L4", 3)
    assert key == Key(7).fold("cortex").fold("L4", 3)
    assert hash(key) == hash(Key(7).fold("cortex").fold("L4", 3))
    assert repr(key) == "Key(7).fold('cortex', 'L4', 3)"
    assert eval(repr(key), {"Key": Key}) == key
    assert Key(7).fold() == Key(7)


def test_names_count_with_their_type_and_place():
    root = Key(0)
    names = [1, "1", True, 1.0, 0, False, 0.0, -0.0, "", "True", -1, 2**70, "ab"]
    keys = [
        root,
        Key(1),
        *(root.fold(name) for name in names),
        root.fold("a", "b"),
        root.fold("b", "a"),
        root.fold(1, 1),
    ]
    for one, other in itertools.combinations(keys, 2):
        assert one != other
        assert one.words != other.words
    assert Key(0) != 0


def test_numpy_scalars_are_what_they_hold():
    root = Key(0)
    assert root.fold(np.int32(4)) == root.fold(4)
    assert root.fold(np.True_) == root.fold(True)
    assert root.fold(np.str_("a")) == root.fold("a")
    assert Key(np.uint64(5)) == Key(5)


def test_a_key_is_immutable_and_survives_json_and_pickle():
    key = Key(2**64 - 1).fold("a", 1, 1.0, True, "é")
    with pytest.raises(AttributeError, match="cannot assign"):
        key.seed = 3  # pyright: ignore[reportAttributeAccessIssue]
    assert Key.from_json(json.loads(json.dumps(key.to_json()))) == key
    assert pickle.loads(pickle.dumps(key)) == key


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(InvalidValue, match=r"seed: wanted an integer from 0 to \d+, got .*take a seed from 0"):
        Key(seed)


@pytest.mark.parametrize("seed", [1.5, "0", None, True])
def test_a_seed_that_is_no_integer_is_refused(seed):
    with pytest.raises(InvalidType, match="seed: wanted an integer"):
        Key(seed)


@pytest.mark.parametrize("name", [None, b"a", ("a",), [1], 1j])
def test_a_name_that_is_no_name_is_refused(name):
    with pytest.raises(InvalidType, match=r"name: wanted str or bool or int or float, .*fold strings or integers"):
        Key(0).fold(name)


def test_a_name_that_is_not_finite_is_refused():
    with pytest.raises(InvalidValue, match="name: wanted a finite number, got nan"):
        Key(0).fold(float("nan"))


@pytest.mark.parametrize("document", [{}, {"seed": 0}, [], {"seed": 0, "path": [], "more": 1}])
def test_a_document_that_is_no_key_is_refused(document):
    with pytest.raises(InvalidType, match=r"key: wanted a mapping with seed and path, .*Key.to_json returned"):
        Key.from_json(document)


def test_a_path_that_is_no_list_is_refused():
    with pytest.raises(InvalidType, match="path: wanted list or tuple"):
        Key.from_json({"seed": 0, "path": "ab"})
