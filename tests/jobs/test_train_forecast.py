"""Training forecasters as a job: what is learnt, from what, and what it leaves behind."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

import rnntext
from rnntext.errors import DataError, StoppedError, UsageError
from rnntext.families import Family
from rnntext.jobs import forecast_split
from rnntext.jobs.forecasting import ForecastModel
from rnntext.run.windows import Scale
from rnntext.series.series import TableStyle, read_series
from rnntext.settings.forecaster import ForecastConfig, ForecastTraining
from rnntext.settings.training import JobConfig
from rnntext.watch.observer import Observer

AIRLINE = Path(__file__).parents[2] / "corpora" / "airline.csv"
# Sequence to sequence a network begins with the naive forecast, which is easily beaten in a few steps.
SMALL = ForecastConfig(architecture="linear", strategy="seq2seq", window=6, horizon=2)
RECURRENT = ForecastConfig(architecture="gru", strategy="seq2seq", units=3, layers=1, window=6, horizon=2)
SHORT = ForecastTraining(steps=6, batch_size=4, dropout=0.3, average=0.5, refit=False)
REFIT = dataclasses.replace(SHORT, refit=True)
RNG = np.random.default_rng(0)


def write(path: Path, values: np.ndarray, header: str = "x") -> Path:
    rows = values[:, None] if values.ndim == 1 else values
    path.write_text(header + "\n" + "".join(",".join(map(str, row)) + "\n" for row in rows.tolist()))
    return path


@pytest.fixture(scope="module", autouse=True)
def every_gain_counts() -> Iterator[None]:
    """Trainings of a few steps gain little."""
    with pytest.MonkeyPatch.context() as patch:
        is_better = Family.is_better
        patch.setattr(Family, "is_better", lambda self, metrics, before, margin=0.0: is_better(self, metrics, before))
        yield


@pytest.fixture(scope="module")
def series(tmp_path_factory) -> Path:
    values = 10 * np.sin(np.arange(120) / 3) + RNG.normal(0, 0.5, 120)
    return write(tmp_path_factory.mktemp("series") / "waves.csv", values)


def train(source: Path, path: Path, model=SMALL, training=SHORT, **options):
    return rnntext.train_forecast(str(source), path, model, training, **options)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, series) -> Path:
    path = tmp_path_factory.mktemp("trained") / "m"
    train(series, path)
    return path


@pytest.fixture(scope="module")
def refitted(tmp_path_factory, series) -> Path:
    path = tmp_path_factory.mktemp("refitted") / "m"
    train(series, path, SMALL, REFIT)
    return path


def weights(model: Path, version: str = "000001") -> dict[str, np.ndarray]:
    return safetensors.numpy.load_file(model / "versions" / version / "weights.safetensors")


class StopAfter(Observer):
    """Stops a session after some steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def step(self, progress) -> None:
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGTERM)


class Listener(Observer):
    """Keeps what is said to the user."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, message: str) -> None:
        self.said.append(message)


# Airline passengers ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def airline(tmp_path_factory) -> ForecastModel:
    path = tmp_path_factory.mktemp("airline") / "model"
    training = ForecastTraining(steps=300, refit=False)  # what is held out is for these tests
    outcome = rnntext.train_forecast(str(AIRLINE), path, training=training, columns=["passengers"], date_column="month")
    assert outcome.promoted
    model = rnntext.load(path)
    assert isinstance(model, ForecastModel)
    return model


def held_out(model: ForecastModel) -> np.ndarray:
    return model.held_out.values[0, model.config.window :, 0]


def test_airline_passengers_are_predicted_better_than_by_last_years_month(airline):
    metrics = airline.checkpoint.json("metrics.json")
    assert metrics["mase"] < 0.75
    truth = read_series(str(AIRLINE), ["passengers"], (), "month").values[:, 0]
    ours, seasonal = [], []
    for origin in range(115, 135):
        wanted = truth[origin : origin + 10]
        ours += np.abs(airline.forecast(truth[:origin]).values[:, 0] - wanted).tolist()
        seasonal += np.abs(np.resize(truth[origin - 12 : origin], 10) - wanted).tolist()
    assert np.mean(ours) < 0.6 * np.mean(seasonal)


def test_the_band_holds_four_fifths_of_the_held_out_passengers(airline):
    truth = read_series(str(AIRLINE), ["passengers"], (), "month").values[:, 0]
    inside = []
    for origin in range(115, 135):
        found = airline.forecast(truth[:origin])
        wanted = truth[origin : origin + 10, None]
        inside.append((found.lower <= wanted) & (wanted <= found.upper))
    assert 0.75 <= np.mean(inside) <= 0.85


def test_hidden_passengers_are_filled_in_better_than_by_straight_lines(airline):
    truth = read_series(str(AIRLINE), ["passengers"], (), "month").values[:, 0]
    ours, straight = [], []
    for shift in range(0, 20, 5):
        hidden = truth.copy()
        for begin in (60 + shift, 85 + shift, 110 + shift):  # some tenth, in blocks of five
            hidden[begin : begin + 5] = np.nan
        gaps = np.isnan(hidden)
        time = np.arange(len(truth))
        ours += np.abs(airline.impute(hidden)[:, 0] - truth)[gaps].tolist()
        straight += np.abs(np.interp(time, time[~gaps], truth[~gaps]) - truth)[gaps].tolist()
    assert np.mean(ours) < 0.6 * np.mean(straight)


# No leakage -----------------------------------------------------------------------------------------------------------


def learnt_before_the_split(path: Path, config: ForecastConfig, later: np.ndarray) -> dict[str, bytes]:
    """All that training begins with, for a series of 120 values whose last 24 are given."""
    values = np.concatenate([10 + np.sin(np.arange(96.0) * 2 * np.pi / 8), later])
    split = forecast_split.split_series(read_series(str(write(path, values))), config, "0.2")
    numbers = split.scale.to_json() | {"errors": split.naive_errors.tolist()}
    return {"numbers": json.dumps(numbers).encode(), "panel": split.training.values.tobytes()}


@pytest.mark.parametrize("scale", ["relative", "standard", "none"])
def test_nothing_is_learnt_from_held_out_values(tmp_path, scale):
    config = dataclasses.replace(SMALL, window=10, scale=scale)
    one = learnt_before_the_split(tmp_path / "a.csv", config, np.zeros(24))
    assert one == learnt_before_the_split(tmp_path / "b.csv", config, 1e6 * RNG.normal(size=24))


def test_a_planted_leak_is_found(tmp_path, monkeypatch):
    """The test above can fail: here the scale is learnt from everything."""
    honest, whole = Scale.learn, []
    monkeypatch.setattr(
        forecast_split.Panel, "of", classmethod(lambda cls, v, of=forecast_split.Panel.of: (whole.append(v), of(v))[1])
    )
    monkeypatch.setattr(forecast_split.Scale, "learn", lambda config, training, *rest: honest(config, whole[-1], *rest))
    config = dataclasses.replace(SMALL, window=10, scale="standard")
    one = learnt_before_the_split(tmp_path / "a.csv", config, np.zeros(24))
    assert one != learnt_before_the_split(tmp_path / "b.csv", config, np.full(24, 1e6))


def test_training_does_not_depend_on_held_out_values_but_for_which_weights_are_best(tmp_path, series):
    values = np.loadtxt(series, skiprows=1)
    one_evaluation = dataclasses.replace(SHORT, steps=5)
    train(series, tmp_path / "one", training=one_evaluation)
    values[96:] *= 2.0
    train(write(tmp_path / "other.csv", values), tmp_path / "two", training=one_evaluation)
    for name, array in weights(tmp_path / "one").items():
        np.testing.assert_array_equal(weights(tmp_path / "two")[name], array)


# The job --------------------------------------------------------------------------------------------------------------


def test_a_stopped_training_ends_where_an_unbroken_one_ends(tmp_path, series):
    train(series, tmp_path / "whole", RECURRENT)
    with pytest.raises(StoppedError):
        train(series, tmp_path / "broken", RECURRENT, observer=StopAfter(3))
    train(series, tmp_path / "broken", RECURRENT)
    for name, array in weights(tmp_path / "whole").items():
        np.testing.assert_array_equal(weights(tmp_path / "broken")[name], array)


def test_a_worse_challenger_stays_out_of_service(tmp_path, series):
    assert train(series, tmp_path / "m", training=dataclasses.replace(SHORT, steps=60)).promoted
    from_scratch = JobConfig(warm_start=False)
    worse = train(series, tmp_path / "m", training=dataclasses.replace(SHORT, steps=1), job=from_scratch)
    assert (worse.version, worse.promoted) == ("000002", False)
    assert worse.champion is not None
    assert worse.champion < worse.score
    assert "better" in (worse.reason or "")


def test_new_values_are_learnt_with_the_weights_and_the_scale_of_the_version_in_service(tmp_path, series):
    train(series, tmp_path / "m", SMALL, REFIT)
    values = np.loadtxt(series, skiprows=1)
    longer = write(tmp_path / "longer.csv", np.concatenate([values, 100 + values[:30]]))
    still = dataclasses.replace(REFIT, steps=1, learning_rate=0.0)
    outcome = train(longer, tmp_path / "m", SMALL, still, job=JobConfig(tolerance=1e-6))
    assert (outcome.parent, outcome.promoted) == ("000001", True)
    assert outcome.champion == pytest.approx(outcome.score, rel=1e-6)
    for name, array in weights(tmp_path / "m", "000001").items():
        np.testing.assert_allclose(weights(tmp_path / "m", "000002")[name], array, rtol=1e-6)
    scales = [
        json.loads((tmp_path / "m/versions" / v / "series.json").read_text())["scale"] for v in ("000001", "000002")
    ]
    assert scales[0] == scales[1]


def test_the_same_values_again_are_nothing_to_do(tmp_path, series, trained):
    shutil.copytree(trained, tmp_path / "m")
    assert train(series, tmp_path / "m").state == "unchanged"


def test_a_champion_that_has_seen_the_held_out_values_is_told_of(tmp_path, series, trained):
    shutil.copytree(trained, tmp_path / "m")
    values = np.loadtxt(series, skiprows=1)
    shorter = write(tmp_path / "shorter.csv", values[:80])  # what is held out of it was trained on before
    outcome = train(shorter, tmp_path / "m", job=JobConfig(warm_start=False))
    assert "trained on 100% of the held-out text" in (outcome.remark or "")


def test_a_challenger_with_another_window_is_compared_on_the_same_held_out_values(tmp_path, series, trained):
    shutil.copytree(trained, tmp_path / "m")
    first = json.loads((trained / "versions/000001/metrics.json").read_text())
    second = train(series, tmp_path / "m", dataclasses.replace(SMALL, window=9))
    assert second.champion == pytest.approx(first["mase"], rel=1e-6)


@pytest.mark.parametrize(
    ("model", "options", "reason"),
    [
        (dataclasses.replace(SMALL, horizon=3), {}, "predicts 2 values"),
        (SMALL, {"columns": ["y"]}, r"other columns: \['x'\]"),
    ],
)
def test_what_cannot_be_compared_is_promoted_and_the_reason_is_given(tmp_path, series, model, options, reason):
    values = np.loadtxt(series, skiprows=1)
    both = write(tmp_path / "both.csv", np.stack([values, values], axis=1), "x,y")
    train(both, tmp_path / "m", columns="x")  # as ["x"]
    outcome = train(both, tmp_path / "m", model, **({"columns": ["x"]} | options))
    assert not outcome.promoted
    assert outcome.champion is None
    assert outcome.reason is not None
    assert re.search(reason, outcome.reason)


def test_baselines_are_trained_in_no_time_and_served_like_all_others(tmp_path, series):
    outcome = train(series, tmp_path / "m", ForecastConfig(architecture="naive", window=6, horizon=2))
    assert (outcome.parameters, outcome.promoted) == (0, True)
    model = rnntext.load(tmp_path / "m")
    assert isinstance(model, ForecastModel)
    assert model.forecast([1.0, 2, 3, 4, 5, 6]).values.ravel().tolist() == [6, 6]


def test_how_a_table_is_read_and_the_floor_go_with_the_version(tmp_path):
    source = tmp_path / "rain.csv"
    source.write_text("x;day\n" + "".join(f"1.{n % 2:03d};{n}\n" for n in range(40)))
    style = TableStyle(decimal=".", step=1, missing=["none"], floor=1.5)
    naive = ForecastConfig(architecture="naive", window=6, horizon=2)
    train(source, tmp_path / "m", naive, date_column="day", style=style)
    model = rnntext.load(tmp_path / "m")
    assert isinstance(model, ForecastModel)
    assert model.style == style
    forecast = model.forecast([1.0, 2, 3, 4, 5, 1])
    assert forecast.values.ravel().tolist() == forecast.lower.ravel().tolist() == [1.5, 1.5]
    train(source, tmp_path / "m", naive, date_column="day", style=TableStyle(decimal="."), job=JobConfig(force=True))
    model = rnntext.load(tmp_path / "m")
    assert model.forecast([1.0, 2, 3, 4, 5, 1]).values.ravel().tolist() == [1, 1]


@pytest.mark.parametrize("before", ["naive", "linear"])
def test_a_baseline_can_follow_another_version(tmp_path, series, before):
    naive = ForecastConfig(architecture="naive", window=6, horizon=2)
    train(series, tmp_path / "m", dataclasses.replace(naive, architecture=before))
    outcome = train(series, tmp_path / "m", naive, job=JobConfig(force=True))
    assert (outcome.state, outcome.version) == ("finished", "000002")
    assert outcome.champion is not None


def test_a_constant_series_is_learnt_without_ado(tmp_path):
    observer = Listener()
    train(write(tmp_path / "flat.csv", np.full(60, 7.0)), tmp_path / "m", observer=observer)
    model = rnntext.load(tmp_path / "m")
    assert isinstance(model, ForecastModel)
    np.testing.assert_allclose(model.forecast([7.0] * 10).values, 7.0, atol=1e-3)
    assert any("x is constant, 7" in sentence for sentence in observer.said)


def test_a_series_with_long_quiet_stretches_is_not_taken_for_diverged(tmp_path):
    values = np.zeros(300)
    values[50::60] = 1000.0
    assert train(write(tmp_path / "rare.csv", values), tmp_path / "m", training=dataclasses.replace(SHORT, steps=120))


@pytest.mark.parametrize("gap", [(70, 95), (88, 92), (95, 100)])
def test_a_gap_may_lie_anywhere(tmp_path, gap):
    """Also where the held-out part begins (96), or the window before it (90)."""
    values = 10 * np.sin(np.arange(120) / 3)
    values[slice(*gap)] = np.nan
    outcome = train(write(tmp_path / "gap.csv", values), tmp_path / "m")
    assert np.isfinite(outcome.score)
    model = rnntext.load(tmp_path / "m")
    assert isinstance(model, ForecastModel)
    found = model.forecast(values)
    assert np.isfinite(found.upper).all()


def test_a_column_known_in_advance_is_used(tmp_path):
    known = RNG.integers(0, 2, 200)
    values = np.stack([np.where(np.roll(known, 0) > 0, 10.0, -10.0), known], axis=1)
    source = write(tmp_path / "known.csv", values, "x,sign")
    model = ForecastConfig(architecture="linear", window=4, horizon=3, scale="standard")
    training = ForecastTraining(steps=300, learning_rate=0.05, dropout=0.0, refit=False)
    outcome = rnntext.train_forecast(str(source), tmp_path / "m", model, training, columns=["x"], known=["sign"])
    assert outcome.score < 0.05  # without the sign nobody could know
    served = rnntext.load(tmp_path / "m")
    assert isinstance(served, ForecastModel)
    found = served.forecast(values[:100], 3, [[1], [0], [1]])
    np.testing.assert_allclose(found.values[:, 0], [10, -10, 10], atol=1.5)


# The last fit ---------------------------------------------------------------------------------------------------------


def honest(model: Path, version: str = "000001") -> dict[str, np.ndarray]:
    return safetensors.numpy.load_file(model / "versions" / version / "honest.safetensors")


def test_the_last_fit_learns_the_held_out_end_while_score_and_band_stay(series, trained, refitted):
    alone, metrics = (json.loads((path / "versions/000001/metrics.json").read_text()) for path in (trained, refitted))
    assert (alone["mase"], alone["mae"]) == (metrics["mase"], metrics["mae"])
    for name, array in weights(trained).items():
        np.testing.assert_array_equal(honest(refitted)[name], array)
        assert (weights(refitted)[name] != array).any()
    values = np.loadtxt(series, skiprows=1)
    models = [rnntext.load(path) for path in (trained, refitted)]
    widths = [found.upper - found.lower for found in (model.forecast(values) for model in models)]
    np.testing.assert_allclose(widths[0], widths[1])


def test_the_last_fit_is_the_training_of_a_series_that_ends_later(tmp_path, series, refitted):
    values = np.loadtxt(series, skiprows=1)
    longer = write(tmp_path / "longer.csv", np.concatenate([values, values[:30]]))
    train(longer, tmp_path / "m", validation="30")
    for name, array in weights(tmp_path / "m").items():  # their scales differ a little
        np.testing.assert_allclose(weights(refitted)[name], array, atol=0.02)


def test_a_training_that_is_stopped_in_its_last_fit_ends_where_an_unbroken_one_ends(tmp_path, series, refitted):
    for steps in (6, 3, 2):  # six steps and then, in the last fit, three and two of six
        with pytest.raises(StoppedError):
            train(series, tmp_path / "m", SMALL, REFIT, observer=StopAfter(steps))
    train(series, tmp_path / "m", SMALL, REFIT)
    for file in ("weights", "honest"):
        whole, broken = (path / f"versions/000001/{file}.safetensors" for path in (refitted, tmp_path / "m"))
        assert whole.read_bytes() == broken.read_bytes()


def test_a_version_is_compared_by_weights_that_have_not_seen_what_is_held_out(tmp_path, series, refitted):
    shutil.copytree(refitted, tmp_path / "m")
    again = train(series, tmp_path / "m", SMALL, REFIT, job=JobConfig(force=True, warm_start=False))
    assert again.champion == again.score
    assert again.promoted


def test_each_of_both_weights_goes_on_from_its_own(tmp_path, series, refitted):
    shutil.copytree(refitted, tmp_path / "m")
    still = dataclasses.replace(REFIT, steps=1, learning_rate=0.0)
    assert train(series, tmp_path / "m", SMALL, still).parent == "000001"
    for read in (weights, honest):
        for name, array in read(refitted).items():
            np.testing.assert_array_equal(read(tmp_path / "m", "000002")[name], array)


@pytest.mark.parametrize(
    ("method", "answer", "note"),
    [
        ("seconds", 1e9, "no time is left for the last fit: the weights before it stay"),
        (
            "averaged",
            ([], {"mase": 1e9}),
            "the last fit is left out: on the held-out data, which it has seen, it is worse than the naive forecast",
        ),
    ],
)
def test_a_last_fit_that_is_late_or_went_wrong_is_left_out(
    tmp_path, series, refitted, monkeypatch, method, answer, note
):
    monkeypatch.setattr(f"rnntext.train.last_fit.LastFit.{method}", lambda self: answer)
    observer = Listener()
    training = dataclasses.replace(REFIT, time_limit=3600)
    assert train(series, tmp_path / "m", SMALL, training, observer=observer).promoted
    assert any(sentence.startswith(note) for sentence in observer.said)
    assert not (tmp_path / "m/versions/000001/honest.safetensors").exists()


def test_a_version_in_service_that_is_worse_than_the_naive_forecast_is_not_begun_with(tmp_path, series, refitted):
    shutil.copytree(refitted, tmp_path / "m")
    values = np.loadtxt(series, skiprows=1)
    stairs = write(tmp_path / "stairs.csv", np.concatenate([values, np.repeat([50.0, 80, 20, 60], 30)]))
    observer = Listener()
    assert train(stairs, tmp_path / "m", SMALL, observer=observer).parent is None
    assert any("the version in service is worse than the naive forecast" in sentence for sentence in observer.said)


# What it is measured by -----------------------------------------------------------------------------------------------


def test_a_training_that_makes_things_worse_leaves_what_it_began_with(tmp_path, series):
    observer = Listener()
    wild = ForecastTraining(steps=3, learning_rate=1.0, batch_size=4)
    direct = dataclasses.replace(SMALL, strategy="direct")
    outcome = train(series, tmp_path / "m", direct, wild, observer=observer)
    assert outcome.promoted
    assert f"to beat: exponential smoothing, {outcome.score:.4f} held-out MASE (MAE {outcome.mae:.4g})" in observer.said
    assert any(sentence.startswith("no better than exponential smoothing") for sentence in observer.said)
    assert not any(array.any() for name, array in weights(tmp_path / "m").items() if name.endswith("output.kernel"))


def half_hours(weeks: int) -> np.ndarray:
    """Half-hourly values of days of 48 steps whose height depends on the day of the week, and so on the last 336."""
    time = np.arange(weeks * 336)
    return np.array([3.0, 2, 2, 2, 3, 6, 9])[time // 48 % 7] * np.exp(np.sin(time * 2 * np.pi / 48))


def test_errors_are_divided_by_the_same_thing_whatever_the_window_is(tmp_path):
    source = read_series(str(write(tmp_path / "s.csv", half_hours(6))))
    splits = {}
    for window in (20, 50, 400):
        config = ForecastConfig(architecture="linear", window=window, horizon=2)
        splits[window] = forecast_split.split_series(source, config, "0.2")
    assert [split.scale.season for split in splits.values()] == [1, 48, 336]
    assert len({split.naive_errors[0] for split in splits.values()}) == 1
    hint = "a season of 336 steps seems longer than --window"
    assert [any(hint in note for note in split.notes) for split in splits.values()] == [True, True, False]


def test_the_held_out_end_may_be_a_number_of_steps(tmp_path, series):
    split = forecast_split.split_series(read_series(str(series)), SMALL, "17")
    assert split.training.values.shape[1] == 120 - 17
    assert split.held_out.values.shape[1] == SMALL.window + 17


# Mistakes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "model", "options", "error", "message"),
    [
        (np.arange(9.0), SMALL, {}, DataError, r"9 values are too few for --window 6 and --horizon 2 .*give 1\d"),
        (np.arange(60.0), SMALL, {"validation": "0.01"}, DataError, "too few"),
        (
            np.arange(7.0),
            dataclasses.replace(SMALL, horizon=10),
            {},
            DataError,
            r"7 values are too few for --horizon 10 with 0\.2 of them held out; give 51, or a smaller --horizon",
        ),
        (np.arange(60.0), SMALL, {"validation": "tail.csv"}, UsageError, "--validation tail.csv"),
        (np.arange(60.0), SMALL, {"validation": "1"}, UsageError, "--validation 1: must be at least 2"),
        (np.arange(60.0), SMALL, {"validation": "1.5"}, UsageError, "fraction between 0 and 1, or a number of steps"),
        (np.arange(60.0), SMALL, {"validation": "53"}, DataError, "60 values are too few .*53 of them held out.*62"),
        (RNG.normal(size=60), dataclasses.replace(SMALL, season=7), {}, UsageError, "--season 7"),
        (
            np.arange(60.0),
            ForecastConfig(architecture="seasonal-naive", window=6, horizon=2),
            {},
            UsageError,
            "no season within --window 6",
        ),
        (
            np.sin(np.arange(120) * 2 * np.pi / 12),
            ForecastConfig(architecture="seasonal-naive", window=6, horizon=2),
            {},
            UsageError,
            "a season of 12 steps seems longer than --window 6; give --window 12 or more",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused_at_once(tmp_path, values, model, options, error, message):
    with pytest.raises(error, match=message):
        train(write(tmp_path / "s.csv", values), tmp_path / "m", model, **options)
    assert not (tmp_path / "m" / "run").exists()


def test_another_option_is_no_way_to_go_on(tmp_path, series):
    with pytest.raises(StoppedError):
        train(series, tmp_path / "m", observer=StopAfter(2))
    with pytest.raises(UsageError, match=r"--window 6 -> 7"):
        train(series, tmp_path / "m", dataclasses.replace(SMALL, window=7))
