"""Rows of a table that have the time of another row: the same row again, another series, or another time of day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

from rnntext.series.clock import parse_clock
from rnntext.series.months import Axis
from rnntext.series.table import Table

HOURS = 24


def repeated_rows(table: Table, date_column: str, used: Sequence[str], axis: Axis, places: list[int]) -> list[int]:
    """The rows that say again what an earlier row says.

    Args:
        used: names of the columns that are read as numbers.
        places: of the rows on the axis.

    Raises:
        DataError: a row has the place of another one, and other cells.
    """
    if len(set(places)) == len(places):
        return []
    cells = table.column(date_column, "--date-column")
    repeated: list[int] = []
    row_at: dict[int, int] = {}
    for row, place in enumerate(places):
        other = row_at.setdefault(place, row)
        if other == row:
            continue
        if _stripped(table, row) == _stripped(table, other):
            repeated.append(row)
            continue
        line = table.lines[other]
        if cells[row] == cells[other]:
            again = f"{cells[row]} again, as on line {line}; {_advice(table, date_column, used)}"
        else:
            again = (
                f"{cells[row]} lies in the same step of {axis.step} as {cells[other]} on line {line}; keep one of them"
            )
        raise table.error(row, f"column {date_column!r}: {again}")
    return repeated


def _stripped(table: Table, row: int) -> list[str]:
    """The cells of a row without blanks around them."""
    return [cell.strip() for cell in table.rows[row]]


def _advice(table: Table, date_column: str, used: Sequence[str]) -> str:
    """What to do about dates that occur twice: another column may hold the time of day, or one or two columns may tell
    several series apart."""
    # 1. List the columns that are not used, and have the same cell in several rows.
    dates = table.column(date_column, "--date-column")
    columns: dict[str, list[str]] = {}
    for index, name in enumerate(table.header):
        cells = [row[index].strip() for row in table.rows]
        if name not in (*used, date_column) and 1 < len(set(cells)) <= len(cells) // 2:
            columns[name] = cells

    # 2. Find the one, or the two, whose cells occur once with each date.
    candidates = _telling_apart(dates, columns, 1) or _telling_apart(dates, columns, 2)
    if not candidates:
        return "keep one of them"
    kinds, names = min(candidates)
    if len(names) == 1 and _are_times_of_day(set(columns[names[0]])):
        return f"join the columns {date_column!r} and {names[0]!r} into one, with date and time of day"
    together = " and ".join(map(repr, names))
    columns_word = "column" if len(names) == 1 else "the columns"
    return f"the table holds {kinds} series: split it by {columns_word} {together} into one file for each"


def _telling_apart(dates: list[str], columns: dict[str, list[str]], count: int) -> list[tuple[int, tuple[str, ...]]]:
    """The names of each `count` columns whose cells occur once with each date, after the number of series that they
    tell apart."""
    candidates: list[tuple[int, tuple[str, ...]]] = []
    for names in combinations(columns, count):
        keys = [columns[name] for name in names]
        if _are_unique(zip(dates, *keys, strict=True)):
            candidates.append((len(set(zip(*keys, strict=True))), names))
    return candidates


def _are_unique(rows: Iterable[tuple[str, ...]]) -> bool:
    """Whether no row occurs twice; reads them up to the first one that does."""
    seen: set[tuple[str, ...]] = set()
    for row in rows:
        if row in seen:
            return False
        seen.add(row)
    return True


def _are_times_of_day(cells: set[str]) -> bool:
    """Whether cells are such as 23:59, or all hours of a day."""
    if all(":" in cell and parse_clock(" " + cell) is not None for cell in cells):
        return True
    numbers = {int(cell) for cell in cells if cell.isdecimal()}
    return len(numbers) == len(cells) == HOURS and max(numbers) <= HOURS
