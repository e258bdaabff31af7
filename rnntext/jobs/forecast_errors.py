"""Errors of forecasts on held-out values: they give the width of a band and the unit of deviations."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from rnntext.run.forecasters import CHOOSING, Forecaster
from rnntext.run.panel import Panel

MAX_ORIGINS = 500  # held-out places from which forecasts are made to measure a band
MIN_ORIGINS = 4  # a step with fewer residuals has no band of its own
MEAN_WEIGHT = 0.5  # of the mean variation beside a window's own: what comes after a quiet window may not be quiet
ONE_DEVIATION = 0.6827  # share of normally distributed values that lie within one standard deviation
ROUNDING = 1e-9  # a deviation smaller than this, relative to the values, is a rounding error


class HeldOutErrors:
    """Residuals of a forecaster on the held-out part of its series.

    Args:
        engine: the forecaster; it has not learnt from the held-out part.
        held_out: one series, `[1, time, columns]`, which begins with the window before the held-out part.
        spared: whether the weights were chosen by every CHOOSING-th origin only, so that the others can calibrate
            bands. rnntext 0.2 chose by all of them; bands of its versions stay as they are.
    """

    def __init__(self, engine: Forecaster, held_out: Panel, spared: bool) -> None:
        self.engine = engine
        self.held_out = held_out
        self.spared = spared
        self._later: HeldOutErrors | None = None
        self._relative_residuals = functools.lru_cache(maxsize=1)(self._measure)  # the same for each forecast

    def after(self, series: Panel) -> HeldOutErrors:
        """The residuals on the held-out series and on what a series has after it, which chose nothing either; these
        ones, if that series does not go on from it.

        Args:
            series: `[1, time, columns]`; a missing value repeats the one before it.
        """
        window = self.engine.config.window
        held_out, values = self.held_out.values[0], series.values[0]  # [time, columns]
        ends = window + np.flatnonzero((values[window - 1 : -1] == held_out[-1]).all(axis=1))
        for end in ends[::-1].tolist() if self.spared else []:
            if np.array_equal(values[end - window : end], held_out[-window:]):
                longer = np.concatenate([held_out, values[end:]])
                counted = np.concatenate([self.held_out.counted[0], series.counted[0, end:]])
                panel = Panel(longer[None], counted[None])
                if self._later is None or not self._later.held_out.equals(panel):
                    self._later = HeldOutErrors(self.engine, panel, self.spared)  # kept for the next forecast
                return self._later
        return self

    @property
    def _places(self) -> np.ndarray:
        """All forecast origins, `[origins]`: each is the number of values of the series that are known there."""
        return np.arange(self.engine.config.window, self.held_out.values.shape[1])

    @property
    def _calibrating(self) -> np.ndarray:
        """The origins that bands are measured from, `[origins]`."""
        places = self._places
        chose = (places - places[0]) % CHOOSING == 0
        return places if not self.spared or chose.all() else np.asarray(places[~chose])

    def _histories(self, origins: np.ndarray) -> np.ndarray:
        """The windows before some origins, `[origins, window, columns]`."""
        window = self.engine.config.window
        values: np.ndarray = self.held_out.values[0]  # [time, columns]
        return values[origins[:, None] + np.arange(-window, 0)]

    def _residuals(self, origins: np.ndarray, steps: int) -> np.ndarray:
        """Held-out values minus their forecasts, `[origins, steps, targets]`; NaN where the value is missing."""
        targets = self.engine.scale.targets
        values = self.held_out.values[0]  # [time, columns]
        index = origins[:, None] + np.arange(steps)  # [origins, steps]
        inside = index < len(values)
        index = np.minimum(index, len(values) - 1)
        future = values[index]  # [origins, steps, columns]
        forecast = self.engine.forecast(self._histories(origins), steps, future[:, :, targets:])
        counted = self.held_out.counted[0][index][:, :, :targets] & inside[:, :, None]
        return np.where(counted, future[:, :, :targets] - forecast, np.nan)

    def bands(self, history: np.ndarray, steps: int, levels: Sequence[float]) -> tuple[np.ndarray, int, int]:
        """The half width of the bands around a forecast, by split conformal prediction (Lei et al. 2018, algorithm 2).

        With n absolute residuals of a step in order, each divided by the variation of its window, it is number
        level * (n + 1) of them, interpolated, times the variation of the forecast's own window.

        Args:
            history: what the forecast is made from, `[time, columns]`.
            steps: of the forecast.
            levels: the share of values that each band is to hold, between 0 and 1.

        Returns:
            the half widths `[levels, steps, targets]`, NaN for a target without held-out values; the number of steps
            that were measured, after which the width grows with the square root of the steps, as that of a random walk
            does; and the number of residuals of the measured step that has fewest.
        """
        # 1. Measure the residuals in units of their windows' variation.
        residuals = self._relative_residuals(min(steps, len(self._places)))  # [origins, steps, targets]
        unit = self._units(history[None, -self.engine.config.window :])[0]  # [targets]

        # 2. Take their quantiles at the steps that have enough of them.
        counts = np.isfinite(residuals).sum(axis=0)  # [steps, targets]
        has_errors = counts.any(axis=0)  # [targets]
        fewest = counts[:, has_errors].min(axis=1, initial=len(residuals) if has_errors.any() else 0)  # [steps]
        enough = fewest >= MIN_ORIGINS
        measured = max(1, int(enough.cumprod().sum()))
        ordered = np.sort(residuals[:, :measured], axis=0)  # NaN comes last
        widths = []
        for level in levels:
            place = level * (counts[:measured] - 1)
            if self.spared:
                place = level * (counts[:measured] + 1) - 1
            widths.append(_at(ordered, np.clip(place, 0, counts[:measured] - 1)))
        width = np.stack(widths) * unit  # [levels, measured, targets]

        # 3. Let them grow after that.
        later = np.arange(measured + 1, steps + 1)
        grown = width[:, -1:] * np.sqrt(later / measured)[:, None]
        return np.concatenate([width, grown], axis=1), measured, int(fewest[:measured].min())

    def _measure(self, steps: int) -> np.ndarray:
        """The absolute residuals of `steps` steps in units of their windows, `[origins, steps, targets]`."""
        origins = _spread(self._calibrating)
        return np.asarray(np.abs(self._residuals(origins, steps)) / self._units(self._histories(origins))[:, None])

    @functools.cached_property
    def _mean_variation(self) -> np.ndarray:
        """The mean `_variation` of held-out windows, `[targets]`; 1 where they do not vary."""
        mean = self._variation(self._histories(_spread(self._places))).mean(axis=0)
        return np.where(mean > 0, mean, 1.0)

    def _units(self, histories: np.ndarray) -> np.ndarray:
        """What residuals are divided by, `[windows, targets]`: `_variation`, with some of its mean; 1 for a version of
        rnntext 0.2."""
        if not self.spared:
            return np.ones((len(histories), self.engine.scale.targets))
        return np.asarray((self._variation(histories) + MEAN_WEIGHT * self._mean_variation) / (1.0 + MEAN_WEIGHT))

    def _variation(self, histories: np.ndarray) -> np.ndarray:
        """The mean absolute difference of a window's values to those one season before, `[windows, targets]`.

        Args:
            histories: the windows, `[windows, window, columns]`.
        """
        targets = self.engine.scale.targets
        season = self.engine.scale.season
        if season >= histories.shape[1]:
            return np.ones((len(histories), targets))
        values = histories[:, :, :targets]
        return np.asarray(np.abs(values[:, season:] - values[:, :-season]).mean(axis=1))

    def deviation(self, size: np.ndarray) -> np.ndarray:
        """The standard deviation of the residuals one step ahead, `[targets]`.

        It is the quantile ONE_DEVIATION of the absolute residuals, so that a few outliers do not hide others; where
        this is 0, it is the root mean square. It is NaN for a target without held-out values.

        Args:
            size: the largest absolute value of each target, `[targets]`, relative to which ROUNDING is meant.
        """
        residuals = np.abs(self._residuals(_spread(self._places), 1)[:, 0])  # [origins, targets]
        has_none = np.isnan(residuals).all(axis=0)  # [targets]
        residuals[:, has_none] = 0.0
        quantile = np.nanquantile(residuals, ONE_DEVIATION, axis=0)
        root_mean_square = np.sqrt(np.nanmean(residuals**2, axis=0))
        deviation = np.where(quantile > 0, quantile, root_mean_square)
        smallest = ROUNDING * np.where(size > 0, size, 1.0)
        return np.where(has_none, np.nan, np.maximum(deviation, smallest))


def _spread(origins: np.ndarray) -> np.ndarray:
    """The origins, or MAX_ORIGINS of them at equal distances."""
    count = min(len(origins), MAX_ORIGINS)
    return np.asarray(origins[np.linspace(0, len(origins) - 1, count).astype(int)])


def _at(ordered: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Values at places between two of them, by linear interpolation.

    Args:
        ordered: `[values, ...]`.
        place: along the first axis, `[...]`.
    """
    below = np.floor(place).astype(int)
    above = np.ceil(place).astype(int)
    lower = np.take_along_axis(ordered, below[None], axis=0)[0]
    upper = np.take_along_axis(ordered, above[None], axis=0)[0]
    return np.asarray(lower + (upper - lower) * (place - below))
