"""Whether a text has been seen before: sketches of texts, small enough to be kept with a model.

A sketch holds the smallest hashes of a text (bottom-k, Broder 1997). Those hashes of another text that are no larger
than its largest are a fair sample of that text; each of them is in the sketch, or was never seen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from rnntext.text.vocabulary import code_points

MOST = 4096  # hashes in a sketch, 8 bytes each
WIDTH = 32  # characters of running text that are hashed together
CHUNK = 1_000_000  # characters at a time

Hashes = np.ndarray  # sorted, each once, uint64


def of_text(text: str, most: int | None = None) -> Hashes:
    """Hashes of all stretches of WIDTH characters of a running text; with `most` only the smallest ones."""
    found = np.empty(0, np.uint64)
    for begin in range(0, max(1, len(text) - WIDTH + 1), CHUNK):
        found = _smallest(found, _stretches(text[begin : begin + CHUNK + WIDTH - 1]), most)
    return found


def of_sentences(sentences: Iterable[str], most: int | None = None) -> Hashes:
    """Hashes of whole sentences; with `most` only the smallest ones."""
    data = b"".join(hashlib.blake2b(s.encode("utf-8", "surrogatepass"), digest_size=8).digest() for s in sentences)
    return _smallest(np.empty(0, np.uint64), np.frombuffer(data, "<u8"), most)


def merge(one: Hashes, other: Hashes) -> Hashes:
    """The sketch of two texts together."""
    return _smallest(one, other, MOST)


def share(text: Hashes, sketch: Hashes) -> float:
    """Which part of a text, whose hashes are given, the text of the sketch has in common with it: 0 to 1."""
    sample = text[text <= sketch[-1]] if len(sketch) >= MOST else text
    return float(np.isin(sample, sketch).mean()) if len(sample) else 0.0


def to_bytes(sketch: Hashes) -> bytes:
    """For a file."""
    return sketch.astype("<u8").tobytes()


def from_bytes(data: bytes) -> Hashes:
    """What `to_bytes` wrote; bytes that are no whole number at the end are left out."""
    return np.frombuffer(data[: len(data) // 8 * 8], "<u8").astype(np.uint64)


def _smallest(one: np.ndarray, other: np.ndarray, most: int | None) -> Hashes:
    found = np.sort(np.concatenate([one, other]).astype(np.uint64))  # np.unique takes 90 times as long
    first = np.ones(len(found), bool)
    np.not_equal(found[1:], found[:-1], out=first[1:])
    return found[first][:most]


def _stretches(text: str) -> np.ndarray:
    """A polynomial hash of every stretch, its bits mixed (Steele, Lea, Flood 2014)."""
    points = code_points(text).astype(np.uint64)
    count = len(points) - WIDTH + 1
    if count <= 0:
        return np.empty(0, np.uint64)
    found = np.zeros(count, np.uint64)
    for offset in range(WIDTH):
        found = found * np.uint64(0x9E3779B97F4A7C15) + points[offset : offset + count]
    found = (found ^ (found >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    found = (found ^ (found >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return found ^ (found >> np.uint64(31))
