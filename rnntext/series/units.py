"""Rows of units, such as `YYYY-MM-DD,degC,m3/s`, between a header and its numbers."""

from __future__ import annotations

import re
from collections.abc import Collection

from rnntext.series.numbers import is_number

_AMOUNT = re.compile(r"\W*\d")  # $5, <5


def is_row_of_units(rows: list[list[str]], delimiter: str, missing: Collection[str]) -> bool:
    """Whether the first row says what the numbers below it are: one cell has a word where the next two rows have
    numbers, and no cell begins like a number or a date, or is written like those below it.

    Args:
        rows: those below the header.
        delimiter: what stands between their cells.
        missing: cells that mean a missing value.
    """
    first, *others = ([cell.strip().casefold() for cell in row] for row in rows[:3])
    if len(others) < 2 or any(is_number(cell, delimiter) or cell[:1].isdigit() for cell in first):
        return False
    columns = list(zip(first, *others, strict=False))
    if any(_shape(unit) == _shape(cells[0]) for unit, *cells in columns if unit):
        return False
    return any(
        unit not in missing and not _AMOUNT.match(unit) and all(is_number(cell, delimiter) for cell in cells)
        for unit, *cells in columns
    )


def _shape(cell: str) -> str:
    """A cell with 0 for each digit and a for each letter, which cells of one column often have in common."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d", "0", cell))
