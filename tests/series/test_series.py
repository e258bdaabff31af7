"""Series from tables: order, gaps, beginnings and ends."""

from pathlib import Path

import numpy as np
import pytest

from rnntext.errors import DataError, UsageError
from rnntext.series.series import TableStyle, read_series
from rnntext.series.waves import waves

NAN = float("nan")


@pytest.fixture
def read(tmp_path: Path):
    def from_text(content: str, *arguments, **options):
        (tmp_path / "t.csv").write_text(content, newline="")
        return read_series(str(tmp_path / "t.csv"), *arguments, **options)

    return from_text


def test_without_dates_rows_are_steps(read):
    found = read("a,b\n1,5\n2,6\n3,7\n", ["b"])
    assert found.values.tolist() == [[5], [6], [7]]
    assert [found.axis.label(n) for n in range(4)] == ["1", "2", "3", "4"]
    assert found.notes == []


def test_rows_are_sorted_and_gaps_become_missing_values_and_both_are_said(read):
    found = read("day,x\n2024-01-05,5\n2024-01-01,1\n2024-01-02,2\n", ["x"], date_column="day")
    np.testing.assert_array_equal(found.values[:, 0], [1, 2, NAN, NAN, 5])
    assert [note.partition(": ")[2] for note in found.notes] == [
        "rows sorted by day",
        "2 of 5 steps of 1 day have no row; taken as missing values",
    ]


def test_the_same_date_twice_is_refused_with_both_lines(read):
    with pytest.raises(DataError, match=r"line 4, column 'day': 2024-01-01 again, as on line 2; keep one"):
        read("day,x\n2024-01-01,5\n2024-01-02,5\n2024-01-01,6\n", ["x"], date_column="day")


def test_a_row_that_occurs_twice_is_kept_once_and_that_is_said(read):
    found = read("day,x\n2024-01-01,5\n2024-01-02,6\n2024-01-01 , 5\n", ["x"], date_column="day")
    assert found.values.tolist() == [[5], [6]]
    assert "rows that say the same again, as that on line 4, are left out: 1" in found.notes[0]


def test_several_series_in_a_table_are_pointed_out(read):
    rows = [f"2024-01-0{day},{shop},{day}\n" for day in range(1, 8) for shop in ("Nord", "Süd")]
    with pytest.raises(DataError, match=r"line 3, .* the table holds 2 series: split it by column 'shop'"):
        read("day,shop,x\n" + "".join(rows), ["x"], date_column="day")

    rows = [f"2024-01-0{day},{shop},{kind},1\n" for day in range(1, 4) for shop in "NS" for kind in "xyz"]
    with pytest.raises(DataError, match=r"holds 6 series: split it by the columns 'shop' and 'kind' into one file"):
        read("day,shop,kind,x\n" + "".join(rows), ["x"], date_column="day")


@pytest.mark.parametrize("clock", ["{:02d}:00", "{} PM:", "{}"])
def test_times_of_day_in_a_column_of_their_own_are_no_further_series(read, clock):
    rows = [f"2024-01-0{day},{clock.format(hour)},1\n" for day in (1, 2) for hour in range(24)]
    expected = "into one, with date and time of day" if "PM" not in clock else "the table holds 24 series"
    with pytest.raises(DataError, match=expected):
        read("day,hour,x\n" + "".join(rows), ["x"], date_column="day")


def test_two_rows_in_one_step_are_refused(read):
    table = "t,x\n2024-01-01 00:00,1\n2024-01-01 00:05,1\n2024-01-01 00:06,2\n"
    with pytest.raises(DataError, match=r"line 4, .* 00:06 lies in the same step of 0:05:00 as .* 00:05 on line 3"):
        read(table, ["x"], date_column="t", style=TableStyle(step=300.0))


def test_blank_rows_below_a_table_are_left_out(read):
    found = read("day,x\n2024-01-01,5\n2024-01-02,6\n,\n , \n", ["x"], date_column="day")
    assert (found.values.tolist(), found.notes) == ([[5], [6]], [])


def test_what_a_column_has_before_the_others_is_kept_aside(read):
    found = read("x,y\nNA,NA\n1,NA\n2,NA\n3,5\n", ["x", "y"])
    assert found.values.tolist() == [[3, 5]]
    np.testing.assert_array_equal(found.lead, [[1, NAN], [2, NAN]])


def test_the_only_other_column_need_not_be_named(read):
    assert read("day,x\n2024-01-01,5\n2024-01-02,6\n", date_column="day").targets == ["x"]
    with pytest.raises(UsageError, match=r"name the column to be predicted; .* has: day, x, y"):
        read("day,x,y\n2024-01-01,5,1\n", date_column="day")


def test_missing_values_at_both_ends_are_cut_off_and_said(read):
    found = read("x\nNA\n1\n\nNA\n3\nNaN\nNaN\n", ["x"])
    np.testing.assert_array_equal(found.values[:, 0], [1, NAN, 3])
    assert found.axis.label(0) == "2"
    assert "begins at 2" in found.notes[0]
    assert "ends at 4; 2 rows after that" in found.notes[1]


def test_values_below_the_floor_are_said(read):
    style = TableStyle(floor=0.0)
    found = read("rain,frost,k\n0,-3,-1\n2,NA,-1\n1,4,-1\n", ["rain", "frost"], ["k"], style=style)
    (note,) = found.notes
    assert note.endswith(": frost: 1 of 2 values are below --floor 0, but no forecast will be")


def test_known_columns_go_on_into_the_future(read):
    found = read("x,holiday\n1,0\n2,1\n,0\n,1\n", ["x"], ["holiday"])
    assert found.values.tolist() == [[1, 0], [2, 1]]
    assert found.future.tolist() == [[0], [1]]


@pytest.mark.parametrize(
    ("content", "options", "error", "message"),
    [
        ("x\nNA\nNA\n", {}, DataError, "column 'x' has no numbers"),
        ("x,y\n1,NA\nNA,1\n", {"targets": ["x"], "known": ["y"]}, DataError, "no time in common"),
        ("d,x\nsoon,1\n", {"date_column": "d"}, DataError, "line 2, column 'd': 'soon' is not a date"),
        ("d,x\n2024-01-01,1\n2024-01-02,1\n2124-01-01,1\n", {"date_column": "d"}, DataError, "spread over"),
        ("d,x\n1,1\n", {"date_column": "day"}, UsageError, "--date-column 'day': .* did you mean 'd'"),
        ("d,x\n1,1\n", {"targets": ["x"], "known": ["x"]}, UsageError, "'x' is named twice"),
        ("d,x\n1,1\n", {"targets": ["x"], "style": TableStyle(step=60.0)}, UsageError, "--step: needs --date-column"),
        ("d,x\n1,1\n", {"targets": ["x"], "style": TableStyle("%Y")}, UsageError, "--date-format: needs --date-"),
    ],
)
def test_what_is_no_series_is_refused(read, content, options, error, message):
    with pytest.raises(error, match=message):
        read(content, **options)


def test_synthetic_series_are_the_two_waves_of_the_lesson():
    found = waves(200, 60, seed=3)
    assert (found.shape, found.dtype) == ((200, 60, 1), np.float32)
    np.testing.assert_array_equal(found, waves(200, 60, seed=3))
    assert not np.array_equal(found, waves(200, 60, seed=4))
    f1, f2, o1, o2 = np.random.RandomState(3).rand(4, 200, 1)
    t = np.linspace(0, 1, 60)
    clean = 0.5 * np.sin((t - o1) * (10 * f1 + 10)) + 0.2 * np.sin((t - o2) * (20 * f2 + 20))
    noise = found[:, :, 0] - clean
    assert np.abs(noise).max() <= 0.0501
    assert noise.std() == pytest.approx(0.1 / 12**0.5, rel=0.02)


def test_the_naive_forecast_of_the_lessons_series_has_the_lessons_error():
    series = waves(10_000, 51)[7000:9000, :, 0]
    assert np.mean((series[:, 50] - series[:, 49]) ** 2) == pytest.approx(0.020211, abs=1e-6)  # Geron, chapter 15
    longer = waves(10_000, 60)[7000:9000, :, 0]
    assert np.mean((longer[:, 50:] - longer[:, 49:50]) ** 2) == pytest.approx(0.25697, abs=1e-5)
