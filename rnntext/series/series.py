"""Time series from tables: columns of numbers at regular steps, with NaN where a value is missing."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from rnntext.errors import DataError, UsageError
from rnntext.series.axis import rows_axis, time_axis
from rnntext.series.dates import DateError
from rnntext.series.months import Axis
from rnntext.series.repeats import repeated_rows
from rnntext.series.table import Table, read_table

MAX_STEPS_PER_ROW = 20  # If there are more, the dates are too few for the step that was found.


@dataclasses.dataclass(frozen=True)
class TableStyle:
    """How a table is to be read, where the table itself leaves it open.

    >>> import rnntext
    >>> rnntext.TableStyle(decimal=",", missing=["-999"]).decimal
    ','

    Attributes:
        date_format: of the date column, as for `strptime`.
        step: between two rows, in seconds if the column has dates; each row is put to the nearest step.
        decimal: the decimal sign, "." or ",".
        missing: cells that mean a missing value, beside the usual ones.
        floor: the least possible value of the targets, such as 0 of counts; no forecast is below it.
    """

    date_format: str | None = None
    step: float | None = None
    decimal: str | None = None
    missing: Sequence[str] = dataclasses.field(default_factory=list)
    floor: float | None = None

    def __post_init__(self) -> None:
        missing = [self.missing] if isinstance(self.missing, str) else list(self.missing)
        object.__setattr__(self, "missing", missing)
        texts = [self.date_format, self.decimal, *self.missing]
        if not all(text is None or isinstance(text, str) for text in texts):
            raise TypeError(f"not a text: {texts}")
        if not all(number is None or isinstance(number, int | float) for number in (self.step, self.floor)):
            raise TypeError(f"not a number: {self.step}, {self.floor}")
        if self.step is not None and not 0 < self.step < math.inf:
            raise UsageError(f"--step {self.step:g}: must be more than 0")
        if self.floor is not None and not math.isfinite(self.floor):
            raise UsageError(f"--floor {self.floor:g}: must be a number")
        if self.decimal not in (None, ".", ","):
            raise UsageError(f"--decimal {self.decimal}: must be . or ,")

    def over(self, other: TableStyle) -> TableStyle:
        """This style with the fields of another one where it leaves something open."""
        own = {name: value for name, value in vars(self).items() if value is not None and value != []}
        return dataclasses.replace(other, **own)


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
        lead: `[time, columns]`, what some targets have before the others, or the known columns, have begun.
        axis: labels the time of `values[0]`, `values[1]`, ... and of what comes after.
        notes: what was done to the table, in sentences.
    """

    source: str
    targets: list[str]
    known: list[str]
    values: np.ndarray
    future: np.ndarray
    lead: np.ndarray
    axis: Axis
    notes: list[str]


def read_series(
    source: str,
    targets: Sequence[str] = (),
    known: Sequence[str] = (),
    date_column: str | None = None,
    style: TableStyle | None = None,
) -> Series:
    """The series in a CSV file.

    Args:
        source: a file, or `-` for standard input.
        targets: names of the columns to be predicted; if there are none, the only column that is left.
        known: names of the columns whose future is known.
        date_column: name of the column of dates or numbers that rows are sorted by, where gaps become missing rows.
            None: the rows are in order and complete.
        style: how the table is to be read; None: all of that is found out.

    Raises:
        InputOutputError: the file cannot be read.
        UsageError: there is no such column, or one is named twice.
        DataError: a cell is not a number or not a date, or may be several; dates occur twice or are irregular, or a
            column has no numbers.
    """
    # 1. Find the columns. A wrong date column is reported before the choice of the target, which depends on it.
    style = style or TableStyle()
    for option, value in (("--date-format", style.date_format), ("--step", style.step)):
        if date_column is None and value is not None:
            raise UsageError(f"{option}: needs --date-column")
    table = read_table(source, [*targets, *known, *([date_column] if date_column is not None else [])])
    known = list(known)
    others = list(known)
    if date_column is not None:
        table.column(date_column, "--date-column")
        others.append(date_column)
        table = table.without_blank_rows()
    targets = list(targets) or _only_column(table, others)
    _check_names([*targets, *others])
    # 2. Read their numbers.
    columns = [table.numbers(name, "--column", style.decimal, style.missing) for name in targets]
    columns += [table.numbers(name, "--known", style.decimal, style.missing) for name in known]
    values = np.stack(columns, axis=1)  # [rows, columns]
    notes = list(table.notes)
    # 3. Put the rows in order.
    axis = rows_axis()
    if date_column is not None:
        axis, values, changes = _in_order(table, date_column, [*targets, *known], values, style)  # [time, columns]
        notes += changes
    if style.floor is not None:
        notes += _below_floor(table.source, targets, values, style.floor)
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


def _in_order(
    table: Table, date_column: str, used: Sequence[str], values: np.ndarray, style: TableStyle
) -> tuple[Axis, np.ndarray, list[str]]:
    """The time axis, the values `[time, columns]` with rows of NaN where the dates have gaps, and what was changed.

    Args:
        used: names of the columns of the values.
    """
    # 1. Find the place of each row.
    source = table.source
    axis, places = _axis(table, date_column, style)
    repeated = repeated_rows(table, date_column, used, axis, places)
    count = len(places) - len(repeated)
    steps = max(places) + 1
    if steps > MAX_STEPS_PER_ROW * count:
        raise DataError(f"{source}: {count} dates are spread over {steps} steps of {axis.step}; too few")
    # 2. Put the rows into their places.
    columns = values.shape[1]
    ordered = np.full((steps, columns), np.nan)  # [time, columns]
    ordered[places] = values
    # 3. Say what was changed.
    notes: list[str] = []
    if repeated:
        line = table.lines[repeated[0]]
        notes.append(f"{source}: rows that say the same again, as that on line {line}, are left out: {len(repeated)}")
    if places != sorted(places):
        notes.append(f"{source}: rows sorted by {date_column}")
    missing = steps - count
    if missing:
        gaps = f"{missing} of {steps} steps of {axis.step}"
        notes.append(f"{source}: {gaps} have no row; taken as missing values")
    return axis, ordered, notes


def _axis(table: Table, date_column: str, style: TableStyle) -> tuple[Axis, list[int]]:
    """The time axis of a column, and the place of each row."""
    cells = table.column(date_column, "--date-column")
    try:
        return time_axis(cells, style.date_format, style.step)
    except DateError as error:
        message = f"column {date_column!r}: {error}"
        if error.row is None:
            raise DataError(f"{table.source}: {message}") from None
        raise table.error(error.row, message) from None


def _below_floor(source: str, targets: Sequence[str], values: np.ndarray, floor: float) -> list[str]:
    """A sentence about each target that has been below the floor, which no forecast will be.

    Args:
        values: `[time, at least targets]`.
    """
    counts = np.count_nonzero(values < floor, axis=0).tolist()
    totals = np.isfinite(values).sum(axis=0).tolist()
    return [
        f"{source}: {name}: {count} of {total} values are below --floor {floor:g}, but no forecast will be"
        for name, count, total in zip(targets, counts, totals, strict=False)
        if count
    ]


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
    first_target = int(target_is_present.argmax())
    lead = values[first_target:begin]  # [time, columns]
    if begin:
        first = axis.label(begin)
        unused = "; what single columns have before is of use to --impute only" if len(lead) else ""
        notes.append(f"{source}: begins at {first}, before which values are missing{unused}")
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
    return Series(source, targets, known, past, future, lead, shifted, notes)
