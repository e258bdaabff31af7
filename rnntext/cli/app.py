"""The program `rnntext`, with all its commands. Only the module of the command that is called is imported."""

from __future__ import annotations

import importlib
from collections.abc import Container
from typing import Annotated, Any

import typer

from rnntext.version import __version__

# For each command: its name, its module, the name of the function or group there, and its line in the list of commands.
_COMMANDS = (
    ("train-charlm", "train_charlm", "train", "Train a character model."),
    ("generate", "generate", "generate", "Continue a text."),
    ("score", "score", "score", "Measure how well a model predicts a text."),
    ("train-translate", "train_translate", "train", "Train a translation model."),
    ("translate", "translate", "translate", "Translate text, line by line."),
    ("evaluate", "evaluate", "evaluate", "Compare translations with a reference."),
    ("train-forecast", "train_forecast", "train", "Train a forecaster of time series."),
    ("forecast", "forecast", "forecast", "Predict a series, fill its gaps, or mark its faults."),
    ("ladder", "ladder", "ladder", "Compare all kinds of forecasters on the same data."),
    ("report", "report", "report", "Write a page about a model."),
    ("corpora", "corpora", "app", "List, print and fetch the corpora that are known by name."),
    ("checkpoints", "checkpoints", "app", "Inspect and manage trained models and their versions."),
    ("completion", "completion_script", "completion", "Print the completion script of a shell."),
)
NAMES = frozenset(name for name, *_ in _COMMANDS)
CONFIGURED = frozenset(name for name, _, attribute, _ in _COMMANDS if attribute != "app")  # those with --config


def program(asked: Container[str] = NAMES) -> typer.Typer:
    """The command line.

    Args:
        asked: words of the command line. A command whose name is among them is complete; of the others there is only
            the line in the list of commands, so that their modules need not be imported.
    """
    app = typer.Typer(
        name="rnntext",
        help="Recurrent models of text and time series: TensorFlow trains them, NumPy alone runs them.",
        no_args_is_help=True,
        add_completion=False,  # Typer's own imports rich in zsh and fish
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_main)
    for name, module, attribute, summary in _COMMANDS:
        command: Any = _placeholder
        if name in asked:
            command = getattr(importlib.import_module(f"rnntext.cli.{module}"), attribute)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name, help=summary)
        else:
            command_class = getattr(command, "command_class", None)
            app.command(name, cls=command_class, short_help=summary)(command)
    return app


def _placeholder() -> None:
    """Stands for a command that is not called."""


def _version(asked: bool) -> None:
    """Prints the version if it is asked for, and exits."""
    if asked:
        typer.echo(f"rnntext {__version__}")
        raise typer.Exit


def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Only its signature is used: the options of the program itself."""
