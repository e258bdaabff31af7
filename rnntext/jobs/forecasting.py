"""A forecaster in service: a series in, its future, its gaps filled, its faults marked."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np

from rnntext.config import ForecastConfig
from rnntext.errors import CheckpointError, DataError, UsageError
from rnntext.run.forecasters import Forecaster, measure, shapes
from rnntext.run.panel import Panel
from rnntext.run.threads import blas_threads
from rnntext.run.windows import Scale
from rnntext.storage.checkpoint import Checkpoint

LEVEL = 0.8  # of held-out values lie within the band
MOST_ORIGINS = 500  # held-out places that a band is measured from
LEAST_ORIGINS = 8  # fewer say nothing about a step
BLOCK = 5  # values that are hidden together to measure imputation
DEVIATION = 0.6827  # of normally distributed values lie within one standard deviation
NEW_LEVEL = 12  # alarms in a row on one side: the series has moved, and goes on from there


@dataclasses.dataclass(frozen=True)
class Forecast:
    """What comes after a series, each `[steps, targets]`.

    Attributes:
        values: the forecast.
        lower, upper: within which LEVEL of held-out values would have lain.
        measured: steps whose band was measured; those after it have the last one's.
    """

    values: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    measured: int


@dataclasses.dataclass(frozen=True)
class Alarms:
    """Forecasts of what is known already, each `[time, targets]`; NaN where none can be made.

    Attributes:
        expected: the forecast from what came before.
        deviation: how far the value is from it, in held-out standard deviations.
        alarm: where that is more than asked for.
    """

    expected: np.ndarray
    deviation: np.ndarray
    alarm: np.ndarray


class ForecastModel:
    """A forecaster in service, arrays in and arrays out.

    Series are `[time, targets + known]`, or `[time]` if there is one column; NaN where a value is missing.

    Attributes:
        engine: the NumPy model.
        checkpoint: the version it came from, with its manifest and metrics.
        about: names of its columns, and the step between values.
        held_out: the held-out series that bands are measured on, a window before it.
    """

    def __init__(self, source: Checkpoint, threads: int = 1) -> None:
        if source.kind != "forecaster":
            raise UsageError(f"{source.path}: this is a {source.kind} model; a forecaster is needed here")
        self.checkpoint, self.threads = source, threads
        settings = source.json("config.json")
        self.config = ForecastConfig.from_json(settings.get("model") if isinstance(settings, dict) else None)
        try:
            self.about: dict[str, Any] = source.json("series.json")
            self.columns, self.known = list(self.about["columns"]), list(self.about["known"])
            scale = Scale.from_json(self.about["scale"])
            values = np.array(source.json("held_out.json"), np.float64)
            if scale.targets != len(self.columns) or len(values) <= self.config.window or scale.season < 1:
                raise ValueError
            if not np.isfinite(scale.mean).all() or not (np.isfinite(scale.spread) & (scale.spread > 0)).all():
                raise ValueError
            if {values.shape[1:], scale.mean.shape, scale.spread.shape} != {(len(self.columns) + len(self.known),)}:
                raise ValueError
            self.held_out = Panel.of(values[None])
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise CheckpointError(f"{source.path}: series.json or held_out.json is not a forecaster's") from error
        arrays = source.arrays(shapes(self.config, scale.targets, len(self.known)))
        self.engine = Forecaster(self.config, scale, len(self.known), arrays)

    # The future -------------------------------------------------------------------------------------------------------

    def forecast(self, series: Any, steps: int | None = None, future: Any = None) -> Forecast:
        """Predicts what comes after a series.

        Args:
            series: at least `window` values.
            steps: how many values to predict; None: the model's horizon.
            future: the known columns at these steps, `[steps, known]`.

        Raises:
            DataError: the series is too short, too little is known of the future, or the forecast has no bounds.
        """
        steps = self.config.horizon if steps is None else steps
        panel = self._panel(series)
        coming = None
        if self.known:
            coming = np.array([] if future is None else future, np.float64).reshape(-1, len(self.known))[:steps]
            if len(coming) < steps or not np.isfinite(coming).all():
                there = int(np.isfinite(coming).all(axis=1).cumprod().sum())
                raise DataError(
                    f"{', '.join(self.known)}: known for {there} steps ahead, but {steps} are to be predicted"
                )
            coming = coming[None]
        with blas_threads(self.threads), np.errstate(all="ignore"):
            values = self.engine.forecast(panel.values, steps, coming)[0]
            width, measured = self._band(steps)
        if not np.isfinite(values).all():
            first = int(np.isfinite(values).all(axis=1).argmin())
            raise DataError(f"the forecast grows beyond all numbers after {first} steps; give a smaller --horizon")
        return Forecast(values, values - width, values + width, measured)

    def _panel(self, series: Any) -> Panel:
        """A series of the user's, its gaps filled with the values before them."""
        values = np.array(series, np.float64)
        values = values[:, None] if values.ndim == 1 else values
        columns = [*self.columns, *self.known]
        if values.ndim != 2 or values.shape[1] != len(columns):
            raise DataError(f"the model wants {len(columns)} columns ({', '.join(columns)}), not {values.shape[1:]}")
        if len(values):
            values = values[np.isfinite(values).argmax(axis=0).max() :]
        if len(values) < self.config.window or not np.isfinite(values[:1]).all():
            raise DataError(
                f"{len(values)} values are too few; the model reads {self.config.window} before it predicts"
            )
        return Panel.of(values[None])

    @functools.cached_property
    def _places(self) -> np.ndarray:
        """Held-out places to forecast from: after how many values of `held_out`."""
        first, last = self.config.window, self.held_out.values.shape[1]
        count = min(last - first, MOST_ORIGINS)
        return np.linspace(first, last - 1, count).astype(int)

    def _residuals(self, steps: int) -> np.ndarray:
        """Held-out values minus their forecasts, `[places, steps, targets]`; NaN where nothing is known."""
        window, places = self.config.window, self._places
        values, targets = self.held_out.values[0], self.engine.scale.targets
        index = places[:, None] + np.arange(steps)
        inside = np.minimum(index, len(values) - 1)
        history = values[places[:, None] + np.arange(-window, 0)]
        found = self.engine.forecast(history, steps, values[inside][:, :, targets:])
        counted = self.held_out.counted[0][inside][:, :, :targets] & (index < len(values))[:, :, None]
        return np.where(counted, values[inside][:, :, :targets] - found, np.nan)

    def _band(self, steps: int) -> tuple[np.ndarray, int]:
        """Half the width of the band at each step, `[steps, targets]`, and for how many steps it was measured."""
        held_out = self.held_out.values.shape[1] - self.config.window
        residuals = np.abs(self._residuals(min(steps, held_out)))
        enough = np.isfinite(residuals).sum(axis=0).min(axis=1) >= LEAST_ORIGINS
        measured = max(1, int(enough.cumprod().sum()))
        with np.errstate(invalid="ignore"):
            width = np.nanquantile(residuals[:, :measured], LEVEL, axis=0)
        width = np.nan_to_num(width)
        return np.concatenate([width, np.repeat(width[-1:], steps - measured, axis=0)]), measured

    # The past ---------------------------------------------------------------------------------------------------------

    def impute(self, series: Any) -> np.ndarray:
        """Fills the gaps of a series: a forecast from what lies before a gap, bent so that it meets the value after it.
        Gaps that begin before there is a window are filled with a straight line, and so are those of a column where
        straight lines were better on held-out blocks (but for the last gap, if nothing comes after it).

        Returns:
            the columns to be predicted, `[time, targets]`.
        """
        values = np.array(series, np.float64)
        values = values[:, None] if values.ndim == 1 else values
        if values.ndim != 2 or not np.isfinite(values).any(axis=0).all():
            raise DataError("a column without any value cannot be filled")
        targets, window = self.engine.scale.targets, self.config.window
        known = _straight(values)
        ours, lines, _ = self.imputation_errors
        missing = ~np.isfinite(values[:, :targets])
        gaps = [(begin, end, column) for column in range(targets) for begin, end in _runs(missing[:, column])]
        with blas_threads(self.threads):
            for begin, end, column in sorted(gaps):
                to_the_end = end == len(known)
                if begin >= window and (to_the_end or ours[column] <= lines[column]):
                    chunk = known[None, begin - window : end + 1]
                    known[begin:end, column] = self._bridge(chunk, to_the_end)[0, : end - begin, column]
        return np.asarray(known[:, :targets])

    def _bridge(self, chunk: np.ndarray, to_the_end: bool = False) -> np.ndarray:
        """Fills the steps after a window.

        Args:
            chunk: `[gaps, window + length + 1, columns]`, the step after the gap included.
            to_the_end: nothing comes after the gap, and `chunk` ends with it.

        Returns:
            `[gaps, length + 1, targets]`, or `[gaps, length, targets]`.
        """
        window, targets = self.config.window, self.engine.scale.targets
        steps = chunk.shape[1] - window
        found = self.engine.forecast(chunk[:, :window], steps, chunk[:, window:, targets:])
        wrong = 0.0 if to_the_end else chunk[:, -1:, :targets] - found[:, -1:]
        share = np.arange(1, steps + 1)[:, None] / steps
        return np.asarray(found + wrong * share)

    @functools.cached_property
    def imputation_errors(self) -> tuple[np.ndarray, np.ndarray, int]:
        """Mean absolute errors of `impute` and of straight lines, each `[targets]`, on held-out blocks hidden on
        purpose, and the length of the blocks. Every place of the held-out series is hidden once."""
        window, targets = self.config.window, self.engine.scale.targets
        length = min(BLOCK, self.held_out.values.shape[1] - window - 1)
        if length < 1:
            return np.zeros(targets), np.zeros(targets), 0
        origins = self.held_out.origins(window, length + 1)
        chunk, counted = self.held_out.chunks(origins, window + length + 1)
        counted = counted[:, window:-1, :targets]
        with blas_threads(self.threads):
            found = self._bridge(chunk)[:, :-1]
        before, after = chunk[:, window - 1 : window, :targets], chunk[:, -1:, :targets]
        share = np.arange(1, length + 1)[:, None] / (length + 1)
        wanted, number = chunk[:, window:-1, :targets], np.maximum(1, counted.sum(axis=(0, 1)))
        ours, lines = (
            np.where(counted, np.abs(filled - wanted), 0.0).sum(axis=(0, 1)) / number
            for filled in (found, before + (after - before) * share)
        )
        return ours, lines, length

    def alarms(self, series: Any, limit: float) -> Alarms:
        """Marks values that are further from their forecast than `limit` held-out standard deviations. A marked value
        is replaced by its forecast in the windows of those after it, so that a fault does not mark its neighbours; but
        not after NEW_LEVEL marks in a row on one side, as a series that has moved is to be judged where it is now."""
        values = np.array(series, np.float64)
        panel = self._panel(values)
        skipped = len(values) - panel.values.shape[1]
        window, targets = self.config.window, self.engine.scale.targets
        seen, counted = panel.values[0].copy(), panel.counted[0]
        spread = self._deviation(np.abs(seen[:, :targets]).max(axis=0))
        side = np.zeros((len(seen), targets), np.int8)  # +1 or -1 where a value is marked, above or below
        expected = np.full((len(seen), targets), np.nan)
        deviation = expected.copy()
        begin, end = window, len(seen)
        with blas_threads(self.threads):
            while begin < end:
                expected[begin:end] = self._next(seen, begin, end)
                off = (panel.values[0, begin:end, :targets] - expected[begin:end]) / spread
                deviation[begin:end] = np.where(counted[begin:end, :targets], off, np.nan)
                marked = (np.abs(deviation[begin:]) > limit).any(axis=1)
                if not marked.any():
                    break
                row = begin + int(marked.argmax())
                which = np.abs(deviation[row]) > limit
                side[row] = np.where(which, np.sign(deviation[row]), 0)
                moved = np.abs(side[max(0, row - NEW_LEVEL) : row + 1].sum(axis=0)) > NEW_LEVEL
                seen[row, :targets] = np.where(which & ~moved, expected[row], seen[row, :targets])
                begin, end = row + 1, min(len(seen), row + 1 + window)  # the windows that hold it
        lead = np.full((skipped, targets), np.nan)
        expected, deviation = np.concatenate([lead, expected]), np.concatenate([lead, deviation])
        return Alarms(expected, deviation, np.abs(np.nan_to_num(deviation)) > limit)

    def _deviation(self, size: np.ndarray) -> np.ndarray:
        """The standard deviation of held-out residuals one step ahead, `[targets]`: where DEVIATION of them end, since
        a few outliers must not hide others. Rounding errors of a column as large as `size` are nothing to speak of."""
        residuals = np.abs(self._residuals(1)[:, 0])
        found = np.nanquantile(residuals, DEVIATION, axis=0)
        found = np.where(found > 0, found, np.sqrt(np.nanmean(residuals**2, axis=0)))
        return np.asarray(np.maximum(found, 1e-9 * np.where(size > 0, size, 1.0)))

    def _next(self, seen: np.ndarray, begin: int, end: int) -> np.ndarray:
        """The forecast of each of some rows from the window before it: `[rows, targets]`."""
        window, targets = self.config.window, self.engine.scale.targets
        history = np.lib.stride_tricks.sliding_window_view(seen[begin - window : end - 1], window, axis=0)
        return self.engine.forecast(history.swapaxes(1, 2), 1, seen[begin:end, None, targets:])[:, 0]

    def measure(self, panel: Panel, naive_errors: np.ndarray) -> dict[str, float]:
        """Errors on a panel that begins with a window, as in training."""
        with blas_threads(self.threads):
            return measure(self.engine, panel, naive_errors)


def _runs(missing: Any) -> list[tuple[int, int]]:
    """Where stretches of True begin and end."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], missing, [False]]).astype(int)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _straight(values: np.ndarray) -> np.ndarray:
    """Gaps filled with straight lines from value to value; the first and the last are repeated outwards."""
    time = np.arange(len(values))
    found = values.copy()
    for column in found.T:
        there = np.isfinite(column)
        column[~there] = np.interp(time[~there], time[there], column[there])
    return found
