"""Windows and scales: what a forecaster may see, and what its answers mean."""

import dataclasses

import numpy as np
import pytest

from rnntext.run.accuracy import accuracy, naive_errors
from rnntext.run.forecaster_network import shapes
from rnntext.run.forecasters import Forecaster
from rnntext.run.panel import Panel
from rnntext.run.season import find_season
from rnntext.run.windows import Scale, answering_steps
from rnntext.settings.forecaster import ForecastConfig

NAN = float("nan")
RNG = np.random.default_rng(0)
SERIES = RNG.normal(5, 3, (1, 60, 3)).cumsum(axis=1)  # two columns to be predicted, one known in advance


def scale_for(config: ForecastConfig, season: int = 4) -> Scale:
    return Scale.learn(config, SERIES, 2, season)


# Scales ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", ["relative", "standard", "none"])
@pytest.mark.parametrize("season", [1, 4])
def test_a_network_that_answers_its_labels_predicts_the_truth(scale, season):
    config = ForecastConfig(window=8, horizon=6, scale=scale)
    learnt = scale_for(config, season)
    chunk = SERIES[:, 20:34]
    labels = learnt.labels(chunk, 6, np.array([7]))[:, 0]
    np.testing.assert_allclose(learnt.outputs(labels, chunk, 6), chunk[:, 8:, :2], rtol=1e-5)


def test_relative_answers_of_zero_are_the_seasonal_naive_forecast():
    learnt = scale_for(ForecastConfig(window=8, horizon=6), season=4)
    chunk = SERIES[:, 20:34]
    found = learnt.outputs(np.zeros((1, 12)), chunk, 6)[0]
    np.testing.assert_allclose(found, SERIES[0, [24, 25, 26, 27, 24, 25], :2])


def test_relative_windows_do_not_know_the_level():
    learnt = scale_for(ForecastConfig(window=8, horizon=2))
    raised = SERIES[:, 20:30] + np.array([100.0, -50.0, 0.0])
    np.testing.assert_allclose(learnt.inputs(raised, 2), learnt.inputs(SERIES[:, 20:30], 2), atol=1e-5)
    np.testing.assert_allclose(
        learnt.labels(raised, 2, np.arange(8)), learnt.labels(SERIES[:, 20:30], 2, np.arange(8)), atol=1e-5
    )


def test_scales_are_numbers_of_the_data_and_survive_json():
    learnt = scale_for(ForecastConfig(scale="standard"))
    np.testing.assert_allclose(learnt.mean, SERIES[0].mean(axis=0))
    np.testing.assert_allclose(learnt.spread, SERIES[0].std(axis=0))
    again = Scale.from_json(learnt.to_json())
    assert dataclasses.asdict(again).keys() == dataclasses.asdict(learnt).keys()
    np.testing.assert_array_equal(again.spread, learnt.spread)


def test_a_constant_column_has_spread_one():
    constant = np.full((1, 30, 1), 1e6 + 0.1)
    assert Scale.learn(ForecastConfig(scale="standard"), constant, 1, 1).spread.tolist() == [1.0]


# No look ahead --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", ["relative", "standard", "none"])
def test_inputs_do_not_depend_on_the_values_to_be_predicted(scale):
    learnt = scale_for(ForecastConfig(window=8, horizon=3, scale=scale))
    chunk = SERIES[:, :11].copy()
    before = learnt.inputs(chunk, 3)
    chunk[:, 8:, :2] = 1e9
    np.testing.assert_array_equal(learnt.inputs(chunk, 3), before)


def test_an_input_step_sees_nothing_of_later_steps_but_what_is_known_in_advance():
    learnt = scale_for(ForecastConfig(window=8, horizon=3))
    chunk = SERIES[:, :11].copy()
    before = learnt.inputs(chunk, 3)
    chunk[:, 5:, :2] += 7.0  # the columns to be predicted, from step 5 on
    chunk[:, 8:, 2:] += 7.0  # the known one, from step 8 on: seen at steps 5, 6 and 7, which look three ahead
    changed = np.abs(learnt.inputs(chunk, 3) - before)[0] > 1e-6
    assert changed[:, :2].any(axis=1).tolist() == [False] * 5 + [True] * 3
    assert changed[:, 2:].any(axis=1).tolist() == [False] * 5 + [True] * 3


def test_gaps_are_filled_with_the_past_only():
    values = np.array([1.0, NAN, NAN, 4.0, NAN])[None, :, None]
    panel = Panel.of(values)
    assert panel.values.ravel().tolist() == [1, 1, 1, 4, 4]
    np.testing.assert_array_equal(panel.missing(), values)


@pytest.mark.parametrize("strategy", ["next", "iterated", "direct", "seq2seq"])
@pytest.mark.parametrize("architecture", ["naive", "seasonal-naive", "linear", "rnn", "deep-rnn", "conv-gru"])
def test_a_forecast_is_made_from_the_last_window_alone(architecture, strategy):
    config = ForecastConfig(architecture=architecture, strategy=strategy, window=8, horizon=3)
    arrays = {n: RNG.normal(0, 0.3, s).astype(np.float32) for n, s in shapes(config, 2, 1).items()}
    engine = Forecaster(config, scale_for(config), 1, arrays)
    future = np.zeros((1, 5, 1))
    found = engine.forecast(SERIES[:, :20], 5, future)
    changed = SERIES[:, :20].copy()
    changed[:, :12] = -1e6
    np.testing.assert_array_equal(engine.forecast(changed, 5, future), found)
    assert found.shape == (1, 5, 2)


# Answering, measuring -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [4, 5, 8, 9, 50])
def test_a_convolution_answers_at_the_windows_last_step_whatever_its_length(window):
    config = ForecastConfig(architecture="conv-gru", strategy="seq2seq", window=window)
    steps = answering_steps(config)
    assert steps[-1] == window - 1
    assert (np.diff(steps) == 2).all()
    assert steps[0] in (3, 4)


def test_errors_are_those_of_the_textbook():
    training = np.array([1.0, 2.0, 4.0, 3.0, 7.0])[None, :, None]
    assert naive_errors(training, 1).tolist() == [(1 + 2 + 1 + 4) / 4]
    assert naive_errors(training, 2).tolist() == [(3 + 1 + 3) / 3]
    assert naive_errors(np.full((1, 5, 1), 3.0), 1).tolist() == [1.0]
    assert naive_errors(np.array([1.0, NAN, 2.0, 5.0])[None, :, None], 1).tolist() == [3.0]
    found, wanted = np.array([[1.0, 2.0]])[..., None], np.array([[2.0, NAN]])[..., None]
    measured = accuracy(found, wanted, np.isfinite(wanted), np.array([4.0]))
    assert measured == {"mse": 1.0, "mae": 1.0, "mase": 0.25}
    beside_nothing = [
        np.concatenate([part, np.full_like(part, filler)], axis=2) for part, filler in ((found, 9.0), (wanted, NAN))
    ]
    assert accuracy(*beside_nothing, np.isfinite(beside_nothing[1]), np.array([4.0, 4.0])) == measured


@pytest.mark.parametrize("period", [4, 7, 12, 24])
def test_a_season_is_found_with_trend_and_noise(period):
    time = np.arange(20 * period)
    values = 0.1 * time + 3 * np.sin(2 * np.pi * time / period) + RNG.normal(0, 0.5, len(time))
    assert find_season(values, 50) == period


def test_a_season_is_found_in_any_unit():
    values = np.sin(np.arange(120) * 2 * np.pi / 12)
    assert {find_season(values * unit, 50) for unit in (1e-12, 1.0, 1e12)} == {12}


def test_no_season_is_found_where_there_is_none():
    walks = [find_season(np.random.default_rng(n).normal(size=300).cumsum(), 50) for n in range(20)]
    noises = [find_season(np.random.default_rng(n).normal(size=300), 50) for n in range(20)]
    assert set(walks + noises + [find_season(np.ones(100), 50), find_season(np.arange(3.0), 50)]) == {1}
