"""Tables in CSV: the columns that were asked for, as numbers."""

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
THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}")
# Cells that say that nothing is known.
MISSING = {"", *["na", "n/a", "#n/a", "<na>", "nan", "null", "none", "-", "?", "."]}


@dataclasses.dataclass(frozen=True)
class Table:
    """A table as text.

    Attributes:
        source: what it is called in messages.
        delimiter: what stands between its cells.
        header: names of its columns.
        rows: its cells.
        lines: of each row, the line of the file on which it ends.
    """

    source: str
    delimiter: str
    header: list[str]
    rows: list[list[str]]
    lines: list[int]

    def column(self, name: str, option: str) -> list[str]:
        """The cells of a column, without blanks around them.

        Args:
            option: how the user named it, for messages.

        Raises:
            UsageError: there is no such column; says which is nearest.
        """
        if name not in self.header:
            folded = {known.casefold(): known for known in reversed(self.header)}
            close = difflib.get_close_matches(name.casefold(), list(folded), 1, 0.5)
            hint = f"did you mean {folded[close[0]]!r}?" if close else f"there are: {', '.join(self.header)}"
            raise UsageError(f"{option} {name!r}: {self.source} has no such column; {hint}")
        if self.header.count(name) > 1:
            raise DataError(f"{self.source}: {self.header.count(name)} columns are called {name!r}; rename them")
        place = self.header.index(name)
        return [row[place].strip() for row in self.rows]

    def numbers(self, name: str, option: str) -> np.ndarray:
        """A column as numbers `[rows]`, float64; what is missing is NaN.

        Raises:
            DataError: a cell is not a number; says which.
        """
        return np.array([self._number(cell, row, name) for row, cell in enumerate(self.column(name, option))])

    def doubt(self, name: str) -> str:
        """What is to be said of a column of numbers whose signs could mean thousands, or nothing: 1.234 in a table
        whose cells are not separated by commas, if all numbers with a sign are like this."""
        marked = [cell for cell in self.column(name, "") if "," in cell or "." in cell]
        if self.delimiter == "," or not marked or not all(THOUSANDS.fullmatch(cell) for cell in marked):
            return ""
        meant, read = (re.sub("[.,]", sign, marked[0]) for sign in ("", "."))
        return f"{self.source}: column {name!r}: {marked[0]} is read as {read}; write {meant} if that is meant"

    def _number(self, cell: str, row: int, name: str) -> float:
        if cell.casefold() in MISSING:
            return math.nan
        try:
            found = _read(cell, self.delimiter)
        except ValueError:
            advice = "" if "," not in cell else "; write numbers without separators of thousands"
            raise self.error(row, f"column {name!r}: {cell!r} is not a number{advice}") from None
        if not abs(found) < 1e30:
            raise self.error(row, f"column {name!r}: {cell} is too large a number")
        return found

    def error(self, row: int, what: str) -> DataError:
        """Something is wrong in a row."""
        return DataError(f"{self.source}: line {self.lines[row]}, {what}")


def read_table(source: str) -> Table:
    """Reads a CSV file, or stdin for `-`. The first line is the header; commas, semicolons, tabs or bars stand between
    cells, whichever the header has most of; a byte order mark and Windows line ends are no matter.

    Raises:
        InputOutputError: the file cannot be read.
        DataError: it is empty, not UTF-8, not CSV, or a row has more or fewer cells than the header.
    """
    text, where = read_text(source), name_of(source)
    first = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    rows, lines = [], []
    try:
        for row in reader:
            if row:
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise DataError(f"{where}: line {reader.line_num}: not CSV ({error})") from error
    if len(rows) < 2:
        raise DataError(f"{where}: {'no rows below the header' if rows else 'empty'}; a table is needed")
    header = [name.strip() for name in rows[0]]
    if all(_is_number(name, delimiter) for name in header):
        raise DataError(f"{where}: line {lines[0]}: {', '.join(header)}: the first line must name the columns")
    for row, line in zip(rows, lines, strict=True):
        if len(row) != len(header):
            raise DataError(f"{where}: line {line}: {len(row)} cells, but the header has {len(header)}")
    return Table(where, delimiter, header, rows[1:], lines[1:])


def _read(cell: str, delimiter: str) -> float:
    """A number; where commas do not separate cells, they may be decimal ones. Raises ValueError."""
    if "_" in cell:  # Python would read 1_000 as a number
        raise ValueError
    return float(cell if delimiter == "," else cell.replace(",", "."))


def _is_number(cell: str, delimiter: str) -> bool:
    try:
        return math.isfinite(_read(cell, delimiter))
    except ValueError:
        return False
