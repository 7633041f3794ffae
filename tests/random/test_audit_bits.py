"""Bit functions: known answers, diffusion, dead bits, and neighbouring streams."""

import numpy as np
import pytest

from cofire.random import audit_bits, philox
from cofire.random._audit import PHILOX4X32_10

MASK = np.uint64(0xFFFFFFFF)


def names(report) -> list[str]:
    return [cause.name for cause in report.causes]


def test_philox_passes_with_its_known_answers(fixtures):
    report = audit_bits(philox, known_answers=PHILOX4X32_10)
    assert report.causes == []
    assert report.verdict.startswith("INDEPENDENT")
    lines = [line for line in (fixtures / "random-kat.txt").read_text().splitlines() if not line.startswith("#")]
    read = [tuple(tuple(int(word, 16) for word in part.split()) for part in line.split("|")) for line in lines]
    assert read == [tuple(map(tuple, answer)) for answer in PHILOX4X32_10]


def lost_high_word(counter, key):
    """Looks like Philox, but the products are taken in 32 bits: the high word, into which the key goes, is lost."""
    c0, c1, c2, c3 = counter.T.copy()
    k0, k1 = key.T.copy()
    for _ in range(10):
        p0, p1 = c0 * np.uint32(0xD2511F53), c2 * np.uint32(0xCD9E8D57)
        high0, high1 = np.uint32(0) & (k1 ^ c3), np.uint32(0) & (k0 ^ c1)
        c0, c1, c2, c3 = p1 ^ high1 ^ (p1 >> 15), c0 ^ p1, p0 ^ high0 ^ (p0 >> 13), c2 ^ p0
        k0, k1 = k0 + np.uint32(0x9E3779B9), k1 + np.uint32(0xBB67AE85)
    return np.stack([c0, c1, c2, c3], axis=1)


def test_mixer_that_loses_the_key_is_named():
    report = audit_bits(lost_high_word)
    dead = next(cause for cause in report.causes if cause.name == "dead key bits")
    assert (dead.place["count"], dead.strength) == (64, 1.0)
    assert report.coupled


def test_half_a_key_that_does_nothing_is_found_bit_by_bit():
    report = audit_bits(lambda counter, key: philox(counter, key & np.array([0xFFFFFFFF, 0xFFFF], np.uint32)))
    assert names(report) == ["dead key bits"]
    assert report.causes[0].place["bits"] == [f"key[1] bit {bit}" for bit in range(16, 32)]
    assert report.causes[0].strength == 0.25
    assert report.measures["dead input bits"] == 16


def test_counter_bits_that_do_nothing():
    report = audit_bits(lambda counter, key: philox(counter & np.array([0xFFFFFFFF] * 3 + [0], np.uint32), key))
    assert names(report) == ["dead counter bits"]


def test_key_added_to_the_counter_makes_streams_overlap():
    def added(counter, key):
        x = counter[:, 0] + key[:, 0]
        x = (x ^ (x >> 16)) * np.uint32(0x7FEB352D)
        x = (x ^ (x >> 15)) * np.uint32(0x846CA68B)
        return (x ^ (x >> 16))[:, None]

    report = audit_bits(added, counter_words=1, key_words=1)
    assert names(report) == ["counter overlap"]
    assert report.causes[0].place["lag"] == 1


def test_weak_mixing_and_biased_output():
    def congruential(counter, key):
        return (counter * np.uint32(1664525) + np.uint32(1013904223)) ^ key

    assert "weak diffusion" in names(audit_bits(congruential, counter_words=1, key_words=1))

    def biased(counter, key):
        return philox(counter, key) | (philox(counter ^ np.uint32(5), key) & np.uint32(1))

    report = audit_bits(biased)
    assert "biased output bits" in names(report)


def test_other_words_than_published():
    report = audit_bits(lambda counter, key: philox(counter[:, ::-1], key), known_answers=PHILOX4X32_10)
    assert names(report) == ["wrong known answers"]
    assert report.causes[0].place["answers"] == [2]  # the first two are palindromes
    assert not report.coupled


def test_hidden_state_is_seen():
    calls = []

    def stateful(counter, key):
        calls.append(0)
        return philox(counter ^ np.uint32(len(calls) > 100), key)

    assert "hidden state" in names(audit_bits(stateful))


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda counter, key: counter * 0.5, "integer words"),
        (lambda counter, key: counter[:, 0], "integer words"),
        (lambda counter, key: counter[:3], "for 1024 inputs"),
    ],
)
def test_functions_of_another_kind_are_refused(function, words):
    with pytest.raises(ValueError, match=words):
        audit_bits(function)


def test_bad_arguments():
    with pytest.raises(TypeError, match="wanted a callable"):
        audit_bits(3)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="counter_words: wanted an integer of at least 1"):
        audit_bits(philox, counter_words=0)
    with pytest.raises(ValueError, match="known_answers"):
        audit_bits(lambda c, k: c, counter_words=1, key_words=1, known_answers=PHILOX4X32_10)
