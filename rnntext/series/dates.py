"""Dates as tables write them: reading a column of them, and writing further ones in the same way."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from operator import methodcaller

_DAYS = [
    "%Y-%m-%d",  # 2024-12-31
    "%Y/%m/%d",  # 2024/12/31
    "%Y%m%d",  # 20241231
    "%d.%m.%Y",  # 31.12.2024
    "%d/%m/%Y",  # 31/12/2024
    "%m/%d/%Y",  # 12/31/2024
    "%d-%m-%Y",  # 31-12-2024
    "%m-%d-%Y",  # 12-31-2024
    "%d-%b-%Y",  # 31-Dec-2024
    "%d %b %Y",  # 31 Dec 2024
    "%b %d, %Y",  # Dec 31, 2024
    "%d/%m/%y",  # 31/12/24
    "%m/%d/%y",  # 12/31/24
    "%d.%m.%y",  # 31.12.24
]
_CLOCKS = [
    "%H:%M",  # 23:59
    "%H:%M:%S",  # 23:59:59
    "%H:%M:%S.%f",  # 23:59:59.999999
]
_ZONES = [
    "",  # local time
    "Z",  # UTC
    "%z",  # +01:00
]
_MONTHS = [
    "%Y-%m",  # 2024-12
    "%Y/%m",  # 2024/12
    "%m/%Y",  # 12/2024
    "%m.%Y",  # 12.2024
    "%b %Y",  # Dec 2024
    "%Y %b",  # 2024 Dec
    "%b-%Y",  # Dec-2024
    "%B %Y",  # December 2024
]
# Formats of dates that look like numbers, by a pattern that few numbers fit.
_COMPACT = {
    r"[0-9]{8}": "%Y%m%d",
    r"(?:1[5-9]|2[01])[0-9]{2}(?:0[1-9]|1[0-2])": "%Y%m",
}
_QUARTER = re.compile(r"([0-9]{4})([- ]?)Q([1-4])")

Write = Callable[[datetime], str]
Dates = tuple[list[datetime], Write]  # the date of each cell, and the function that writes such a date


def _all_formats() -> list[str]:
    """All formats of a cell; those that come first are preferred."""
    times = [""]
    for separator in " T":
        for clock in _CLOCKS:
            for zone in _ZONES:
                times.append(separator + clock + zone)
    formats: list[str] = []
    for day in _DAYS:
        for time in times:
            formats.append(day + time)
    return formats + _MONTHS


FORMATS = _all_formats()


class DateError(Exception):
    """Dates that cannot be understood.

    Attributes:
        row: the number of the row at fault, from 0; None if it is not a single one.
    """

    def __init__(self, message: str, row: int | None = None) -> None:
        super().__init__(message)
        self.row = row


def parse_compact_dates(cells: Sequence[str]) -> Dates | None:
    """The dates of cells that could be numbers, too: 20240131 or 202401; None if they are not all such dates."""
    for pattern, form in _COMPACT.items():
        if all(re.fullmatch(pattern, cell) for cell in cells):
            dates = _parse_all(cells, form)
            if dates is not None:
                return dates, methodcaller("strftime", form)
    return None


def parse_dates(cells: Sequence[str]) -> Dates | None:
    """The dates of cells that are all written in one format; None if they are not.

    Raises:
        DateError: several formats fit, and the dates depend on which one is meant.
    """
    # 1. Quarters have a format of their own.
    if quarter := _QUARTER.fullmatch(cells[0]):
        return _parse_quarters(cells, mark=quarter[2])
    # 2. Find all formats that fit.
    fitting: dict[str, list[datetime]] = {}
    for form in _formats(cells[0]):
        candidate = _parse_all(cells, form)
        if candidate is not None:
            fitting[form] = candidate
    if not fitting:
        return None
    # 3. They must agree. Two formats read Z, only one of them as a time zone, so that time zones are left aside.
    form, dates = next(iter(fitting.items()))
    without_zone = _without_zone(dates)
    for other in fitting.values():
        if _without_zone(other) != without_zone:
            advice = f"write {dates[0]:%Y-%m-%d}"
            raise DateError(f"{cells[0]!r} can be read with day or month first; {advice}")
    # 4. Find the way of writing that gives the same cells.
    writers = _writers(form)
    for write in writers:
        if all(write(date) == cell for date, cell in zip(dates, cells, strict=True)):
            return dates, write
    return dates, writers[0]


def explain(cells: Sequence[str]) -> DateError:
    """The reason why cells have no common format."""
    first = cells[0]
    formats = _formats(first)
    for row, cell in enumerate(cells):
        if any(_parse(cell, form) for form in formats):
            continue
        if not _formats(cell):
            return DateError(f"{cell!r} is not a date; write 2024-12-31", row)
        return DateError(f"{cell!r} is not written like {first!r}; write all dates like 2024-12-31", row)
    return DateError("the dates are not all written in the same way; write 2024-12-31")


def _parse(cell: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(cell, form)
    except ValueError:
        return None


def _parse_all(cells: Sequence[str], form: str) -> list[datetime] | None:
    """The dates of cells that all have this format; None if they have not."""
    dates: list[datetime] = []
    for cell in cells:
        date = _parse(cell, form)
        if date is None:
            return None
        dates.append(date)
    return dates


def _parse_quarters(cells: Sequence[str], mark: str) -> Dates | None:
    """The first days of quarters; `mark` stands between year and quarter."""

    def write(date: datetime) -> str:
        quarter = (date.month + 2) // 3
        return f"{date.year:04d}{mark}Q{quarter}"

    dates: list[datetime] = []
    for cell in cells:
        match = _QUARTER.fullmatch(cell)
        if match is None:
            return None
        year = int(match[1])
        month = 3 * int(match[3]) - 2
        dates.append(datetime(year, month, 1))
    return dates, write


def _formats(cell: str) -> list[str]:
    """All formats that a cell can be read with."""
    if _QUARTER.fullmatch(cell):
        return ["quarter"]
    return [form for form in FORMATS if _parse(cell, form)]


def _without_zone(dates: Sequence[datetime]) -> list[datetime]:
    return [date.replace(tzinfo=None) for date in dates]


def _writers(form: str) -> list[Write]:
    """The ways to write what a format reads: zeros may be left out before days and months, offsets from UTC may have a
    colon, and fractions of a second have six digits or three."""

    def with_colon(date: datetime) -> str:
        text = date.strftime(form)
        return re.sub(r"([+-][0-9]{2})([0-9]{2})$", r"\1:\2", text)

    def without_zeros(date: datetime) -> str:
        plain = form.replace("%d", str(date.day))
        plain = plain.replace("%m", str(date.month))
        return date.strftime(plain)

    def with_milliseconds(date: datetime) -> str:
        milliseconds = date.microsecond // 1000
        shortened = form.replace("%f", f"{milliseconds:03d}")
        return date.strftime(shortened)

    return [methodcaller("strftime", form), with_colon, without_zeros, with_milliseconds]
