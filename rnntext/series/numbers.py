"""Numbers as tables write them: decimal points or commas, and signs between thousands."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence

import numpy as np

MAX_NUMBER = 1e30  # absolute value, exclusive
SIGNS = ".,"  # of decimals, and between thousands
# A number with one sign, which may be that of decimals or stand between thousands: 1.234.
AMBIGUOUS = re.compile(r"[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}")
# A sign between thousands that cannot be that of decimals: a blank of any kind, or an apostrophe.
SEPARATOR = re.compile(r"(?<=[0-9])[\s'’](?=[0-9]{3}(?![0-9]))")


class NumberError(Exception):
    """A cell that is no number, or may be several.

    Attributes:
        row: its number, from 0.
    """

    def __init__(self, message: str, row: int) -> None:
        super().__init__(message)
        self.row = row


def parse_numbers(
    cells: Sequence[str], missing: Collection[str], decimal: str | None, comma_separates: bool
) -> np.ndarray:
    """The numbers of a column, `[rows]`, float64; what is missing is NaN.

    Args:
        cells: of the column, without blanks around them.
        missing: the cells without a value, in lower case; a number among them means all cells with this number.
        decimal: the decimal sign; None: it is found by all cells.
        comma_separates: whether commas separate the cells of the table, so that points alone are those of decimals.

    Raises:
        NumberError: a cell is not a number, or too large, or the decimal sign cannot be found.
    """
    # 1. Find the decimal sign.
    decimal = decimal or _decimal_sign(cells, missing, comma_separates)
    # 2. Read the numbers.
    numbers: list[float] = []
    for row, cell in enumerate(cells):
        try:
            numbers.append(math.nan if cell.casefold() in missing else _parse(cell, decimal))
        except ValueError:
            raise NumberError(f"{cell!r} is not a number{_advice(cell, decimal)}", row) from None
    values = np.array(numbers, np.float64)
    fillers = [_parse(text, decimal) for text in missing if _is_readable(text, decimal)]
    values[np.isin(values, fillers)] = math.nan
    # 3. Refuse those that are too large.
    too_large = np.abs(values) >= MAX_NUMBER
    if too_large.any():
        row = int(too_large.argmax())
        raise NumberError(f"{cells[row]} is too large a number", row)
    return values


def is_number(cell: str, delimiter: str) -> bool:
    """Whether a cell between such delimiters is a number, however it is written."""
    signs = "." if delimiter == "," else SIGNS
    for decimal in signs:
        try:
            if math.isfinite(_parse(cell, decimal)):
                return True
        except ValueError:
            pass
    return False


def _parse(cell: str, decimal: str) -> float:
    """The number in a cell with this decimal sign; signs between thousands are left out. Raises ValueError."""
    other = "," if decimal == "." else "."
    if other not in cell and "_" not in cell:  # Python reads 1_000 as a number.
        try:
            return float(cell.replace(decimal, "."))
        except ValueError:
            pass  # It may have blanks between thousands.
    plain = _plain(cell)
    whole, _, _ = plain.partition(decimal)
    if "_" in plain or (other in plain and not _is_grouped(plain, whole, other)):
        raise ValueError
    return float(plain.replace(other, "").replace(decimal, "."))


def _is_grouped(plain: str, whole: str, sign: str) -> bool:
    """Whether a sign stands between thousands, or as in India (12,34,567), and in the whole part of a number only."""
    groups = r"[0-9]{0,2}(?:,[0-9]{3})+|[0-9]?(?:,[0-9]{2})+,[0-9]{3}"
    grouped = re.fullmatch(rf"[+-]?[1-9](?:{groups})", whole.replace(sign, ","))
    return grouped is not None and plain.count(sign) == whole.count(sign)


def _plain(cell: str) -> str:
    """A number with the minus of a keyboard and without blanks or apostrophes between thousands."""
    return SEPARATOR.sub("", re.sub("^[−–]", "-", cell))


def _decimal_sign(cells: Sequence[str], missing: Collection[str], comma_separates: bool) -> str:
    """The decimal sign of a column: the first number decides that can be read in one way only."""
    if comma_separates and not any("," in cell for cell in cells):
        return "."
    doubt: int | None = None
    for row, cell in enumerate(cells):
        if ("," not in cell and "." not in cell) or cell.casefold() in missing:
            continue
        plain = _plain(cell)
        if AMBIGUOUS.fullmatch(plain):
            doubt = row if doubt is None else doubt
            continue
        readable = [sign for sign in SIGNS if _is_readable(plain, sign)]
        if len(readable) == 1:
            return readable[0]
    if doubt is None:
        return "."
    sign, other = (",", ".") if "," in cells[doubt] else (".", ",")
    raise NumberError(
        f"{cells[doubt]!r} can be read as {_parse(cells[doubt], other):.0f}, with a sign between thousands, or as "
        f"{_parse(cells[doubt], sign):g}, and so can all of the column; give --decimal {other} for the first, or "
        f"--decimal {sign} for the second",
        doubt,
    )


def _is_readable(cell: str, decimal: str) -> bool:
    try:
        _parse(cell, decimal)
    except ValueError:
        return False
    return True


def _advice(cell: str, decimal: str) -> str:
    """What a user may do about a cell that is not a number."""
    other = SIGNS.replace(decimal, "")
    if _is_readable(cell, other):
        return f" with the decimal sign {decimal} of its column; write all numbers of a column in one way"
    is_amount = re.search(r"\d", cell) and not re.search(r"[^\W\d_]", cell)
    return "" if is_amount else "; --missing TEXT names cells that mean no value"
