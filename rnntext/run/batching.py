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
    padding included (a longer sentence is a batch of its own). Sentences as long as one another are together: their
    translations end together, too. The batch of the first sentence comes first, and so on.
    """
    classes: dict[int, list[int]] = {}
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        classes.setdefault(length_class(lengths[index]), []).append(index)
    found = []
    for padded, members in classes.items():
        room = max(1, batch_tokens // padded)
        found += [sorted(members[begin : begin + room]) for begin in range(0, len(members), room)]
    return sorted(found)
