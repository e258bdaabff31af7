"""Errors of forecasts on held-out values: they give the width of a band and the unit of deviations."""

from __future__ import annotations

import functools

import numpy as np

from rnntext.run.forecasters import Forecaster
from rnntext.run.panel import Panel

LEVEL = 0.8  # share of held-out values that lie within the band
MAX_ORIGINS = 500  # held-out places from which forecasts are made to measure a band
MIN_ORIGINS = 8  # a step with fewer residuals has no band of its own
ONE_DEVIATION = 0.6827  # share of normally distributed values that lie within one standard deviation
ROUNDING = 1e-9  # a deviation smaller than this, relative to the values, is a rounding error


class HeldOutErrors:
    """Residuals of a forecaster on the held-out part of its series.

    Args:
        engine: the forecaster.
        held_out: one series, `[1, time, columns]`, which begins with the window before the held-out part.
    """

    def __init__(self, engine: Forecaster, held_out: Panel) -> None:
        self.engine = engine
        self.held_out = held_out

    @functools.cached_property
    def _origins(self) -> np.ndarray:
        """Forecast origins, `[origins]`: each is the number of values of the series that are known there."""
        first = self.engine.config.window
        last = self.held_out.values.shape[1]
        count = min(last - first, MAX_ORIGINS)
        return np.linspace(first, last - 1, count).astype(int)

    def residuals(self, steps: int) -> np.ndarray:
        """Held-out values minus their forecasts, `[origins, steps, targets]`; NaN where the value is missing."""
        window = self.engine.config.window
        targets = self.engine.scale.targets
        values = self.held_out.values[0]  # [time, columns]
        index = self._origins[:, None] + np.arange(steps)  # [origins, steps]
        inside = index < len(values)
        index = np.minimum(index, len(values) - 1)
        history = values[self._origins[:, None] + np.arange(-window, 0)]  # [origins, window, columns]
        future = values[index]  # [origins, steps, columns]
        forecast = self.engine.forecast(history, steps, future[:, :, targets:])  # [origins, steps, targets]
        counted = self.held_out.counted[0][index][:, :, :targets] & inside[:, :, None]
        return np.where(counted, future[:, :, :targets] - forecast, np.nan)

    def band(self, steps: int) -> tuple[np.ndarray, int]:
        """The half width of the band around a forecast: the quantile LEVEL of the absolute residuals at each step.

        Returns:
            the half width `[steps, targets]`, and the number of steps that were measured; later steps repeat the last
            measured width.
        """
        held_out_steps = self.held_out.values.shape[1] - self.engine.config.window
        residuals = np.abs(self.residuals(min(steps, held_out_steps)))
        counts = np.isfinite(residuals).sum(axis=0).min(axis=1)  # [steps]
        enough = counts >= MIN_ORIGINS
        measured = max(1, int(enough.cumprod().sum()))
        with np.errstate(invalid="ignore"):
            width = np.nanquantile(residuals[:, :measured], LEVEL, axis=0)  # [measured, targets]
        width = np.nan_to_num(width)
        repeated = np.repeat(width[-1:], steps - measured, axis=0)
        return np.concatenate([width, repeated]), measured  # [steps, targets]

    def deviation(self, size: np.ndarray) -> np.ndarray:
        """The standard deviation of the residuals one step ahead, `[targets]`.

        It is the quantile ONE_DEVIATION of the absolute residuals, so that a few outliers do not hide others; where
        this is 0, it is the root mean square.

        Args:
            size: the largest absolute value of each target, `[targets]`, relative to which ROUNDING is meant.
        """
        residuals = np.abs(self.residuals(1)[:, 0])  # [origins, targets]
        quantile = np.nanquantile(residuals, ONE_DEVIATION, axis=0)
        root_mean_square = np.sqrt(np.nanmean(residuals**2, axis=0))
        deviation = np.where(quantile > 0, quantile, root_mean_square)
        smallest = ROUNDING * np.where(size > 0, size, 1.0)
        return np.asarray(np.maximum(deviation, smallest))
