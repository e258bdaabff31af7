"""Options of the commands: those that a config declares become Typer options here, and the others are defined."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from rnntext.cli.defaults import set_defaults
from rnntext.errors import UsageError
from rnntext.files.atomic import check_output
from rnntext.settings.base import DATA, JOB, MIN_MEMBERS, MODEL, OUTPUT, Config, Option, check_choice, flag

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}  # seconds
BY_SIZE = "by --size"  # the default, as the help calls it, of an option that `rnntext.sizes` chooses


def duration(text: str | float) -> float:
    """The seconds of a duration such as "90s", "30m", "1.5h" or 90.

    Raises:
        BadParameter: not a duration.
    """
    match = re.fullmatch(r"([0-9]*\.?[0-9]+)([smhd]?)", str(text).strip())
    if match is None:
        raise typer.BadParameter(f"{text!r} is not a duration; write 90s, 30m or 2h")
    return float(match[1]) * _UNITS[match[2]]


# Options from declarations --------------------------------------------------------------------------------------------


def annotated(hint: Any, name: str, declared: Option) -> Any:
    """The annotation of a command's parameter for a field of a config. An option that is left open to --size is None.

    Args:
        hint: the type of the field.
        name: its name.
        declared: its declaration.
    """
    accepted = hint | None if declared.by_size else hint
    return Annotated[accepted, _typer_option(name, declared)]


def field(cls: type[Config], name: str) -> Any:
    """The Typer option for one field of a config, for a command that has only some of its fields and leaves none
    open."""
    declared = cls.options()[name]
    if declared.by_size:
        declared = dataclasses.replace(declared, by_size=False, shown=None)
    return _typer_option(name, declared)


def choice(help: str, *choices: str, name: str, group: str, flags: Sequence[str] = ()) -> Any:
    """The Typer option whose value is one of a few words.

    Args:
        help: its help.
        choices: the words.
        name: the name of the parameter.
        group: the heading of the help that it stands under.
        flags: those that it has beside the one of its name.
    """

    def callback(context: typer.Context, value: str) -> str:
        if not context.resilient_parsing:
            check_choice(name, value, choices)
        return value

    names = (flag(name), *flags)
    return typer.Option(*names, metavar="|".join(choices), help=help, callback=callback, rich_help_panel=group)


def _typer_option(name: str, declared: Option) -> Any:
    """The Typer option for a declared field."""
    names = flag(name)
    if declared.negative:
        names = f"{names}/{declared.negative}"
    others: dict[str, Any] = {}
    if declared.choices:
        others["metavar"] = "|".join(declared.choices)
    if declared.duration:
        others |= {"parser": duration, "metavar": "90s|30m|2h"}
    shown = declared.shown or (BY_SIZE if declared.by_size else None)
    if shown:
        others["show_default"] = shown
    return typer.Option(names, help=declared.help, rich_help_panel=declared.group, **others)


def output_option(
    check: Callable[[Path, str], None], help: str, *names: str, metavar: str = "FILE", standard_output: bool = False
) -> Any:
    """The Typer option that names an output, which is checked before any input is read.

    Args:
        check: is called with the path and the name of the option; raises an error if the path cannot be written.
        help: its help.
        names: its flags; none: one of the parameter's name.
        metavar: what stands for the path in the help.
        standard_output: whether `-` stands for standard output; the option is None then.
    """

    def callback(context: typer.Context, parameter: typer.CallbackParam, path: Path | None) -> Path | None:
        if path is None or context.resilient_parsing:
            return path
        long_name = max(parameter.opts, key=len)
        if str(path) != "-":
            check(path, long_name)
            return path
        if not standard_output:
            raise UsageError(f"{long_name} -: give the name of a file, such as /dev/stdout")
        return None

    return typer.Option(*names, metavar=metavar, callback=callback, help=help, rich_help_panel=OUTPUT)


# Every command --------------------------------------------------------------------------------------------------------

LeftOpen = frozenset[str]  # names of the fields that are left open to --size

VERSION = "A version of the model, such as 000001; checkpoints list NAME shows them."  # the help of VERSION

Files = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FILE|CORPUS",
        help="Files, folders, patterns such as '*.txt', names of corpora, or - for stdin (the default).",
    ),
]
Model = Annotated[
    str,
    typer.Option(
        *("-m", "--model"),
        metavar="NAME|DIR",
        help="The model: a name under ./checkpoints, or a folder.",
        rich_help_panel=MODEL,
    ),
]
Models = Annotated[
    list[str],
    typer.Option(
        *("-m", "--model"),
        metavar="NAME|DIR",
        help="The model: a name under ./checkpoints, or a folder; several make an ensemble, the mean of their "
        "probabilities.",
        rich_help_panel=MODEL,
    ),
]
Ensemble = Annotated[
    int | None,
    typer.Option(
        min=MIN_MEMBERS,
        metavar="N",
        help="Make an ensemble of the newest N versions of the model, in service or not.",
        rich_help_panel=MODEL,
    ),
]
Version = Annotated[
    str | None,
    typer.Option(
        metavar="VERSION",
        help=VERSION,
        show_default="the version in service",
        rich_help_panel=MODEL,
    ),
]
ColumnNumbers = Annotated[
    str | None,
    typer.Option(
        metavar="SOURCE,TARGET",
        help="Numbers, from 1, of the columns of a file of pairs, as in 2,4.",
        show_default="1,2, if these hold sentences",
        rich_help_panel=DATA,
    ),
]
Threads = Annotated[
    int,
    typer.Option(
        min=1,
        help="Number of threads of a matrix product; more than 1 is faster only on an idle machine.",
        rich_help_panel=JOB,
    ),
]
Output = Annotated[
    Path | None,
    output_option(
        check_output,
        "Write the results to FILE, which appears only when it is complete; - is stdout.",
        *("-o", "--output"),
        standard_output=True,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Write the results as JSON lines.", rich_help_panel=OUTPUT)]
Quiet = Annotated[
    bool, typer.Option("-q", "--quiet", help="Print nothing but results and errors.", rich_help_panel=OUTPUT)
]
Verbose = Annotated[
    bool, typer.Option("-v", "--verbose", help="Show the traceback of an unforeseen error.", rich_help_panel=OUTPUT)
]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE.toml",
        is_eager=True,
        callback=set_defaults,
        help="Read options from a TOML file; flags take precedence.",
    ),
]
PrintConfig = Annotated[bool, typer.Option("--print-config", help="Print the options in force as TOML and exit.")]
