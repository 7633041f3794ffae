"""Memory for thoughts: never shared by two that live, used again by the next, and bounded while nobody uses it."""

import gc

import pytest
import torch

from cofire.ctm import _room
from cofire.ctm._room import LARGE, room

ONE = torch.ones(1)
NUMBERS = LARGE // ONE.element_size()


@pytest.fixture(autouse=True)
def an_empty_shelf(monkeypatch):
    monkeypatch.setattr(_room, "_SHELF", _room._Shelf())


def test_two_that_live_do_not_share_memory():
    first, second = room((NUMBERS,), ONE), room((NUMBERS,), ONE)
    first.fill_(1), second.fill_(2)
    assert first.eq(1).all()
    assert second.eq(2).all()


def test_a_view_keeps_its_memory():
    first = room((2, NUMBERS), ONE)
    first.fill_(1)
    part = first[1]
    del first
    room((2, NUMBERS), ONE).fill_(2)
    assert part.eq(1).all()


def test_memory_of_the_dead_is_used_again_for_what_fits():
    first = room((4 * NUMBERS,), ONE)
    where = first.data_ptr()
    del first
    small = room((NUMBERS,), ONE)
    assert small.data_ptr() != where, "a quarter of a piece took all of it"
    again = room((3, NUMBERS), ONE)
    assert again.data_ptr() == where


def test_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(_room, "MOST", 3 * LARGE)
    lent = [room((NUMBERS,), ONE) for _ in range(5)]
    lent.clear()
    gc.collect()
    assert sum(map(len, _room._SHELF._free)) == 3 * LARGE


def test_little_comes_from_the_library():
    room((NUMBERS - 1,), ONE).fill_(1)
    assert not _room._SHELF._free
    assert room((2, 3), torch.ones(1, dtype=torch.float64)).dtype == torch.float64
