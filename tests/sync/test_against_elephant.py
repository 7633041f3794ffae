"""Spike-train measures against elephant, where it is installed and right."""

import warnings

import numpy as np
import pytest

from cofire import sync
from cofire.random import Key


@pytest.fixture(scope="module")
def elephant():
    """Elephant's modules; what they warn about on import is theirs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("elephant")
        import neo
        import quantities
        from elephant import spike_train_correlation, spike_train_dissimilarity, statistics
    return neo, quantities, spike_train_correlation, spike_train_dissimilarity, statistics


@pytest.fixture(scope="module")
def trains():
    gaps = [-np.log1p(-Key(seed).uniform(400, dtype=np.float64)) / 8 for seed in range(4)]
    return [times[times < 10.0] for times in map(np.cumsum, gaps)]


def test_irregularity(elephant, trains):
    statistics = elephant[4]
    for ours, theirs in ((sync.cv, statistics.cv), (sync.cv2, statistics.cv2), (sync.lv, statistics.lv)):
        np.testing.assert_allclose(ours(trains, stop=10.0), [theirs(np.diff(train)) for train in trains], rtol=1e-12)


@pytest.mark.filterwarnings("ignore")
def test_tiling_and_van_rossum(elephant, trains):
    neo, pq, correlation, dissimilarity, _ = elephant
    theirs = [neo.SpikeTrain(train * pq.s, t_stop=10 * pq.s) for train in trains]
    ours = sync.tiling_coefficient(trains, 0.005, stop=10.0)  # short times, where elephant's tolerance is harmless
    for other in (1, 2, 3):
        peer = correlation.spike_time_tiling_coefficient(theirs[0], theirs[other], dt=0.005 * pq.s)
        assert ours[0, other] == pytest.approx(float(peer), abs=1e-9)
    peer = dissimilarity.van_rossum_distance(theirs, time_constant=0.2 * pq.s)
    np.testing.assert_allclose(sync.van_rossum(trains, 0.2, stop=10.0) * np.sqrt(2), peer, rtol=1e-9)  # it doubles D²
