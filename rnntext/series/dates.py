"""Dates as tables write them: reading a column of them, and writing further ones in the same way."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable, Sequence
from datetime import datetime

from rnntext.series import periods
from rnntext.series.clock import MAX_CACHED, clock_writer, parse_clock, split

# The ways to write a day or a month; those that come first are preferred.
_DAYS = [
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d"),  # 2024-12-31
    *("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y"),  # 31.12.2024
    *("%d-%b-%Y", "%d %b %Y", "%d/%b/%Y", "%d. %b %Y", "%d%b%Y", "%Y-%b-%d", "%Y %b %d"),  # 31-Dec-2024
    *("%b %d, %Y", "%b %d %Y", "%b-%d-%Y", "%b. %d, %Y"),  # Dec 31, 2024
    *("%d %B %Y", "%d. %B %Y", "%d-%B-%Y", "%B %d, %Y", "%B %d %Y"),  # 31 December 2024
    *("%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%m-%y", "%m-%d-%y", "%y-%m-%d"),  # 31/12/24
    *("%d-%b-%y", "%d %b %y", "%d%b%y"),  # 31-Dec-24
    *("%G-W%V-%u", "%Y-%j", "%Y/%j", "%Y%m%d", "%Y年%m月%d日", "%Y년 %m월 %d일"),  # 2024-W52-2, 2024-366
    *("%d. %m. %Y", "%Y.%m.%d.", "%Y. %m. %d."),  # 31. 12. 2024
    *("FY%Y", "FY %Y", "FY%y", "FY %y"),  # financial years, by the year that names them
    *("%Y-%m", "%Y/%m", "%m/%Y", "%m.%Y", "%m-%Y", "%YM%m", "%Y-M%m", "%Y:%m", "%Y年%m月"),  # 2024-12
    *(
        "%b %Y",
        "%Y %b",
        "%b-%Y",
        "%Y-%b",
        "%b. %Y",
        "%B %Y",
        "%Y %B",
        "%B-%Y",
        "%b-%y",
        "%b/%y",
        "%b'%y",
        "%B-%y",
    ),  # Dec 2024
]
_WEEKDAYS = ["%a, ", "%a ", "%A, ", "%A "]
# Dates that look like numbers, by patterns that few numbers fit; those that come first are preferred.
_MONTH = "(?:0[1-9]|1[0-2])"
_DAY = "(?:0[1-9]|[12][0-9]|3[01])"
_COMPACT = {
    "%Y%m%d": "[0-9]{8}",
    "%Y%m": f"{periods.YEAR}{_MONTH}",
    "%y%m%d": f"[0-9]{{2}}{_MONTH}{_DAY}",
    "%Y%j": f"{periods.YEAR}[0-3][0-9]{{2}}",
    "%Y.%m": f"{periods.YEAR}[.]{_MONTH}",
    "%d%m%Y": f"{_DAY}{_MONTH}(?:19|20)[0-9]{{2}}",
    "%m%d%Y": f"{_MONTH}{_DAY}(?:19|20)[0-9]{{2}}",
    "%Y%m%d%H": f"{periods.YEAR}{_MONTH}{_DAY}[0-9]{{2}}",
    "%Y%m%d%H%M": f"{periods.YEAR}{_MONTH}{_DAY}[0-9]{{4}}",
    "%Y%m%d%H%M%S": f"{periods.YEAR}{_MONTH}{_DAY}[0-9]{{6}}",
}
# What the digits must be like where `strptime` would read others, too.
_GUARDS = {**_COMPACT, "%Y-%j": "[0-9]{4}-[0-9]{3}", "%Y/%j": "[0-9]{4}/[0-9]{3}", "%d%b%y": "[0-9]{1,2}[a-z]+[0-9]{2}"}
EXAMPLES = 1000  # cells by which the way of writing is found

_SEPT = re.compile(r"(?<![^\W\d_])(sep)(t)(?![^\W\d_])", re.IGNORECASE)  # `strptime` knows Sep only
Write = Callable[[datetime], str]


@dataclasses.dataclass(frozen=True)
class Reading:
    """One way to read a column of dates.

    Attributes:
        form: its name: the format of the date, as for `strptime`, without that of the time of day.
        dates: of each cell.
        write: writes such a date.
    """

    form: str
    dates: list[datetime]
    write: Write


class DateError(Exception):
    """Dates that cannot be understood.

    Attributes:
        row: the number of the row at fault, from 0; None if it is not a single one.
    """

    def __init__(self, message: str, row: int | None = None) -> None:
        super().__init__(message)
        self.row = row


def readings(cells: Sequence[str], date_format: str | None = None) -> list[Reading]:
    """All ways to read a column; each fits all of its cells, and no two have the same dates.

    Args:
        cells: at least one.
        date_format: the format, as for `strptime`, if the user has given it; then it is the only way.

    Raises:
        DateError: a cell is not written in that format.
    """
    if date_format is not None:
        return [_given(cells, date_format)]
    found: list[Reading] = []
    for form in _forms(cells[0]):
        reading = _read(cells, form)
        if reading is not None and all(reading.dates != other.dates for other in found):
            found.append(reading)
    return found


def _forms(cell: str) -> list[str]:
    """All formats that a cell can be read with."""
    forms = [form for form in _COMPACT if _day(cell, form)]
    forms += periods.forms(cell)
    for text in dict.fromkeys((cell, split(cell)[0])):
        prefixes = _WEEKDAYS if re.match("(mon|tue|wed|thu|fri|sat|sun)", text, re.IGNORECASE) else [""]
        marks = _marks(text)
        for form in (prefix + day for prefix in prefixes for day in _DAYS):
            if _marks(re.sub("%.", "", form)) == marks and _day(text, form):
                forms.append(form)
    return list(dict.fromkeys(forms))


def _marks(text: str) -> str:
    """The signs between letters and digits."""
    return re.sub(r"\s+", " ", re.sub(r"\w", "", text))


def _read(cells: Sequence[str], form: str) -> Reading | None:
    """The reading of cells in a format; None if one of them is not written so."""
    if form in periods.FORMS:
        dates, write = periods.read(cells, form)
        return Reading(form, dates, write) if len(dates) == len(cells) else None
    dates = _dates(cells, form)
    return _as_written(cells, dates, form) if len(dates) == len(cells) else None


def _dates(cells: Sequence[str], form: str) -> list[datetime]:
    """The dates of the first cells, as far as they are written in a format, all with or all without a time zone."""
    dates: list[datetime] = []
    for cell in cells:
        date = _date(cell, form)
        if date is None or (dates and (date.tzinfo is None) != (dates[0].tzinfo is None)):
            break
        dates.append(date)
    return dates


def _date(cell: str, form: str) -> datetime | None:
    """The date of a cell whose day has a format, at its time of day; None if it is no such cell."""
    text, clock_text = split(cell)
    day = _day(text, form) if clock_text else None
    if day is None:
        text, clock_text = cell, ""
        day = _day(text, form)
    clock = parse_clock(clock_text)
    if day is None or clock is None:
        return None
    time, zone = clock
    try:
        date = day + time
    except OverflowError:  # 24:00 of the calendar's last day
        return None
    return date if zone is None else date.replace(tzinfo=zone)


@functools.lru_cache(MAX_CACHED)
def _day(text: str, form: str) -> datetime | None:
    """The day that a text means in a format; None if it is not written so."""
    guard = _GUARDS.get(form)
    if guard is not None and re.fullmatch(guard, text, re.IGNORECASE) is None:
        return None
    try:
        return datetime.strptime(_SEPT.sub(r"\1", text), form)
    except ValueError:
        return None


def _given(cells: Sequence[str], date_format: str) -> Reading:
    """The reading in the format that the user has given."""
    dates: list[datetime] = []
    for row, cell in enumerate(cells):
        try:
            dates.append(datetime.strptime(cell, date_format))
        except ValueError:
            if (date := _date(cell, date_format)) is None:
                raise DateError(f"{cell!r} is not written as --date-format {date_format} says", row) from None
            dates.append(date)
    return _as_written(cells, dates, date_format)


def _as_written(cells: Sequence[str], dates: list[datetime], form: str) -> Reading:
    """The reading of cells whose dates in a format are known but for the century of two-digit years."""
    if "%y" in form:
        dates = periods.in_shortest_span(dates)
    return Reading(form, dates, _writer(cells, dates, form))


def _writer(cells: Sequence[str], dates: Sequence[datetime], form: str) -> Write:
    """The function that writes dates as the cells are written: with or without zeros before days and months, and in
    capitals, if they are."""
    distance = max(1, len(cells) // EXAMPLES)
    examples = cells[::distance]
    parts = [split(cell) if _day(cell, form) is None else (cell, "") for cell in examples]
    write_clock = clock_writer([clock for _, clock in parts])

    def plain(date: datetime) -> str:
        return date.strftime(form)

    def without_zeros(date: datetime) -> str:
        short = form.replace("%d", str(date.day)).replace("%m", str(date.month))
        return date.strftime(short)

    days = [_SEPT.sub(r"\1", day) for day, _ in parts]
    sept = next((match[2] for day, _ in parts if (match := _SEPT.search(day))), "")
    ways: list[Write] = [plain, without_zeros]
    ways += [lambda date, way=way: way(date).upper() for way in ways]  # type: ignore[misc]
    ways += [lambda date, way=way: way(date).lower() for way in ways[:2]]  # type: ignore[misc]
    for way in ways:
        if all(way(date) == day for date, day in zip(dates[::distance], days, strict=True)):
            break
    else:
        way = plain
    return lambda date: re.sub("(?i)(sep)(?!t)", rf"\1{sept}", way(date)) + write_clock(date)


def explain(cells: Sequence[str]) -> DateError:
    """The reason why cells have no common format."""
    # 1. Follow each format of the first cell as far as it goes.
    forms = _forms(cells[0])
    if not forms:
        return DateError(f"{cells[0]!r} is not a date; write 2024-12-31, or give --date-format", 0)
    row = max(_fitting(cells, form) for form in forms)
    if row == len(cells):
        return DateError("the dates are not all written in the same way; write 2024-12-31")
    # 2. The row after that is at fault.
    cell = cells[row]
    if not _forms(cell):
        return DateError(f"{cell!r} is not a date; write 2024-12-31", row)
    return DateError(f"{cell!r} is not written like {cells[0]!r}; write all dates like 2024-12-31", row)


def _fitting(cells: Sequence[str], form: str) -> int:
    """The number of first cells that are written in a format."""
    if form in periods.FORMS:
        return len(periods.read(cells, form)[0])
    return len(_dates(cells, form))
