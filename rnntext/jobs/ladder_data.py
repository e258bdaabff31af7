"""The data of the ladder: synthetic series, or a series from a table."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from rnntext.jobs.forecast_split import Split, make_split, split_series
from rnntext.run.panel import Panel
from rnntext.series.axis import rows_axis
from rnntext.series.series import Series
from rnntext.series.waves import waves
from rnntext.settings.forecaster import ForecastConfig

SERIES = (7000, 2000, 1000)  # number of synthetic series for training, validation and test


@dataclasses.dataclass(frozen=True)
class Dataset:
    """The data on which all rungs are trained and measured.

    Attributes:
        split: makes training and held-out data for a config, and test data or None.
        scale: the scale of the network's input, see ForecastConfig.
        window, horizon: number of steps.
    """

    split: Callable[[ForecastConfig], tuple[Split, Panel | None]]
    scale: str
    window: int
    horizon: int


def synthetic(window: int, horizon: int, scale: str = "none", sizes: tuple[int, int, int] = SERIES) -> Dataset:
    """Synthetic series, each of one window and the values after it.

    They are the series of "Hands-On Machine Learning" (Géron, chapter 15), so that its figures can be compared.

    Args:
        window, horizon: number of steps.
        scale: the scale of the network's input.
        sizes: number of series for training, validation and test.
    """

    def split(config: ForecastConfig) -> tuple[Split, Panel | None]:
        values = waves(sum(sizes), window + config.measured).astype(np.float64)  # [series, time, 1]
        panel = Panel.of(values)
        ends = np.cumsum(sizes)
        train, held_out, test = (
            Panel(panel.values[end - size : end], panel.counted[end - size : end])
            for size, end in zip(sizes, ends, strict=True)
        )
        past = panel.values[0]  # [time, 1]
        nothing = np.empty((0, 0))
        series = Series("synthetic", ["value"], [], past, future=nothing, lead=past[:0], axis=rows_axis(), notes=[])
        no_season = dataclasses.replace(config, season=1)
        return make_split(series, no_season, train, held_out), test

    return Dataset(split, scale, window, horizon)


def real(series: Series, window: int, horizon: int, validation: str, scale: str = "relative") -> Dataset:
    """A series from a table, cut by time.

    Args:
        series: the series.
        window, horizon: number of steps.
        validation: the fraction of the series, at its end, that is held out.
        scale: the scale of the network's input.
    """

    def split(config: ForecastConfig) -> tuple[Split, Panel | None]:
        return split_series(series, config, validation), None

    return Dataset(split, scale, window, horizon)
