"""Real Fourier transforms along the rows, with plain types."""

from typing import cast

import numpy as np
from scipy import fft


def good_size(least: int) -> int:
    """The next length that transforms fast."""
    return cast(int, fft.next_fast_len(least, real=True))


def forward(rows: np.ndarray, size: int | None = None) -> np.ndarray:
    """The spectrum (N, size // 2 + 1) of rows (N, T), padded with zeros to `size`."""
    return cast(np.ndarray, fft.rfft(rows, size, axis=1))


def backward(spectra: np.ndarray, size: int) -> np.ndarray:
    """Rows (N, size) of spectra (N, size // 2 + 1)."""
    return cast(np.ndarray, fft.irfft(spectra, size, axis=1))
