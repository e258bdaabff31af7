"""Finds out after how many steps a series repeats itself."""

from __future__ import annotations

import numpy as np

LEAST = 0.3  # autocorrelation of a season
RISE = 0.2  # by which it must stand out from what lies before it
NEARLY = 0.9  # of the best: a season is preferred to its multiples


def find_season(values: np.ndarray, most: int) -> int:
    """The lag, 2 to `most`, at which the autocorrelation of `[time]` without its linear trend has its peak; 1 if no
    peak stands out. A third of the series is the most that is looked at."""
    most = min(most, len(values) // 3)
    if most < 2:
        return 1
    time = np.arange(len(values))
    rest = values - np.polyval(np.polyfit(time, values, 1), time)
    power = float(rest @ rest)
    if power <= 1e-18 * float(values @ values):
        return 1
    size = 2 ** int(np.ceil(np.log2(2 * len(rest))))
    spectrum = np.abs(np.fft.rfft(rest, size)) ** 2
    pairs = len(rest) - np.arange(most + 2)
    correlation = np.fft.irfft(spectrum, size)[: most + 2] / power * len(rest) / pairs
    lags = np.arange(2, most + 1)
    lowest = np.minimum.accumulate(correlation)[lags]
    here = correlation[lags]
    peaks = (here >= correlation[lags - 1]) & (here >= correlation[lags + 1])
    peaks &= (here >= LEAST) & (here - lowest >= RISE)
    if not peaks.any():
        return 1
    first = lags[peaks & (here >= NEARLY * here[peaks].max())][0]
    around = (lags >= NEARLY * first) & (lags <= first / NEARLY)  # noise makes several peaks of one
    return int(lags[around][here[around].argmax()])
