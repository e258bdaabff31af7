"""Whether a model has seen a text before: sketches of texts, small enough to be stored with the model.

A sketch holds the smallest hashes of a text (bottom-k sketch, Broder 1997). Those hashes of another text that are not
above the sketch's largest one are a uniform sample of that text. Each of them is in the sketch, or its stretch of text
was never seen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from rnntext.text.vocabulary import code_points

MAX_HASHES = 4096  # in a sketch, 8 bytes each
WIDTH = 32  # characters of running text that are hashed together
CHUNK = 1_000_000  # characters that are hashed at once

Hashes = np.ndarray  # [hashes], uint64, in ascending order, each once


def of_text(text: str, limit: int | None = None) -> Hashes:
    """Hashes of all stretches of WIDTH characters of a running text; of these the `limit` smallest, if it is given."""
    hashes = np.empty(0, np.uint64)
    stretches = len(text) - WIDTH + 1
    for begin in range(0, max(1, stretches), CHUNK):
        end = begin + CHUNK + WIDTH - 1
        new = _stretch_hashes(text[begin:end])
        hashes = _smallest(hashes, new, limit)
    return hashes


def of_sentences(sentences: Iterable[str], limit: int | None = None) -> Hashes:
    """Hashes of whole sentences; of these the `limit` smallest, if it is given."""
    encoded = (sentence.encode("utf-8", "surrogatepass") for sentence in sentences)
    digests = (hashlib.blake2b(data, digest_size=8).digest() for data in encoded)
    hashes = np.frombuffer(b"".join(digests), "<u8")  # [sentences]
    nothing = np.empty(0, np.uint64)
    return _smallest(nothing, hashes, limit)


def merge(one: Hashes, other: Hashes) -> Hashes:
    """The sketch of two texts together."""
    return _smallest(one, other, MAX_HASHES)


def share(text: Hashes, sketch: Hashes) -> float:
    """The part of a text that the sketched text contains, 0 to 1, by the sample that the sketch allows.

    Args:
        text: all hashes of the text.
        sketch: of the other text.
    """
    sample = text
    if len(sketch) >= MAX_HASHES:  # Larger hashes were left out.
        sample = text[text <= sketch[-1]]
    if len(sample) == 0:
        return 0.0
    is_seen = np.isin(sample, sketch)
    return float(is_seen.mean())


def to_bytes(sketch: Hashes) -> bytes:
    """The content of a file that stores a sketch."""
    return sketch.astype("<u8").tobytes()


def from_bytes(data: bytes) -> Hashes:
    """The sketch that `to_bytes` wrote; an incomplete number at the end is left out."""
    count = len(data) // 8
    size = 8 * count
    sketch = np.frombuffer(data[:size], "<u8")  # [hashes]
    return sketch.astype(np.uint64)


def _smallest(one: np.ndarray, other: np.ndarray, limit: int | None) -> Hashes:
    """The `limit` smallest hashes of two arrays, each once."""
    hashes = np.concatenate([one, other])
    hashes = hashes.astype(np.uint64)
    hashes = np.sort(hashes)  # np.unique takes 90 times as long.
    is_new = np.ones(len(hashes), bool)  # [hashes]
    before = hashes[:-1]
    np.not_equal(hashes[1:], before, out=is_new[1:])
    distinct = hashes[is_new]
    return distinct[:limit]


def _stretch_hashes(text: str) -> np.ndarray:
    """The hash of each stretch of WIDTH characters, `[stretches]`, uint64, in the order of the text.

    It is the polynomial h = sum_i c_i m^(WIDTH - 1 - i) mod 2^64 of the code points c_i, and then the mixing function
    of SplitMix64 (Steele, Lea, Flood 2014), which spreads every bit of h over the whole hash.
    """
    points = code_points(text).astype(np.uint64)  # [characters]
    count = len(points) - WIDTH + 1
    if count <= 0:
        return np.empty(0, np.uint64)
    multiplier = np.uint64(0x9E3779B97F4A7C15)
    hashes = np.zeros(count, np.uint64)
    for offset in range(WIDTH):
        characters = points[offset : offset + count]
        hashes = hashes * multiplier + characters
    hashes = hashes ^ (hashes >> np.uint64(30))
    hashes = hashes * np.uint64(0xBF58476D1CE4E5B9)
    hashes = hashes ^ (hashes >> np.uint64(27))
    hashes = hashes * np.uint64(0x94D049BB133111EB)
    return hashes ^ (hashes >> np.uint64(31))
