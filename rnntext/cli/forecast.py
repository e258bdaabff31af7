"""forecast."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnntext.cli import options, pictures
from rnntext.cli.console import Results, note, results
from rnntext.cli.options import (
    ConfigFile,
    Json,
    Model,
    Output,
    PrintConfig,
    Quiet,
    Threads,
    Verbose,
    print_settings,
)
from rnntext.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from rnntext.cli.chart import Picture
    from rnntext.jobs.forecasting import ForecastModel
    from rnntext.text.series import Series

NAME = "forecaster"

Plot = Annotated[
    Path | None,
    typer.Option(metavar="FILE", callback=options.checked(pictures.check), help="Draw it (.png, .svg, .pdf)."),
]


def forecast(
    context: typer.Context,
    table: Annotated[str, typer.Argument(metavar="CSV", help="A table with the columns of the training, or -.")],
    model: Model = NAME,
    horizon: Annotated[
        int | None, typer.Option(min=1, max=100_000, help="Values to predict.", show_default="the model's")
    ] = None,
    impute: Annotated[bool, typer.Option("--impute", help="Fill the missing values instead.")] = False,
    alarm: Annotated[
        float | None,
        typer.Option(metavar="K", help="Mark values more than K standard deviations from their forecast instead."),
    ] = None,
    plot: Plot = None,
    show: Annotated[bool, typer.Option("--show", help="Draw it on the terminal (stderr).")] = False,
    threads: Threads = 1,
    output: Output = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    config: ConfigFile = None,
    print_config: PrintConfig = False,
) -> None:
    """Predict what comes after a series, with a band that holds 80 % of held-out values. CSV, or JSON lines."""
    if impute + (alarm is not None) + (horizon is not None) > 1:
        raise UsageError("give one of --horizon, --impute and --alarm")
    if alarm is not None and not alarm > 0:
        raise UsageError(f"--alarm {alarm:g}: must be more than 0")
    if print_config:
        print_settings(context)
        return
    from rnntext.cli import chart
    from rnntext.jobs.load import load_forecaster
    from rnntext.storage.models import find
    from rnntext.text.series import read_series

    loaded = load_forecaster(find(model, "train-forecast CSV"), threads)
    series = read_series(table, loaded.columns, loaded.known, loaded.about.get("date_column"))
    for sentence in series.notes:
        note(sentence, quiet)
    if series.axis.step != loaded.about.get("step"):
        note(f"rnntext: the model learnt steps of {loaded.about.get('step')}, not of {series.axis.step}", quiet)
    work = _imputed if impute else _alarmed if alarm is not None else _predicted
    picture = work(loaded, series, horizon, alarm, quiet)
    with results(output) as out:
        _write(out, picture.records, len(loaded.columns) > 1, as_json)
        if plot is not None:
            chart.draw(plot, picture)
    if show:
        chart.show(picture)


def _predicted(model: ForecastModel, series: Series, horizon: int | None, alarm: float | None, quiet: bool) -> Picture:
    """What comes next."""
    from rnntext.cli.chart import Picture

    found = model.forecast(series.values, horizon, series.future)
    if found.measured < len(found.values):
        note(f"rnntext: the band was measured for {found.measured} steps; after them it stays as wide", quiet)
    fields = {"value": found.values, "lower": found.lower, "upper": found.upper}
    fields = {name: _rounded(values, series.values) for name, values in fields.items()}
    records = _records(series, len(series.values), fields)
    return Picture(records, series, after=found.values, band=(found.lower, found.upper))


def _imputed(model: ForecastModel, series: Series, horizon: int | None, alarm: float | None, quiet: bool) -> Picture:
    """The series without gaps; rows after its last value are filled, too."""
    import numpy as np

    from rnntext.cli.chart import Picture

    count = len(series.targets)
    rest = np.full((len(series.future), count), np.nan)
    series = dataclasses.replace(
        series, values=np.concatenate([series.values, np.concatenate([rest, series.future], axis=1)])
    )
    found, missing = model.impute(series.values), np.isnan(series.values[:, :count])
    ours, straight, length = model.imputation_errors
    note(f"filled: {int(missing.sum())} values", quiet)
    for name, error, line in zip(series.targets, ours, straight, strict=True):
        if length:
            hidden = f"{name}: held-out blocks of {length} values, hidden on purpose: mean absolute error"
            better = "" if error <= line else ", so they fill the gaps"
            note(f"{hidden} {error:.4g}; straight lines {line:.4g}{better}", quiet)
    values = np.where(missing, _rounded(found, series.values), found)
    records = _records(series, 0, {"value": values, "imputed": missing})
    return Picture(records, series, over=found, marks=missing, mark="imputed")


def _alarmed(model: ForecastModel, series: Series, horizon: int | None, alarm: float | None, quiet: bool) -> Picture:
    """The series with what was expected."""
    from rnntext.cli.chart import Picture

    found = model.alarms(series.values, alarm or 0.0)
    judged = int((found.deviation == found.deviation).sum())  # without NaN
    note(f"alarms: {int(found.alarm.sum())} of {judged} values", quiet)
    fields = {
        "value": series.values,
        "expected": _rounded(found.expected, series.values),
        "deviation": _rounded(found.deviation, found.deviation),
        "alarm": found.alarm,
    }
    return Picture(_records(series, 0, fields), series, over=found.expected, marks=found.alarm, mark="alarm")


def _records(series: Series, begin: int, fields: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    """One for each time and column, from arrays `[time, targets]`; NaN, for which JSON has no word, becomes None."""

    def cell(value: Any) -> Any:
        return None if value != value else int(value) if value.dtype == bool else float(value)

    return [
        {
            "time": series.axis.label(begin + row),
            "column": name,
            **{field: cell(values[row, n]) for field, values in fields.items()},
        }
        for row in range(len(fields["value"]))
        for n, name in enumerate(series.targets)
    ]


def _rounded(values: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Values `[time, targets]` to a millionth of the range of others `[time, at least targets]`: networks compute
    differences, with seven digits, whatever they are added to."""
    import numpy as np

    columns = []
    for value, other in zip(values.T, like.T, strict=False):
        known = other[np.isfinite(other)]
        size = (np.ptp(known) or np.abs(known).max()) if len(known) else 0.0
        columns.append(np.round(value, 6 - math.floor(math.log10(size))) if size else value)
    return np.stack(columns, axis=1)


def _write(out: Results, records: list[dict[str, Any]], several: bool, as_json: bool) -> None:
    """CSV with a header, or JSON lines; the column's name only where there are several."""
    import csv
    import io

    shown = records if several else [{k: v for k, v in r.items() if k != "column"} for r in records]
    if as_json:
        for record in shown:
            out.write(json.dumps(record, ensure_ascii=False) + "\n")
        return
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(shown[0])
    for record in shown:
        writer.writerow(f"{v:.15g}" if isinstance(v, float) else v for v in record.values())
    out.write(buffer.getvalue())
