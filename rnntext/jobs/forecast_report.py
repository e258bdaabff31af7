"""What the command `forecast` reports about a series: its continuation, its filled gaps, or its alarms."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from rnntext.jobs.forecasting import ForecastModel
from rnntext.series.months import Axis
from rnntext.series.series import Series
from rnntext.settings.forecaster import LEVEL
from rnntext.words import counted

DIGITS = 6  # forecasts of a column are rounded to so many decimal digits of its range


@dataclasses.dataclass(frozen=True)
class Report:
    """Results to be written, and the arrays that a chart of them shows.

    Attributes:
        records: one for each time and column; None stands for NaN, which JSON does not have.
        series: the past.
        notes: further information, in sentences.
        after: a forecast, `[steps, targets]`.
        bands: the lower and the upper edge of each of the forecast's bands, `[steps, targets]`, by level in percent.
        over: another series for the time of the past, `[time, targets]`.
        marks: which values of the past are marked, boolean `[time, targets]`.
        mark: the name of the marks: "imputed" or "alarm".
    """

    records: list[dict[str, Any]]
    series: Series
    notes: list[str] = dataclasses.field(default_factory=list)
    after: np.ndarray | None = None
    bands: dict[float, tuple[np.ndarray, np.ndarray]] = dataclasses.field(default_factory=dict)
    over: np.ndarray | None = None
    marks: np.ndarray | None = None
    mark: str = ""


def predicted(model: ForecastModel, series: Series, steps: int | None, levels: Sequence[float] = (LEVEL,)) -> Report:
    """The report of a forecast.

    Args:
        model: the forecaster.
        series: the past, with the known columns of the future.
        steps: number of values; None: the model's horizon.
        levels: of the bands, in percent. If there are several, the names of their edges end with them.

    Raises:
        DataError: see `ForecastModel.forecast`.
    """
    # 1. Tell what the forecast and its bands rest on.
    forecast = model.forecast(series.values, steps, series.future, levels)
    notes = []
    if forecast.filled:
        count = model.config.window * series.values.shape[1]
        notes.append(
            f"{forecast.filled:,} of the {counted(count, 'value')} that the forecast is made from are missing; they "
            "are filled as --impute fills them"
        )
    if forecast.measured < len(forecast.values):
        notes.append(
            f"the band was measured for {forecast.measured} steps; after them it grows with the square root of time"
        )
    widest = max(levels)
    needed = math.ceil(round(widest / (100 - widest), DIGITS))
    if forecast.errors < needed:
        notes.append(
            f"a band of {widest:g} % needs {needed} held-out errors of each step, and there are {forecast.errors}: it "
            "may be too narrow; a larger --validation gives more"
        )
    # 2. Round the numbers.
    fields = {"value": _rounded_forecast(model, forecast.values, series)}
    for level, (lower, upper) in forecast.bands.items():
        end = f"_{level:g}" if len(levels) > 1 else ""
        fields["lower" + end] = _rounded_forecast(model, lower, series)
        fields["upper" + end] = _rounded_forecast(model, upper, series)
    records = _records(series, len(series.values), fields)
    return Report(records, series, notes, after=forecast.values, bands=forecast.bands)


def imputed(model: ForecastModel, series: Series) -> Report:
    """The report of a series with its gaps filled, from the first value of any target on.

    Rows after the last value, of which only the known columns are given, are filled, too. What a target lacks before
    its first value stays missing.

    Raises:
        DataError: see `ForecastModel.impute`.
    """
    # 1. Put the rows back of which only some columns are given, before and after all others.
    targets = len(series.targets)
    unknown = np.full((len(series.future), targets), np.nan)
    later_rows = np.concatenate([unknown, series.future], axis=1)  # [future, targets + known]
    before = len(series.lead)
    values = np.concatenate([series.lead, series.values, later_rows])  # [time, columns]
    label = series.axis.label
    axis = Axis(series.axis.step, lambda place: label(place - before))
    series = dataclasses.replace(series, values=values, axis=axis)
    # 2. Fill the gaps.
    filled = model.impute(series.values)  # [time, targets]
    present = np.isfinite(series.values[:, :targets])
    has_begun = np.logical_or.accumulate(present)
    missing = has_begun & ~present
    rounded = _rounded_forecast(model, filled, series)
    values = np.where(missing, rounded, series.values[:, :targets])
    records = _records(series, 0, {"value": values, "imputed": missing})
    # 3. Compare forecasts and straight lines on hidden held-out blocks.
    notes = [f"filled: {int(missing.sum())} values"]
    forecast_errors, line_errors, length = model.imputation_errors
    if length:
        for name, forecast_error, line_error in zip(series.targets, forecast_errors, line_errors, strict=True):
            hidden = f"{name}: held-out blocks of {length} values, hidden on purpose: mean absolute error"
            choice = "" if forecast_error <= line_error else ", so they fill the gaps"
            notes.append(f"{hidden} {forecast_error:.4g}; straight lines {line_error:.4g}{choice}")
    return Report(records, series, notes, over=filled, marks=missing, mark="imputed")


def alarmed(model: ForecastModel, series: Series, limit: float) -> Report:
    """The report of a series with its one-step forecasts and alarms.

    Args:
        model: the forecaster.
        series: the past.
        limit: the largest deviation without an alarm, in standard deviations.

    Raises:
        DataError: see `ForecastModel.alarms`.
    """
    alarms = model.alarms(series.values, limit)
    judged = int(np.isfinite(alarms.deviation).sum())
    notes = [f"alarms: {int(alarms.alarm.sum())} of {judged} values"]
    fields = {
        "value": series.values,
        "expected": _rounded(alarms.expected, series.values),
        "deviation": _rounded(alarms.deviation, alarms.deviation),
        "alarm": alarms.alarm,
    }
    records = _records(series, 0, fields)
    return Report(records, series, notes, over=alarms.expected, marks=alarms.alarm, mark="alarm")


def _records(series: Series, begin: int, fields: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    """A record for each time and column.

    Args:
        series: names the times and the columns.
        begin: the place of the first row on the series' axis.
        fields: arrays `[time, at least targets]` by the names that their values have in a record.
    """
    records = []
    for row in range(len(fields["value"])):
        time = series.axis.label(begin + row)
        for column, name in enumerate(series.targets):
            cells = {field: _cell(values[row, column]) for field, values in fields.items()}
            records.append({"time": time, "column": name, **cells})
    return records


def _cell(value: Any) -> int | float | None:
    """A NumPy number as JSON knows it: NaN is None, a boolean is 0 or 1."""
    if np.isnan(value):
        return None
    return int(value) if value.dtype == bool else float(value)


def _rounded_forecast(model: ForecastModel, values: np.ndarray, series: Series) -> np.ndarray:
    """What was predicted, `[time, targets]`, `_rounded` by the series, but not to below the model's floor."""
    return np.asarray(model.engine.scale.above_floor(_rounded(values, series.values)))


def _rounded(values: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Values rounded to a millionth of the range of other values.

    Further digits mean nothing, since networks compute in float32, which has about seven.

    Args:
        values: `[time, targets]`.
        like: the values whose range counts, `[time, at least targets]`.
    """
    columns = []
    for value, other in zip(values.T, like.T, strict=False):
        known = other[np.isfinite(other)]
        size = (np.ptp(known) or np.abs(known).max()) if len(known) else 0.0
        if size:
            decimals = DIGITS - math.floor(math.log10(size))
            value = np.round(value, decimals)
        columns.append(value)
    return np.stack(columns, axis=1)  # [time, targets]
