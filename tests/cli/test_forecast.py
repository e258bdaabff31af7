"""train-forecast, forecast and ladder: what they write, what they say, and what they refuse."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from cli.shell import CLEAN, Done, Shell
from helpers import save_forecaster

from rnntext.__main__ import _run
from rnntext.jobs import ladder
from rnntext.settings.forecaster import ForecastConfig

AIRLINE = (Path(__file__).parents[2] / "corpora" / "airline.csv").read_text()
WEEKS = np.tile([10.0, 20.0, 30.0, 25.0, 15.0, 5.0, 0.0], 20)[:, None]
HEAVY = {"tensorflow", "keras"}
CHEAP = ("naive", "seasonal-naive", "linear")


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """forecaster: repeats the last week; dated: the same, with dates; two: two columns, and one known in advance."""
    folder = tmp_path_factory.mktemp("models")
    noisy = WEEKS + np.random.default_rng(0).normal(0, 1, WEEKS.shape)
    config = ForecastConfig(architecture="seasonal-naive", window=7, horizon=3)
    save_forecaster(folder / "forecaster", config, noisy, season=7)
    save_forecaster(folder / "dated", config, noisy, season=7, date_column="day", step="1 day")
    three = np.concatenate([noisy, 2 * noisy, noisy > 10], axis=1)
    save_forecaster(folder / "two", config, three, ("x", "y"), ("open",), season=7)
    return folder


@pytest.fixture
def shell(tmp_path: Path, home: Path) -> Shell:
    made = Shell(tmp_path, {**CLEAN, "RNNTEXT_CHECKPOINTS": str(home)})
    made.write("week.csv", "x\n" + "".join(f"{value[0]:g}\n" for value in WEEKS[:14]))
    days = [f"2024-02-{day:02d},{WEEKS[day, 0]:g}\r\n" for day in range(15, 30) if day != 20]
    made.write("days.csv", "\ufeffday,x\r\n" + "".join(reversed(days)))
    return made


def table(done: Done) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(done.text)))


# forecast -------------------------------------------------------------------------------------------------------------


def test_a_forecast_is_csv_with_time_value_and_band(shell: Shell) -> None:
    done = shell.here("forecast", "week.csv")
    assert done.lines[0] == "time,value,lower,upper"
    rows = table(done)
    assert [(row["time"], row["value"]) for row in rows] == [("15", "10"), ("16", "20"), ("17", "30")]
    assert all(float(row["lower"]) < float(row["value"]) < float(row["upper"]) for row in rows)
    assert done.err == ""


def test_json_has_the_same_numbers_and_no_tensorflow_is_loaded(shell: Shell) -> None:
    records = shell.here("forecast", "week.csv", "--horizon", "9", "--json").records
    assert [record["time"] for record in records] == [str(n) for n in range(15, 24)]
    assert [record["value"] for record in records] == WEEKS[:9, 0].tolist()
    assert shell.modules("forecast", "week.csv", "-q") & HEAVY == set()


def test_dates_go_on_and_what_was_done_to_the_table_is_said(shell: Shell) -> None:
    done = shell.here("forecast", "days.csv", "-m", "dated")
    assert [row["time"] for row in table(done)] == ["2024-03-01", "2024-03-02", "2024-03-03"]
    assert done.err.splitlines() == [
        "days.csv: rows sorted by day",
        "days.csv: 1 of 15 steps of 1 day have no row; taken as missing values",
    ]
    assert shell.here("forecast", "days.csv", "-m", "dated", "-q").err == ""


def test_a_table_comes_through_a_pipe_and_results_go_to_a_file(shell: Shell) -> None:
    data = (shell.folder / "week.csv").read_bytes()
    done = shell.here("forecast", "-", "-o", "out.csv", stdin=data)
    assert done.out == b""
    assert (shell.folder / "out.csv").read_bytes() == shell.here("forecast", "week.csv").out


def test_several_columns_are_told_apart_and_known_ones_go_on(shell: Shell) -> None:
    rows = [f"{v:g},{2 * v:g},{int(v > 10)}\n" for v in WEEKS[:14, 0]]
    shell.write("two.csv", "x,y,open\n" + "".join(rows) + ",,0\n,,1\n,,1\n")
    done = shell.here("forecast", "two.csv", "-m", "two")
    assert done.lines[0] == "time,column,value,lower,upper"
    assert [(row["column"], row["value"]) for row in table(done)[:2]] == [("x", "10"), ("y", "20")]
    message = shell.here("forecast", "two.csv", "-m", "two", "--horizon", "5", "-q", code=65).message
    assert "open: known for 3 steps ahead, but 5" in message


def test_several_bands_have_their_levels_in_their_names(shell: Shell) -> None:
    done = shell.here("forecast", "week.csv", "--levels", "50,97.5")
    assert done.lines[0] == "time,value,lower_50,upper_50,lower_97.5,upper_97.5"
    row = {name: float(value) for name, value in table(done)[0].items()}
    assert row["lower_97.5"] < row["lower_50"] < row["value"] < row["upper_50"] < row["upper_97.5"]
    assert "a band of 97.5 % needs 39 held-out errors of each step, and there are 34" in done.err
    usual = shell.here("forecast", "week.csv", "--levels", "80")
    assert (usual.out, usual.err) == (shell.here("forecast", "week.csv").out, "")


def test_missing_values_that_a_forecast_is_made_from_are_told(shell: Shell) -> None:
    values = [f"{value:g}" for value in WEEKS[:28, 0]]
    values[23:26] = ["", "", ""]
    shell.write("gap.csv", "x,y\n" + "".join(f"{value},0\n" for value in values))
    done = shell.here("forecast", "gap.csv")
    assert [row["value"] for row in table(done)] == ["10", "20", "30"]
    assert done.err == (
        "3 of the 7 values that the forecast is made from are missing; they are filled as --impute fills them\n"
    )


def test_gaps_are_filled_and_the_measure_is_told(shell: Shell) -> None:
    done = shell.here("forecast", "days.csv", "-m", "dated", "--impute")
    (filled,) = [row for row in table(done) if row["imputed"] == "1"]
    assert (filled["time"], len(table(done))) == ("2024-02-20", 15)
    assert "filled: 1 values" in done.err
    assert "hidden on purpose" in done.err


def test_rows_at_the_end_without_a_value_are_what_is_predicted_first_and_what_is_filled(shell: Shell) -> None:
    shell.write("open.csv", (shell.folder / "week.csv").read_text() + "NaN\nNaN\n")
    assert [row["time"] for row in table(shell.here("forecast", "open.csv"))] == ["15", "16", "17"]
    filled = table(shell.here("forecast", "open.csv", "--impute"))
    assert [(row["time"], row["value"], row["imputed"]) for row in filled[-3:]] == [
        ("14", "0", "0"),
        ("15", "10", "1"),
        ("16", "20", "1"),
    ]


def test_values_before_all_columns_have_begun_stay_when_gaps_are_filled(shell: Shell) -> None:
    rows = [f"{v:g},{'' if n in (0, 1, 10) else f'{2 * v:g}'},{int(v > 10)}\n" for n, v in enumerate(WEEKS[:14, 0])]
    shell.write("lead.csv", "x,y,open\n" + "".join(rows))
    filled = table(shell.here("forecast", "lead.csv", "-m", "two", "--impute"))
    assert [float(row["value"]) for row in filled if row["column"] == "x"] == WEEKS[:14, 0].tolist()
    later = [(row["time"], row["value"], row["imputed"]) for row in filled if row["column"] == "y"]
    assert later[:3] == [("1", "", "0"), ("2", "", "0"), ("3", "60", "0")]
    assert later[10] == ("11", "50", "1")


def test_no_forecast_is_below_the_floor(shell: Shell) -> None:
    shell.write("counts.csv", "x\n" + "".join(f"{value[0] - 10:g}\n" for value in WEEKS[:14]))
    options = ["forecast", "counts.csv", "--horizon", "7", "--floor", "0"]
    rows = table(shell.here(*options))
    assert [row["value"] for row in rows] == ["0", "10", "20", "15", "5", "0", "0"]
    assert min(float(row["lower"]) for row in rows) == 0.0
    odd = [f"{row['value']} {row['lower']}" for row in table(shell.here(*options[:-1], "0.123454321"))]
    assert odd[-1] == "0.123454321 0.123454321"  # rounded, it would be below itself
    assert min(float(row["lower"]) for row in table(shell.here(*options[:-2]))) < -10.0


def test_options_say_how_a_table_is_to_be_read(shell: Shell) -> None:
    lines = [f"{n + 1:02d}/01/2024;{'oops' if n == 3 else f'1.{n:03d}'}\n" for n in range(12)]
    shell.write("odd.csv", "day;x\n" + "".join(lines))
    options = ["forecast", "odd.csv", "-m", "dated"]
    assert "--decimal , for the first, or --decimal . for the second" in shell.here(*options, code=65).message
    options += ["--decimal", ","]
    message = shell.here(*options, code=65).message
    assert "line 5, column 'x': 'oops' is not a number; --missing TEXT" in message
    options += ["--missing", "oops"]
    assert "--date-format '%d/%m/%Y' or --date-format '%m/%d/%Y'" in shell.here(*options, code=65).message
    rows = table(shell.here(*options, "--date-format", "%d/%m/%Y"))
    assert [(row["time"], row["value"]) for row in rows[:2]] == [("13/01/2024", "1005"), ("14/01/2024", "1006")]


def test_faults_are_marked(shell: Shell) -> None:
    values = [*WEEKS[:28, 0]]
    values[20] = 99.0
    shell.write("fault.csv", "x\n" + "".join(f"{value:g}\n" for value in values))
    done = shell.here("forecast", "fault.csv", "--alarm", "6")
    assert [row["time"] for row in table(done) if row["alarm"] == "1"] == ["21"]
    assert table(done)[0]["expected"] == ""  # there is no window before it
    assert "alarms: 1 of 21 values" in done.err
    first = shell.here("forecast", "fault.csv", "--alarm", "6", "--json", "-q").records[0]
    assert (first["expected"], first["deviation"], first["alarm"]) == (None, None, 0)


@pytest.mark.parametrize("options", [[], ["--impute"], ["--alarm", "3"]], ids=["forecast", "impute", "alarm"])
def test_a_picture_and_a_diagram_are_drawn(shell: Shell, options: list[str]) -> None:
    done = shell.here("forecast", "days.csv", "-m", "dated", *options, "--plot", "p.png", "--show", "-q")
    assert (shell.folder / "p.png").read_bytes().startswith(b"\x89PNG")
    diagram = done.err.splitlines()
    assert diagram[0] == "x"
    assert len(diagram) == 17
    assert ("o" in done.err) == (options == [])


MISTAKES = [
    (["forecast", "missing.csv"], 74, ["missing.csv", "No such file"]),
    (["forecast", "short.csv"], 65, ["3 values: too few, as the model reads 7 before it predicts"]),
    (["forecast", "words.csv"], 65, ["words.csv: line 3", "column 'x'", "'many' is not a number"]),
    (["forecast", "other.csv"], 2, ["'x'", "other.csv", "no such column", "there are: speed"]),
    (["forecast", "week.csv", "-m", "dated"], 2, ["--date-column 'day'", "week.csv"]),
    (["forecast", "twice.csv", "-m", "dated"], 65, ["line 4", "2024-01-02 again", "line 3"]),
    (["forecast", "week.csv", "-m", "forecastr"], 2, ["did you mean forecaster?"]),
    (["forecast", "week.csv", "--impute", "--alarm", "3"], 2, ["--horizon, --impute and --alarm"]),
    (["forecast", "week.csv", "--alarm", "0"], 2, ["--alarm 0"]),
    (["forecast", "week.csv", "--step", "0s"], 2, ["--step 0"]),
    (["forecast", "week.csv", "--floor", "nan"], 2, ["--floor nan"]),
    (["forecast", "week.csv", "--decimal", "x"], 2, ["--decimal x"]),
    (["forecast", "week.csv", "--levels", "80;90"], 2, ["--levels 80;90", "separated by commas"]),
    (["forecast", "week.csv", "--levels", "80,100"], 2, ["--levels 80,100", "below 100"]),
    (["forecast", "week.csv", "--levels", "80", "--impute"], 2, ["--levels", "--impute"]),
    (["forecast", "week.csv", "--horizon", "0"], 2, ["--horizon"]),
    (["forecast", "week.csv", "--plot", "p.xyz"], 2, ["--plot p.xyz", ".png"]),
    (["score", "-m", "forecaster", "week.csv"], 2, ["forecaster", "not a model of text"]),
    (["generate", "x", "-m", "forecaster"], 2, ["this is a forecaster model"]),
    (["train-forecast", "missing.csv"], 74, ["missing.csv"]),
    (["train-forecast", "week.csv"], 65, ["14 values are too few", "--horizon 10"]),
    (
        ["train-forecast", "week.csv", "--window", "2", "--horizon", "4"],
        65,
        ["a smaller --horizon or a larger --validation"],
    ),
    (["train-forecast", "week.csv", "--column", "z"], 2, ["--column 'z'", "there are: x"]),
    (["train-forecast", "words.csv"], 65, ["line 3"]),
    (["train-forecast", "week.csv", "--architecture", "arima"], 2, ["--architecture arima", "seasonal-naive"]),
    (["train-forecast", "week.csv", "--strategy", "hope"], 2, ["--strategy hope", "seq2seq"]),
    (["train-forecast", "week.csv", "--architecture", "linear", "--units", "3"], 2, ["--units 3", "linear"]),
    (["train-forecast", "week.csv", "--recurrent-output"], 2, ["--recurrent-output", "deep-rnn"]),
    (["train-forecast", "week.csv", "--architecture", "conv-gru", "--window", "3"], 2, ["--window 3", "4"]),
    (["forecast", "week.csv", "--levels", ""], 2, ["--levels", "50,80,95"]),
    (["ladder", "missing.csv"], 74, ["missing.csv"]),
    (["ladder", "week.csv"], 65, ["too few"]),
]


@pytest.mark.parametrize(("arguments", "code", "parts"), MISTAKES, ids=[" ".join(m[0]) for m in MISTAKES])
def test_a_mistake_gets_one_line_that_names_it(shell: Shell, arguments: list[str], code: int, parts) -> None:
    shell.write("short.csv", "x\n1\n2\n3\n")
    shell.write("words.csv", "x\n1\nmany\n")
    shell.write("other.csv", "speed\n1\n2\n")
    shell.write("twice.csv", "day,x\n2024-01-01,1\n2024-01-02,1\n2024-01-02,2\n")
    done = shell.here(*arguments, code=code)
    assert [part for part in parts if part not in done.message] == [], done.message
    assert done.out == b""


@pytest.mark.parametrize("command", ["train-forecast week.csv", "forecast week.csv", "ladder"])
def test_help_and_settings_load_nothing_heavy(shell: Shell, command: str) -> None:
    assert shell.modules(*command.split(), "--print-config") & {*HEAVY, "numpy"} == set()


def test_large_numbers_keep_their_small_differences(shell: Shell, home: Path) -> None:
    offset = 1_234_567_890
    config = ForecastConfig(architecture="seasonal-naive", window=7, horizon=3)
    save_forecaster(home / "meter", config, WEEKS + offset, season=7)
    shell.write("meter.csv", "x\n" + "".join(f"{value[0] + offset:.0f}\n" for value in WEEKS[:14]))
    done = shell.here("forecast", "meter.csv", "-m", "meter")
    assert [row["value"] for row in table(done)] == ["1234567900", "1234567910", "1234567920"]


def test_a_horizon_beyond_the_calendar_is_refused(shell: Shell) -> None:
    shell.write("late.csv", "day,x\n" + "".join(f"9999-12-{day},{WEEKS[day, 0]:g}\n" for day in range(15, 29)))
    done = shell.here("forecast", "late.csv", "-m", "dated", "--horizon", "10", code=65)
    assert done.lines == []
    assert done.err == (
        "rnntext: late.csv: there is no date 4 steps of 1 day after 9999-12-28; give a smaller --horizon\n"
    )


def test_a_picture_that_cannot_be_made_is_refused_first(shell: Shell) -> None:
    done = shell.here("forecast", "week.csv", "--plot", "a.gif", code=2)
    assert done.lines == []
    assert "ends with .png" in done.err


# train-forecast -------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("eager")
def test_training_makes_a_forecaster_and_names_the_next_command(tmp_path: Path) -> None:
    shell = Shell(tmp_path, CLEAN)
    shell.write("airline.csv", AIRLINE.replace("\n", "\r\n"))
    options = ["--column", "passengers", "--date-column", "month", "--steps", "1", "--units", "2", "--layers", "1"]
    done = shell.here("train-forecast", "airline.csv", *options, "--json")
    (record,) = done.records
    assert (record["model"], record["label"], record["promoted"]) == ("checkpoints/forecaster", "MASE", True)
    first, second, *_, last = done.err.splitlines()
    assert first == "airline.csv: a season of 12 steps"
    assert second.startswith("to beat: exponential smoothing, 0.")
    assert last == "try: rnntext forecast airline.csv"
    found = shell.here("forecast", "airline.csv", "--horizon", "2")
    assert [row["time"] for row in table(found)] == ["1961-01", "1961-02"]


def test_the_ladder_of_a_table_is_a_table(tmp_path: Path, monkeypatch, capfdbinary) -> None:
    for name in ("NEXT", "AHEAD"):  # in this process, so that what takes long to compile can be left out
        monkeypatch.setattr(ladder, name, [r for r in getattr(ladder, name) if r.architecture in CHEAP])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "airline.csv").write_text(AIRLINE)
    options = ["--date-column", "month", "--window", "14", "--horizon", "2", "--epochs", "1", "--plot", "ladder.svg"]
    assert _run(["ladder", "airline.csv", *options]) == 0
    header, *rows = [line for line in capfdbinary.readouterr().out.decode().split("\n") if line]
    assert header.split() == ["model", "strategy", "ahead", "MSE", "MAE", "MASE", "skill", "parameters", "seconds"]
    assert [row.split()[0] for row in rows] == [*["naive", "seasonal-naive", "least", "linear"] * 2, "linear"]
    assert (tmp_path / "ladder.svg").read_bytes().startswith(b"<?xml")
