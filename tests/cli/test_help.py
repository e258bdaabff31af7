"""docs/help.md holds what --help says, so that a change of it is seen; `make help` writes it anew."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

PAGE = Path(__file__).parents[2] / "docs" / "help.md"
WIDTH = 100
TITLE = "# What `rnntext --help` and the help of each command say\n\nWritten by `make help`; a test compares.\n"


def pages() -> Iterator[tuple[str, str]]:
    """Every command with its help."""
    from rnntext.cli.app import program

    def visit(command: Any, name: str, parent: Any) -> Iterator[tuple[str, str]]:
        context = command.make_context(name, [], parent, resilient_parsing=True, terminal_width=WIDTH)
        yield context.command_path, context.get_help()
        for child in getattr(command, "commands", {}).values():
            yield from visit(child, child.name, context)

    return visit(typer.main.get_command(program()), "rnntext", None)


def page() -> str:
    return TITLE + "".join(f"\n## {name}\n\n```\n{text.rstrip()}\n```\n" for name, text in pages())


def test_the_page_says_what_the_commands_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: make help"


if __name__ == "__main__":
    sys.stdout.write(page())
