"""A forecaster in service, most often one made by hand: the seasonal naive forecast needs no weights."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers import save_forecaster

import rnntext
from rnntext.errors import CheckpointError, DataError, UsageError
from rnntext.jobs.alarms import LEVEL_SHIFT
from rnntext.jobs.forecast_errors import HeldOutErrors
from rnntext.jobs.forecasting import ForecastModel
from rnntext.jobs.load import load_forecaster
from rnntext.run.panel import Panel
from rnntext.settings.forecaster import ForecastConfig
from rnntext.storage import checkpoint

NAN = float("nan")
RNG = np.random.default_rng(0)
WEEKS = np.tile([10.0, 20.0, 30.0, 25.0, 15.0, 5.0, 0.0], 40)[:, None]
NOISY = WEEKS + RNG.normal(0, 2, WEEKS.shape)
WEEKLY = ForecastConfig(architecture="seasonal-naive", window=14, horizon=7)


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    save_forecaster(folder / "weekly", WEEKLY, NOISY, season=7)
    save_forecaster(folder / "naive", ForecastConfig(architecture="naive", window=3, horizon=2), NOISY)
    sales = np.concatenate([NOISY, NOISY * 2, np.roll(WEEKS, -1) > 20], axis=1)
    save_forecaster(folder / "two", WEEKLY, sales, ("a", "b"), ("open",), season=7)
    return folder


@pytest.fixture(scope="module")
def weekly(home) -> ForecastModel:
    model = rnntext.load(home / "weekly")
    assert isinstance(model, ForecastModel)
    return model


# The future -----------------------------------------------------------------------------------------------------------


def test_a_forecast_goes_on_as_far_as_one_likes(weekly):
    found = weekly.forecast(WEEKS[:21], 30)
    np.testing.assert_allclose(found.values[:, 0], np.resize(WEEKS[:7], 30))
    assert len(weekly.forecast(WEEKS[:21]).values) == 7  # the model's own horizon
    np.testing.assert_allclose(weekly.forecast(WEEKS[:21, 0].tolist(), 30).values, found.values)


@pytest.mark.parametrize("gap", [slice(190, 192), slice(195, 207), slice(205, 209), slice(170, 209)])
def test_gaps_in_the_window_are_filled_as_impute_fills_them(weekly, gap):
    series = NOISY[:210].copy()
    series[gap] = NAN
    found = weekly.forecast(series, 7)
    np.testing.assert_array_equal(found.values, weekly.forecast(weekly.impute(series), 7).values)
    assert found.filled == np.isnan(series[-14:]).sum()
    near = np.abs(found.values - WEEKS[:7]).mean()
    assert near < 7.0  # a value that is repeated is off by 8.6 at least
    whole = weekly.forecast(NOISY[:210], 7)
    assert whole.filled == 0


def test_the_missing_end_of_a_column_is_filled_though_others_go_on(home):
    model = rnntext.load(home / "two")
    assert isinstance(model, ForecastModel)
    series = np.concatenate([WEEKS, 2 * WEEKS, np.ones_like(WEEKS)], axis=1)[:70]
    series[61:, 1] = NAN
    series[66, 2] = NAN
    found = model.forecast(series, 7, np.ones((7, 1)))
    np.testing.assert_allclose(found.values, np.concatenate([WEEKS[:7], 2 * WEEKS[:7]], axis=1))
    assert found.filled == 10


def test_the_band_holds_eight_of_ten_held_out_values(home, weekly):
    half = len(NOISY) // 2
    inside = []
    for origin in range(half, len(NOISY) - 7):
        found = weekly.forecast(NOISY[:origin], 7)
        truth = NOISY[origin : origin + 7]
        inside.append((found.lower <= truth) & (truth <= found.upper))
    assert 0.75 <= np.mean(inside) <= 0.85
    assert (found.lower < found.values).all()
    assert (found.values < found.upper).all()


def test_the_band_is_measured_as_far_as_there_are_held_out_values_and_then_grows_as_a_random_walks(weekly):
    found = weekly.forecast(NOISY, 500)
    width = (found.upper - found.lower)[:, 0]
    assert len(set(width[:100].round(9))) > 50
    assert 100 < found.measured < 140  # as many steps as are held out, but for the last few
    later = np.arange(found.measured, 501)
    np.testing.assert_allclose(width[found.measured - 1 :], width[found.measured - 1] * np.sqrt(later / found.measured))


def test_a_band_is_an_order_statistic_of_the_origins_that_chose_nothing(home):
    """Those between the ones that weights are chosen by; in units of how much a window varies."""
    model = rnntext.load(home / "naive")
    assert isinstance(model, ForecastModel)
    variations, errors = [], []
    for origin in range(140, 280):
        variations.append(np.abs(np.diff(NOISY[origin - 3 : origin, 0])).mean())
        errors.append(abs(NOISY[origin, 0] - NOISY[origin - 1, 0]))
    units = (np.array(variations) + 0.5 * np.mean(variations)) / 1.5
    ordered = np.sort((errors / units)[1::2])  # 70 of them
    window = [4.0, 7.0, 6.0]
    unit = (2.0 + 0.5 * np.mean(variations)) / 1.5
    bands = model.forecast(window, 1, levels=(50, 80, 99)).bands
    assert list(bands) == [50, 80, 99]
    for level, place in ((50, 34.5), (80, 55.8), (99, 69)):  # (70 + 1) * level - 1, and the last one at most
        width = np.interp(place, range(70), ordered) * unit
        np.testing.assert_allclose([edge[0, 0] for edge in bands[level]], [6 - width, 6 + width])
    found = model.forecast(window, 1, levels=(50, 80, 99))
    assert (found.lower[0, 0], found.upper[0, 0]) == tuple(edge[0, 0] for edge in bands[50])


def test_a_band_is_wide_where_the_series_is_wild(tmp_path):
    generator = np.random.default_rng(3)
    wild = np.repeat(generator.permutation([1.0, 10.0] * 25), 40)  # stretches of 40 steps
    series = np.cumsum(generator.normal(0, wild))
    config = ForecastConfig(architecture="naive", window=20, horizon=3)
    model = ForecastModel(checkpoint.load(save_forecaster(tmp_path / "m", config, series[:1000, None])))
    inside: dict[float, list[bool]] = {1.0: [], 10.0: []}
    for origin in range(1000, 1990):
        if len(set(wild[origin - 20 : origin + 3])) == 1:
            found = model.forecast(series[:origin], 3)
            truth = series[origin : origin + 3, None]
            inside[wild[origin]] += ((found.lower <= truth) & (truth <= found.upper)).ravel().tolist()
    assert 0.65 < np.mean(inside[10.0]) < 0.95
    assert np.mean(inside[1.0]) > 0.7


@pytest.mark.parametrize("levels", [(), (0,), (0.8, 0.95), (100,), (NAN,), (80, 80)])
def test_levels_are_different_percentages(weekly, levels):
    with pytest.raises(UsageError, match=r"--levels .*must be different percentages"):
        weekly.forecast(WEEKS[:21], levels=levels)


def test_a_column_without_held_out_values_has_no_band_and_takes_none_away(home, tmp_path):
    series = np.concatenate([NOISY, NOISY * 2], axis=1)
    series[len(series) // 2 :, 1] = NAN
    model = ForecastModel(checkpoint.load(save_forecaster(tmp_path / "m", WEEKLY, series, ("a", "b"), season=7)))
    found = model.forecast(series, 7)
    assert np.isfinite(found.values).all()
    assert np.isnan([found.lower[:, 1], found.upper[:, 1]]).all()
    alone = ForecastModel(checkpoint.load(home / "weekly")).forecast(NOISY, 7)
    np.testing.assert_allclose(found.upper[:, 0], alone.upper[:, 0])
    assert (found.measured, found.errors) == (alone.measured, alone.errors)
    assert not model.alarms(np.concatenate([NOISY, NOISY], axis=1), 6.0).alarm.any()


def test_several_columns_and_one_known_in_advance(home):
    model = rnntext.load(home / "two")
    assert isinstance(model, ForecastModel)
    series = np.concatenate([WEEKS, 2 * WEEKS, np.ones_like(WEEKS)], axis=1)
    found = model.forecast(series[:70], 7, np.ones((7, 1)))
    np.testing.assert_allclose(found.values, series[:7, :2])
    with pytest.raises(DataError, match=r"open: known for 2 steps ahead, but 7 are to be predicted"):
        model.forecast(series[:70], 7, np.ones((2, 1)))
    with_gap = np.ones((7, 1))
    with_gap[3] = np.nan
    with pytest.raises(DataError, match=r"open: has no value at step 4 ahead, but one after that; fill the gap"):
        model.forecast(series[:70], 7, with_gap)
    with pytest.raises(DataError, match=r"wants 3 columns \(a, b, open\)"):
        model.forecast(series[:70, :2], 7)


@pytest.mark.parametrize("series", [WEEKS[:13], [], np.full((20, 1), NAN), [NAN] * 10 + [1.0] * 13])
def test_too_few_values_are_refused(weekly, series):
    with pytest.raises(DataError, match="too few"):
        weekly.forecast(series)


# The past -------------------------------------------------------------------------------------------------------------


def test_gaps_are_filled_better_than_by_straight_lines(weekly):
    generator = np.random.default_rng(1)
    hidden = NOISY[:210].copy()
    for begin in generator.choice(np.arange(14, 200, 10), 4, replace=False):  # a tenth, in blocks of five
        hidden[begin : begin + 5] = NAN
    gaps = np.isnan(hidden)
    time = np.arange(len(hidden))
    straight = np.interp(time, time[~gaps[:, 0]], hidden[~gaps])
    found = weekly.impute(hidden)
    np.testing.assert_array_equal(found[~gaps], hidden[~gaps])
    errors = [np.abs(values - NOISY[:210, 0])[gaps[:, 0]].mean() for values in (found[:, 0], straight)]
    assert errors[0] < 0.6 * errors[1]


def test_a_filled_gap_meets_the_value_after_it(home):
    naive = rnntext.load(home / "naive")
    assert isinstance(naive, ForecastModel)
    found = naive.impute([1.0, 1.0, 1.0, 2.0, NAN, NAN, NAN, 10.0, NAN])
    np.testing.assert_allclose(found[:, 0], [1, 1, 1, 2, 4, 6, 8, 10, 10])  # at the end there is nothing to meet


def test_a_band_is_calibrated_on_what_came_after_the_held_out_series_too(home):
    """It has 140 values, of which every second one calibrates."""
    model = rnntext.load(home / "naive")
    assert isinstance(model, ForecastModel)
    later = np.concatenate([NOISY, NOISY[100:140] + 1000.0])
    assert model.forecast(NOISY, 1).errors == 70
    found = model.forecast(later, 1)
    assert found.errors == 90
    longer = Panel.of(later[None, 137:])  # the window before what was held out, that, and what came after it
    widths, *_ = HeldOutErrors(model.honest, longer, spared=True).bands(later, 1, [0.8])
    np.testing.assert_allclose(found.upper - found.values, widths[0])
    assert model.forecast(later[275:], 1).errors == 90  # a window of what was held out is enough to go on from
    assert model.forecast(later[279:], 1).errors == 70


def test_gaps_before_there_is_a_window_become_straight_lines(weekly):
    found = weekly.impute([NAN, 1.0, NAN, 3.0, *WEEKS[:21, 0]])
    assert found[:4, 0].tolist() == [1, 1, 2, 3]


def test_imputation_is_measured_on_hidden_held_out_values(weekly):
    ours, straight, length = weekly.imputation_errors
    assert (length, ours < 0.6 * straight) == (5, True)
    assert 1.0 < ours < 3.0  # of noise with standard deviation 2


def test_a_fault_is_marked_and_its_neighbours_are_not(weekly):
    series = NOISY[:140].copy()
    series[100] += 60.0
    series[120] = NAN
    found = weekly.alarms(series, 5.0)
    assert np.flatnonzero(found.alarm).tolist() == [100]  # one week later the fault is the seasonal naive forecast
    assert found.deviation[100, 0] == pytest.approx(60 / 2.83, rel=0.25)  # two noises of 2
    assert np.isnan(found.expected[:14]).all()
    assert not np.isnan(found.expected[14:]).any()
    assert np.isnan(found.deviation[120, 0])


def test_outliers_among_held_out_values_hide_no_others(tmp_path):
    series = NOISY.copy()
    series[200] *= 30.0  # in the second half, which is held out
    model = ForecastModel(checkpoint.load(save_forecaster(tmp_path / "spike", WEEKLY, series, season=7)))
    series[60] += 40.0
    assert np.flatnonzero(model.alarms(series, 6.0).alarm).tolist() == [60, 200]


def test_a_series_that_has_moved_is_judged_where_it_is_now(weekly):
    series = NOISY[:210].copy()
    series[100:] += 60.0
    moved = list(range(100, 100 + LEVEL_SHIFT + 1))  # all of the season before is the new level then
    assert np.flatnonzero(weekly.alarms(series, 6.0).alarm).tolist() == moved
    series[103] = -200.0  # a fault on the other side
    series[106] = 400.0
    assert np.flatnonzero(weekly.alarms(series, 6.0).alarm).tolist() == [*moved, moved[-1] + 1]
    series[109] = NAN
    found = np.flatnonzero(weekly.alarms(series, 6.0).alarm)
    assert found.tolist() == [row for row in range(100, 100 + LEVEL_SHIFT + 3) if row != 109]


def test_a_shift_alarms_for_one_season_only(tmp_path):
    daily = ForecastConfig(architecture="seasonal-naive", window=48, horizon=24)
    hours = 20 + 10 * np.sin(np.arange(480) / 24 * 2 * np.pi) + RNG.normal(0, 0.1, 480)
    model = ForecastModel(checkpoint.load(save_forecaster(tmp_path / "m", daily, hours[:, None], season=24)))
    hours[300:] += 7.0
    assert np.flatnonzero(model.alarms(hours, 6.0).alarm).tolist() == list(range(300, 324))
    hours[380:] -= 7.0  # and back again
    found = np.flatnonzero(model.alarms(hours, 6.0).alarm)
    assert found.tolist() == [*range(300, 324), *range(380, 404)]


@pytest.mark.parametrize("gap", [slice(300, 320), slice(290, 350, 3), slice(10, 30), slice(60, 120)])
def test_a_gap_raises_no_alarms(tmp_path, gap):
    daily = ForecastConfig(architecture="seasonal-naive", window=48, horizon=24)
    hours = 20 + 10 * np.sin(np.arange(480) / 24 * 2 * np.pi) + RNG.normal(0, 0.1, 480)
    model = ForecastModel(checkpoint.load(save_forecaster(tmp_path / "m", daily, hours[:, None], season=24)))
    hours[gap] = NAN
    hours[400] += 5.0
    assert np.flatnonzero(model.alarms(hours, 8.0).alarm).tolist() == [400]


def test_alarms_do_not_depend_on_the_unit(tmp_path):
    series = NOISY.copy()
    series[60] += 40.0
    deviations = []
    for unit in (1.0, 1e-12):
        model = ForecastModel(checkpoint.load(save_forecaster(tmp_path / str(unit), WEEKLY, series * unit, season=7)))
        deviations.append(model.alarms(series * unit, 6.0).deviation[14:])
    np.testing.assert_allclose(deviations[0], deviations[1], rtol=1e-3)


def test_a_gap_meets_its_own_columns_next_value_whatever_others_lack(tmp_path):
    config = ForecastConfig(architecture="naive", window=3, horizon=2)
    both = np.concatenate([NOISY, 2 * NOISY], axis=1)
    model = ForecastModel(checkpoint.load(save_forecaster(tmp_path / "both", config, both, ("a", "b"))))
    series = np.array([[1, 1, 1, 2, NAN, NAN, 8, 9, 9], [5, 5, 5, 10, 20, NAN, NAN, NAN, 60]]).T
    found = model.impute(series)
    np.testing.assert_allclose(found[:, 0], [1, 1, 1, 2, 4, 6, 8, 9, 9])
    np.testing.assert_allclose(found[:, 1], [5, 5, 5, 10, 20, 30, 40, 50, 60])


def test_straight_lines_fill_the_gaps_where_they_are_better(tmp_path):
    line = np.arange(280.0)[:, None]
    steady = np.concatenate([line + RNG.normal(0, 0.1, line.shape), NOISY], axis=1)
    model = ForecastModel(checkpoint.load(save_forecaster(tmp_path / "m", WEEKLY, steady, ("a", "b"), season=7)))
    worse, better = zip(*model.imputation_errors[:2], strict=True)
    assert worse[0] > worse[1]
    assert better[0] < better[1]
    series = steady[:60].copy()
    series[40:44] = NAN
    found = model.impute(series)
    np.testing.assert_allclose(found[40:44, 0], np.interp(range(40, 44), [39, 44], steady[[39, 44], 0]))
    assert np.abs(found[40:44, 1] - np.interp(range(40, 44), [39, 44], steady[[39, 44], 1])).max() > 2.0


def test_a_constant_series_has_no_division_by_zero(tmp_path):
    config = ForecastConfig(architecture="naive", window=3, horizon=2)
    model = ForecastModel(checkpoint.load(save_forecaster(tmp_path / "flat", config, np.full((40, 1), 7.0))))
    found = model.forecast([7.0] * 5, 4)
    assert found.values.ravel().tolist() == found.upper.ravel().tolist() == [7.0] * 4
    series = np.full(20, 7.0)
    series[10] = 8.0
    assert np.flatnonzero(model.alarms(series, 3.0).alarm).tolist() == [10]


# Loading --------------------------------------------------------------------------------------------------------------


def test_another_kind_of_model_is_refused(home, tmp_path):
    manifest = Path(shutil.copytree(home / "weekly", tmp_path / "m")) / "versions/000001/manifest.json"
    manifest.write_text(manifest.read_text().replace('"forecaster"', '"charlm"'))
    checkpoint.promote(tmp_path / "m", "000001")
    with pytest.raises(UsageError, match="this is a charlm model; a forecaster is needed"):
        load_forecaster(tmp_path / "m")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"columns"', '"colums"'),
        ('"columns": [\n  "x"\n ]', '"columns": []'),
        ('"season": 7', '"season": 0'),
        ('"spread": [', '"spread": [0.0, '),
        ('"targets": 1', '"targets": "one"'),
    ],
)
def test_a_damaged_description_is_refused(tmp_path, old, new):
    root = save_forecaster(tmp_path / "m", WEEKLY, NOISY, season=7)
    source = checkpoint.load(root)
    text = source.files["series.json"].decode()
    assert old in text
    source.files["series.json"] = text.replace(old, new).encode()
    with pytest.raises(CheckpointError, match=r"series.json or held_out.json"):
        ForecastModel(source)
