"""The time axis of a series: dates or numbers at regular steps, with gaps."""

from __future__ import annotations

import calendar
import dataclasses
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from rnntext.series.dates import DateError, Write, explain, parse_compact_dates, parse_dates

DAY = timedelta(days=1)
MAX_OFFSET = 0.1  # steps that a value may lie beside its place
MAX_DAYS_MOVED = 4  # by which the day of a month may differ: weekends move the last office day
LAST_DAY = 31  # of a month, whatever its length


@dataclasses.dataclass(frozen=True)
class Axis:
    """The times of a series.

    Attributes:
        step: the distance of two successive values, in words.
        label: how the time of place 0, 1, ... is written; the place may lie beyond the end of the series. Raises
            DateError where the calendar ends.
    """

    step: str
    label: Callable[[int], str]


Places = list[int]  # the place of each cell or date on an axis, from 0


def rows_axis() -> Axis:
    """An axis of row numbers, from 1."""
    return Axis("1 row", lambda place: str(place + 1))


def time_axis(cells: Sequence[str]) -> tuple[Axis, Places]:
    """The axis that dates or numbers lie on, and the place of each.

    Args:
        cells: at least one, in any order.

    Returns:
        the axis; the places, of which the earliest is 0 and some may be missing. A cell is also the label of its place.

    Raises:
        DateError: no format fits, or the steps are irregular.
    """
    # 1. Find the rule of the axis.
    for row, cell in enumerate(cells):
        if not cell:
            raise DateError("no date", row)
    axis, places = _regular_axis(cells)

    # 2. Where there is a cell, it is the label.
    labels = dict(zip(places, cells, strict=True))

    def label(place: int) -> str:
        if place in labels:
            return labels[place]
        try:
            return axis.label(place)
        except (ValueError, OverflowError):
            end = max(labels)
            distance = f"{place - end} steps of {axis.step}"
            raise DateError(f"there is no date {distance} after {labels[end]}") from None

    return Axis(axis.step, label), places


def _regular_axis(cells: Sequence[str]) -> tuple[Axis, Places]:
    """As `time_axis`, but one rule makes all labels. They raise what `datetime` raises where the calendar ends."""
    if compact := parse_compact_dates(cells):
        return _date_axis(*compact)
    try:
        values = [float(cell) for cell in cells]
        is_whole = all(re.fullmatch(r"[+-]?[0-9]+", cell) for cell in cells)
        return _number_axis(values, is_whole)
    except ValueError:
        pass  # The cells are not numbers.
    if dates := parse_dates(cells):
        return _date_axis(*dates)
    raise explain(cells)


# Numbers --------------------------------------------------------------------------------------------------------------


def _number_axis(values: list[float], is_whole: bool) -> tuple[Axis, Places]:
    """The axis of numbers; `is_whole` says whether all of them are written as integers."""
    for row, value in enumerate(values):
        if not math.isfinite(value):
            raise DateError("not a number", row)
    first = min(values)
    ordered = sorted(set(values))
    differences = [right - left for left, right in pairwise(ordered)]
    step = _usual(differences) or 1.0
    step_in_words = f"{step:.6g}"
    distances = [(value - first) / step for value in values]
    names = [f"{value:.10g}" for value in values]
    places = _places(distances, names, step_in_words)

    def label(place: int) -> str:
        value = first + place * step
        if is_whole and step == int(step):
            return str(round(value))
        return f"{value:.10g}"

    return Axis(step_in_words, label), places


def _usual(differences: Sequence[float]) -> float | None:
    """The most frequent difference, and of several the smallest. Floats are compared to six digits."""
    if not differences:
        return None
    rounded = [float(f"{difference:.6g}") for difference in differences]
    counts = Counter(rounded)
    highest = max(counts.values())
    most_frequent = [difference for difference, count in counts.items() if count == highest]
    usual = min(most_frequent)
    return min(differences, key=lambda difference: abs(difference - usual))


def _places(distances: Sequence[float], names: Sequence[str], step: str) -> Places:
    """The nearest places to values.

    Args:
        distances: from the first value, in steps.
        names: of the values, for messages.
        step: in words, for messages.

    Raises:
        DateError: a value lies between two steps.
    """
    places: Places = []
    for row, distance in enumerate(distances):
        place = round(distance)
        if abs(distance - place) > MAX_OFFSET:
            name = names[row]
            raise DateError(f"{name} lies between two steps of {step}; bring the series to regular steps", row)
        places.append(place)
    return places


# Dates ----------------------------------------------------------------------------------------------------------------


def _date_axis(dates: list[datetime], write: Write) -> tuple[Axis, Places]:
    """The axis of dates: of months, of weekdays, or of steps that all take the same time."""
    # 1. A single date has no step; the next one is taken to be a day later.
    ordered = sorted(set(dates))
    first = min(dates)
    last = max(dates)
    differences = [later - earlier for earlier, later in pairwise(ordered)]
    if not differences:
        daily = Axis("1 day", lambda place: write(first + place * DAY))
        return daily, [0] * len(dates)
    # 2. Months and weekdays are steps of different lengths.
    months = _month_axis(dates, ordered, write)
    if months is not None:
        return months
    if min(differences) == DAY and _only_weekdays(ordered, differences):
        return _weekday_axis(dates, write)
    # 3. All other steps have one length.
    lengths = [difference.total_seconds() for difference in differences]
    seconds = _usual(lengths)
    step = timedelta(seconds=seconds or 0)
    step_in_words = str(step)
    if step % DAY == timedelta(0):
        step_in_words = _count(step.days, "day")
    distances = [(date - first) / step for date in dates]
    names = [write(date) for date in dates]
    places = _places(distances, names, step_in_words)
    # 4. Labels count from the last date, since what comes after it has its offset from UTC.
    end = max(places)

    def label(place: int) -> str:
        distance = place - end
        return write(last + distance * step)

    return Axis(step_in_words, label), places


def _count(number: int, noun: str) -> str:
    plural = "s" if number > 1 else ""
    return f"{number} {noun}{plural}"


def _month_axis(dates: list[datetime], ordered: list[datetime], write: Write) -> tuple[Axis, Places] | None:
    """The axis of months, quarters or years: one date in each at most, about on the same day; None if it is neither."""
    # 1. Check months, times and days.
    months = {_month_number(date) for date in ordered}
    times = {date.time() for date in ordered}
    if len(times) > 1:
        return None
    if len(months) < len(ordered):
        return None
    day = _day_of_month(ordered)
    if day is None:
        return None
    # 2. Count months from the first date.
    first_month = min(months)
    distances = [_month_number(date) - first_month for date in dates]
    step = math.gcd(*distances)
    places = [distance // step for distance in distances]

    # 3. Labels have the time and the offset from UTC of the last date.
    last = ordered[-1]

    def label(place: int) -> str:
        year, month = divmod(first_month + place * step, 12)
        first_day = last.replace(year=year, month=month + 1, day=1)
        length = _days_in_month(first_day)
        return write(first_day.replace(day=min(day, length)))

    return Axis(_count(step, "month"), label), places


def _month_number(date: datetime) -> int:
    """Number of the month since the year 0."""
    return 12 * date.year + date.month - 1


def _day_of_month(ordered: list[datetime]) -> int | None:
    """The day of the month that dates lie on, LAST_DAY for the last one; None if they lie on no such day."""
    # 1. All dates lie on that day, or on the last one of a month that is too short.
    days = [date.day for date in ordered]
    lengths = [_days_in_month(date) for date in ordered]
    if days == lengths:
        return LAST_DAY
    latest = max(days)
    if days == [min(latest, length) for length in lengths]:
        return latest
    # 2. Some dates are moved, as by a weekend.
    usual, _ = Counter(days).most_common(1)[0]
    for day, length in zip(days, lengths, strict=True):
        expected = min(usual, length)
        if abs(day - expected) > MAX_DAYS_MOVED:
            return None
    # 3. Dates that are the same number of days apart only happen to lie in different months.
    differences = [later - earlier for earlier, later in pairwise(ordered)]
    shortest = min(differences)
    is_regular = not any(difference % shortest for difference in differences)
    if is_regular or len(ordered) < 3:
        return None
    return usual


def _days_in_month(date: datetime) -> int:
    return calendar.monthrange(date.year, date.month)[1]


def _only_weekdays(ordered: list[datetime], differences: list[timedelta]) -> bool:
    """Whether the dates are office days: none lies on a weekend, and at least two weekends are left out."""
    on_weekend = any(date.weekday() >= 5 for date in ordered)
    weekends = differences.count(3 * DAY)
    return weekends >= 2 and not on_weekend


def _weekday_axis(dates: list[datetime], write: Write) -> tuple[Axis, Places]:
    """The axis of Mondays to Fridays."""
    first = min(dates)
    first_weekday = first.weekday()
    monday = first - first_weekday * DAY

    def place_of(date: datetime) -> int:
        weeks, weekday = divmod((date - monday).days, 7)
        return 5 * weeks + weekday - first_weekday

    def label(place: int) -> str:
        weeks, weekday = divmod(place + first_weekday, 5)
        days = 7 * weeks + weekday
        return write(monday + days * DAY)

    places = [place_of(date) for date in dates]
    return Axis("1 weekday", label), places
