"""The season of a series: the number of steps after which it repeats itself."""

from __future__ import annotations

import math

import numpy as np

MIN_AUTOCORRELATION = 0.3  # of a season
MIN_RISE = 0.2  # of the autocorrelation of a season, above the lowest one at a smaller lag
TOLERANCE = 0.9  # A peak is about as high as the highest from this share of it on; the same for lags.
TREND = 3  # degree of the polynomial that is taken away as the trend
CONSTANT = 1e-18  # A variance below this, relative to the mean square, is rounding.


def find_season(values: np.ndarray, max_season: int) -> int:
    """The lag in steps at which the autocorrelation of a series has its first high peak; 1 if no peak stands out.

    Lags from 2 to `max_season` are tried, and none above a third of the series. The trend is taken away first.
    Of peaks that are about as high, the first one counts: the others are its multiples.

    Args:
        values: `[time]`, without NaN.
    """
    # 1. Take the trend away.
    length = len(values)
    max_lag = min(max_season, length // 3)
    if max_lag < 2:
        return 1
    time = np.arange(length)
    trend = np.polynomial.Polynomial.fit(time, values, TREND)
    rest = values - trend(time)
    power = float(rest @ rest)
    power_with_trend = float(values @ values)
    if power <= CONSTANT * power_with_trend:
        return 1

    # 2. Find the peaks of the autocorrelation.
    autocorrelation = _autocorrelation(rest, max_lag + 1)
    lags = np.arange(2, max_lag + 1)
    here = autocorrelation[lags]
    lowest_before = np.minimum.accumulate(autocorrelation)[lags]
    peaks = here >= autocorrelation[lags - 1]
    peaks &= here >= autocorrelation[lags + 1]
    peaks &= here >= MIN_AUTOCORRELATION
    peaks &= here - lowest_before >= MIN_RISE
    if not peaks.any():
        return 1

    # 3. Take the first of the high peaks, and near it the highest value: noise makes several peaks of one.
    highest = here[peaks].max()
    high = here >= TOLERANCE * highest
    first = lags[peaks & high][0]
    near = lags >= TOLERANCE * first
    near &= lags <= first / TOLERANCE
    best = here[near].argmax()
    return int(lags[near][best])


def _autocorrelation(values: np.ndarray, max_lag: int) -> np.ndarray:
    """The autocorrelation of a series without a trend, for lags from 0 to `max_lag`: `[max_lag + 1]`.

    It is the inverse transform of the power spectrum (the theorem of Wiener and Khinchin). The series is padded with
    zeros, so that its end does not meet its beginning. Large lags have fewer pairs of values, so each sum is scaled to
    the length of the series.

    Args:
        values: `[time]`.
    """
    length = len(values)
    power = float(values @ values)
    exponent = math.log2(2 * length)
    size = 2 ** math.ceil(exponent)
    transform = np.fft.rfft(values, size)
    spectrum = np.abs(transform) ** 2
    products = np.fft.irfft(spectrum, size)  # sums over t of y_t y_(t + lag)
    lags = np.arange(max_lag + 1)
    pairs = length - lags
    correlation = products[lags] / power
    correlation = correlation * length / pairs
    return np.asarray(correlation)
