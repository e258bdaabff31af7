"""Options of the commands that read a table: what is read of it, and how."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from rnntext.cli.options import duration
from rnntext.settings.base import DATA


def _option(help: str, *names: str, **others: Any) -> Any:
    """The Typer option with this help, under the heading of the data; for `names` and `others` see Typer."""
    return typer.Option(*names, help=help, rich_help_panel=DATA, **others)


# What is read ---------------------------------------------------------------------------------------------------------

Columns = Annotated[
    list[str] | None,
    _option(
        "A column to predict; may be given several times. It is needed if several columns could be meant.",
        "--column",
        metavar="NAME",
    ),
]
Known = Annotated[
    list[str] | None,
    _option("A column whose future is known, such as prices; may be given several times.", "--known", metavar="NAME"),
]
DateColumn = Annotated[
    str | None,
    _option(
        "The column with dates or numbers that rows are sorted by. Without it, the rows must be in order and complete.",
        metavar="NAME",
    ),
]
HeldOut = Annotated[
    str,
    _option("What is held out of the series, at its end: a fraction of it, or a number of steps.", metavar="N"),
]

# How it is read -------------------------------------------------------------------------------------------------------

FOUND_OUT = "found out"  # the default, as the help calls it, of what the table tells by itself

DateFormat = Annotated[
    str | None,
    _option(
        "The format of the dates, such as %d/%m/%Y, if they could be read in several ways or in none.",
        metavar="FORMAT",
        show_default=FOUND_OUT,
    ),
]
Step = Annotated[
    float | None,
    _option(
        "Time between two rows; each row is put to the nearest step.",
        parser=duration,
        metavar="90s|5m|2h|1d",
        show_default=FOUND_OUT,
    ),
]
Decimal = Annotated[
    str | None,
    _option(
        "The decimal sign, if the numbers of a column could be read with either.",
        metavar=".|,",
        show_default=FOUND_OUT,
    ),
]
Missing = Annotated[
    list[str] | None,
    _option(
        "A cell that means a missing value, such as -999; may be given several times. An empty cell, NA, NaN and the "
        "like are known.",
        metavar="TEXT",
    ),
]
Floor = Annotated[
    float | None,
    _option("The least possible value, such as 0 of counts; no forecast is below it.", metavar="VALUE"),
]
