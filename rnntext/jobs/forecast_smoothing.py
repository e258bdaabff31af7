"""The smoothing that a forecaster's network corrects (`run.smoothing`), learnt from training data before it."""

from __future__ import annotations

import dataclasses

import numpy as np

from rnntext.run.panel import Panel
from rnntext.run.season import find_season
from rnntext.run.smoothing import best_parameters
from rnntext.run.windows import Scale, spread_of
from rnntext.settings.forecaster import BASELINES, WINDOW, ForecastConfig

MAX_WINDOWS = 200  # training windows that a smoothing is chosen on
SEASONS = 8  # in a window, as far as SHORT steps reach
SHORT = 240
MIN_LONG = 4  # times that the training data must hold a season beyond WINDOW
MAX_LONG = 400  # steps of such a season
MAX_SMOOTHED = 1000  # steps of a window that is smoothed; the time to fit grows with their square


def smooths(config: ForecastConfig) -> bool:
    """Whether a network corrects a smoothing: not sequence to sequence, where it answers before the window is read, nor
    of a window that would take minutes to fit."""
    is_short = config.window <= MAX_SMOOTHED
    return (
        is_short
        and config.scale == "relative"
        and config.strategy != "seq2seq"
        and config.architecture not in BASELINES
    )


def with_smoothing(scale: Scale, training: Panel, config: ForecastConfig) -> Scale:
    """The scale with a smoothing, in logarithms where those predict the training data better."""
    return scale if not smooths(config) else _smoothed(scale, training, config, 0)[0]


def choose_window(training: Panel, targets: int, config: ForecastConfig) -> int:
    """The number of past values that a forecast is made from, where the command leaves it open.

    It holds several seasons. Where the first column may have two, a day and a week, it is the one whose smoothing
    predicts the training data better.

    Args:
        training: `[1, time, columns]`.
        targets: number of columns to be predicted.
    """
    # 1. Find the season within WINDOW steps, and the one beyond.
    first = training.values[0, :, 0]  # [time]
    room = max(1, (len(first) - config.measured) // 2)
    if config.strategy == "seq2seq":
        return min(WINDOW, room)
    short = config.season or find_season(first, WINDOW)
    window = min(_reach(short), room)
    long = config.season or find_season(first, min(MAX_LONG, len(first)))
    longer = min(_reach(long), room)
    if not smooths(config) or long <= max(short, WINDOW) or MIN_LONG * long > len(first):
        return window

    # 2. Take the better one, from the places that both can predict from.
    errors = []
    for season, length in ((short, window), (long, longer)):
        shaped = dataclasses.replace(config, window=length)
        scale = Scale.learn(shaped, training.missing(), targets, season)
        errors.append(_smoothed(scale, training, shaped, longer - length)[1])
    return longer if errors[1] < errors[0] else window


def _reach(season: int) -> int:
    """Number of steps that hold enough seasons."""
    return max(WINDOW, min(SEASONS * season, SHORT), 2 * season)


def _smoothed(scale: Scale, training: Panel, config: ForecastConfig, begin: int) -> tuple[Scale, float]:
    """`with_smoothing`, and its mean absolute error on the training data, in standard deviations.

    Args:
        begin: the step of the training data at which the first window begins.
    """
    # 1. Cut windows and the values after them.
    window, ahead, targets = config.window, config.measured, scale.targets
    origins = training.origins(window, ahead)  # [windows, 2]
    origins = origins[origins[:, 1] >= begin]
    chosen = np.linspace(0, len(origins) - 1, min(len(origins), MAX_WINDOWS))
    chunk, counted = training.chunks(origins[chosen.astype(int)], window + ahead)
    actual = chunk[:, window:, :targets]  # [windows, ahead, targets]
    counted = counted[:, window:, :targets]

    # 2. Fit a smoothing to the values and, if all are above zero, to their logarithms.
    scales = [dataclasses.replace(scale, least=None)]
    values = training.missing()[:, :, :targets]  # [series, time, targets]
    smallest = float(np.nanmin(values))
    if smallest > 0:
        scales.append(_logarithmic(scale, values, smallest / 2.0))
    columns = np.concatenate([one.scaled(chunk[:, :, :targets]) for one in scales], axis=2)
    columns = columns.transpose(2, 0, 1)  # [scales * targets, windows, window + ahead]
    has_value = np.tile(counted.transpose(2, 0, 1), (len(scales), 1, 1))  # [scales * targets, windows, ahead]
    smoothing = best_parameters(columns[:, :, :window], columns[:, :, window:], has_value, scale.season)

    # 3. Take the scale whose forecasts are better.
    fitted = []
    for index, one in enumerate(scales):
        own = tuple(smoothing[index * targets : (index + 1) * targets])
        complete = dataclasses.replace(one, smoothing=own)
        forecast = complete.outputs(np.zeros((len(chunk), ahead * targets)), chunk, ahead)
        distance = np.abs(forecast - actual) / scale.spread[:targets]
        fitted.append((complete, float(distance[counted].mean()) if counted.any() else 0.0))
    return min(fitted, key=lambda pair: pair[1])


def _logarithmic(scale: Scale, values: np.ndarray, least: float) -> Scale:
    """The scale of the logarithms of the targets.

    Args:
        values: `[series, time, targets]`; a missing value is NaN.
    """
    logarithms = np.log(values).reshape(-1, scale.targets)  # [series * time, targets]
    mean = np.concatenate([np.nanmean(logarithms, axis=0), scale.mean[scale.targets :]])
    spread = np.concatenate([spread_of(logarithms), scale.spread[scale.targets :]])
    return dataclasses.replace(scale, mean=mean, spread=spread, least=least)
