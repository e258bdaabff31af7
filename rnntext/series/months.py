"""Axes of months: of one date in each, or in each of several, or of two dates in each."""

from __future__ import annotations

import calendar
import dataclasses
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np

from rnntext.series.dates import Write
from rnntext.series.steps import Places
from rnntext.words import counted

DAY = timedelta(days=1)
MAX_DAYS_MOVED = 4  # by which the day of a month may differ: weekends move the last office day
LAST_DAY = 31  # of a month, whatever its length
MIN_HALF = timedelta(days=13)  # dates that are closer are not those of halves of months
HOUR = timedelta(hours=1)


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


def month_axis(dates: list[datetime], ordered: list[datetime], write: Write) -> tuple[Axis, Places] | None:
    """The axis of months, quarters or years: one date in each at most, about on the same day; None if it is neither."""
    # 1. Check months, times and days.
    months = {_month_number(date) for date in ordered}
    times = {date.time() for date in ordered}
    if len(times) > 1:
        return _summer_time_months(dates, write)
    if len(months) < len(ordered):
        return None
    day = _day_of_month(ordered)
    if day is None:
        return None
    # 2. Count months from the first date.
    first_month = min(months)
    distances = np.array([_month_number(date) - first_month for date in dates])
    step = int(np.gcd.reduce(distances))
    places = distances // step

    # 3. Labels have the time and the offset from UTC of the last date.
    last = ordered[-1]

    def label(place: int) -> str:
        year, month = divmod(first_month + place * step, 12)
        first_day = last.replace(year=year, month=month + 1, day=1)
        length = _days_in_month(first_day)
        return write(first_day.replace(day=min(day, length)))

    return Axis(counted(step, "month"), label), places


def _summer_time_months(dates: list[datetime], write: Write) -> tuple[Axis, Places] | None:
    """The axis of months that begin at midnight in a place with summer time, while the dates are told in UTC: an hour
    earlier in summer than in winter. None if they are none."""
    # 1. Find the midnights.
    midnights = [(date + DAY / 2).replace(hour=0, minute=0, second=0, microsecond=0) for date in dates]
    offsets = {date - midnight for date, midnight in zip(dates, midnights, strict=True)}
    if len(offsets) != 2 or max(offsets) - min(offsets) != HOUR:
        return None
    # 2. A month has the offset that it had last, or that of the nearest month of the year.
    in_order = sorted(zip(midnights, dates, strict=True))
    offset_of_month = {midnight.month: date - midnight for midnight, date in in_order}

    def write_in_utc(midnight: datetime) -> str:
        nearest = min(
            offset_of_month, key=lambda month: min((month - midnight.month) % 12, (midnight.month - month) % 12)
        )
        return write(midnight + offset_of_month[nearest])

    return month_axis(midnights, sorted(set(midnights)), write_in_utc)


def half_month_axis(dates: list[datetime], write: Write) -> tuple[Axis, Places] | None:
    """The axis of two dates in each month, such as the 1st and the 15th, or the 15th and the last; None if there are
    others."""
    # 1. Find the two days.
    first_day = min(date.day for date in dates)
    others = [date for date in dates if date.day != first_day]
    if len(others) < 2 or len(dates) < 4 or len({date.time() for date in dates}) > 1:
        return None
    later_day = LAST_DAY
    if any(date.day != _days_in_month(date) for date in others):
        later_day = max(date.day for date in others)
    if any(date.day != min(later_day, _days_in_month(date)) for date in others):
        return None
    differences = {later - earlier for earlier, later in pairwise(sorted(set(dates)))}
    if len(differences) == 1:  # fortnights only happen to lie on two days
        return None
    if not MIN_HALF.days <= later_day - first_day <= LAST_DAY - MIN_HALF.days:
        return None
    # 2. Count halves of months from the first date.
    halves = np.array([2 * _month_number(date) + (date.day != first_day) for date in dates])
    begin = int(halves.min())
    last = max(dates)

    def label(place: int) -> str:
        month, half = divmod(begin + place, 2)
        first = last.replace(year=month // 12, month=month % 12 + 1, day=1)
        return write(first.replace(day=min(later_day, _days_in_month(first)) if half else first_day))

    return Axis("half a month", label), halves - begin


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
