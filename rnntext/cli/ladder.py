"""ladder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnntext.cli import options
from rnntext.cli.console import note, results
from rnntext.cli.forecast import Plot
from rnntext.cli.options import ConfigFile, Json, Output, PrintConfig, Quiet, Verbose, pick, print_settings
from rnntext.cli.train_forecast import Columns, DateColumn, Held, Horizon, Known, Window
from rnntext.config import SCALES, ForecastConfig, ForecastTraining

if TYPE_CHECKING:
    from rnntext.jobs.ladder import Ground, Result

SYNTHETIC = "synthetic"


def ladder(
    context: typer.Context,
    table: Annotated[str, typer.Argument(metavar="CSV|synthetic", help="A table, or 10,000 made series.")] = SYNTHETIC,
    column: Columns = None,
    known: Known = None,
    date_column: DateColumn = None,
    window: Window = ForecastConfig.window,
    horizon: Horizon = ForecastConfig.horizon,
    scale: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(SCALES), help="What the networks see.", show_default="synthetic none, CSV relative"
        ),
    ] = None,
    validation: Held = "0.2",
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training windows.")] = 20,
    batch_size: Annotated[int, typer.Option(help="Windows of a step.")] = ForecastTraining.batch_size,
    learning_rate: Annotated[float, typer.Option(help="The highest.")] = 0.01,
    schedule: options.Schedule = ForecastTraining.schedule,
    seed: options.Seed = ForecastTraining.seed,
    plot: Plot = None,
    output: Output = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    config: ConfigFile = None,
    print_config: PrintConfig = False,
) -> None:
    """Train every kind of forecaster on the same data and compare them: one value ahead, then --horizon values."""
    training = pick(ForecastTraining, {**context.params, "loss": "mse", "dropout": 0.0})
    if print_config:
        print_settings(context)
        return
    from rnntext.cli import chart
    from rnntext.jobs.ladder import climb

    ground = _ground(context.params, quiet)
    found: list[Result] = []
    with results(output) as out:
        for result in climb(ground, training):
            before = "" if as_json else f"{_HEAD}\n" if not found else "\n" * (found[-1].horizon != result.horizon)
            found.append(result)
            out.write(before + (json.dumps(result.to_json()) if as_json else _row(result)) + "\n")
            out.flush()
        if plot is not None:
            chart.draw_ladder(plot, found)


def _ground(values: dict[str, Any], quiet: bool) -> Ground:
    from rnntext.jobs.ladder import real, synthetic
    from rnntext.text.series import read_series

    table, window, horizon = values["table"], values["window"], values["horizon"]
    if table == SYNTHETIC and not Path(SYNTHETIC).exists():
        return synthetic(window, horizon, values["scale"] or "none")
    series = read_series(table, values["column"] or [], values["known"] or [], values["date_column"])
    for sentence in series.notes:
        note(sentence, quiet)
    return real(series, window, horizon, values["validation"], values["scale"] or "relative")


_HEAD = (
    f"{'model':27} {'strategy':9} {'ahead':>5} {'MSE':>10} {'MAE':>10} {'MASE':>7} {'skill':>7} "
    f"{'parameters':>10} {'seconds':>7}"
)


def _row(found: Result) -> str:
    numbers = f"{found.mse:10.4g} {found.mae:10.4g} {found.mase:7.3f} {found.skill:7.3f}"
    line = f"{found.rung:27} {found.strategy:9} {found.horizon:5} {numbers} {found.parameters:10,} {found.seconds:7.1f}"
    return f"{line}  {found.remark}".rstrip()
