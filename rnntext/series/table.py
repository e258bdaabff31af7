"""Tables in CSV: their columns as texts and as numbers."""

from __future__ import annotations

import csv
import dataclasses
import difflib
import io
import re
from collections.abc import Collection
from itertools import pairwise

import numpy as np

from rnntext.errors import DataError, UsageError
from rnntext.series.numbers import NumberError, is_number, parse_numbers
from rnntext.series.units import is_row_of_units
from rnntext.text.lines import name_of, read_text

DELIMITERS = ",;\t|"
SAMPLE = 100  # first lines of a file, by which header and delimiter are found
COMMENT = "#"
NAMED_DELIMITER = re.compile(r'"?sep=([^\r\n])', re.IGNORECASE)
UNCLOSED = "; a quotation mark may not be closed where it should be"
# Cells without a value, in lower case.
MISSING = {"", "-", "?", "."}
MISSING |= {"na", "n/a", "#n/a", "<na>", "nan", "null", "none"}
MISSING |= {"--", "..", "...", "…", "–", "—", ":", "n.a.", "nat", "#div/0!", "#value!", "#ref!", "#num!"}


@dataclasses.dataclass(frozen=True)
class Table:
    """A table as text.

    Attributes:
        source: what messages call it.
        delimiter: stands between its cells.
        header: names of its columns.
        rows: the cells of each row but the header.
        lines: the line of the file that each row begins on.
        notes: what was left out, in sentences.
    """

    source: str
    delimiter: str
    header: list[str]
    rows: list[list[str]]
    lines: list[int]
    notes: list[str] = dataclasses.field(default_factory=list)

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

    def numbers(self, name: str, option: str, decimal: str | None = None, missing: Collection[str] = ()) -> np.ndarray:
        """The numbers of a column, `[rows]`, float64; what is missing is NaN.

        Args:
            name, option: as for `column`.
            decimal: the decimal sign, "." or ","; None: it is found by all cells of the column.
            missing: cells that mean a missing value, beside the usual ones.

        Raises:
            UsageError, DataError: as for `column`.
            DataError: a cell is not a number, or the decimal sign cannot be found; the message says which.
        """
        cells = self.column(name, option)
        names = MISSING | {text.strip().casefold() for text in missing}
        try:
            return parse_numbers(cells, names, decimal, comma_separates=self.delimiter == ",")
        except NumberError as error:
            raise self.error(error.row, f"column {name!r}: {error}") from None

    def without_blank_rows(self) -> Table:
        """The table without the rows that have no cell with a text, as spreadsheets write them below a table."""
        kept = [index for index, row in enumerate(self.rows) if not _is_blank(row)]
        if len(kept) == len(self.rows):
            return self
        rows = [self.rows[index] for index in kept]
        lines = [self.lines[index] for index in kept]
        return dataclasses.replace(self, rows=rows, lines=lines)

    def error(self, row: int, message: str) -> DataError:
        """The error that something is wrong in a row."""
        line = self.lines[row]
        return DataError(f"{self.source}: line {line}, {message}")


def read_table(source: str, names: Collection[str] = ()) -> Table:
    """The table in a CSV file. Its header is the first line with as many cells as most lines have.

    Commas, semicolons, tabs or bars stand between the cells. Left out are a byte order mark, a line `sep=;` (which says
    what stands between the cells), comments, what else stands before the header, and columns without name and cells.
    Lines may end as on Windows.

    Args:
        source: a file, or `-` for standard input.
        names: of columns that it should have; a line that has them all is the header.

    Raises:
        InputOutputError: the file cannot be read.
        DataError: it is empty, not UTF-8, or not CSV, or a row has more or fewer cells than the header.
    """
    # 1. Read the rows.
    text = read_text(source)
    table_name = name_of(source)
    begin, delimiter = _header(text, names)
    preamble = text[:begin]
    skipped = preamble.count("\n")
    rows, lines = _rows(text[begin:], delimiter, table_name, skipped)
    # 2. Check that they make a table.
    if not rows:
        raise DataError(f"{table_name}: empty; a table is needed")
    if len(rows) == 1:
        raise DataError(f"{table_name}: no rows below the header; a table is needed")
    header = [name.strip() for name in rows[0]]
    if all(is_number(name, delimiter) for name in header):
        cells = ", ".join(header)
        raise DataError(f"{table_name}: line {lines[0]}: {cells}: the first line must name the columns")
    rows, lines = rows[1:], lines[1:]
    notes = []
    if is_row_of_units(rows, delimiter, MISSING):
        notes.append(f"{table_name}: line {lines[0]} has no numbers: taken for a row of units, and left out")
        rows, lines = rows[1:], lines[1:]
    # 3. Drop what a spreadsheet adds on the right.
    while header and not header[-1] and _is_blank([row[len(header) - 1] for row in rows if len(row) >= len(header)]):
        header.pop()
    _fit(rows, lines, len(header), delimiter, table_name)
    # 4. Say what stands before the header.
    before = [line for line in preamble.split("\n") if line.strip() and not line.startswith(COMMENT)]
    if not all(map(NAMED_DELIMITER.match, before)):
        notes.append(f"{table_name}: the table begins on line {skipped + 1}; what stands before it is left out")
    return Table(table_name, delimiter, header, rows, lines, notes)


def _header(text: str, names: Collection[str]) -> tuple[int, str]:
    """Where the header of a table begins, and what stands between its cells.

    The header is the line with all names that are wanted. If there is none, a delimiter is looked for that most lines
    have equally often. The header is the first line with so many of them, or the comment before that line if it has
    numbers.
    """
    # 1. List the first lines.
    lines: list[tuple[int, str]] = []  # where a line begins, and the line
    comment = (0, "")
    end = 0
    for line in io.StringIO(text, newline=""):
        if not lines and (named_delimiter := NAMED_DELIMITER.match(line)):
            return len(line), named_delimiter[1]
        if line.startswith(COMMENT) and not lines:
            comment = (end + len(COMMENT), line)
        elif line.strip() and not line.startswith(COMMENT):
            lines.append((end, line))
        end += len(line)
        if len(lines) == SAMPLE:
            break
    if not lines:
        return 0, DELIMITERS[0]
    named = _named_header(lines, names)
    if named is not None:
        return named
    # 2. The delimiter whose header comes first is the right one; of several the one that it has most of.
    candidates: list[tuple[int, int, str]] = []
    for delimiter in DELIMITERS:
        counts = [len(_cells(line, delimiter)) for _, line in lines]
        usual = max(counts, key=lambda count: (counts.count(count), count == counts[0], count))
        if usual > 1:
            candidates.append((counts.index(usual), -usual, delimiter))
    width = len(_cells(lines[0][1], DELIMITERS[0]))
    _, count, delimiter = min(candidates, default=(0, -width, max(DELIMITERS, key=lines[0][1].count)))
    # 3. A line with a number, or with a missing one, is no header; nor is what comes after the first row.
    rows = [(begin, _cells(line, delimiter)) for begin, line in lines]
    rows = [(begin, cells) for begin, cells in rows if len(cells) == -count]
    patterns = [[cell[:1].isdigit() for cell in cells] for _, cells in rows]
    usual_pattern = max(patterns, key=patterns.count, default=[])
    for (begin, cells), pattern in zip(rows, patterns, strict=True):
        if not any(cell in MISSING or is_number(cell, delimiter) for cell in cells):
            return begin, delimiter
        if pattern == usual_pattern:
            break
    return (comment if len(_cells(comment[1], delimiter)) == -count else lines[0])[0], delimiter


def _named_header(lines: list[tuple[int, str]], names: Collection[str]) -> tuple[int, str] | None:
    """As `_header`, for the line with all names and the most cells; None if there is no such line, or no name."""
    wanted = {name.casefold() for name in names}
    if not wanted:
        return None
    rows = [(begin, delimiter, _cells(line, delimiter)) for begin, line in lines for delimiter in DELIMITERS]
    headers = [(len(cells), begin, delimiter) for begin, delimiter, cells in rows if wanted <= set(cells)]
    _, begin, delimiter = max(headers, key=lambda header: header[0], default=(0, 0, ""))
    return (begin, delimiter) if delimiter else None


def _cells(line: str, delimiter: str) -> list[str]:
    """The cells of a line, as texts in lower case."""
    row = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    return [cell.strip().casefold() for cell in row]


def _rows(text: str, delimiter: str, table_name: str, skipped: int) -> tuple[list[list[str]], list[int]]:
    """The rows of a table, and the line that each begins on; `skipped` lines come before the text."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    width = 0  # of the header
    line = skipped + 1
    try:
        for row in reader:
            is_comment = bool(row) and row[0].startswith(COMMENT) and (len(row) == 1 or len(row) != width)
            if row and not is_comment:
                width = width or len(row)
                rows.append(row)
                lines.append(line)
            line = skipped + reader.line_num + 1
    except csv.Error as error:
        last = skipped + reader.line_num
        advice = ""
        if last > line or "end of data" in str(error):
            advice = f"; a quotation mark that opens on line {line} is not closed where it should be"
        raise DataError(f"{table_name}: line {line}: not CSV ({error}){advice}") from error
    return rows, lines


def _fit(rows: list[list[str]], lines: list[int], width: int, delimiter: str, table_name: str) -> None:
    """Cuts blank cells beyond the width of the header off the rows.

    Raises:
        DataError: a row has other cells than the header, or a cell holds further rows; the message says why this may
            be so.
    """
    for index, row in enumerate(rows):
        count = len(row)
        if count == width and _holds_rows(row, delimiter):
            raise DataError(f"{table_name}: line {lines[index]}: a cell holds further rows of the table{UNCLOSED}")
        if count == width:
            continue
        if count > width and _is_blank(row[width:]):
            del row[width:]
            continue
        advice = ""
        if any("\n" in cell for cell in row):
            advice = UNCLOSED
        elif delimiter == "," and count > width and _has_decimal_comma(row):
            advice = "; decimal commas want another sign between the cells, such as ;"
        raise DataError(f"{table_name}: line {lines[index]}: {count} cells, but the header has {width}{advice}")


def _holds_rows(row: list[str], delimiter: str) -> bool:
    """Whether a line in a cell has as many cells as the table, and begins with a digit as the row itself does."""
    later_lines = [line for cell in row if "\n" in cell for line in cell.split("\n")[1:]]
    inner_rows = [_cells(line, delimiter) for line in later_lines if row[0][:1].isdigit() and line[:1].isdigit()]
    return len(row) > 1 and any(len(cells) == len(row) for cells in inner_rows)


def _has_decimal_comma(row: list[str]) -> bool:
    """Whether commas that separate the cells of a row may have been meant within numbers."""
    return any(left.strip("+- ").isdigit() and right.strip().isdigit() for left, right in pairwise(row))


def _is_blank(cells: list[str]) -> bool:
    return not any(map(str.strip, cells))
