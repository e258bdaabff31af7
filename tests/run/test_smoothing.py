"""Exponential smoothing: what its kernels are must be what the recursion of the textbook predicts."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from rnntext.families import FORECASTER
from rnntext.jobs.forecast_smoothing import choose_window, with_smoothing
from rnntext.run.panel import Panel
from rnntext.run.smoothing import GAMMAS, MEMBERS, best_parameters, grid, kernels, mean_kernels
from rnntext.run.windows import SHRINKAGE, Scale
from rnntext.settings.forecaster import ForecastConfig

RNG = np.random.default_rng(0)


def textbook(values, alpha, beta, phi, gamma, season, ahead):
    """ETS(A,Ad,A) of Hyndman et al. (2008), in a loop, from a line and a season fitted to all values."""
    time = np.arange(len(values))
    columns = [np.ones(len(values)), time, *(1.0 * (time % season == place) for place in range(season))]
    coefficients = np.linalg.lstsq(np.stack(columns, axis=1), values, rcond=None)[0]
    seasons = list(coefficients[2:] - coefficients[2:].mean())
    level = coefficients[0] + coefficients[2:].mean() - coefficients[1]
    trend = coefficients[1] if phi else 0.0
    if alpha == 0 and not phi:
        level = values.mean()
    for step, value in enumerate(values):
        error = value - (level + phi * trend + seasons[step % season])
        level = level + phi * trend + alpha * error
        trend = phi * trend + beta * error
        seasons[step % season] += gamma * error
    damped = np.cumsum([phi**later for later in range(1, ahead + 1)])
    return [level + damped[later] * trend + seasons[(len(values) + later) % season] for later in range(ahead)]


@pytest.mark.parametrize("season", [1, 4])
@pytest.mark.parametrize(
    "parameters", [(0.3, 0.06, 0.9, 0.2), (0.5, 0.0, 0.0, 0.1), (0.0, 0.0, 1.0, 0.3), (1.0, 0.1, 1.0, 0)]
)
def test_a_kernel_predicts_what_the_recursion_predicts(parameters, season):
    values = RNG.normal(size=18)
    kernel = kernels(np.array([parameters]), season, 18, 6)[0]
    np.testing.assert_allclose(values @ kernel, textbook(values, *parameters, season, 6))


def test_a_constant_is_continued_and_so_is_a_line_with_a_trend():
    for season, window in ((1, 9), (4, 6), (4, 12)):  # 6 values are less than two seasons
        every = kernels(np.array(grid(season)), season, window, 5)
        np.testing.assert_allclose(every.sum(axis=1), 1.0, atol=1e-9)
    undamped = kernels(np.array([(0.3, 0.02, 1.0, 0.1)]), 4, 12, 5)[0]
    np.testing.assert_allclose(np.arange(12.0) @ undamped, np.arange(12, 17))


def test_the_best_parameters_have_the_smallest_errors_of_values_that_count():
    windows = RNG.normal(size=(2, 30, 12)).cumsum(axis=2)
    (kernel,) = mean_kernels((((0.5, 0.04, 0.9, 0.0),),), 1, 12, 3)
    future = windows @ kernel
    counted = np.ones(future.shape, bool)
    counted[1, :, 1] = False
    future[1, :, 1] = 1e9
    for chosen in best_parameters(windows, future, counted, 1):
        assert chosen[0] == (0.5, 0.04, 0.9, 0.0)
        assert len(chosen) == MEMBERS


def seasonal(length: int, season: int) -> np.ndarray:
    return 50 + 20 * np.sin(np.arange(length) * 2 * np.pi / season) + RNG.normal(0, 1, length)


def panel(values: np.ndarray) -> Panel:
    return Panel.of(values[None, :, None])


def test_growth_in_proportion_is_learnt_in_logarithms_and_comes_back_as_values():
    config = ForecastConfig(window=36, horizon=12)
    growing = np.exp(np.arange(144) / 40) * (2 + np.sin(np.arange(144) * 2 * np.pi / 12))
    growing *= np.exp(RNG.normal(0, 0.01, 144))
    scale = Scale.learn(config, growing[None, :, None], 1, 12)
    logarithmic = with_smoothing(scale, panel(growing), config)
    assert logarithmic.least == pytest.approx(growing.min() / 2)
    np.testing.assert_allclose(logarithmic.unscaled(logarithmic.scaled(growing[:, None])), growing[:, None])
    forecast = logarithmic.outputs(np.zeros((1, 12)), growing[None, 132 - 36 : 144, None], 12)[0, :, 0]
    np.testing.assert_allclose(forecast, growing[132:], rtol=0.1)
    straight = seasonal(144, 12) - 60  # some are below zero, which has no logarithm
    assert with_smoothing(scale, panel(straight), config).least is None


def test_the_network_learns_a_part_of_what_smoothing_leaves_over():
    config = ForecastConfig(window=24, horizon=3)
    values = seasonal(120, 6) - 60  # not in logarithms
    scale = with_smoothing(Scale.learn(config, values[None, :, None], 1, 6), panel(values), config)
    chunk = values[None, 50:77, None]
    smoothed = scale.outputs(np.zeros((1, 3)), chunk, 3)
    labels = scale.labels(chunk, 3, np.array([23]))[:, 0]
    answer = scale.outputs(labels, chunk, 3)
    np.testing.assert_allclose(answer - smoothed, SHRINKAGE * (chunk[:, 24:] - smoothed), rtol=1e-4)
    assert Scale.from_json(scale.to_json()).smoothing == scale.smoothing


@pytest.mark.parametrize(
    ("length", "season", "window"),
    [(400, 12, 96), (60, 12, 25), (400, 7, 56), (400, 1, 50), (1000, 52, 240)],
)
def test_the_window_holds_several_seasons_if_there_are_so_many(length, season, window):
    values = seasonal(length, season) if season > 1 else RNG.normal(size=length)
    assert choose_window(panel(values), 1, ForecastConfig(horizon=10)) == window


def test_no_parameter_changes_a_season_that_is_not_there():
    assert {gamma for *_, gamma in grid(1)} == {0.0}
    assert len({gamma for alpha, *_, gamma in grid(4) if alpha == 0}) == len(GAMMAS)


def test_an_untrained_forecaster_is_replaced_only_by_one_that_is_clearly_better():
    better = FORECASTER.is_better
    assert better({"mase": 1.0}, None)
    assert better({"mase": 0.99}, {"mase": 1.0})
    assert not better({"mase": 0.96}, {"mase": 1.0}, FORECASTER.margin)
    assert better({"mase": 0.94}, {"mase": 1.0}, FORECASTER.margin)


@pytest.mark.parametrize(
    "damage",
    [{"smoothing": []}, {"smoothing": [[]]}, {"smoothing": [[[2.0, 0, 0, 0]]]}, {"least": 0.0}, {"least": "x"}],
    ids=str,
)
def test_a_damaged_smoothing_is_refused_when_it_is_read(damage: dict[str, object]) -> None:
    scale = Scale.learn(ForecastConfig(window=6), np.arange(20.0).reshape(1, 20, 1), 1, 1)
    whole = dataclasses.replace(scale, smoothing=(((0.5, 0.04, 0.9, 0.0),),), least=0.5)
    assert Scale.from_json(whole.to_json()).smoothing == whole.smoothing
    with pytest.raises((ValueError, TypeError)):
        Scale.from_json({**whole.to_json(), **damage})
