"""docs/rnntext.1 is the manual page, made of what --help says; `make help` writes it anew."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer.main

from rnntext import errors
from rnntext.version import __version__

PAGE = Path(__file__).parents[2] / "docs" / "rnntext.1"
ABOUT = "recurrent models of text and time series: TensorFlow trains, NumPy runs"
VARIABLES = {
    "RNNTEXT_CHECKPOINTS": "The folder of all models, instead of ./checkpoints.",
    "RNNTEXT_CACHE": "The folder that corpora get fetches texts into, instead of ~/.cache/rnntext.",
    "RNNTEXT_COMMAND_OPTION": "The value of an option that is not given, such as RNNTEXT_GENERATE_TEMPERATURE=0.6 or "
    "RNNTEXT_TRAIN_CHARLM_TIME_LIMIT=40m; 1 or 0 for an option without a value. The file of --config takes precedence.",
    "RNNTEXT_CONFIG": "A file of options instead of ~/.config/rnntext/config.toml; empty: none, as is best for jobs.",
    "NO_COLOR": "If it is set, nothing is coloured.",
}
FILES = {
    "~/.config/rnntext/config.toml": "Your own defaults: a table for each command, as in [generate] with temperature "
    "= 0.6 below it. Variables and the file of --config take precedence; --print-config tells what is in force.",
    "checkpoints/NAME": "A model: its versions, which of them is in service, and an unfinished training.",
    "~/.cache/rnntext": "Texts that corpora get has fetched.",
    "~/.local/state/rnntext": "What was typed into --interactive.",
}
CODES = {
    0: "Success.",
    2: errors.UsageError.__doc__,
    3: errors.NotPromotedError.__doc__,
    65: errors.DataError.__doc__,
    74: errors.InputOutputError.__doc__,
    75: errors.BusyError.__doc__,
    1: "Any other error, such as a training that diverges.",
    130: "Ctrl-C; other signals likewise, 128 and their number. A training has saved its state.",
}
_ROFF = {"\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti"}


def escaped(text: str) -> str:
    """A text as roff reads it; none of its lines begins with a dot."""
    return re.sub(r"^\.", r"\\&.", "".join(_ROFF.get(character, character) for character in text), flags=re.MULTILINE)


class Roff:
    """Takes what commands give to Typer's formatter of help, and writes it as a manual page."""

    width = 80
    current_indent = 0

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write_usage(self, program: str, arguments: str = "", prefix: str | None = None) -> None:
        self.lines += [".PP", f".B {escaped(program)}", escaped(arguments)]

    def write_paragraph(self) -> None:
        self.lines.append(".PP")

    def write_text(self, text: str) -> None:
        for paragraph in text.strip().split("\n\n"):
            self.lines += [".PP", escaped(" ".join(paragraph.split()))]

    def write_heading(self, heading: str) -> None:
        self.lines.append(f".SS {escaped(heading)}")

    def write_dl(self, rows: Sequence[tuple[str, str]], *widths: int) -> None:
        for term, text in rows:
            self.lines += [".TP", f".B {escaped(term.strip())}", escaped(" ".join(text.split())) or "\\&"]

    def write(self, example: str) -> None:
        self.lines += [".PP", ".EX", escaped(example.strip()), ".EE"]

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        self.write_heading(name)
        yield

    @contextmanager
    def indentation(self) -> Iterator[None]:
        yield


def contexts(command: Any, name: str, parent: Any = None) -> Iterator[Any]:
    """A context for each command."""
    context = command.make_context(name, [], parent, resilient_parsing=True)
    yield context
    for child in getattr(command, "commands", {}).values():
        yield from contexts(child, child.name, context)


def page() -> str:
    from rnntext.cli.app import program

    roff = Roff()
    roff.lines += [f'.TH RNNTEXT 1 "" "rnntext {__version__}" "User Commands"', ".SH NAME"]
    roff.lines += [f"rnntext \\- {escaped(ABOUT)}", ".SH SYNOPSIS", ".B rnntext", escaped("COMMAND [OPTIONS] ...")]
    roff.lines.append(".SH DESCRIPTION")
    for context in contexts(typer.main.get_command(program()), "rnntext"):
        if context.parent is not None:
            roff.lines.append(f'.SH "{escaped(context.command_path.removeprefix("rnntext ").upper())}"')
        context.command.format_help(context, roff)
    for heading, entries in (("ENVIRONMENT", VARIABLES), ("FILES", FILES), ("EXIT STATUS", CODES)):
        roff.lines.append(f'.SH "{heading}"')
        roff.write_dl([(str(term), str(text)) for term, text in entries.items()])
    return "\n".join(line for line in roff.lines if line) + "\n"


def test_the_page_says_what_the_commands_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: make help"


def test_a_text_is_not_taken_for_requests() -> None:
    assert escaped(".SH it's\n.B a\\b -n ~/x") == "\\&.SH it\\(aqs\n\\&.B a\\eb \\-n \\(ti/x"


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_groff_shows_everything_without_a_warning() -> None:
    from rnntext.cli.app import program

    command = ["groff", "-man", "-Tascii", "-P-cbou", "-ww", "-rLL=200n", "-rHY=0", "-Kutf8", str(PAGE)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    shown = " ".join(done.stdout.split())
    for context in contexts(typer.main.get_command(program()), "rnntext"):
        assert context.command.get_short_help_str(100).rstrip(".") in shown
        for parameter in context.command.params:
            names = parameter.opts if parameter.param_type_name == "option" else [parameter.metavar]
            assert all(name in shown for name in names)
            assert " ".join((parameter.help or "").split()) in shown


if __name__ == "__main__":
    sys.stdout.write(page())
