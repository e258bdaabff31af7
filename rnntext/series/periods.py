"""Parts of years as tables write them: 2024Q1, Q1 2024, 2024-W01, 2024H2; and the centuries of two-digit years."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime

_UNIT = "(?P<unit>Q|H|S|W|KW)"
_BETWEEN = "[-/: ']?"
YEAR = "(?:1[5-9]|2[01])[0-9]{2}"  # 1500 to 2199, which few numbers are
# The ways to write them; the last two look like numbers. H and S are halves of a year, W and KW are ISO weeks.
FORMS = {
    "year and part": f"(?P<year>[0-9]{{4}}){_BETWEEN}{_UNIT}(?P<number>[0-9]{{1,2}})",
    "part and year": f"{_UNIT} ?(?P<number>[0-9]{{1,2}}){_BETWEEN}(?P<year>[0-9]{{4}}|[0-9]{{2}})",
    "number, part and year": f"(?P<number>[0-9]){_UNIT}{_BETWEEN}(?P<year>[0-9]{{4}}|[0-9]{{2}})",
    "year and week": f"(?P<year>{YEAR})(?P<number>[0-5][0-9])",
    "year and quarter": f"(?P<year>{YEAR})(?P<number>[1-4])",
}
_UNITS = {"year and week": "W", "year and quarter": "Q"}
_MONTHS = {"Q": 3, "H": 6, "S": 6}


def forms(cell: str) -> list[str]:
    """The names of the ways that a cell may be written in."""
    return [form for form in FORMS if re.fullmatch(FORMS[form], cell, re.IGNORECASE) and read([cell], form)[0]]


def read(cells: Sequence[str], form: str) -> tuple[list[datetime], Callable[[datetime], str]]:
    """The first days of the first cells, as far as they are written like the very first one, and the function that
    writes such a day.

    Args:
        cells: the first one is written in the form.
        form: a key of FORMS.
    """
    # 1. All cells have the same text beside year and number.
    first = re.fullmatch(FORMS[form], cells[0], re.IGNORECASE)
    assert first is not None
    unit = (_UNITS.get(form) or first["unit"]).upper()[-1]
    spans = sorted([(*first.span("year"), "year"), (*first.span("number"), "number")])
    (begin, end, left), (next_begin, next_end, right) = spans
    outside = [cells[0][:begin], cells[0][end:next_begin], cells[0][next_end:]]
    digits = {"year": f"(?P<year>[0-9]{{{len(first['year'])}}})", "number": "(?P<number>[0-9]{1,2}?)"}
    before, between, after = map(re.escape, outside)
    pattern = re.compile(before + digits[left] + between + digits[right] + after)

    # 2. Read them.
    days: list[datetime] = []
    padded = False
    for cell in cells:
        match = pattern.fullmatch(cell)
        day = None if match is None else _first_day(match["year"], int(match["number"]), unit)
        if match is None or day is None:
            break
        padded = padded or match["number"].startswith("0")
        days.append(day)
    if len(first["year"]) == 2:
        days = in_shortest_span(days)

    def write(day: datetime) -> str:
        year, number = day.year, (day.month - 1) // _MONTHS.get(unit, 1) + 1
        if unit == "W":
            year, number, _ = day.isocalendar()
        texts = {"year": f"{year:04d}"[-len(first["year"]) :], "number": f"{number:0{2 if padded else 1}d}"}
        return outside[0] + texts[left] + outside[1] + texts[right] + outside[2]

    return days, write


def _first_day(year: str, number: int, unit: str) -> datetime | None:
    """The first day of a part of a year; None if the year has no such part. A year of two digits is read as POSIX
    does."""
    full = int(year)
    if len(year) == 2:
        full += 1900 if full >= 69 else 2000
    try:
        if unit == "W":
            return datetime.fromisocalendar(full, number, 1)
        return datetime(full, 1 + (number - 1) * _MONTHS[unit], 1) if number else None
    except ValueError:
        return None


def in_shortest_span(dates: Sequence[datetime]) -> list[datetime]:
    """Dates whose years have two digits in the table, in the centuries in which they span the fewest years.

    The last one is read as POSIX does: 69 is 1969, and 68 is 2068.
    """
    # 1. The largest gap in the circle of a hundred years lies between the last year and the first.
    years = sorted({date.year % 100 for date in dates})
    gaps = [(after - before) % 100 for before, after in zip(years, years[1:] + years[:1], strict=True)]
    last = years[gaps.index(max(gaps))]
    end = last + (1900 if last >= 69 else 2000)
    # 2. All others lie before the last one.
    moved: list[datetime] = []
    for date in dates:
        year = end - (last - date.year) % 100
        try:
            moved.append(date if year == date.year else date.replace(year=year))
        except ValueError:  # 29 February 1900 was no day
            return list(dates)
    return moved
