"""Which sentences are translated side by side.

An answer must not depend on its neighbours, but sums change with padding. So only sentences of one length class, whose
lengths are equal when rounded up to a multiple of eight, share a batch, and all of them are padded to that.
"""

from __future__ import annotations

from collections.abc import Sequence

CLASS = 8  # tokens


def length_class(tokens: int) -> int:
    """The length that a sentence of `tokens` tokens is padded to."""
    return max(1, -(-tokens // CLASS)) * CLASS


def batches(lengths: Sequence[int], batch_tokens: int) -> list[list[int]]:
    """Groups sentences, given by their lengths, into batches of one length class and at most `batch_tokens` tokens,
    padding included (a longer sentence is a batch of its own). The batch of the first sentence comes first, and so on.
    """
    found: list[list[int]] = []
    filling: dict[int, list[int]] = {}  # by length class
    for index, length in enumerate(lengths):
        padded = length_class(length)
        batch = filling.get(padded)
        if batch is None or (len(batch) + 1) * padded > batch_tokens:
            batch = filling[padded] = []
            found.append(batch)
        batch.append(index)
    return found
