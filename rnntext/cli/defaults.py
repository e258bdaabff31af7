"""Values of options that are not given as flags.

A flag takes precedence over the file that --config names, this over a variable such as RNNTEXT_GENERATE_TEMPERATURE,
that over the table [generate] of the user's own file, and that over the default.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from rnntext.errors import InputOutputError, UsageError
from rnntext.files.xdg import users_folder

NOT_IN_FILES = {"config", "print_config", "fresh"}  # a file with "fresh" would drop every unfinished training
_PLACES = "rnntext.places"  # in the context: by names of parameters, where their values come from


def set_defaults(context: typer.Context, path: Path | None) -> Path | None:
    """The callback of --config: makes the values of files and variables the defaults of the command.

    Raises:
        InputOutputError: a file cannot be read.
        UsageError: it is not TOML, or names an option that the command does not have, as may a variable.
    """
    if context.resilient_parsing:
        return path
    # 1. List the settings of the command, and the flags that switch one off.
    parameters = context.command.params
    positive = {setting(p): p for p in parameters if p.name not in NOT_IN_FILES}
    negative = {off[2:]: p for p in parameters for off in getattr(p, "secondary_opts", ())}
    # 2. Make the values the defaults; what is set later takes precedence.
    defaults: dict[str, Any] = {}
    places: dict[str, str] = {}
    for place, key, value in _settings(str(context.command.name), path):
        if key in positive or key in negative:
            parameter = positive.get(key) or negative[key]
            accepted = _accepted(value, parameter, f"{place}: {key}")
            if key not in positive:
                accepted = not parameter.type.convert(accepted, parameter, context)
            defaults[str(parameter.name)] = accepted
            places[str(parameter.name)] = place
        elif isinstance(value, dict):
            raise UsageError(f"{place}: leave out the line [{key}]; options stand under no heading")
        else:
            raise UsageError(f"{place}: {context.command.name} has no option {key!r}{_hint(key, positive)}")
    context.default_map = defaults
    context.meta[_PLACES] = places
    return path


def _settings(command: str, path: Path | None) -> Iterator[tuple[str, str, Any]]:
    """Where a setting is, its key and its value, for each setting of a command; the least important ones first."""
    # 1. The user's file.
    own = _users_file()
    if own is not None:
        from rnntext.cli.app import CONFIGURED

        place = f"{own}: [{command}]"
        for name, table in _read(own, str(own)).items():
            if name not in CONFIGURED or not isinstance(table, dict):
                hint = "" if name in CONFIGURED else _hint(name, CONFIGURED)
                raise UsageError(f"{own}: {name}: options stand under the name of a command, as in [generate]{hint}")
            if name == command:
                yield from ((place, key.replace("_", "-"), value) for key, value in table.items())
    # 2. Variables. Others than those of the command may belong to anybody.
    prefix = f"RNNTEXT_{command.upper().replace('-', '_')}_"
    for variable, value in os.environ.items():
        if variable.startswith(prefix) and value:
            yield variable, variable.removeprefix(prefix).lower().replace("_", "-"), value
    # 3. The file of the command line.
    if path is not None:
        place = f"--config {path}"
        yield from ((place, key.replace("_", "-"), value) for key, value in _read(path, place).items())


def _users_file() -> Path | None:
    """The user's own file, if there is one: RNNTEXT_CONFIG (none, if it is empty), or as the XDG rules say."""
    given = os.environ.get("RNNTEXT_CONFIG")
    if given is not None:
        return Path(given) if given else None
    path = users_folder("XDG_CONFIG_HOME", ".config") / "config.toml"
    return path if os.path.exists(path) else None  # A folder that may not be entered counts as one without the file.


def _read(path: Path, place: str) -> dict[str, Any]:
    """The content of a TOML file; `place` is its name in messages.

    Raises:
        InputOutputError: it cannot be read.
        UsageError: it is not TOML.
    """
    import tomllib

    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except OSError as error:
        advice = "" if place.startswith("--config") else "; RNNTEXT_CONFIG= (empty) leaves it out"
        raise InputOutputError(f"{place}: {error.strerror}{advice}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{place}: not TOML: {error}") from error


def _hint(name: str, known: Collection[str]) -> str:
    """The end of a message about an unknown name: the one that somebody may have meant."""
    near = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {near[0]}?" if near else ""


def _accepted(value: Any, parameter: Any, name: str) -> Any:
    """The value of an option in a TOML file; one value counts as a list where several may be given.

    Raises:
        UsageError: it is a list where one value is needed.
    """
    takes_list = getattr(parameter, "multiple", False) or parameter.nargs != 1
    members = value if isinstance(value, list) and takes_list else [value]
    if any(isinstance(member, list | dict) for member in members):
        raise UsageError(f"{name}: give one value{' or a list of them' if takes_list else ', not several'}")
    # Texts are made as the operating system gives those of the command line, whatever the locale.
    members = [os.fsdecode(member.encode()) if isinstance(member, str) else member for member in members]
    return members if takes_list else members[0]


def setting(parameter: Any) -> str:
    """The name of a parameter in a TOML file: its long flag without the dashes."""
    for name in parameter.opts:
        if name.startswith("--"):
            return str(name[2:])
    return str(parameter.name)


def place_of(context: typer.Context, parameter: Any) -> str | None:
    """Where the value of a parameter comes from; None if that is the command line or the default."""
    source = context.get_parameter_source(str(parameter.name))
    is_here = source is not None and source.name == "DEFAULT_MAP"
    places: Mapping[str, str] = context.meta.get(_PLACES, {})
    return places.get(str(parameter.name)) if is_here else None


@contextmanager
def places_told(context: typer.Context) -> Iterator[None]:
    """Adds to an error about options where their values come from, if that is not the command line.

    Raises:
        UsageError: the error, if there is something to add.
    """
    try:
        yield
    except (UsageError, typer.BadParameter) as error:
        text = error.format_message() if isinstance(error, typer.BadParameter) else str(error)
        flags = set(re.findall(r"--[a-z][a-z-]*", text))
        named = [p for p in context.command.params if flags.intersection(p.opts)]
        places = dict.fromkeys(place for p in named if (place := place_of(context, p)))
        if not places:
            raise
        raise UsageError(f"{text} (from {', '.join(places)})") from error
