"""Synthetic series to compare forecasters on: two sine waves of random frequency and phase, and a little noise."""

from __future__ import annotations

import numpy as np

BOOK_SEED = 42  # of the series in the book


def waves(count: int, steps: int, seed: int = BOOK_SEED) -> np.ndarray:
    """Series as in Géron, Hands-On Machine Learning (2nd edition), chapter 15, `[series, steps, 1]`, float32.

    x(t) = 0.5 sin(w1 (t - o1)) + 0.2 sin(w2 (t - o2)) + 0.1 e(t), t from 0 to 1, with the angular frequencies
    w1 = 10 f1 + 10 and w2 = 20 f2 + 20; all of f and o are uniform in 0 to 1, and e is uniform in -0.5 to 0.5.

    Args:
        count: number of series; each has frequencies and phases of its own.
        steps: length of each.
        seed: the same seed makes the same series; BOOK_SEED makes those of the book's figures.
    """
    generator = np.random.RandomState(seed)  # the old generator, as in the book
    f1, f2, o1, o2 = generator.rand(4, count, 1)  # [series, 1]
    t = np.linspace(0, 1, steps)  # [steps]
    w1 = f1 * 10 + 10
    w2 = f2 * 20 + 20
    first_phase = (t - o1) * w1  # [series, steps]
    second_phase = (t - o2) * w2
    x = 0.5 * np.sin(first_phase)
    x += 0.2 * np.sin(second_phase)
    e = generator.rand(count, steps) - 0.5
    x += 0.1 * e
    return np.asarray(x[..., None], np.float32)  # [series, steps, 1]
