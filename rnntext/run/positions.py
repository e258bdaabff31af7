"""Positional encodings: what tells a Transformer where in a sentence a token is."""

from __future__ import annotations

import functools

import numpy as np

from rnntext.run.arrays import Array
from rnntext.run.attention import centre
from rnntext.run.batching import length_class
from rnntext.run.search import answer_limit
from rnntext.settings.search import SearchConfig

MAX_POSITIONS = 1024  # rows of learned positions; all positions behind them have the last row


def table_rows(longest: int) -> int:
    """Rows of a table of positions that serves sources of at most `longest` tokens, and their translations."""
    return max(MAX_POSITIONS, answer_limit(length_class(longest), SearchConfig()))


@functools.lru_cache(maxsize=8)
def sinusoids(count: int, units: int) -> Array:
    """Sinusoidal positional encodings of positions 0 to count - 1: `[count, units]`, float32.

    With w_i = 1 / 10000^(2 i / units), position p has sin(w_i p) in column i and cos(w_i p) in column units / 2 + i
    (Vaswani et al. 2017, section 3.5, where sines and cosines alternate, which makes no difference to what is learnt).
    """
    even = np.arange(0, units, 2)  # 2 i
    exponents = -even / units  # [units / 2]
    frequencies = 10000.0**exponents
    positions = np.arange(count)
    angles = positions[:, None] * frequencies  # [count, units / 2]
    sines = np.sin(angles)
    cosines = np.cos(angles)
    encodings = np.concatenate([sines, cosines], axis=1)  # [count, units]
    return encodings.astype(np.float32)


def encodings(learned: Array | None, count: int, units: int) -> Array:
    """Positional encodings of positions 0 to count - 1: `[count, units]`, float32.

    Args:
        learned: `[MAX_POSITIONS, units]`, the last of which also serves all positions behind it; None: they are
            sinusoidal.
    """
    if learned is None:
        return sinusoids(count, units)
    last = len(learned) - 1
    rows = np.minimum(np.arange(count), last)
    return learned[rows]


@functools.lru_cache(maxsize=8)
def centred_sinusoids(count: int, units: int) -> Array:
    """`sinusoids` with a mean of zero at each position: `[count, units]`, float32."""
    return centre(sinusoids(count, units))
