"""The time axis of a series: dates or numbers at regular steps, with gaps."""

from __future__ import annotations

import calendar
import dataclasses
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import reduce
from itertools import pairwise
from operator import methodcaller

_DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y")
_WORDS = ("%d-%b-%Y", "%d %b %Y", "%b %d, %Y")
_SHORT_YEARS = ("%d/%m/%y", "%m/%d/%y", "%d.%m.%y")
_CLOCKS = ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f")
_TIMES = ("", *(between + clock + zone for between in " T" for clock in _CLOCKS for zone in ("", "Z", "%z")))
_MONTHS = ("%Y-%m", "%Y/%m", "%m/%Y", "%m.%Y", "%b %Y", "%Y %b", "%b-%Y", "%B %Y")
FORMATS = (*(day + time for day in (*_DAYS, *_WORDS, *_SHORT_YEARS) for time in _TIMES), *_MONTHS)
_COMPACT = {r"[0-9]{8}": "%Y%m%d", r"(?:1[5-9]|2[01])[0-9]{2}(?:0[1-9]|1[0-2])": "%Y%m"}  # dates that look like numbers
_QUARTER = re.compile(r"([0-9]{4})([- ]?)Q([1-4])")
DAY = timedelta(days=1)
APART = 0.1  # of a step that a date may lie beside its place
MOVED = 4  # days by which the day of a month may change: weekends move the last office day


class DateError(Exception):
    """Dates that cannot be understood; `row` is the number of the guilty one, if there is one."""

    def __init__(self, message: str, row: int | None = None) -> None:
        super().__init__(message)
        self.row = row


@dataclasses.dataclass(frozen=True)
class Axis:
    """Where values lie in time.

    Attributes:
        step: what lies between two of them, in words.
        label: how a place 0, 1, ... is written; it may lie beyond the end. Raises DateError where no calendar goes.
    """

    step: str
    label: Callable[[int], str]


def rows_axis() -> Axis:
    """Rows are numbered from 1."""
    return Axis("1 row", lambda place: str(place + 1))


def understand(cells: Sequence[str]) -> tuple[Axis, list[int]]:
    """Finds the steps that dates (or numbers) are apart.

    Returns:
        the axis, and the place of each cell on it; the earliest is 0. Places may be missing or out of order. What has
        a cell is labelled as it is written there.

    Raises:
        DateError: no format fits, or the steps are irregular.
    """
    if blank := [row for row, cell in enumerate(cells) if not cell]:
        raise DateError("no date", blank[0])
    axis, places = _axis(cells)
    written = dict(zip(places, cells, strict=True))

    def label(place: int) -> str:
        try:
            return written.get(place) or axis.label(place)
        except (ValueError, OverflowError):
            last = written[max(written)]
            raise DateError(f"there is no date {place - max(written)} steps of {axis.step} after {last}") from None

    return Axis(axis.step, label), places


def _axis(cells: Sequence[str]) -> tuple[Axis, list[int]]:
    """As `understand`, but all labels follow one rule; they raise what `datetime` raises where no calendar goes."""
    for pattern, form in _COMPACT.items():
        if all(re.fullmatch(pattern, cell) for cell in cells):
            dates = [date for cell in cells if (date := _parse(cell, form))]
            if len(dates) == len(cells):
                return _date_axis(dates, methodcaller("strftime", form))
    try:
        return _number_axis([float(cell) for cell in cells], all(re.fullmatch(r"[+-]?[0-9]+", c) for c in cells))
    except ValueError:
        pass
    if found := _dates(cells):
        return _date_axis(*found)
    usual = _formats(cells[0])
    row = next((row for row, cell in enumerate(cells) if not any(_parse(cell, form) for form in usual)), None)
    if row is None:
        raise DateError("the dates are not all written in the same way; write 2024-12-31")
    if not _formats(cells[row]):
        raise DateError(f"{cells[row]!r} is not a date; write 2024-12-31", row)
    raise DateError(f"{cells[row]!r} is not written like {cells[0]!r}; write all dates like 2024-12-31", row)


# Reading dates --------------------------------------------------------------------------------------------------------


def _parse(cell: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(cell, form)
    except ValueError:
        return None


def _formats(cell: str) -> list[str]:
    if _QUARTER.fullmatch(cell):
        return ["quarter"]
    return [form for form in FORMATS if _parse(cell, form)]


def _dates(cells: Sequence[str]) -> tuple[list[datetime], Callable[[datetime], str]] | None:
    """All cells as dates, and how such a date is written; None if there is no one format for all."""
    if match := _QUARTER.fullmatch(cells[0]):
        quarters = [_QUARTER.fullmatch(cell) for cell in cells]
        if not all(quarters):
            return None
        mark = match[2]
        found = [datetime(int(q[1]), 3 * int(q[3]) - 2, 1) for q in quarters if q]
        return found, lambda date: f"{date.year:04d}{mark}Q{(date.month + 2) // 3}"
    fitting = {}
    for form in _formats(cells[0]):
        dates = [date for cell in cells if (date := _parse(cell, form))]
        if len(dates) == len(cells):
            fitting[form] = dates
    if not fitting:
        return None
    form, dates = next(iter(fitting.items()))
    plain = [date.replace(tzinfo=None) for date in dates]  # Z is read by two formats, by one of them as a time zone
    if any([date.replace(tzinfo=None) for date in other] != plain for other in fitting.values()):
        raise DateError(f"{cells[0]!r} can be read with day or month first; write {dates[0]:%Y-%m-%d}")
    spelled = _spelled(form)
    write = next((way for way in spelled if all(way(d) == c for d, c in zip(dates, cells, strict=True))), spelled[0])
    return dates, write


def _spelled(form: str) -> list[Callable[[datetime], str]]:
    """Ways to write what a format reads: zeros may be left out before days and months, offsets may have a colon, and
    fractions of a second have six digits or three."""

    def colon(date: datetime) -> str:
        return re.sub(r"([+-][0-9]{2})([0-9]{2})$", r"\1:\2", date.strftime(form))

    def short(date: datetime) -> str:
        return date.strftime(form.replace("%d", str(date.day)).replace("%m", str(date.month)))

    def milliseconds(date: datetime) -> str:
        return date.strftime(form.replace("%f", f"{date.microsecond // 1000:03d}"))

    return [methodcaller("strftime", form), colon, short, milliseconds]


# Steps ----------------------------------------------------------------------------------------------------------------


def _number_axis(values: list[float], whole: bool) -> tuple[Axis, list[int]]:
    if not all(math.isfinite(value) for value in values):
        raise DateError("not a number", next(i for i, v in enumerate(values) if not math.isfinite(v)))
    first = min(values)
    step = _usual([b - a for a, b in pairwise(sorted(values)) if b > a]) or 1.0
    places = _places([(value - first) / step for value in values], [f"{value:.10g}" for value in values], f"{step:.6g}")

    def label(place: int) -> str:
        return str(round(first + place * step)) if whole and step == int(step) else f"{first + place * step:.10g}"

    return Axis(f"{step:.6g}", label), places


def _usual(differences: Sequence[float]) -> float | None:
    """The most frequent difference, the smallest of them; differences of floats are compared to six digits."""
    if not differences:
        return None
    counts = Counter(float(f"{d:.6g}") for d in differences)
    most = max(counts.values())
    found = min(d for d, count in counts.items() if count == most)
    return min(differences, key=lambda d: abs(d - found))


def _places(distances: Sequence[float], names: Sequence[str], step: str) -> list[int]:
    """Distances from the first value, in steps, rounded; raises DateError for one that lies between two steps."""
    for row, distance in enumerate(distances):
        if abs(distance - round(distance)) > APART:
            raise DateError(f"{names[row]} lies between two steps of {step}; bring the series to regular steps", row)
    return [round(distance) for distance in distances]


def _date_axis(dates: list[datetime], write: Callable[[datetime], str]) -> tuple[Axis, list[int]]:
    first, last = min(dates), max(dates)
    ordered = sorted(set(dates))
    differences = [b - a for a, b in pairwise(ordered)]
    if not differences:
        return Axis("1 day", lambda place: write(first + place * DAY)), [0] * len(dates)
    if found := _month_axis(dates, ordered, write):
        return found
    if min(differences) == DAY and _only_weekdays(ordered, differences):
        return _weekday_axis(dates, write)
    step = timedelta(seconds=_usual([d.total_seconds() for d in differences]) or 0)
    distances = [(date - first) / step for date in dates]
    words = f"{step.days} day{'s' * (step.days > 1)}" if step % DAY == timedelta(0) else str(step)
    places = _places(distances, [write(date) for date in dates], words)
    end = max(places)  # what comes after it has its offset from UTC
    return Axis(words, lambda place: write(last + (place - end) * step)), places


def _month_end(date: datetime) -> int:
    return calendar.monthrange(date.year, date.month)[1]


def _month_axis(
    dates: list[datetime], ordered: list[datetime], write: Callable[[datetime], str]
) -> tuple[Axis, list[int]] | None:
    """Months, quarters, years: about the same day of each, or the last one; None if it is neither."""
    first, last = ordered[0], ordered[-1]
    if len({(date.year, date.month) for date in ordered}) < len(ordered) or len({date.time() for date in ordered}) > 1:
        return None
    ends = all(date.day == _month_end(date) for date in ordered)
    day = max(date.day for date in ordered)
    if not ends and any(date.day != min(day, _month_end(date)) for date in ordered):
        day = Counter(date.day for date in ordered).most_common(1)[0][0]
        near = all(abs(date.day - min(day, _month_end(date))) <= MOVED for date in ordered)
        differences = [b - a for a, b in pairwise(ordered)]
        if not near or len(ordered) < 3 or not any(d % min(differences) for d in differences):
            return None  # days apart, which only happen to lie in different months
    months = [12 * (date.year - first.year) + date.month - first.month for date in dates]
    step = reduce(math.gcd, months)

    def label(place: int) -> str:
        year, month = divmod(first.month - 1 + place * step, 12)
        moved = last.replace(year=first.year + year, month=month + 1, day=1)
        return write(moved.replace(day=_month_end(moved) if ends else min(day, _month_end(moved))))

    return Axis(f"{step} month{'s' * (step > 1)}", label), [month // step for month in months]


def _only_weekdays(ordered: list[datetime], differences: list[timedelta]) -> bool:
    """Whether the days are those on which offices work: none on a weekend, and at least two weekends left out."""
    return all(date.weekday() < 5 for date in ordered) and differences.count(3 * DAY) >= 2


def _weekday_axis(dates: list[datetime], write: Callable[[datetime], str]) -> tuple[Axis, list[int]]:
    first = min(dates)
    monday = first - first.weekday() * DAY

    def place(date: datetime) -> int:
        weeks, day = divmod((date - monday).days, 7)
        return 5 * weeks + day - first.weekday()

    def label(place: int) -> str:
        weeks, day = divmod(place + first.weekday(), 5)
        return write(monday + (7 * weeks + day) * DAY)

    return Axis("1 weekday", label), [place(date) for date in dates]
