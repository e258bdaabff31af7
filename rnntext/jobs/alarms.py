"""Alarms: values of a series that are far from their forecasts."""

from __future__ import annotations

import dataclasses

import numpy as np

from rnntext.jobs.imputation import fill_gaps
from rnntext.run.forecasters import Forecaster
from rnntext.run.panel import Panel

LEVEL_SHIFT = 12  # after so many alarms on one side, the level of the series counts as shifted
RECENT = 24  # values among which these alarms lie: at a small shift some values are within the limit, or missing


@dataclasses.dataclass(frozen=True)
class Alarms:
    """One-step forecasts of a series and its deviations from them, each `[time, targets]`.

    >>> import rnntext
    >>> model = rnntext.load("checkpoints/forecaster")
    >>> alarms = model.alarms([10, 20, 30, 25, 15, 5, 0, 10, 99, 30], limit=4)
    >>> alarms.alarm[:, 0].nonzero()[0].tolist(), bool(alarms.deviation[8, 0] > 4)
    ([8], True)

    Attributes:
        expected: the forecast from the values before; NaN where there are too few.
        deviation: the value minus its forecast, in standard deviations of held-out residuals; NaN where one of them is
            missing.
        alarm: boolean, whether the absolute deviation is above the limit.
    """

    expected: np.ndarray
    deviation: np.ndarray
    alarm: np.ndarray


def find_alarms(engine: Forecaster, panel: Panel, spread: np.ndarray, limit: float, skipped: int) -> Alarms:
    """The alarms of a series.

    A value with an alarm is replaced by its forecast in the windows of the values after it, so that a fault does not
    raise alarms for its neighbours. After more than LEVEL_SHIFT alarms on one side among RECENT values, all of these
    are put back, and the next ones are no longer replaced, as a series whose level has shifted is to be judged where
    it is now. A missing value is its forecast, too, as repeated values would look like a change of level.

    Args:
        engine: the forecaster.
        panel: one series, `[1, time, columns]`.
        spread: the standard deviation of residuals, `[targets]`.
        limit: the largest deviation without an alarm, in these standard deviations.
        skipped: number of values that come before those of the panel; they have no forecast.
    """
    # 1. Forecasts are made from a copy of the series, in which missing values and those with an alarm are replaced.
    window = engine.config.window
    targets = engine.scale.targets
    values = panel.values[0]  # [time, columns]
    missing = ~panel.counted[0, :, :targets]  # [time, targets]
    history = _with_whole_beginning(engine, panel)
    side = np.zeros((len(values), targets), np.int8)  # 1 or -1 at an alarm above or below the forecast, else 0
    expected = np.full((len(values), targets), np.nan)
    deviation = expected.copy()
    replaceable = np.zeros(len(values), bool)
    begin = window
    end = len(values)
    while begin < end:
        # 2. Forecast the rows whose windows have changed.
        expected[begin:end] = _one_step_forecasts(engine, history, begin, end)
        residual = values[begin:end, :targets] - expected[begin:end]  # [rows, targets]
        deviation[begin:end] = np.where(missing[begin:end], np.nan, residual / spread)
        # 3. Find the first row with an alarm or a missing value.
        is_far = np.abs(deviation[begin:end]) > limit  # [rows, targets]
        replaceable[begin:end] = (missing[begin:end] | is_far).any(axis=1)
        row = begin + int(replaceable[begin:].argmax())
        if not replaceable[row]:
            break
        # 4. Replace its values by their forecasts.
        alarm = np.abs(deviation[row]) > limit  # [targets]
        side[row] = np.where(alarm, np.sign(deviation[row]), 0)
        history[row, :targets] = np.where(alarm | missing[row], expected[row], history[row, :targets])
        # 5. Put back what was replaced where the level has shifted.
        recent = slice(max(0, row + 1 - RECENT), row + 1)
        same_side = alarm & (side[recent] == side[row])  # [rows, targets]
        for target in np.flatnonzero(same_side.sum(axis=0) > LEVEL_SHIFT):
            column = (recent, target)
            _put_back(history[column], values[column], expected[column], side[column], missing[column])
        # 6. Go on with the rows whose windows hold the replaced one, or with the next row alone if it is missing.
        begin = row + 1
        in_gap = begin < len(values) and missing[begin].any()
        end = begin + 1 if in_gap else min(len(values), begin + window)
    # 7. Put the values that were skipped back in front.
    lead = np.full((skipped, targets), np.nan)
    expected = np.concatenate([lead, expected])
    deviation = np.concatenate([lead, deviation])  # [time, targets]
    return Alarms(expected, deviation, np.abs(np.nan_to_num(deviation)) > limit)


def _with_whole_beginning(engine: Forecaster, panel: Panel) -> np.ndarray:
    """The values of a panel, `[time, columns]`, in whose first window the missing targets are those of the season after
    it or, where there is none, lie on straight lines: there is no window before them to make a forecast from."""
    # 1. Draw straight lines.
    window = engine.config.window
    targets = engine.scale.targets
    season = engine.scale.season
    history: np.ndarray = panel.values[0].copy()
    history[:window] = fill_gaps(engine, panel.missing()[0, :window], np.ones(targets, bool))
    # 2. Take the values of the season after the gap, from the end on.
    known = panel.counted[0, :, :targets].copy()  # [time, targets]
    for row in range(window - 1, -1, -1):
        later = row + season
        if season > 1 and later < len(history):
            is_filled = ~known[row] & known[later]  # [targets]
            history[row, :targets] = np.where(is_filled, history[later, :targets], history[row, :targets])
            known[row] |= is_filled
    return history


def _put_back(
    history: np.ndarray, values: np.ndarray, expected: np.ndarray, side: np.ndarray, missing: np.ndarray
) -> None:
    """Puts values that were replaced back into a history whose level has shifted.

    Values that are far off even so are faults; they become their forecasts, shifted with the level, and so do values
    that are missing since the shift.

    Args:
        history, values, expected: recent values of one target, `[rows]` each, see `find_alarms`.
        side: of their alarms; the last one is that of the shift.
        missing: boolean.
    """
    residual = values - expected
    shift = np.median(residual[side == side[-1]])
    is_fault = np.abs(residual - shift) > np.abs(shift)
    true_values = np.where(is_fault | missing, expected + shift, values)
    has_shifted = np.logical_or.accumulate(side == side[-1])
    np.copyto(history, true_values, where=(side != 0) | (missing & has_shifted))


def _one_step_forecasts(engine: Forecaster, history: np.ndarray, begin: int, end: int) -> np.ndarray:
    """The forecasts of rows `begin` ... `end - 1` from the windows before them, `[rows, targets]`."""
    window = engine.config.window
    targets = engine.scale.targets
    seen = history[begin - window : end - 1]
    windows = np.lib.stride_tricks.sliding_window_view(seen, window, axis=0)  # [rows, columns, window]
    future = history[begin:end, None, targets:]  # [rows, 1, known]
    return engine.forecast(windows.swapaxes(1, 2), 1, future)[:, 0]
