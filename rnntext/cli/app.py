"""The commands, put together. Nothing is imported for the commands that are not asked for."""

from __future__ import annotations

import importlib
from collections.abc import Container
from typing import Annotated

import typer

from rnntext import __version__

# (name, module, what it is called there, what the list of commands says)
_COMMANDS = (
    ("train-charlm", "train_charlm", "train", "Train a character model."),
    ("generate", "generate", "generate", "Continue a text."),
    ("score", "score", "score", "Tell how well a model predicts texts."),
    ("train-translate", "train_translate", "train", "Train a translation model."),
    ("translate", "translate", "translate", "Translate lines."),
    ("evaluate", "translate", "evaluate", "Compare translations with a reference."),
    ("train-forecast", "train_forecast", "train", "Train a forecaster of time series."),
    ("forecast", "forecast", "forecast", "Predict a series, fill its gaps, mark its faults."),
    ("ladder", "ladder", "ladder", "Compare all kinds of forecasters."),
    ("corpora", "corpora", "app", "Texts by name, to train on."),
    ("checkpoints", "checkpoints", "app", "Trained models and their versions."),
)
NAMES = frozenset(name for name, *_ in _COMMANDS)


def program(asked: Container[str] = NAMES) -> typer.Typer:
    """The command line. Only the commands whose names are among the words of `asked` are whole; of the others there is
    no more than the list of commands says."""
    app = typer.Typer(
        name="rnntext",
        help="Recurrent models of text and of series: train them with TensorFlow, run them with NumPy alone.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_main)
    for name, module, what, about in _COMMANDS:
        found = getattr(importlib.import_module(f"rnntext.cli.{module}"), what) if name in asked else _nothing
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name, help=about)
        else:
            app.command(name, short_help=about)(found)
    return app


def _nothing() -> None:
    pass


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rnntext {__version__}")
        raise typer.Exit


def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass
