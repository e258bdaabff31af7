"""Options of the commands that read a table: how it is to be read."""

from __future__ import annotations

from typing import Annotated

import typer

from rnntext.cli.options import duration
from rnntext.settings.base import DATA

DateFormat = Annotated[
    str | None,
    typer.Option(
        metavar="FORMAT",
        help="The format of the dates, such as %d/%m/%Y, if they could be read in several ways or in none.",
        rich_help_panel=DATA,
        show_default="found out",
    ),
]
Step = Annotated[
    float | None,
    typer.Option(
        parser=duration,
        metavar="90s|5m|2h|1d",
        help="Time between two rows; each row is put to the nearest step.",
        rich_help_panel=DATA,
        show_default="found out",
    ),
]
Decimal = Annotated[
    str | None,
    typer.Option(
        metavar=".|,",
        help="The decimal sign, if the numbers of a column could be read with either.",
        rich_help_panel=DATA,
        show_default="found out",
    ),
]
Missing = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TEXT",
        help="A cell that means a missing value, such as -999; may be given several times. An empty cell, NA, NaN and "
        "the like are known.",
        rich_help_panel=DATA,
    ),
]
Floor = Annotated[
    float | None,
    typer.Option(
        metavar="VALUE",
        help="The least possible value, such as 0 of counts; no forecast is below it.",
        rich_help_panel=DATA,
    ),
]
