"""The commands, put together. Nothing heavy is imported before a command runs."""

from __future__ import annotations

from typing import Annotated

import typer

from rnntext import __version__
from rnntext.cli import charlm, checkpoints, corpora, forecast, ladder, score, translate

app = typer.Typer(
    name="rnntext",
    help="Recurrent models of text and of series: train them with TensorFlow, run them with NumPy alone.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rnntext {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


app.command("train-charlm", short_help="Train a character model.")(charlm.train)
app.command("generate", short_help="Continue a text.")(charlm.generate)
app.command("score", short_help="Tell how well a model predicts texts.")(score.score)
app.command("train-translate", short_help="Train a translation model.")(translate.train)
app.command("translate", short_help="Translate lines.")(translate.translate)
app.command("evaluate", short_help="Compare translations with a reference.")(translate.evaluate)
app.command("train-forecast", short_help="Train a forecaster of time series.")(forecast.train)
app.command("forecast", short_help="Predict a series, fill its gaps, mark its faults.")(forecast.forecast)
app.command("ladder", short_help="Compare all kinds of forecasters.")(ladder.ladder)
app.add_typer(corpora.app, name="corpora")
app.add_typer(checkpoints.app, name="checkpoints")
