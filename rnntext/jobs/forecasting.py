"""A forecaster in service: it continues a series, fills its gaps, and marks its odd values."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from rnntext.errors import CheckpointError, DataError, UsageError
from rnntext.jobs import imputation
from rnntext.jobs.alarms import Alarms, find_alarms
from rnntext.jobs.forecast_errors import HeldOutErrors
from rnntext.jobs.served import Served
from rnntext.run.forecaster_network import shapes
from rnntext.run.forecasters import Forecaster, measure
from rnntext.run.panel import Panel
from rnntext.run.threads import blas_threads
from rnntext.run.windows import Scale
from rnntext.series.series import TableStyle
from rnntext.settings.forecaster import LEVEL, ForecastConfig
from rnntext.storage.checkpoint import Checkpoint
from rnntext.storage.weights import HONEST
from rnntext.words import counted


@dataclasses.dataclass(frozen=True)
class Forecast:
    """The values that follow a series, with bands that are to hold a share of them.

    >>> import rnntext
    >>> model = rnntext.load("checkpoints/forecaster")
    >>> forecast = model.forecast([10, 20, 30, 25, 15, 5, 0] * 2, steps=3)
    >>> forecast.values.shape
    (3, 1)
    >>> bool((forecast.lower <= forecast.values).all() and (forecast.values <= forecast.upper).all())
    True

    Attributes:
        values: the forecast, `[steps, targets]`.
        lower, upper: the edges of the first band, each `[steps, targets]`; NaN for a target without held-out values.
        bands: the edges of all bands by level: the share of values in percent that a band is to hold.
        measured: number of steps whose bands were measured; after them they grow as those of a random walk do.
        errors: number of held-out errors behind the band of each measured step, at least; a band of p percent needs
            p / (100 - p) of them to hold its share.
        filled: number of missing values in the window that the forecast is made from, of all columns.
    """

    values: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    bands: dict[float, tuple[np.ndarray, np.ndarray]]
    measured: int
    errors: int
    filled: int


class ForecastModel(Served):
    """A forecaster in service.

    A series is `[time, columns]`, or `[time]` if there is one column; NaN where a value is missing. Its first columns
    are the targets, which are predicted; the others are known in advance. `rnntext.load` makes such a model.

    >>> import rnntext
    >>> model = rnntext.load("checkpoints/forecaster")  # has learnt that the series repeats itself after a week
    >>> week = [10, 20, 30, 25, 15, 5, 0]
    >>> model.forecast(week * 2, steps=3).values.round(1).tolist()
    [[10.0], [20.0], [30.0]]

    Attributes:
        config: its architecture.
        engine: the NumPy model, which computes with arrays.
        honest: the same with the weights before the last fit, which have not seen the held-out series; all that is
            measured is measured with it.
        columns, known: names of the targets, and of the columns that are known in advance.
        style: how the table of the training was read, which is how others are.
        about: the contents of `series.json`: the names of the columns, and the step between values.
        held_out: the held-out series, `[1, time, columns]`, a window before it; bands are measured on it.
        checkpoint: the version it came from, with its manifest and metrics.
        threads: number of threads of a matrix product.

    Args:
        source, threads: see `checkpoint` and `threads`.
        floor: no forecast is below it; None: that of the training, if it has one.
    """

    def __init__(self, source: Checkpoint, threads: int = 1, floor: float | None = None) -> None:
        # 1. Read the config and the description of the series.
        self.checkpoint = source
        self.threads = threads
        settings = source.json("config.json")
        stored = settings.get("model") if isinstance(settings, dict) else None
        self.config = ForecastConfig.from_json(stored)
        try:
            self.about: dict[str, Any] = source.json("series.json")
            self.columns = list(self.about["columns"])
            self.known = list(self.about["known"])
            scale = Scale.from_json(self.about["scale"])
            held_out = np.array(source.json("held_out.json"), np.float64)  # [time, columns]
            self._check(scale, held_out)
            self.style = TableStyle(**self.about.get("style", {}))
            self.held_out = Panel.of(held_out[None])
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, UsageError) as error:
            raise CheckpointError(f"{source.path}: series.json or held_out.json is not a forecaster's") from error
        # 2. Read the weights.
        if floor is not None:
            scale = dataclasses.replace(scale, floor=floor)
        expected = shapes(self.config, scale.targets, len(self.known))
        self.engine = Forecaster(self.config, scale, len(self.known), source.arrays(expected))
        self.honest = self.engine
        if HONEST in source.files:
            self.honest = Forecaster(self.config, scale, len(self.known), source.arrays(expected, HONEST))
        self._errors = HeldOutErrors(self.honest, self.held_out, spared=bool(self.about.get("spared")))

    def _check(self, scale: Scale, held_out: np.ndarray) -> None:
        """Raises ValueError unless the scale and the held-out series `[time, columns]` fit the columns."""
        if scale.targets != len(self.columns) or len(held_out) <= self.config.window or scale.season < 1:
            raise ValueError
        if scale.floor is not None and not np.isfinite(scale.floor):
            raise ValueError
        positive = np.isfinite(scale.spread) & (scale.spread > 0)
        if not np.isfinite(scale.mean).all() or not positive.all():
            raise ValueError
        count = len(self.columns) + len(self.known)
        if {held_out.shape[1:], scale.mean.shape, scale.spread.shape} != {(count,)}:
            raise ValueError

    def forecast(
        self, series: Any, steps: int | None = None, future: Any = None, levels: Sequence[float] = (LEVEL,)
    ) -> Forecast:
        """The values that follow a series, with bands. Gaps are filled as `impute` fills them.

        Args:
            series: at least `config.window` values, `[time, columns]`.
            steps: number of values to predict; None: the model's horizon.
            future: the columns known in advance at these steps, `[steps, known]`.
            levels: the share of values in percent, at least 1 and below 100, that each band is to hold.

        Raises:
            UsageError: a level is not a percentage, or given twice.
            DataError: the series is too short or has other columns, the known columns end too early, or the forecast
                overflows.
        """
        # 1. Read the series, and the known columns of the steps to be predicted.
        steps = self.config.horizon if steps is None else steps
        panel = self._panel(series)
        known = self._known_ahead(future, steps) if self.known else None
        _check_levels(levels)
        # 2. Predict the values, and measure the widths of the bands.
        with blas_threads(self.threads), np.errstate(all="ignore"):
            history, filled = self._history(panel)
            values = self.engine.forecast(history, steps, known)[0]  # [steps, targets]
            shares = [level / 100 for level in levels]
            residuals = self._errors.after(panel)
            widths, measured, errors = residuals.bands(history[0], steps, shares)  # [levels, steps, targets]
        # 3. Refuse a forecast that has overflowed.
        finite = np.isfinite(values).all(axis=1)  # [steps]
        if not finite.all():
            first = int(finite.argmin())
            raise DataError(f"the forecast grows beyond all numbers after {first} steps; give a smaller --horizon")
        above_floor = self.engine.scale.above_floor
        bands = {
            level: (above_floor(values - width), values + width) for level, width in zip(levels, widths, strict=True)
        }
        lower, upper = bands[levels[0]]
        return Forecast(values, lower, upper, bands, measured, errors, filled)

    def _history(self, panel: Panel) -> tuple[np.ndarray, int]:
        """What a forecast is made from, `[1, time, columns]`, and how many values of its window are missing.

        Gaps that end long before the window cannot change the forecast, and are filled by straight lines.
        """
        window = self.config.window
        filled = int((~panel.counted[:, -window:]).sum())
        if not filled:
            return panel.values, 0
        values = panel.missing()[0]  # [time, columns]
        since = len(values) - 2 * window  # gaps in the window before the last one change how that is filled
        history = imputation.fill_gaps(self.engine, values, self._by_forecast, since)
        return history[None], filled

    def _known_ahead(self, future: Any, steps: int) -> np.ndarray:
        """The columns known in advance at the steps to be predicted, `[1, steps, known]`."""
        given = [] if future is None else future
        known = np.array(given, np.float64).reshape(-1, len(self.known))[:steps]  # [at most steps, known]
        finite = np.asarray(np.isfinite(known).all(axis=1))  # [at most steps]
        count = int(finite.cumprod().sum())
        if finite[count:].any():
            column = self.known[int(np.isnan(known[count]).argmax())]
            raise DataError(f"{column}: has no value at step {count + 1} ahead, but one after that; fill the gap")
        if count < steps:
            known_for = f"known for {counted(count, 'step')} ahead"
            raise DataError(f"{', '.join(self.known)}: {known_for}, but {steps} are to be predicted")
        return known[None]

    def _panel(self, series: Any) -> Panel:
        """The series as a panel `[1, time, columns]`, from the first time at which all columns have begun; a gap
        repeats the value before it."""
        values = _columns(series)
        names = [*self.columns, *self.known]
        if values.ndim != 2 or values.shape[1] != len(names):
            wanted = counted(len(names), "column")
            raise DataError(f"the model wants {wanted} ({', '.join(names)}), not {values.shape[1:]}")
        if len(values):
            first = np.isfinite(values).argmax(axis=0)  # [columns]
            values = values[first.max() :]
        if len(values) < self.config.window or not np.isfinite(values[:1]).all():
            number = counted(len(values), "value")
            raise DataError(f"{number}: too few, as the model reads {self.config.window} before it predicts")
        return Panel.of(values[None])

    def impute(self, series: Any) -> np.ndarray:
        """The targets of a series with its gaps filled, `[time, targets]`.

        A gap is filled by a forecast from the values before it, bent so that it meets the value after it. Straight
        lines fill the gaps that have no window before them, and those of a target for which lines were better on
        held-out blocks (see `imputation_errors`; not a gap at the end of the series).

        >>> import rnntext
        >>> model = rnntext.load("checkpoints/forecaster")
        >>> model.impute([10, 20, 30, 25, 15, 5, 0, None, 20, 30])[7].round(1).tolist()
        [10.0]

        Raises:
            DataError: a column has no value.
        """
        values = _columns(series)
        if values.ndim != 2 or not np.isfinite(values).any(axis=0).all():
            raise DataError("a column without any value cannot be filled")
        with blas_threads(self.threads):
            filled = imputation.fill_gaps(self.engine, values, self._by_forecast)
        return filled[:, : self.engine.scale.targets]

    @property
    def _by_forecast(self) -> np.ndarray:
        """Whether forecasts fill the gaps of a target, boolean `[targets]`."""
        forecast_error, line_error, _ = self.imputation_errors
        return np.asarray(forecast_error <= line_error)

    @functools.cached_property
    def imputation_errors(self) -> tuple[np.ndarray, np.ndarray, int]:
        """Mean absolute errors of forecasts and of straight lines, each `[targets]`, on held-out blocks that were
        hidden, and the length of the blocks; 0 if the held-out series is too short for one."""
        with blas_threads(self.threads):
            return imputation.imputation_errors(self.honest, self.held_out)

    def alarms(self, series: Any, limit: float) -> Alarms:
        """The one-step forecasts of a series, and alarms for values that are far from them.

        A value with an alarm is replaced by its forecast in the windows after it, so that a fault raises no alarms for
        its neighbours, until more than 12 alarms on one side among 24 values show that the level of the series has
        shifted.

        >>> import rnntext
        >>> model = rnntext.load("checkpoints/forecaster")
        >>> alarms = model.alarms([10, 20, 30, 25, 15, 5, 0, 10, 99, 30], limit=4)
        >>> alarms.alarm[:, 0].nonzero()[0].tolist(), alarms.expected[8].round(1).tolist()
        ([8], [20.0])

        Args:
            series: at least `config.window` values, `[time, columns]`.
            limit: the largest deviation without an alarm, in standard deviations of held-out residuals.

        Raises:
            DataError: the series is too short or has other columns.
        """
        values = np.array(series, np.float64)
        panel = self._panel(values)
        skipped = len(values) - panel.values.shape[1]
        targets = panel.values[0, :, : self.engine.scale.targets]  # [time, targets]
        spread = self._errors.deviation(np.abs(targets).max(axis=0))
        with blas_threads(self.threads):
            return find_alarms(self.engine, panel, spread, limit, skipped)

    def measure(self, panel: Panel, naive_errors: np.ndarray) -> dict[str, float]:
        """MSE, MAE and MASE of forecasts on a panel `[series, time, columns]`, which begins with a window.

        Args:
            panel: the series.
            naive_errors: mean absolute error of the seasonal naive forecast on the training data, `[targets]`.
        """
        with blas_threads(self.threads):
            return measure(self.honest, panel, naive_errors)


def _check_levels(levels: Sequence[float]) -> None:
    """Raises UsageError unless the levels of bands are different percentages; 0.8 is taken for a mistaken 80."""
    if not levels or len(set(levels)) < len(levels) or not all(1 <= level < 100 for level in levels):
        given = ",".join(f"{level:g}" for level in levels)
        raise UsageError(f"--levels {given}: must be different percentages, at least 1 and below 100, as in 50,80,95")


def _columns(series: Any) -> np.ndarray:
    """The series as `[time, columns]`, float64."""
    values = np.array(series, np.float64)
    return values[:, None] if values.ndim == 1 else values
