"""The two forecasters, Keras's and NumPy's, are one; and they are those of the lesson."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from rnntext.run import forecaster_network as run
from rnntext.run.panel import Panel
from rnntext.run.windows import Scale, answering_steps
from rnntext.settings.forecaster import FORECASTERS, STRATEGIES, ForecastConfig, ForecastTraining
from rnntext.train.forecast_task import ForecastTask
from rnntext.train.forecasters import Forecaster

RNG = np.random.default_rng(0)
EVERY = list(itertools.product(FORECASTERS, STRATEGIES))
LEARNING = [architecture for architecture in FORECASTERS if "naive" not in architecture]


def twins(config: ForecastConfig, targets: int, known: int, scale: float = 0.4):
    model = Forecaster(config, targets, known)
    for variable in model.trainable_variables:
        variable.assign(RNG.normal(0.0, scale, variable.shape))
    return model, run.network(config, targets, known, model.arrays())


@pytest.mark.parametrize(("targets", "known", "window"), [(1, 0, 50), (2, 1, 11)])
@pytest.mark.parametrize(("architecture", "strategy"), EVERY)
def test_both_answer_the_same_at_the_last_step(architecture, strategy, targets, known, window):
    config = ForecastConfig(architecture=architecture, strategy=strategy, window=window, horizon=4)
    model, network = twins(config, targets, known)
    windows = RNG.normal(size=(5, window, run.sizes(config, targets, known)[0])).astype(np.float32)
    answers = model(windows)
    assert answers.shape == (5, len(answering_steps(config)), config.ahead * targets)
    np.testing.assert_allclose(network(windows), answers[:, -1], rtol=1e-4, atol=1e-4)
    assert {n: a.shape for n, a in model.arrays().items()} == run.shapes(config, targets, known)


@pytest.mark.parametrize("options", [{}, {"layers": 3, "units": 5}], ids=["as taught", "another size"])
@pytest.mark.parametrize("horizon", [1, 3])
@pytest.mark.parametrize("architecture", ["rnn", "deep-rnn"])
def test_a_recurrent_output_layer_has_its_twin_too(architecture, horizon, options):
    config = ForecastConfig(architecture=architecture, window=9, horizon=horizon, recurrent_output=True, **options)
    model, network = twins(config, 1, 0)
    windows = RNG.normal(size=(4, 9, 1)).astype(np.float32)
    np.testing.assert_allclose(network(windows), model(windows)[:, -1], rtol=1e-4, atol=1e-4)
    assert np.abs(network(windows)).max() <= 1.0  # tanh's range


@pytest.mark.parametrize("architecture", LEARNING)
def test_sequence_to_sequence_answers_do_not_see_later_steps(architecture):
    config = ForecastConfig(architecture=architecture, strategy="seq2seq", window=12, horizon=3)
    model, _ = twins(config, 1, 0)
    windows = RNG.normal(size=(2, 12, 1)).astype(np.float32)
    changed = windows.copy()
    changed[:, 8:] += 1.0
    early = answering_steps(config) < 8
    difference = np.abs(np.asarray(model(windows)) - np.asarray(model(changed))).max(axis=(0, 2))
    assert difference[early].max() == 0
    assert difference[-1] > 0


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"architecture": "naive"}, 0),
        ({"architecture": "linear"}, 51),
        ({"architecture": "rnn"}, 3),
        ({"architecture": "deep-rnn"}, 440 + 820 + 21 - 20 + 20),
        ({"architecture": "deep-rnn", "recurrent_output": True}, 420 + 20 + 820 + 22),
        ({"architecture": "linear", "strategy": "direct"}, 510),
        ({"architecture": "deep-rnn", "strategy": "seq2seq"}, 440 + 820 + 210),
        ({"architecture": "deep-rnn", "linear": True}, 440 + 820 + 21 + 50),
        ({"architecture": "deep-rnn", "linear": True, "scale": "none"}, 440 + 820 + 21),
        ({"architecture": "lstm", "strategy": "seq2seq"}, 4 * (20 + 400 + 20) + 4 * (400 + 400 + 20) + 210),
    ],
)
def test_the_number_of_parameters_is_the_one_taught(options, count):
    config = ForecastConfig(**{"strategy": "next", "linear": False, **options})
    assert sum(np.prod(shape) for shape in run.shapes(config, 1).values()) == count
    assert sum(np.prod(v.shape) for v in Forecaster(config, 1).trainable_variables) == count


# What the loop sees ---------------------------------------------------------------------------------------------------


def task(config: ForecastConfig, series: np.ndarray | None = None, **training) -> ForecastTask:
    values = RNG.normal(size=(1, 40, 1)).cumsum(axis=1) if series is None else series
    scale = Scale.learn(config, values[:, :28], 1, 1)
    options = ForecastTraining(**{"batch_size": 4, "dropout": 0.0, "loss": "mse", **training})
    held_out = Panel.of(values[:, 28 - config.window :])
    return ForecastTask(config, options, scale, Panel.of(values[:, :28]), held_out, np.ones(1))


@pytest.mark.parametrize("strategy", ["next", "direct", "seq2seq"])
def test_the_loss_is_the_mean_squared_error_of_all_answers(strategy):
    t = task(ForecastConfig(architecture="gru", strategy=strategy, window=6, horizon=3))
    windows, labels, weights = t.batch(0)
    assert weights.all()
    expected = np.mean((t.model(windows).numpy() - labels) ** 2)
    assert float(t.loss((windows, labels, weights), [])[0]) == pytest.approx(expected, rel=1e-5)


def test_hubers_loss_grows_no_faster_than_the_error():
    t = task(ForecastConfig(architecture="naive", strategy="direct", window=6, horizon=3), loss="huber")
    windows, _, weights = t.batch(0)
    answers = t.model(windows).numpy()
    for far, expected in [(0.5, 0.25), (1.0, 1.0), (10.0, 19.0)]:
        assert float(t.loss((windows, answers + far, weights), [])[0]) == pytest.approx(expected, rel=1e-5)


def test_missing_values_are_no_labels():
    values = np.arange(40.0)[None, :, None].copy()
    values[0, 20:22] = np.nan
    t = task(ForecastConfig(architecture="linear", window=6, horizon=3), values)
    counted = np.concatenate([t.batch(n)[2] for n in range(t.steps_per_epoch)])
    assert 0 < (counted == 0).sum() <= 12  # two values, each a label of at most three windows; the last batch repeats
    windows, labels, weights = t.batch(0)
    spoilt = np.where(weights, labels, 1e6).astype(np.float32)
    assert float(t.loss((windows, spoilt, weights), [])[0]) == float(t.loss((windows, labels, weights), [])[0])


def test_an_epoch_sees_every_window_and_is_a_function_of_its_number():
    t = task(ForecastConfig(architecture="linear", strategy="next", window=6, horizon=1, scale="none"))
    seen = np.concatenate([t.batch(n)[0] for n in range(t.steps_per_epoch)])
    assert len(np.unique(seen[:, :, 0], axis=0)) == len(t.windows) == 28 - 6
    np.testing.assert_array_equal(t.batch(3)[0], t.batch(3)[0])
    first, other = t.batch(1)[0], t.batch(1 + t.steps_per_epoch)[0]
    assert not np.array_equal(first, other)


def test_the_evaluation_is_the_error_on_held_out_data_in_its_own_units():
    values = np.arange(40.0)[None, :, None] * 3
    t = task(ForecastConfig(architecture="naive", strategy="direct", window=6, horizon=2), values)
    metrics = t.evaluate([])
    assert metrics["mae"] == pytest.approx((3 + 6) / 2)
    assert metrics["mse"] == pytest.approx((9 + 36) / 2)
    assert t.family.rank({"mase": 1.0}) > t.family.rank({"mase": 2.0})
