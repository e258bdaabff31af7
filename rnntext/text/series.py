"""Time series from tables: columns of numbers at regular steps, gaps as NaN."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from rnntext.errors import DataError, UsageError
from rnntext.text.dates import Axis, DateError, rows_axis, understand
from rnntext.text.table import Table, read_table

MOST_GAPS = 20  # times as many steps as rows are too many


@dataclasses.dataclass(frozen=True)
class Series:
    """Columns of numbers at regular steps.

    Attributes:
        source: what they were read from, as messages call it.
        targets, known: names of the columns to be predicted, and of those known in advance.
        values: `[time, targets + known]`, float64; what is missing is NaN. It begins where every column has begun and
            ends with the last value to be predicted.
        future: the known columns after that, as far as they go, `[time, known]`.
        axis: how the time of `values[0]`, `values[1]`, ... is written, and of what comes after.
        notes: what was done to the table, in sentences.
    """

    source: str
    targets: list[str]
    known: list[str]
    values: np.ndarray
    future: np.ndarray
    axis: Axis
    notes: list[str]


def read_series(
    source: str, targets: Sequence[str] = (), known: Sequence[str] = (), date_column: str | None = None
) -> Series:
    """Reads columns of a CSV file.

    Args:
        source: a file, or `-` for stdin.
        targets: columns to be predicted; none: the only one that there is.
        known: columns whose future is known.
        date_column: dates, or numbers; rows are sorted by it, and gaps become missing rows. None: rows are in order.

    Raises:
        UsageError: a column that is not there.
        DataError: a cell is not a number or not a date, dates occur twice or are irregular, a column has no numbers.
    """
    table = read_table(source)
    if date_column is not None:
        table.column(date_column, "--date-column")  # before others are blamed
    targets = list(targets) or _only_column(table, [*known, *([date_column] if date_column else [])])
    named = [*targets, *known, *([date_column] if date_column else [])]
    if twice := next((name for name in named if named.count(name) > 1), None):
        raise UsageError(f"column {twice!r} is named twice; each column has one part to play")
    options = ["--column"] * len(targets) + ["--known"] * len(known)
    columns = [table.numbers(name, option) for name, option in zip([*targets, *known], options, strict=True)]
    values = np.stack(columns, axis=1)
    axis = rows_axis()
    notes = [note for name in [*targets, *known] if (note := table.doubt(name))]
    if date_column is not None:
        axis, values, found = _in_order(table, date_column, values)
        notes += found
    return _framed(table.source, targets, list(known), values, axis, notes)


def _only_column(table: Table, others: Sequence[str]) -> list[str]:
    rest = [name for name in table.header if name not in others]
    if len(rest) != 1:
        raise UsageError(f"--column: name the column to be predicted; {table.source} has: {', '.join(table.header)}")
    return rest


def _in_order(table: Table, date_column: str, values: np.ndarray) -> tuple[Axis, np.ndarray, list[str]]:
    """Sorts rows by their dates; dates that are left out become rows of NaN."""
    cells = table.column(date_column, "--date-column")
    try:
        axis, places = understand(cells)
    except DateError as error:
        where = f"column {date_column!r}: {error}"
        raise DataError(f"{table.source}: {where}") if error.row is None else table.error(error.row, where) from None
    first: dict[int, int] = {}
    for row, place in enumerate(places):
        if place in first:
            before = table.lines[first[place]]
            raise table.error(row, f"column {date_column!r}: {cells[row]} again, as on line {before}; keep one of them")
        first[place] = row
    steps = max(places) + 1
    if steps > MOST_GAPS * len(places):
        raise DataError(f"{table.source}: {len(places)} dates are spread over {steps} steps of {axis.step}; too few")
    notes = [] if places == sorted(places) else [f"{table.source}: rows sorted by {date_column}"]
    if missing := steps - len(places):
        notes.append(f"{table.source}: {missing} of {steps} steps of {axis.step} have no row; taken as missing values")
    found = np.full((steps, values.shape[1]), np.nan)
    found[places] = values
    return axis, found, notes


def _framed(
    source: str, targets: list[str], known: list[str], values: np.ndarray, axis: Axis, notes: list[str]
) -> Series:
    """Cuts off what lies before the first and after the last value."""
    there = np.isfinite(values)
    for name, column in zip([*targets, *known], there.T, strict=True):
        if not column.any():
            raise DataError(f"{source}: column {name!r} has no numbers")
    begin = int(there.argmax(axis=0).max())
    count = len(targets)
    end = len(values) - int(there[::-1, :count].any(axis=1).argmax())
    if begin >= end:
        raise DataError(f"{source}: the columns {', '.join([*targets, *known])} have no time in common")
    if begin:
        notes.append(f"{source}: begins at {axis.label(begin)}, before which values are missing")
    if after := len(values) - end:
        notes.append(f"{source}: ends at {axis.label(end - 1)}; {after} rows after that have no value to learn from")

    def label(place: int) -> str:
        try:
            return axis.label(place + begin)
        except DateError as error:
            raise DataError(f"{source}: {error}; give a smaller --horizon") from None

    moved = Axis(axis.step, label)
    return Series(source, targets, known, values[begin:end], values[end:, count:], moved, notes)
