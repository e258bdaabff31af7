"""Which sentences are translated side by side.

The translation of a sentence must not depend on its neighbours, but sums round differently with another padding. So a
batch has only sentences of one length class, whose lengths are equal when rounded up to a multiple of eight, and all of
them are padded to that length.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

Value = TypeVar("Value")
CLASS_WIDTH = 8  # tokens


def length_class(tokens: int) -> int:
    """The length that a sentence of `tokens` tokens is padded to: the next multiple of eight, and 8 at least."""
    classes = math.ceil(tokens / CLASS_WIDTH)
    classes = max(1, classes)
    return classes * CLASS_WIDTH


def batches(lengths: Sequence[int], batch_tokens: int) -> list[list[int]]:
    """The numbers of the sentences in each batch: of one length class, and in order.

    Within a class, sentences of about the same length are together, as their translations end at about the same time.
    The batch of the first sentence comes first, and so on.

    Args:
        lengths: of the sentences, in tokens.
        batch_tokens: limit of a batch, padding included; a longer sentence is a batch of its own.
    """
    classes: dict[int, list[int]] = {}
    numbers = range(len(lengths))
    for number in sorted(numbers, key=lengths.__getitem__):
        padded_length = length_class(lengths[number])
        members = classes.setdefault(padded_length, [])
        members.append(number)
    grouped = []
    for padded_length, members in classes.items():
        size = max(1, batch_tokens // padded_length)
        for begin in range(0, len(members), size):
            group = members[begin : begin + size]
            grouped.append(sorted(group))
    return sorted(grouped)


def in_order(numbered: Iterable[tuple[int, Value]]) -> Iterator[Value]:
    """Yields the values of numbers 0, 1, 2, ..., each as soon as it and all values before it have come.

    Args:
        numbered: pairs of a number and its value, in any order.
    """
    waiting: dict[int, Value] = {}
    number = 0
    for index, value in numbered:
        waiting[index] = value
        while number in waiting:
            yield waiting.pop(number)
            number += 1
