"""The commands `corpora list`, `show` and `path`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from rnntext.cli.console import results
from rnntext.cli.options import Json, Output
from rnntext.errors import UsageError
from rnntext.text import catalogue

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of a corpus; corpora list shows them.")]


@app.command("list")
def list_corpora(as_json: Json = False) -> None:
    """List the corpora: name, licence, description."""
    with results(None) as out:
        for corpus in catalogue.corpora():
            fields = {"name": corpus.name, "licence": corpus.licence, "about": corpus.about}
            line = json.dumps(fields) if as_json else "\t".join(fields.values())
            out.write(line + "\n")


@app.command("show")
def show(name: Name, output: Output = None) -> None:
    """Print the text of a corpus."""
    with results(output) as out:
        out.write(catalogue.get(name).read())


@app.command("path")
def path(name: Name) -> None:
    """Print the path of the file that holds a bundled corpus."""
    corpus = catalogue.get(name)
    if corpus.path is None:
        raise UsageError(f"corpus {name!r} is not a file; print it with: rnntext corpora show {name}")
    with results(None) as out:
        out.write(f"{corpus.path}\n")
