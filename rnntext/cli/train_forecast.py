"""The command `train-forecast`: trains a forecaster of time series."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnntext.cli.tables import DateFormat, Decimal, Floor, Missing, Step
from rnntext.cli.training import training_command
from rnntext.families import FORECASTER
from rnntext.settings.base import DATA
from rnntext.settings.forecaster import ForecastConfig, ForecastTraining
from rnntext.settings.training import JobConfig
from rnntext.watch.observer import Observer

if TYPE_CHECKING:
    from rnntext.jobs.promotion import Outcome

Table = Annotated[str, typer.Argument(metavar="CSV", help="A CSV table with a header; - reads stdin.")]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="NAME",
        help="A column to predict; may be given several times. It is needed if several columns could be meant.",
        rich_help_panel=DATA,
    ),
]
Known = Annotated[
    list[str] | None,
    typer.Option(
        "--known",
        metavar="NAME",
        help="A column whose future is known, such as prices; may be given several times.",
        rich_help_panel=DATA,
    ),
]
DateColumn = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The column with dates or numbers that rows are sorted by. Without it, the rows must be in order and "
        "complete.",
        rich_help_panel=DATA,
    ),
]
HeldOut = Annotated[
    str,
    typer.Option(
        metavar="N",
        help="What is held out of the series, at its end: a fraction of it, or a number of steps.",
        rich_help_panel=DATA,
    ),
]


@training_command(
    FORECASTER,
    "rnntext train-forecast sales.csv --column units --date-column day",
    "rnntext train-forecast load.csv --horizon 24 --architecture lstm --time-limit 10m",
)
def train(
    *,
    table: Table,
    column: Columns = None,
    known: Known = None,
    date_column: DateColumn = None,
    date_format: DateFormat = None,
    step: Step = None,
    decimal: Decimal = None,
    missing: Missing = None,
    floor: Floor = None,
    validation: HeldOut = "0.2",
    shape: ForecastConfig,
    budget: ForecastTraining,
    path: Path,
    job: JobConfig,
    observer: Observer,
) -> Outcome:
    """Train a forecaster on columns of a table and put it into service.

    A training that was interrupted continues when the same command is given again. When the table has changed, the same
    command trains a new version, which begins with the weights in service.
    """
    from rnntext.jobs.train_forecast import train_forecast
    from rnntext.series.series import TableStyle

    return train_forecast(
        table,
        path,
        shape,
        budget,
        columns=column or [],
        known=known or [],
        date_column=date_column,
        style=TableStyle(date_format, step, decimal, missing or [], floor),
        validation=validation,
        job=job,
        observer=observer,
    )
