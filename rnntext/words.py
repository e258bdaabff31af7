"""Words of messages that all commands share."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """A number of things: 1 pair, 2 pairs, 36,000 pairs.

    Args:
        number: of the things, in figures and with commas.
        noun: its singular; the plural has an s at its end.
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
