"""The ladder, on a few small series."""

from __future__ import annotations

import numpy as np
import pytest

from rnntext.jobs import ladder, ladder_data
from rnntext.series.waves import waves
from rnntext.settings.forecaster import ForecastTraining

CHEAP = ("naive", "seasonal-naive", "linear", "rnn")  # to compile


@pytest.fixture(scope="module")
def found() -> list[ladder.Result]:
    dataset = ladder_data.synthetic(12, 3, sizes=(400, 200, 100))
    training = ForecastTraining(epochs=2, loss="mse", dropout=0.0, learning_rate=0.01)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("NEXT", "AHEAD"):
            patch.setattr(ladder, name, [rung for rung in getattr(ladder, name) if rung.architecture in CHEAP])
        return list(ladder.climb(dataset, training))


def test_all_rungs_are_there_in_the_order_of_the_lesson():
    assert [rung.label for rung in ladder.NEXT] == [
        "naive",
        "seasonal-naive",
        "least squares",
        "linear",
        "rnn",
        "deep-rnn, recurrent output",
        "deep-rnn",
        "lstm",
        "gru",
        "conv-gru",
    ]
    assert [(rung.label, rung.strategy) for rung in ladder.AHEAD[2:]] == [
        ("least squares", "direct"),
        ("linear", "iterated"),
        ("deep-rnn", "iterated"),
        ("gru", "iterated"),
        ("linear", "direct"),
        ("deep-rnn", "direct"),
        ("deep-rnn", "seq2seq"),
        ("lstm", "seq2seq"),
        ("gru", "seq2seq"),
        ("conv-gru", "seq2seq"),
    ]


def test_synthetic_series_have_no_season_and_are_measured_one_and_several_values_ahead(found):
    assert [(r.rung, r.strategy, r.horizon) for r in found] == [
        ("naive", "", 1),
        ("least squares", "next", 1),
        ("linear", "next", 1),
        ("rnn", "next", 1),
        ("naive", "", 3),
        ("least squares", "direct", 3),
        ("linear", "iterated", 3),
        ("linear", "direct", 3),
    ]


def test_the_naive_rung_and_least_squares_are_what_numpy_says(found):
    values = waves(700, 13)[:, :, 0].astype(np.float64)
    train, held_out, test = values[:400], values[400:600], values[600:]
    naive, squares = found[0], found[1]
    assert naive.mse == pytest.approx(np.mean((held_out[:, 12] - held_out[:, 11]) ** 2), rel=1e-6)
    assert naive.test_mse == pytest.approx(np.mean((test[:, 12] - test[:, 11]) ** 2), rel=1e-6)
    fit = np.linalg.lstsq(np.c_[train[:, :12], np.ones(400)], train[:, 12], rcond=None)[0]
    expected = np.mean((np.c_[held_out[:, :12], np.ones(200)] @ fit - held_out[:, 12]) ** 2)
    assert squares.mse == pytest.approx(expected, rel=1e-3)
    assert squares.skill == pytest.approx(1 - expected / naive.mse, rel=1e-3)
    assert naive.mase == pytest.approx(naive.mae / np.abs(np.diff(train)).mean(), rel=1e-3)


def test_parameters_are_counted_and_larger_losers_are_named(found):
    counts = {(r.rung, r.horizon): r.parameters for r in found if r.strategy in ("next", "direct")}
    assert (counts["linear", 1], counts["rnn", 1], counts["linear", 3]) == (13, 3, 39)
    linear = next(r for r in found if r.rung == "linear")
    for result in found[2:4]:
        worse = result.parameters > linear.parameters and result.mse > linear.mse
        assert ("larger than linear, and worse" in result.remark) == worse
    assert "tanh" in found[3].remark
