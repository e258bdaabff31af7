"""Time series from tables: columns of numbers at regular steps, with NaN where a value is missing."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from rnntext.errors import DataError, UsageError
from rnntext.series.axis import Axis, rows_axis, time_axis
from rnntext.series.dates import DateError
from rnntext.series.table import Table, read_table

MAX_STEPS_PER_ROW = 20  # If there are more, the dates are too few for the step that was found.


@dataclasses.dataclass(frozen=True)
class Series:
    """Columns of numbers at regular steps.

    Attributes:
        source: what they were read from, as messages call it.
        targets: names of the columns to be predicted.
        known: names of the columns that are known in advance.
        values: `[time, columns]`, float64, the targets before the known columns; what is missing is NaN. They begin
            where every column has begun, and end with the last value to be predicted.
        future: `[time, known]`, the known columns after that, as far as they go.
        axis: labels the time of `values[0]`, `values[1]`, ... and of what comes after.
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
    """The series in a CSV file.

    Args:
        source: a file, or `-` for standard input.
        targets: names of the columns to be predicted; if there are none, the only column that is left.
        known: names of the columns whose future is known.
        date_column: name of the column of dates or numbers that rows are sorted by, where gaps become missing rows.
            None: the rows are in order and complete.

    Raises:
        InputOutputError: the file cannot be read.
        UsageError: there is no such column, or one is named twice.
        DataError: a cell is not a number or not a date, dates occur twice or are irregular, or a column has no numbers.
    """
    # 1. Find the columns. A wrong date column is reported before the choice of the target, which depends on it.
    table = read_table(source)
    known = list(known)
    others = list(known)
    if date_column is not None:
        table.column(date_column, "--date-column")
        others.append(date_column)
    targets = list(targets) or _only_column(table, others)
    _check_names([*targets, *others])
    # 2. Read their numbers.
    columns = [table.numbers(name, "--column") for name in targets]
    columns += [table.numbers(name, "--known") for name in known]
    values = np.stack(columns, axis=1)  # [rows, columns]
    notes: list[str] = []
    for name in (*targets, *known):
        if ambiguity := table.ambiguity(name):
            notes.append(ambiguity)
    # 3. Put the rows in order.
    axis = rows_axis()
    if date_column is not None:
        axis, values, changes = _in_order(table, date_column, values)  # [time, columns]
        notes += changes
    return _trimmed(table.source, targets, known, values, axis, notes)


def _only_column(table: Table, others: Sequence[str]) -> list[str]:
    """The only column of a table that is none of `others`."""
    columns = [name for name in table.header if name not in others]
    if len(columns) != 1:
        header = ", ".join(table.header)
        raise UsageError(f"--column: name the column to be predicted; {table.source} has: {header}")
    return columns


def _check_names(names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"column {name!r} is named twice; each column has one part to play")


def _in_order(table: Table, date_column: str, values: np.ndarray) -> tuple[Axis, np.ndarray, list[str]]:
    """The time axis, the values `[time, columns]` with rows of NaN where the dates have gaps, and what was changed."""
    # 1. Find the place of each row.
    source = table.source
    axis, places = _axis(table, date_column)
    count = len(places)
    steps = max(places) + 1
    if steps > MAX_STEPS_PER_ROW * count:
        raise DataError(f"{source}: {count} dates are spread over {steps} steps of {axis.step}; too few")
    # 2. Put the rows into their places.
    columns = values.shape[1]
    ordered = np.full((steps, columns), np.nan)  # [time, columns]
    ordered[places] = values
    # 3. Say what was changed.
    notes: list[str] = []
    if places != sorted(places):
        notes.append(f"{source}: rows sorted by {date_column}")
    missing = steps - count
    if missing:
        gaps = f"{missing} of {steps} steps of {axis.step}"
        notes.append(f"{source}: {gaps} have no row; taken as missing values")
    return axis, ordered, notes


def _axis(table: Table, date_column: str) -> tuple[Axis, list[int]]:
    """The time axis of a column, and the place of each row, no two of which are the same."""
    cells = table.column(date_column, "--date-column")
    try:
        axis, places = time_axis(cells)
    except DateError as error:
        message = f"column {date_column!r}: {error}"
        if error.row is None:
            raise DataError(f"{table.source}: {message}") from None
        raise table.error(error.row, message) from None
    row_at: dict[int, int] = {}
    for row, place in enumerate(places):
        if place in row_at:
            cell = cells[row]
            line = table.lines[row_at[place]]
            raise table.error(row, f"column {date_column!r}: {cell} again, as on line {line}; keep one of them")
        row_at[place] = row
    return axis, places


def _trimmed(
    source: str, targets: list[str], known: list[str], values: np.ndarray, axis: Axis, notes: list[str]
) -> Series:
    """The series from where all columns have begun to the last value of a target; the notes get what is left out."""
    # 1. Find its beginning and its end.
    names = [*targets, *known]
    count = len(targets)
    is_present = np.isfinite(values)  # [time, columns]
    for name, column in zip(names, is_present.T, strict=True):
        if not column.any():
            raise DataError(f"{source}: column {name!r} has no numbers")
    begins = is_present.argmax(axis=0)  # [columns]
    begin = int(begins.max())
    target_is_present = is_present[:, :count].any(axis=1)  # [time]
    backwards = target_is_present[::-1]
    after = int(backwards.argmax())  # rows after the last value of a target
    end = len(values) - after
    if begin >= end:
        columns = ", ".join(names)
        raise DataError(f"{source}: the columns {columns} have no time in common")
    # 2. Say what is left out.
    if begin:
        first = axis.label(begin)
        notes.append(f"{source}: begins at {first}, before which values are missing")
    if after:
        last = axis.label(end - 1)
        notes.append(f"{source}: ends at {last}; {after} rows after that have no value to learn from")

    # 3. Number the places from the beginning.
    def label(place: int) -> str:
        try:
            return axis.label(begin + place)
        except DateError as error:
            raise DataError(f"{source}: {error}; give a smaller --horizon") from None

    past = values[begin:end]  # [time, columns]
    future = values[end:, count:]  # [time, known]
    shifted = Axis(axis.step, label)
    return Series(source, targets, known, past, future, shifted, notes)
