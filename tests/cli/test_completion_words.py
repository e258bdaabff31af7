"""rnntext/cli/shells/words.json holds what completion offers, so that it need not build all options; `make help` writes
it anew."""

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import typer
import typer.main

from rnntext.cli.completion import WORDS


def commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """A command and those inside, by the words that call them."""
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, f"{path} {name}")


def described(parameter: Any) -> dict[str, Any]:
    """An option or argument as completion needs it."""
    is_argument = parameter.param_type_name == "argument"
    default = parameter.default[0] if isinstance(parameter.default, list) else parameter.default
    return {
        "name": parameter.name,
        "flags": [] if is_argument else [*parameter.opts, *parameter.secondary_opts],
        "value": "" if getattr(parameter, "is_flag", False) else parameter.metavar or "VALUE",
        "about": re.split(r"(?<=\.)\s", parameter.help or "")[0],
        "repeated": parameter.nargs == -1 or getattr(parameter, "multiple", False),
        "default": default if isinstance(default, str) else None,
    }


def page() -> str:
    """An object by commands, with a line for each option and argument, so that changes are easy to read."""
    from rnntext.cli.app import program

    entries: list[str] = []
    for path, command in commands(typer.main.get_command(program()), "rnntext"):
        about = json.dumps(command.get_short_help_str(100))
        parameters = command.get_params(typer.Context(command))
        lines = ",\n".join(json.dumps(described(parameter)) for parameter in parameters)
        entries.append(f'{json.dumps(path)}: {{"about": {about}, "parameters": [\n{lines}\n]}}')
    return "{\n" + ",\n".join(entries) + "\n}\n"


def test_completion_knows_what_the_commands_know() -> None:
    assert WORDS.read_text(encoding="utf-8") == page(), "write it anew: make help"


if __name__ == "__main__":
    sys.stdout.write(page())
