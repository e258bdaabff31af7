"""train-forecast."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnntext.cli import options
from rnntext.cli.forecast import NAME
from rnntext.cli.options import Model, pick
from rnntext.cli.training import Family, Start, training_command
from rnntext.config import (
    FORECASTERS,
    LOSSES,
    SCALES,
    SCHEDULES,
    STRATEGIES,
    ForecastConfig,
    ForecastTraining,
    JobConfig,
)

if TYPE_CHECKING:
    from rnntext.jobs.promotion import Outcome
    from rnntext.train.observer import Observer

Columns = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="NAME", help="A column to predict; may be given several times."),
]
Known = Annotated[
    list[str] | None,
    typer.Option("--known", metavar="NAME", help="A column known in advance (holidays, prices); several times."),
]
DateColumn = Annotated[str | None, typer.Option(metavar="NAME", help="Dates, or numbers; rows are sorted by it.")]
Window = Annotated[int, typer.Option(help="Values that are read to predict the next ones.")]
Horizon = Annotated[int, typer.Option(help="Values to predict.")]
Scale = Annotated[
    str,
    typer.Option(
        metavar="|".join(SCALES), help="What the network sees: differences, standardised values, values as they are."
    ),
]
Held = Annotated[str, typer.Option(metavar="FRACTION", help="Held-out share: the end of the series.")]

LearningRate = Annotated[float, typer.Option(help="The highest, after the warm-up.")]
Schedule = Annotated[str, typer.Option(metavar="|".join(SCHEDULES), help="How the learning rate falls.")]


@training_command(Family(NAME, "windows", "mase", "MASE", "forecast {table}"))
def train(
    context: typer.Context,
    table: Annotated[str, typer.Argument(metavar="CSV", help="A table with a header, or - for stdin.")],
    column: Columns = None,
    known: Known = None,
    date_column: DateColumn = None,
    model: Model = NAME,
    architecture: Annotated[
        str, typer.Option(metavar="|".join(FORECASTERS), help="Kind of forecaster.")
    ] = ForecastConfig.architecture,
    strategy: Annotated[
        str, typer.Option(metavar="|".join(STRATEGIES), help="How more than one value is predicted.")
    ] = ForecastConfig.strategy,
    window: Window = ForecastConfig.window,
    horizon: Horizon = ForecastConfig.horizon,
    layers: Annotated[int | None, typer.Option(help="Recurrent layers.", show_default="rnn 1, others 2")] = None,
    units: Annotated[int | None, typer.Option(help="Units of a layer.", show_default="rnn 1, others 20")] = None,
    recurrent_output: Annotated[
        bool, typer.Option("--recurrent-output", help="The output layer is recurrent, too (rnn, deep-rnn).")
    ] = False,
    linear: Annotated[
        bool,
        typer.Option(
            "--linear/--no-linear", help="Add a linear model of the window to a recurrent network (--scale relative)."
        ),
    ] = ForecastConfig.linear,
    scale: Scale = ForecastConfig.scale,
    season: Annotated[
        int | None, typer.Option(help="Steps after which the series repeats itself. [default: found in the data]")
    ] = None,
    validation: Held = "0.2",
    epochs: options.Epochs = None,
    steps: Annotated[
        int | None, typer.Option(help="Most optimizer updates. [default: 1000 if no other limit is given]")
    ] = None,
    time_limit: Annotated[
        float | None, typer.Option(parser=options.duration, metavar="90s|30m|2h", help="The run's whole time.")
    ] = None,
    patience: options.Patience = None,
    batch_size: Annotated[int, typer.Option(help="Windows of a step.")] = ForecastTraining.batch_size,
    learning_rate: LearningRate = ForecastTraining.learning_rate,
    schedule: Schedule = ForecastTraining.schedule,
    dropout: Annotated[float, typer.Option(help="Dropout between layers.")] = ForecastTraining.dropout,
    loss: Annotated[
        str, typer.Option(metavar="|".join(LOSSES), help="Squared errors, or squares that outliers cannot dominate.")
    ] = ForecastTraining.loss,
    seed: options.Seed = ForecastTraining.seed,
) -> Start:
    """Train a forecaster on a column of a table and put it into service.

    Interrupted at any moment, the same command goes on where it was. Repeated when the table has changed, it trains a
    new version that begins where the last one ended.
    """
    shape, budget = pick(ForecastConfig, context.params), pick(ForecastTraining, context.params)

    def start(path: Path, job: JobConfig, observer: Observer) -> Outcome:
        from rnntext.jobs.train_forecast import train_forecast

        return train_forecast(
            table,
            path,
            shape,
            budget,
            columns=column or [],
            known=known or [],
            date_column=date_column,
            validation=validation,
            job=job,
            observer=observer,
        )

    return start
