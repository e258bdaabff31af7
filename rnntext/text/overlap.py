"""Whether a model has seen a text before: sketches of texts, small enough to be stored with the model.

A sketch holds the smallest hashes of a text (bottom-k sketch, Broder 1997). Those hashes of another text that are not
above the sketch's largest one are a uniform sample of that text. Each of them is in the sketch, or its stretch of text
was never seen.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable

import numpy as np

from rnntext.text.vocabulary import code_points

MAX_HASHES = 4096  # in a sketch, 8 bytes each
WIDTH = 32  # characters of running text that are hashed together
CHUNK = 65_536  # characters, or sentences, that are hashed at once: their hashes stay in the cache

Hashes = np.ndarray  # [hashes], uint64, in ascending order, each once


def of_text(text: str | Iterable[str], limit: int | None = None) -> Hashes:
    """Hashes of all stretches of WIDTH characters of a running text; of these the `limit` smallest, if it is given.

    Args:
        text: in one piece or in several.
    """
    hashes = np.empty(0, np.uint64)
    before = ""  # the last characters, with which stretches begin that have not been hashed yet
    for piece in [text] if isinstance(text, str) else text:
        for begin in range(0, len(piece), CHUNK):
            chunk = before + piece[begin : begin + CHUNK]
            hashes = _smallest(hashes, _stretch_hashes(chunk), limit)
            before = chunk[max(0, len(chunk) - WIDTH + 1) :]
    return hashes


def of_sentences(sentences: Iterable[str], limit: int | None = None) -> Hashes:
    """Hashes of whole sentences; of these the `limit` smallest, if it is given."""
    hashes = np.empty(0, np.uint64)
    rest = iter(sentences)
    while digests := [_digest(sentence) for sentence in itertools.islice(rest, CHUNK)]:
        new = np.frombuffer(b"".join(digests), "<u8")  # [sentences]
        hashes = _smallest(hashes, new, limit)
    return hashes


def _digest(sentence: str) -> bytes:
    return hashlib.blake2b(sentence.encode("utf-8", "surrogatepass"), digest_size=8).digest()


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
    if limit is not None and len(one) >= limit:
        other = other[other < one[limit - 1]]  # What is larger would be sorted for nothing.
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
    hashes = code_points(text).astype(np.uint64)  # [characters]; a stretch of one character is its own hash
    if len(hashes) < WIDTH:
        return np.empty(0, np.uint64)
    # Two neighbouring stretches of the same width make one of the double width.
    multiplier = 0x9E3779B97F4A7C15  # m to the power of the width
    width = 1
    while width < WIDTH:
        hashes = hashes[:-width] * np.uint64(multiplier) + hashes[width:]
        multiplier = multiplier * multiplier % 2**64
        width *= 2
    hashes = hashes ^ (hashes >> np.uint64(30))
    hashes = hashes * np.uint64(0xBF58476D1CE4E5B9)
    hashes = hashes ^ (hashes >> np.uint64(27))
    hashes = hashes * np.uint64(0x94D049BB133111EB)
    return hashes ^ (hashes >> np.uint64(31))
