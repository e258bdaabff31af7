"""The columns of a table of sentence pairs: which hold sentences, and which hold numbers, names or addresses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from rnntext.errors import DataError, UsageError
from rnntext.words import counted

Columns = tuple[int, ...]  # their numbers, from 1: that of the source, then that of its translation
DEFAULT = (1, 2)
MAX_ROWS = 10_000  # rows that are looked at
MIN_WORDS = 0.1  # share of a column's values that have a word in them
MIN_DISTINCT = 0.01  # share of a column's values that differ from one another
MAX_SAME = 10  # rows of which all may have one value, or the same text in both columns
MAX_EQUAL = 0.9  # share of rows whose two columns are equal

# A word has a letter. One of ASCII letters alone has no digit and no sign of addresses, file names and hashes.
_ASCII_WORD = r"(?!www\.)[^\s\d/\\_@]*[A-Za-z][^\s\d/\\_@]*(?!\S)"
_OTHER_WORD = r"(?!\S*://)\S*[^\W\d_A-Za-z]"
_WORD = re.compile(rf"(?<!\S)(?:{_ASCII_WORD}|{_OTHER_WORD})")


class _Fault(NamedTuple):
    """Why a column is not one of sentences.

    Attributes:
        words: what the message says of it.
        may_be: whether it may be one all the same, of a table from which nothing can be learnt.
    """

    words: str
    may_be: bool = False


def parse(text: str) -> Columns:
    """The columns that a text such as "2,4" names.

    Raises:
        UsageError: it is not two or more numbers from 1, or a number occurs twice.
    """
    names = text.split(",")
    numbers = tuple(int(name) for name in names if re.fullmatch(" *0*[1-9][0-9]{0,5} *", name))
    if len(numbers) != len(names) or len(set(numbers)) != len(numbers) or len(numbers) < 2:
        raise UsageError(f"--columns {text}: name the column of the source and that of its translation, as in 2,4")
    return numbers


def check_pair(columns: Columns) -> None:
    """Checks that columns are two.

    Raises:
        UsageError: they are not, or no numbers from 1.
    """
    shown = ",".join(map(str, columns))
    if len(parse(shown)) != 2:
        raise UsageError(f"--columns {shown}: name two columns, as in 2,4")


def check(rows: Sequence[Sequence[str]], name: str) -> None:
    """Checks that the first two columns hold sentences, which numbers, addresses and names of languages are not.

    Args:
        rows: some rows of the table.
        name: of the table.

    Raises:
        DataError: a column hardly has a word, or hardly two values that differ, or both columns are the same; the
            message names likely columns.
    """
    faults = {number: fault for number in DEFAULT if (fault := _fault(rows, number)) is not None}
    if not faults and _are_equal(rows):
        faults = {DEFAULT[1]: _Fault(f"is the same as column {DEFAULT[0]}")}
    if not faults or not rows:
        return
    number, fault = next(iter(faults.items()))
    width = max(map(len, rows))
    likely = [column for column in range(1, width + 1) if column not in faults and _fault(rows, column) is None]
    if fault.may_be and len(likely) < 2:
        return  # no other column would help
    advice = "name the columns of source and translation with --columns; --columns 1,2 takes these all the same"
    if len(likely) >= 2:
        first, second, *_ = likely
        advice = f"--columns {first},{second} seems to be right, and --columns 1,2 takes these all the same"
    raise DataError(f"{name}: column {number} {fault.words}; {advice}")


def _fault(rows: Sequence[Sequence[str]], number: int) -> _Fault | None:
    """Why a column is not one of sentences; None if it may be one. Empty values do not count."""
    values = [row[number - 1] for row in rows if len(row) >= number and row[number - 1].strip()]
    if not values:
        return _Fault("is empty", may_be=True)
    with_words = sum(_WORD.search(value) is not None for value in values)
    if with_words < MIN_WORDS * len(values):
        return _Fault(f"has hardly any words (the first value is {values[0][:40]!r})")
    distinct = len(set(values))
    if distinct < MIN_DISTINCT * len(values) or (distinct == 1 and len(values) > MAX_SAME):
        number_of_values = "the same value" if distinct == 1 else f"{distinct} different values"
        words = f"has {number_of_values} in {counted(len(values), 'line')} (the first is {values[0][:40]!r})"
        return _Fault(words, may_be=distinct == 1)
    return None


def _are_equal(rows: Sequence[Sequence[str]]) -> bool:
    """Whether nearly all rows have the same text in the first two columns."""
    pairs = [row[:2] for row in rows if len(row) >= 2 and row[0].strip()]
    equal = sum(source == target for source, target in pairs)
    return len(pairs) > MAX_SAME and equal > MAX_EQUAL * len(pairs)
