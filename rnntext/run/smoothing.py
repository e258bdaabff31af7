"""Exponential smoothing with level, damped trend and season: the forecast that a network's answer is added to.

With e_t = y_t - (l + phi b + s), the error of the forecast one step ahead, a step changes the state by

    level   l <- l + phi b + alpha e_t
    trend   b <- phi b + beta e_t
    season  s <- s + gamma e_t        (of this step of the season)

and k steps ahead it predicts l + (phi + ... + phi^k) b + s (Holt-Winters with a damped trend, in the form that corrects
errors: Hyndman, Koehler, Ord, Snyder 2008, "Forecasting with Exponential Smoothing", ETS(A,Ad,A)). It begins with a
straight line and a season fitted to the whole window by least squares. All of that is linear in the values of the
window: a forecast is the product of the window and a matrix, the kernel of (alpha, beta, phi, gamma).

The parameters are those of a grid whose forecasts of the whole horizon have the smallest mean absolute error on
training data; the forecast is the mean over the MEMBERS best ones, which is better than the best one alone.
"""

from __future__ import annotations

import functools
import itertools
from typing import TypeAlias

import numpy as np

from rnntext.run.arrays import Array

MEMBERS = 20  # smoothings whose mean is the forecast
ALPHAS = (0.0, 0.03, 0.08, 0.15, 0.3, 0.5, 0.75, 1.0)
TRENDS = (0.02, 0.08, 0.2, 0.5)  # beta / alpha
DAMPINGS = (0.8, 0.9, 0.97, 1.0)  # phi
GAMMAS = (0.0, 0.05, 0.15, 0.35, 0.7)  # gamma / (1 - alpha)
MAX_NUMBERS = 4e6  # in the largest array or list of arrays behind the kernels that are made at once

Parameters: TypeAlias = tuple[float, float, float, float]  # alpha, beta, phi, gamma; phi is 0 without a trend


def grid(season: int) -> list[Parameters]:
    """All parameters that are tried.

    Args:
        season: in steps; 1: there is none.
    """
    trends = [(0.0, 0.0), (0.0, 1.0), *itertools.product(TRENDS, DAMPINGS)]
    gammas = GAMMAS if season > 1 else (0.0,)
    chosen: set[Parameters] = set()
    for alpha, (share, damping), gamma in itertools.product(ALPHAS, trends, gammas):
        if alpha == 0 and share > 0:
            continue  # no trend is learnt
        chosen.add((alpha, alpha * share, damping, gamma * (1.0 - alpha)))
    return sorted(chosen)


def kernels(parameters: Array, season: int, window: int, ahead: int) -> Array:
    """The matrices that make forecasts of windows, `[smoothings, window, ahead]`.

    They are the forecasts of the windows that are 1 at one step and 0 at all others.

    Args:
        parameters: `[smoothings, 4]`.
    """
    # 1. Begin with a line and a season.
    alpha, beta, phi, gamma = parameters.T[:, :, None]  # [smoothings, 1] each
    mean, start, slope, seasons = _least_squares(season, window)
    trended = phi > 0
    level = np.where((alpha == 0) & ~trended, mean, start - slope)  # [smoothings, window]
    trend = np.where(trended, slope, 0.0)
    factors = [np.broadcast_to(one, level.shape) for one in seasons]  # of each step of the season

    # 2. Read the window.
    for step, now in enumerate(np.eye(window)):
        place = step % season
        level = level + phi * trend
        trend = phi * trend
        error = now - level - factors[place]
        level = level + alpha * error
        trend = trend + beta * error
        factors[place] = factors[place] + gamma * error

    # 3. Predict.
    kernel = np.empty((len(parameters), window, ahead))
    for later in range(ahead):
        trend = phi * trend
        level = level + trend
        kernel[:, :, later] = level + factors[(window + later) % season]
    return kernel


@functools.lru_cache(maxsize=2)
def _least_squares(season: int, window: int) -> tuple[Array, Array, Array, Array]:
    """What is fitted to a window, each as a weighted sum of its values.

    Returns:
        its mean; the start and the slope of a line (without a slope, where the window is shorter than two seasons); all
        `[window]`; and the differences of the season to the line, `[season, window]`.
    """
    steps = np.arange(window)
    sloped = window >= 2 * season
    columns = [np.ones(window), steps] if sloped else [np.ones(window)]
    last = steps % season == season - 1
    for place in range(season - 1):  # they add up to zero
        columns.append((steps % season == place) * 1.0 - last)
    weights = np.linalg.pinv(np.stack(columns, axis=1))  # [columns, window]
    slope = weights[1] if sloped else np.zeros(window)
    seasons = weights[2 if sloped else 1 :]  # [season - 1, window]
    closing = -seasons.sum(axis=0, keepdims=True)
    return np.full(window, 1.0 / window), weights[0], slope, np.concatenate([seasons, closing])


@functools.lru_cache(maxsize=4)
def mean_kernels(smoothing: tuple[tuple[Parameters, ...], ...], season: int, window: int, ahead: int) -> Array:
    """The means of `kernels` for several targets, `[targets, window, ahead]`.

    Args:
        smoothing: the parameters for each target, `[targets][members]`.
    """
    means = [kernels(np.array(members), season, window, ahead).mean(axis=0) for members in smoothing]
    return np.stack(means)


def best_parameters(windows: Array, future: Array, counted: Array, season: int) -> list[tuple[Parameters, ...]]:
    """For each of some series, the parameters whose forecasts are the best ones: MEMBERS of them, the best one first.

    Args:
        windows: `[series, windows, window]`, in any unit.
        future: what came after them, `[series, windows, ahead]`.
        counted: boolean, the same shape; False where a value is missing.
        season: in steps.
    """
    # 1. Measure all parameters, some at a time.
    candidates = grid(season)
    window, ahead = windows.shape[2], future.shape[2]
    together = max(1, int(MAX_NUMBERS / (window * max(ahead, season))))
    errors = np.zeros((len(windows), len(candidates)))
    number = np.maximum(1, counted.sum(axis=(1, 2)))  # [series]
    for begin in range(0, len(candidates), together):
        part = np.array(candidates[begin : begin + together])
        for index, kernel in enumerate(kernels(part, season, window, ahead), begin):
            distance = np.where(counted, np.abs(windows @ kernel - future), 0.0)  # [series, windows, ahead]
            errors[:, index] = distance.sum(axis=(1, 2)) / number

    # 2. Take the best ones.
    order = np.argsort(errors, axis=1, kind="stable")[:, :MEMBERS]
    return [tuple(candidates[index] for index in row) for row in order.tolist()]
