"""Imputation: gaps of a series are filled by forecasts, or by straight lines where these are better."""

from __future__ import annotations

import numpy as np

from rnntext.run.forecasters import Forecaster
from rnntext.run.panel import Panel

BLOCK = 5  # held-out values that are hidden together to measure imputation


def fill_gaps(engine: Forecaster, values: np.ndarray, by_forecast: np.ndarray, since: int = 0) -> np.ndarray:
    """A series with its gaps filled, `[time, columns]`.

    Args:
        engine: the forecaster.
        values: the series `[time, columns]`; NaN where a value is missing; each column has at least one value.
        by_forecast: boolean `[targets]`, whether forecasts fill the gaps of a target. If not, straight lines do, but
            for a gap at the end of the series, where a line has nothing to lead to. Straight lines fill the gaps of
            columns known in advance, too.
        since: straight lines fill the gaps that end before this step.
    """
    window = engine.config.window
    targets = engine.scale.targets
    filled = _interpolated(values)  # [time, columns]
    missing = ~np.isfinite(values[:, :targets])
    gaps = [(begin, end, column) for column in range(targets) for begin, end in _runs(missing[:, column])]
    for begin, end, column in sorted(gaps):
        at_the_end = end == len(filled)
        if begin >= window and end > since and (at_the_end or by_forecast[column]):
            chunk = filled[None, begin - window : end + 1]  # [1, window + gap + 1, columns]
            bridge = _bridge(engine, chunk, at_the_end)
            filled[begin:end, column] = bridge[0, : end - begin, column]
    return filled


def imputation_errors(engine: Forecaster, held_out: Panel) -> tuple[np.ndarray, np.ndarray, int]:
    """Mean absolute errors of forecasts and of straight lines that fill hidden blocks of a held-out series.

    A block of BLOCK values is hidden at every place of the held-out series where it has a window before it and a value
    after it.

    Returns:
        the errors of forecasts and of lines, each `[targets]`, and the length of the blocks; zeros if the series is
        too short for a block.
    """
    # 1. Cut the held-out series into chunks: a window, a block to be hidden, and the value after it.
    window = engine.config.window
    targets = engine.scale.targets
    length = min(BLOCK, held_out.values.shape[1] - window - 1)
    if length < 1:
        return np.zeros(targets), np.zeros(targets), 0
    origins = held_out.origins(window, length + 1)
    chunk, counted = held_out.chunks(origins, window + length + 1)  # [blocks, window + length + 1, columns]
    truth = chunk[:, window:-1, :targets]  # [blocks, length, targets]
    counted = counted[:, window:-1, :targets]
    # 2. Fill the blocks in both ways.
    forecast = _bridge(engine, chunk)[:, :-1]  # [blocks, length, targets]
    before = chunk[:, window - 1 : window, :targets]  # [blocks, 1, targets]
    after = chunk[:, -1:, :targets]
    share = np.arange(1, length + 1)[:, None] / (length + 1)  # [length, 1]
    line = before + (after - before) * share  # [blocks, length, targets]
    # 3. Average the absolute errors over the values that are not missing.
    count = np.maximum(1, counted.sum(axis=(0, 1)))  # [targets]
    forecast_error, line_error = (
        np.where(counted, np.abs(filled - truth), 0.0).sum(axis=(0, 1)) / count for filled in (forecast, line)
    )
    return forecast_error, line_error, length


def _bridge(engine: Forecaster, chunk: np.ndarray, at_the_end: bool = False) -> np.ndarray:
    """Forecasts of the steps after a window, bent so that they meet the value after the gap.

    With the forecast f_1 ... f_n of the gap and the step after it, whose value is y: f_t + (y - f_n) * t / n.

    Args:
        engine: the forecaster.
        chunk: `[gaps, window + length + 1, columns]`, the step after the gap included.
        at_the_end: whether nothing comes after the gap; `chunk` then ends with the gap, and nothing is bent.

    Returns:
        `[gaps, length + 1, targets]`, or `[gaps, length, targets]`.
    """
    window = engine.config.window
    targets = engine.scale.targets
    steps = chunk.shape[1] - window
    forecast = engine.forecast(chunk[:, :window], steps, chunk[:, window:, targets:])  # [gaps, steps, targets]
    error = 0.0 if at_the_end else chunk[:, -1:, :targets] - forecast[:, -1:]  # [gaps, 1, targets]
    share = np.arange(1, steps + 1)[:, None] / steps  # [steps, 1]
    return np.asarray(engine.scale.above_floor(forecast + error * share))


def _runs(missing: np.ndarray) -> list[tuple[int, int]]:
    """Where the runs of True in `missing`, `[time]`, begin and end."""
    padded = np.concatenate([[False], missing, [False]]).astype(int)
    edges = np.flatnonzero(np.diff(padded))
    begins = edges[::2].tolist()
    ends = edges[1::2].tolist()
    return list(zip(begins, ends, strict=True))


def _interpolated(values: np.ndarray) -> np.ndarray:
    """`[time, columns]` with gaps filled by linear interpolation; the first and the last value of a column are
    repeated outwards."""
    time = np.arange(len(values))
    filled = values.copy()
    for column in filled.T:  # a view: what is assigned to it is assigned to `filled`
        known = np.isfinite(column)
        column[~known] = np.interp(time[~known], time[known], column[known])
    return filled
