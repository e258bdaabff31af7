"""The command `train-forecast`: trains a forecaster of time series."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnntext.cli import options
from rnntext.cli.tables import Columns, DateColumn, DateFormat, Decimal, Floor, HeldOut, Known, Missing, Step
from rnntext.cli.training import training_command
from rnntext.families import FORECASTER
from rnntext.settings.forecaster import ForecastConfig, ForecastTraining
from rnntext.settings.training import JobConfig
from rnntext.watch.observer import Observer

if TYPE_CHECKING:
    from rnntext.jobs.promotion import Outcome

Table = Annotated[str, typer.Argument(metavar="CSV", help="A CSV table with a header; - reads stdin.")]


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
    left_open: options.LeftOpen,
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
        left_open=left_open,
        columns=column or [],
        known=known or [],
        date_column=date_column,
        style=TableStyle(date_format, step, decimal, missing or [], floor),
        validation=validation,
        job=job,
        observer=observer,
    )
