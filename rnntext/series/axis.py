"""The time axis of a series: dates or numbers at regular steps, with gaps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from rnntext.series.dates import DateError, Reading, Write, explain, readings
from rnntext.series.months import DAY, MIN_HALF, Axis, half_month_axis, month_axis
from rnntext.series.steps import DECIMAL_UNITS, TIME_UNITS, Places, gaps, refuse_sparse, regular
from rnntext.words import counted

MIN_MONTH = timedelta(days=20)  # dates that are closer are not those of months
MIN_DAY = timedelta(hours=23)
FIRST = {"d": "day", "m": "month", "y": "year", "Y": "year"}  # what a format begins with
EPOCH = datetime(1970, 1, 1)


def rows_axis() -> Axis:
    """An axis of row numbers, from 1."""
    return Axis("1 row", lambda place: str(place + 1))


def time_axis(
    cells: Sequence[str], date_format: str | None = None, step: float | None = None
) -> tuple[Axis, list[int]]:
    """The axis that dates or numbers lie on, and the place of each.

    Args:
        cells: at least one, in any order.
        date_format: the format of the dates, as for `strptime`; None: it is found.
        step: the distance of two successive values, of dates in seconds; None: it is found. A given one puts each value
            to the nearest step, however far off it is.

    Returns:
        the axis; the places, of which the earliest is 0 and some may be missing. A cell is also the label of
        its place.

    Raises:
        DateError: no format fits, or several do, or the steps are irregular.
    """
    # 1. Find the rule of the axis.
    for row, cell in enumerate(cells):
        if not cell:
            raise DateError("no date", row)
    axis, places = _regular_axis(cells, date_format, step)

    # 2. Where there is a cell, it is the label.
    rows = np.argsort(places, kind="stable")
    ordered = places[rows]
    end = int(ordered[-1])
    last = cells[int(rows[-1])]

    def label(place: int) -> str:
        index = int(np.searchsorted(ordered, place))
        if place <= end and ordered[index] == place:
            return cells[int(rows[index])]
        try:
            return axis.label(place)
        except (ValueError, OverflowError):
            distance = f"{place - end} steps of {axis.step}"
            raise DateError(f"there is no date {distance} after {last}") from None

    return Axis(axis.step, label), places.tolist()


def _regular_axis(cells: Sequence[str], date_format: str | None, step: float | None) -> tuple[Axis, Places]:
    """As `time_axis`, but one rule makes all labels. They raise what `datetime` raises where the calendar ends."""
    # 1. Read the column in all ways that fit.
    axes: list[tuple[str, Axis, Places]] = []
    errors: list[DateError] = []
    for reading in readings(cells, date_format):
        try:
            axes.append((reading.form, *_date_axis(reading, step)))
        except DateError as error:
            errors.append(error)
    values = None if date_format is not None else _numbers(cells)
    if values is not None:
        try:
            axes.append(("", *_number_axis(values, _is_whole(cells), step)))
        except DateError as error:
            errors.append(error)
    if not axes:
        raise errors[0] if errors else explain(cells)
    # 2. The way with the fewest gaps is meant.
    axes.sort(key=lambda reading: gaps(reading[2]))
    form, axis, places = axes[0]
    # 3. Dates that have few gaps when they are read in another way, too, may mean either; numbers mean dates.
    if len(axes) > 1 and values is None:
        other, _, other_places = axes[1]
        if other_places.max() <= 2 * places.max():
            first, second = (FIRST.get(name[1], "another part") for name in (form, other))
            raise DateError(
                f"{cells[0]!r} can be read with {first} or {second} first; "
                f"give --date-format '{form}' or --date-format '{other}'"
            )
    return axis, places


# Numbers --------------------------------------------------------------------------------------------------------------


def _numbers(cells: Sequence[str]) -> np.ndarray | None:
    """The numbers of cells, `[cells]`; None if they are none."""
    try:
        values = np.array(list(map(float, cells)))
    except ValueError:
        return None
    finite = np.isfinite(values)
    if not finite.all():
        raise DateError("not a number", int(finite.argmin()))
    return values


def _is_whole(cells: Sequence[str]) -> bool:
    """Whether all numbers are written as integers."""
    return all(cell.lstrip("+-").isdigit() for cell in cells)


def _number_axis(values: np.ndarray, is_whole: bool, step: float | None) -> tuple[Axis, Places]:
    """The axis of numbers `[cells]`; `is_whole` says whether all of them are written as integers."""
    last = values.max()
    is_given = step is not None
    step, places = regular(
        values, step, DECIMAL_UNITS, name=lambda row: f"{values[row]:.10g}", words=lambda step: f"{step:.6g}"
    )
    if not is_given:
        refuse_sparse(places, f"{step:.6g}")
    end = places.max()

    def label(place: int) -> str:
        value = last + (place - end) * step
        if is_whole and step == int(step):
            return str(round(value))
        return f"{value:.10g}"

    return Axis(f"{step:.6g}", label), places


# Dates ----------------------------------------------------------------------------------------------------------------


def _date_axis(reading: Reading, step: float | None) -> tuple[Axis, Places]:
    """The axis of dates: of months, of weekdays, or of steps that all take the same time."""
    # 1. A single date has no step; the next one is taken to be a day later.
    dates = reading.dates
    write = reading.write
    last = max(dates)
    seconds = _seconds(dates)
    ordered = np.unique(seconds)
    if len(ordered) == 1 and step is None:
        daily = Axis("1 day", lambda place: write(last + place * DAY))
        return daily, np.zeros(len(dates), int)
    # 2. Months and weekdays are steps of different lengths.
    if step is None:
        shortest = float(np.diff(ordered).min())
        if shortest >= MIN_MONTH.total_seconds():
            months = month_axis(dates, sorted(set(dates)), write)
            if months is not None:
                return months
        if shortest >= MIN_HALF.total_seconds():
            halves = half_month_axis(dates, write)
            if halves is not None:
                return halves
        if shortest == DAY.total_seconds() and _only_weekdays(dates, np.diff(ordered)):
            return _weekday_axis(dates, write)
    # 3. All other steps have one length. Labels count from the last date, since what comes after it has its offset from
    # UTC.
    step, places = regular(seconds, step, TIME_UNITS, name=lambda row: write(dates[row]), words=_step_in_words)
    length = timedelta(seconds=step)
    end = int(places.max())
    return Axis(_step_in_words(step), lambda place: write(last + (place - end) * length)), places


def _seconds(dates: Sequence[datetime]) -> np.ndarray:
    """The seconds of dates since EPOCH, `[dates]`, float64. Days and longer steps are those of the local clock, which
    may be moved by an hour; shorter ones are those of UTC."""
    if dates[0].tzinfo is not None:
        epoch = EPOCH.replace(tzinfo=UTC)
        seconds = np.array([(date - epoch).total_seconds() for date in dates])
        if min(np.diff(np.unique(seconds)), default=DAY.total_seconds()) < MIN_DAY.total_seconds():
            return seconds
        dates = [date.replace(tzinfo=None) for date in dates]
    return np.array([(date - EPOCH).total_seconds() for date in dates])


def _step_in_words(seconds: float) -> str:
    step = timedelta(seconds=seconds)
    return str(step) if step % DAY else counted(step.days, "day")


def _only_weekdays(dates: Sequence[datetime], differences: np.ndarray) -> bool:
    """Whether the dates are office days: none lies on a weekend, and at least two weekends are left out."""
    weekends = np.count_nonzero(differences == 3 * DAY.total_seconds())
    return bool(weekends >= 2) and not any(date.weekday() >= 5 for date in dates)


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

    places = np.array([place_of(date) for date in dates])
    return Axis("1 weekday", label), places
