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

_DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y")
_WORDS = ("%d-%b-%Y", "%d %b %Y", "%b %d, %Y")
_TIMES = ("", " %H:%M", " %H:%M:%S", "T%H:%M", "T%H:%M:%S", "T%H:%M:%SZ", "T%H:%M:%S%z", " %H:%M:%S%z")
_MONTHS = ("%Y-%m", "%Y/%m", "%m/%Y", "%m.%Y", "%b %Y", "%Y %b", "%b-%Y", "%B %Y")
FORMATS = (*(day + time for day in (*_DAYS, *_WORDS) for time in _TIMES), *_MONTHS)
_QUARTER = re.compile(r"([0-9]{4})([- ]?)Q([1-4])")
DAY = timedelta(days=1)
APART = 0.1  # of a step that a date may lie beside its place


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
        label: how a place 0, 1, ... is written; it may lie beyond the end.
    """

    step: str
    label: Callable[[int], str]


def rows_axis() -> Axis:
    """Rows are numbered from 1."""
    return Axis("1 row", lambda place: str(place + 1))


def understand(cells: Sequence[str]) -> tuple[Axis, list[int]]:
    """Finds the steps that dates (or numbers) are apart.

    Returns:
        the axis, and the place of each cell on it; the earliest is 0. Places may be missing or out of order.

    Raises:
        DateError: no format fits, or the steps are irregular.
    """
    if blank := [row for row, cell in enumerate(cells) if not cell]:
        raise DateError("no date", blank[0])
    if all(re.fullmatch(r"[0-9]{8}", cell) for cell in cells) and (found := _dates(cells)):
        return _date_axis(*found)
    try:
        return _number_axis([float(cell) for cell in cells], all(re.fullmatch(r"[+-]?[0-9]+", c) for c in cells))
    except ValueError:
        pass
    if found := _dates(cells):
        return _date_axis(*found)
    known = [row for row, cell in enumerate(cells) if not _formats(cell)]
    raise (
        DateError(f"{cells[known[0]]!r} is not a date; write 2024-12-31", known[0])
        if known
        else DateError("the dates are not all written in the same way; write 2024-12-31")
    )


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
    return dates, lambda date: date.strftime(form)


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
    first = min(dates)
    ordered = sorted(set(dates))
    differences = [b - a for a, b in pairwise(ordered)]
    if not differences:
        return Axis("1 day", lambda place: write(first + place * DAY)), [0] * len(dates)
    if min(differences) >= 28 * DAY and (found := _month_axis(dates, write)):
        return found
    if min(differences) == DAY and _only_weekdays(ordered, differences):
        return _weekday_axis(dates, write)
    step = timedelta(seconds=_usual([d.total_seconds() for d in differences]) or 0)
    distances = [(date - first) / step for date in dates]
    words = f"{step.days} day{'s' * (step.days > 1)}" if step % DAY == timedelta(0) else str(step)
    places = _places(distances, [write(date) for date in dates], words)
    return Axis(words, lambda place: write(first + place * step)), places


def _month_end(date: datetime) -> int:
    return calendar.monthrange(date.year, date.month)[1]


def _month_axis(dates: list[datetime], write: Callable[[datetime], str]) -> tuple[Axis, list[int]] | None:
    """Months, quarters, years: the same day of each, or the last one; None if it is neither."""
    first = min(dates)
    ends = all(date.day == _month_end(date) for date in dates)
    if not ends and len({date.day for date in dates}) > 1:
        return None
    months = [12 * (date.year - first.year) + date.month - first.month for date in dates]
    step = reduce(math.gcd, months)

    def label(place: int) -> str:
        year, month = divmod(first.month - 1 + place * step, 12)
        moved = first.replace(year=first.year + year, month=month + 1, day=1)
        return write(moved.replace(day=_month_end(moved) if ends else min(first.day, _month_end(moved))))

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
