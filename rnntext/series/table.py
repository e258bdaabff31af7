"""Tables in CSV: their columns as texts and as numbers."""

from __future__ import annotations

import csv
import dataclasses
import difflib
import io
import math
import re

import numpy as np

from rnntext.errors import DataError, UsageError
from rnntext.text.lines import name_of, read_text

DELIMITERS = ",;\t|"
THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}")  # a number whose comma or point may separate thousands
# Cells without a value, in lower case.
MISSING = {"", "-", "?", "."}
MISSING |= {"na", "n/a", "#n/a", "<na>", "nan", "null", "none"}
MAX_NUMBER = 1e30  # absolute value, exclusive


@dataclasses.dataclass(frozen=True)
class Table:
    """A table as text.

    Attributes:
        source: what messages call it.
        delimiter: stands between its cells.
        header: names of its columns.
        rows: the cells of each row but the header.
        lines: the line of the file that each row ends on.
    """

    source: str
    delimiter: str
    header: list[str]
    rows: list[list[str]]
    lines: list[int]

    def column(self, name: str, option: str) -> list[str]:
        """The cells of a column, without blanks around them.

        Args:
            name: of the column.
            option: that the user named it with, for messages.

        Raises:
            UsageError: there is no such column; the message names the nearest one, or all.
            DataError: several columns have this name.
        """
        if name not in self.header:
            hint = self._hint(name)
            raise UsageError(f"{option} {name!r}: {self.source} has no such column; {hint}")
        count = self.header.count(name)
        if count > 1:
            raise DataError(f"{self.source}: {count} columns are called {name!r}; rename them")
        index = self.header.index(name)
        return [row[index].strip() for row in self.rows]

    def _hint(self, name: str) -> str:
        """What somebody may have meant by a name that no column has."""
        names: dict[str, str] = {}
        for known in self.header:
            names.setdefault(known.casefold(), known)
        nearest = difflib.get_close_matches(name.casefold(), names, 1, 0.5)
        if nearest:
            column = names[nearest[0]]
            return f"did you mean {column!r}?"
        return f"there are: {', '.join(self.header)}"

    def numbers(self, name: str, option: str) -> np.ndarray:
        """The numbers of a column, `[rows]`, float64; what is missing is NaN.

        Args:
            name, option: as for `column`.

        Raises:
            UsageError, DataError: as for `column`.
            DataError: a cell is not a number; the message says which.
        """
        numbers: list[float] = []
        for row, cell in enumerate(self.column(name, option)):
            number = self._number(cell, row, name)
            numbers.append(number)
        return np.array(numbers)

    def ambiguity(self, name: str) -> str:
        """A warning that commas or points in a column of numbers may separate thousands; empty if they surely do not.

        They may if the cells of the table are not separated by commas and every number with one of them is like 1.234.
        """
        if self.delimiter == ",":
            return ""
        marked = [cell for cell in self.column(name, "") if "," in cell or "." in cell]
        if not marked:
            return ""
        if not all(THOUSANDS.fullmatch(cell) for cell in marked):
            return ""
        cell = marked[0]
        as_read = re.sub("[.,]", ".", cell)
        as_thousands = re.sub("[.,]", "", cell)
        advice = f"write {as_thousands} if that is meant"
        return f"{self.source}: column {name!r}: {cell} is read as {as_read}; {advice}"

    def _number(self, cell: str, row: int, name: str) -> float:
        if cell.casefold() in MISSING:
            return math.nan
        try:
            number = _parse_number(cell, self.delimiter)
        except ValueError:
            advice = ""
            if "," in cell:
                advice = "; write numbers without separators of thousands"
            raise self.error(row, f"column {name!r}: {cell!r} is not a number{advice}") from None
        if not abs(number) < MAX_NUMBER:
            raise self.error(row, f"column {name!r}: {cell} is too large a number")
        return number

    def error(self, row: int, message: str) -> DataError:
        """The error that something is wrong in a row."""
        line = self.lines[row]
        return DataError(f"{self.source}: line {line}, {message}")


def read_table(source: str) -> Table:
    """The table in a CSV file. Its first line is the header.

    Commas, semicolons, tabs or bars stand between the cells, whichever the header has most of. A byte order mark is
    ignored, and lines may end as on Windows.

    Args:
        source: a file, or `-` for standard input.

    Raises:
        InputOutputError: the file cannot be read.
        DataError: it is empty, not UTF-8, or not CSV, or a row has more or fewer cells than the header.
    """
    # 1. Read the rows.
    text = read_text(source)
    table_name = name_of(source)
    first_line, _, _ = text.partition("\n")
    delimiter = max(DELIMITERS, key=first_line.count)
    file = io.StringIO(text, newline="")
    reader = csv.reader(file, delimiter=delimiter, skipinitialspace=True, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        for row in reader:
            if row:
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise DataError(f"{table_name}: line {reader.line_num}: not CSV ({error})") from error
    # 2. Check that they make a table.
    if not rows:
        raise DataError(f"{table_name}: empty; a table is needed")
    if len(rows) == 1:
        raise DataError(f"{table_name}: no rows below the header; a table is needed")
    header = [name.strip() for name in rows[0]]
    if all(_is_number(name, delimiter) for name in header):
        cells = ", ".join(header)
        raise DataError(f"{table_name}: line {lines[0]}: {cells}: the first line must name the columns")
    width = len(header)
    for row, line in zip(rows, lines, strict=True):
        count = len(row)
        if count != width:
            raise DataError(f"{table_name}: line {line}: {count} cells, but the header has {width}")
    return Table(table_name, delimiter, header, rows[1:], lines[1:])


def _parse_number(cell: str, delimiter: str) -> float:
    """A number. Commas that do not separate cells may be decimal ones. Raises ValueError."""
    if "_" in cell:  # Python reads 1_000 as a number.
        raise ValueError
    if delimiter != ",":
        cell = cell.replace(",", ".")
    return float(cell)


def _is_number(cell: str, delimiter: str) -> bool:
    try:
        number = _parse_number(cell, delimiter)
    except ValueError:
        return False
    return math.isfinite(number)
