"""The stream guarantee: long streams hash to what they always did (docs/stream-guarantee.md).

The hashes may gain entries. One that changes is a change of the public interface.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cofire.random import Key, OrnsteinUhlenbeck

HASHES = json.loads((Path(__file__).parents[1] / "kat" / "streams.json").read_text(encoding="utf-8"))
KEY = Key(20260101).fold("stream", 1, "guarantee", True, 0.5)
LATE = 2**40 - 1
NAMES = [f"unit {i}" for i in range(500)] + list(range(0, 10**6, 997))

STREAMS: dict[str, Callable[[], np.ndarray]] = {
    "key words": lambda: np.array([KEY.fold(name).words for name in NAMES], dtype=np.int64),
    "bits": lambda: KEY.bits(100_000, step=LATE),
    "uniform float32": lambda: KEY.uniform(1_000_000, step=LATE),
    "uniform float64": lambda: KEY.uniform(1_000_000, step=LATE, dtype=np.float64),
    "uniform in an interval": lambda: KEY.uniform(1_000_000, low=-0.1, high=0.7),
    "normal float32": lambda: KEY.normal(2_000_000, step=LATE),
    "normal float64": lambda: KEY.normal(1_000_000, step=LATE, dtype=np.float64),
    "normal of mean and std": lambda: KEY.normal(1_000_000, mean=3.1, std=0.3),
    "normal of named units": lambda: KEY.units(NAMES).normal(range(2**32 - 100, 2**32 + 100)),
    "exponential float32": lambda: KEY.exponential(1_000_000, scale=0.7),
    "exponential float64": lambda: KEY.exponential(1_000_000, dtype=np.float64),
    "bernoulli": lambda: KEY.bernoulli(0.3, 1_000_000),
    "integers": lambda: KEY.integers(-50, 1_000_003, 300_000),
    "wide integers": lambda: KEY.integers(-(2**62), 3 * 2**60, 100_000),
    "categorical": lambda: KEY.categorical([0.1, 0.0, 3.0, 1.7], 100_000),
    "gamma": lambda: KEY.gamma(np.linspace(0.1, 30, 100_000), 100_000),
    "poisson": lambda: KEY.poisson(np.linspace(0, 300, 100_000), 100_000),
    "truncated normal": lambda: KEY.truncated_normal(-0.3, 4.0, 100_000),
    "truncated normal tail": lambda: KEY.truncated_normal(4.0, np.inf, 100_000, dtype=np.float64),
    "permutation": lambda: KEY.permutation(100_000, step=3),
    "choice": lambda: KEY.choice(1000, 100_000),
    "choice without replacement": lambda: KEY.choice(100_000, 5_000, replace=False),
    "Ornstein-Uhlenbeck": lambda: OrnsteinUhlenbeck(KEY.units(NAMES), tau=5.0, dt=0.1, std=2.0).path(100)[0],
}


def digest(values: np.ndarray) -> str:
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    return hashlib.sha256(np.ascontiguousarray(little).tobytes()).hexdigest()


@pytest.mark.parametrize("name", STREAMS)
def test_a_long_stream_is_what_it_always_was(name):
    assert digest(STREAMS[name]()) == HASHES[name]


def test_every_hash_has_its_stream():
    assert set(HASHES) == set(STREAMS)
