"""A word on how far a long preparation has come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from rnntext.text.lines import Report

SECONDS = 30.0  # between two words
T = TypeVar("T")


def told(items: Iterable[T], done: str, report: Report, size: Callable[[T], int] = lambda item: 1) -> Iterator[T]:
    """The items; how many have been taken is told every half a minute.

    Args:
        done: what has been done to how many of what: "characters read".
        report: is told.
        size: how much an item counts.
    """
    count = 0
    last = time.monotonic()
    for item in items:
        yield item
        count += size(item)
        now = time.monotonic()
        if now - last >= SECONDS:
            last = now
            report(f"preparing: {count:,} {done}")
