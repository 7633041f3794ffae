"""What every test shares: shape and type checks switched on, two threads, and the reference data."""

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the suite runs in two processes on two cores
os.environ.setdefault("MPLBACKEND", "agg")

import pytest
from jaxtyping import install_import_hook

# The hook decorates below @njit, so the packages of compiled kernels (cofire.random, cofire.spiking) stay out.
CHECKED = ["cofire.ctm", "cofire.recording", "cofire.sync", "cofire.tasks", "cofire.train"]
install_import_hook(CHECKED, "beartype.beartype")

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """The folder of reference data made by the published implementations (see its README)."""
    return FIXTURES
