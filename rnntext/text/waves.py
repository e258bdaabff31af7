"""Synthetic series to measure forecasters on: two sine waves of random frequency and phase, and a little noise."""

from __future__ import annotations

import numpy as np


def waves(series: int, steps: int, seed: int = 1) -> np.ndarray:
    """Makes series as in Geron, Hands-On Machine Learning, chapter 15.

    Args:
        series: how many; each has frequencies and phases of its own.
        steps: length of each.
        seed: the same seed makes the same series.

    Returns:
        `[series, steps, 1]`, float32: 0.5 sin((t - o1)(10 f1 + 10)) + 0.2 sin((t - o2)(20 f2 + 20)) + noise in +-0.05,
        with t from 0 to 1 and all of o, f uniform in 0 to 1.
    """
    generator = np.random.default_rng(seed)
    first, second, first_start, second_start = generator.random((4, series, 1))
    time = np.linspace(0, 1, steps)
    values = 0.5 * np.sin((time - first_start) * (first * 10 + 10))
    values += 0.2 * np.sin((time - second_start) * (second * 20 + 20))
    values += 0.1 * (generator.random((series, steps)) - 0.5)
    return np.asarray(values[..., None], np.float32)
