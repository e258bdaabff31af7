"""The command `forecast`: continues a series, fills its gaps, or marks its odd values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnntext.cli import pictures
from rnntext.cli.command import command
from rnntext.cli.console import Results, note, results
from rnntext.cli.options import Json, Model, Output, Quiet, Threads, Version, output_option
from rnntext.cli.tables import DateFormat, Decimal, Floor, Missing, Step
from rnntext.errors import UsageError
from rnntext.families import FORECASTER
from rnntext.settings.base import FORECAST, OUTPUT
from rnntext.settings.forecaster import LEVEL

if TYPE_CHECKING:
    from rnntext.jobs.forecasting import ForecastModel
    from rnntext.series.series import Series, TableStyle

Table = Annotated[str, typer.Argument(metavar="CSV", help="A table with the columns of the training; - reads stdin.")]
Horizon = Annotated[
    int | None,
    typer.Option(
        min=1, max=100_000, help="Number of values to predict.", show_default="as trained", rich_help_panel=FORECAST
    ),
]
Levels = Annotated[
    str | None,
    typer.Option(
        metavar="PERCENT,...",
        help="Share of values in percent that each band is to hold; several levels are separated by commas.",
        show_default=f"{LEVEL:g}",
        rich_help_panel=FORECAST,
    ),
]
Impute = Annotated[
    bool, typer.Option("--impute", help="Fill the missing values instead of predicting.", rich_help_panel=FORECAST)
]
Alarm = Annotated[
    float | None,
    typer.Option(
        metavar="K",
        help="Mark the values that are more than K standard deviations from their one-step forecasts, instead of "
        "predicting.",
        rich_help_panel=FORECAST,
    ),
]
Plot = Annotated[Path | None, output_option(pictures.check, "Draw a chart into FILE (.png, .svg or .pdf).")]
Show = Annotated[bool, typer.Option("--show", help="Draw a chart on the terminal (stderr).", rich_help_panel=OUTPUT)]


@command(
    "rnntext forecast sales.csv --horizon 14 --plot sales.png",
    "rnntext forecast load.csv --alarm 4 --json > alarms.jsonl",
)
def forecast(
    *,
    table: Table,
    model: Model = FORECASTER.name,
    version: Version = None,
    horizon: Horizon = None,
    levels: Levels = None,
    impute: Impute = False,
    alarm: Alarm = None,
    date_format: DateFormat = None,
    step: Step = None,
    decimal: Decimal = None,
    missing: Missing = None,
    floor: Floor = None,
    plot: Plot = None,
    show: Show = False,
    threads: Threads = 1,
    output: Output = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Predict the values that follow a series, with a band that is to hold 80 % of them; as CSV, or --json."""
    # 1. Check the options.
    _check(impute, alarm, horizon, levels)
    percentages = [LEVEL] if levels is None else _percentages(levels)
    from rnntext.cli import chart
    from rnntext.jobs import forecast_report
    from rnntext.jobs.load import find, load_forecaster
    from rnntext.series.series import TableStyle

    # 2. Load the model and read the table as in the training, unless the options say something else.
    style = TableStyle(date_format, step, decimal, missing or [], floor)
    loaded = load_forecaster(find(model, FORECASTER, version), threads, version, floor)
    series = _series(loaded, table, style.over(loaded.style), quiet)
    # 3. Do what is asked for.
    if impute:
        report = forecast_report.imputed(loaded, series)
    elif alarm is not None:
        report = forecast_report.alarmed(loaded, series, alarm)
    else:
        report = forecast_report.predicted(loaded, series, horizon, percentages)
    _note_all(report.notes, quiet)
    # 4. Write and draw the results.
    with results(output) as out:
        _write(out, report.records, len(loaded.columns) > 1, as_json)
        if plot is not None:
            chart.draw(plot, report)
    if show:
        chart.show(report)


def _check(impute: bool, alarm: float | None, horizon: int | None, levels: str | None) -> None:
    """Raises UsageError if the options of a forecast contradict one another."""
    if impute + (alarm is not None) + (horizon is not None) > 1:
        raise UsageError("give one of --horizon, --impute and --alarm")
    if alarm is not None and not alarm > 0:
        raise UsageError(f"--alarm {alarm:g}: must be more than 0")
    if levels is not None and (impute or alarm is not None):
        raise UsageError("--levels: only a forecast has bands, not --impute or --alarm")


def _percentages(levels: str) -> list[float]:
    """The levels of bands that are separated by commas."""
    try:
        return [float(level) for level in levels.split(",")]
    except ValueError:
        raise UsageError(f"--levels {levels}: must be percentages separated by commas, as in 50,80,95") from None


def _series(model: ForecastModel, table: str, style: TableStyle, quiet: bool) -> Series:
    """The series in a table that has the columns of the model; the user is told what was done to it."""
    from rnntext.series.series import read_series

    series = read_series(table, model.columns, model.known, model.about.get("date_column"), style)
    _note_all(series.notes, quiet)
    step = model.about.get("step")
    if series.axis.step != step:
        note(f"rnntext: the model learnt steps of {step}, not of {series.axis.step}", quiet)
    return series


def _note_all(sentences: list[str], quiet: bool) -> None:
    """Prints sentences on stderr, one on a line."""
    for sentence in sentences:
        note(sentence, quiet)


def _write(out: Results, records: list[dict[str, Any]], several: bool, as_json: bool) -> None:
    """Writes CSV with a header, or JSON lines.

    Args:
        out: where to write.
        records: see `Report`; at least one.
        several: whether there are several targets; the name of a single one is left out.
        as_json: whether to write JSON lines.
    """
    import csv
    import io

    if not several:
        records = [{name: value for name, value in record.items() if name != "column"} for record in records]
    if as_json:
        for record in records:
            out.write(json.dumps(record, ensure_ascii=False) + "\n")
        return
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(records[0])
    for record in records:
        cells = [f"{value:.15g}" if isinstance(value, float) else value for value in record.values()]
        writer.writerow(cells)
    out.write(buffer.getvalue())
