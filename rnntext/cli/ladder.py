"""The command `ladder`: compares all kinds of forecasters on the same data."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnntext.cli.command import command
from rnntext.cli.console import Results, note, results
from rnntext.cli.forecast import Plot
from rnntext.cli.options import Json, Output, Quiet, field
from rnntext.cli.tables import Columns, DateColumn, DateFormat, Decimal, HeldOut, Known, Missing, Step
from rnntext.settings.base import BUDGET, MODEL
from rnntext.settings.forecaster import SCALES, ForecastConfig, ForecastTraining

if TYPE_CHECKING:
    from rnntext.jobs.ladder import Result
    from rnntext.series.series import Series, TableStyle

SYNTHETIC = "synthetic"

Table = Annotated[str, typer.Argument(metavar="CSV|synthetic", help="A table, or synthetic: 10,000 generated series.")]
Window = Annotated[int, field(ForecastConfig, "window")]
Horizon = Annotated[int, field(ForecastConfig, "horizon")]
Scale = Annotated[
    str | None,
    typer.Option(
        metavar="|".join(SCALES),
        help=ForecastConfig.options()["scale"].help,
        show_default="none for synthetic, relative for CSV",
        rich_help_panel=MODEL,
    ),
]
Epochs = Annotated[int, typer.Option(min=1, help="Number of passes over the training windows.", rich_help_panel=BUDGET)]
BatchSize = Annotated[int, field(ForecastTraining, "batch_size")]
LearningRate = Annotated[float, field(ForecastTraining, "learning_rate")]
Schedule = Annotated[str, field(ForecastTraining, "schedule")]
Seed = Annotated[int, field(ForecastTraining, "seed")]


@command("rnntext ladder --plot ladder.png", "rnntext ladder sales.csv --column units --horizon 7")
def ladder(
    *,
    table: Table = SYNTHETIC,
    column: Columns = None,
    known: Known = None,
    date_column: DateColumn = None,
    date_format: DateFormat = None,
    step: Step = None,
    decimal: Decimal = None,
    missing: Missing = None,
    validation: HeldOut = "0.2",
    window: Window = ForecastConfig.window,
    horizon: Horizon = ForecastConfig.horizon,
    scale: Scale = None,
    epochs: Epochs = 20,
    batch_size: BatchSize = ForecastTraining.batch_size,
    learning_rate: LearningRate = 0.01,
    schedule: Schedule = ForecastTraining.schedule,
    seed: Seed = ForecastTraining.seed,
    plot: Plot = None,
    output: Output = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train every kind of forecaster on the same data and compare them: one value ahead, then --horizon values."""
    # 1. Read the options and the data.
    training = ForecastTraining(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        schedule=schedule,
        seed=seed,
        loss="mse",
        dropout=0.0,
    )
    from rnntext.cli import chart
    from rnntext.jobs.ladder import climb
    from rnntext.jobs.ladder_data import real, synthetic
    from rnntext.series.series import TableStyle

    if table == SYNTHETIC and not Path(SYNTHETIC).exists():
        dataset = synthetic(window, horizon, scale or "none")
    else:
        style = TableStyle(date_format, step, decimal, missing or [])
        series = _series(table, column or [], known or [], date_column, style, quiet)
        dataset = real(series, window, horizon, validation, scale or "relative")
    # 2. Train the rungs, and write the results.
    with results(output) as out:
        rungs = _write(out, climb(dataset, training), as_json)
        if plot is not None:
            chart.draw_ladder(plot, rungs)


def _series(
    table: str, columns: list[str], known: list[str], date_column: str | None, style: TableStyle, quiet: bool
) -> Series:
    """The series in a table; the user is told what was done to it."""
    from rnntext.series.series import read_series

    series = read_series(table, columns, known, date_column, style)
    for sentence in series.notes:
        note(sentence, quiet)
    return series


def _write(out: Results, rungs: Iterable[Result], as_json: bool) -> list[Result]:
    """Writes the results of the rungs as a table or as JSON lines, each as soon as it is there; returns them."""
    written: list[Result] = []
    for rung in rungs:
        if as_json:
            line = json.dumps(rung.to_json())
        elif not written:
            line = f"{_HEAD}\n{_row(rung)}"
        elif written[-1].horizon != rung.horizon:
            line = f"\n{_row(rung)}"
        else:
            line = _row(rung)
        out.write(line + "\n")
        out.flush()
        written.append(rung)
    return written


_HEAD = (
    f"{'model':27} {'strategy':9} {'ahead':>5} {'MSE':>10} {'MAE':>10} {'MASE':>7} {'skill':>7} "
    f"{'parameters':>10} {'seconds':>7}"
)


def _row(rung: Result) -> str:
    """The line of a rung in the table."""
    kind = f"{rung.rung:27} {rung.strategy:9} {rung.horizon:5}"
    errors = f"{rung.mse:10.4g} {rung.mae:10.4g} {rung.mase:7.3f} {rung.skill:7.3f}"
    costs = f"{rung.parameters:10,} {rung.seconds:7.1f}"
    return f"{kind} {errors} {costs}  {rung.remark}".rstrip()
