"""Positional encodings: what tells a Transformer where in a sentence a token is."""

from __future__ import annotations

import functools

import numpy as np

from rnntext.run.arrays import Array
from rnntext.run.attention import centre

MAX_POSITIONS = 1024  # rows of learned positions; all positions behind them have the last row


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


@functools.lru_cache(maxsize=8)
def centred_sinusoids(count: int, units: int) -> Array:
    """`sinusoids` with a mean of zero at each position: `[count, units]`, float32."""
    return centre(sinusoids(count, units))
