"""The commands `corpora list`, `show`, `get` and `path`."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnntext.cli.console import note, on_terminal, results
from rnntext.cli.options import Json, Output, Quiet
from rnntext.cli.watching import bar_console
from rnntext.errors import UsageError
from rnntext.text import catalogue
from rnntext.text.catalogue import Corpus

if TYPE_CHECKING:
    from rnntext.files.download import Progress

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
Name = Annotated[str, typer.Argument(metavar="CORPUS", help="The name of a corpus; corpora list shows them.")]
Mirror = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Fetch URL/HOST/PATH instead of https://HOST/PATH."),
]
NOTE_SECONDS = 30.0  # between two lines about how far a download is, where there is no terminal


@app.command("list")
def list_corpora(as_json: Json = False) -> None:
    """List the corpora: name, licence, description, and whether the text is here."""
    with results(None) as out:
        for corpus in catalogue.corpora():
            fields = {"name": corpus.name, "licence": corpus.licence, "about": corpus.about}
            if as_json:
                origin = corpus.origin
                address = {} if origin is None else {"address": origin.address, "tried": origin.tried}
                known = {} if origin is None else {"size": origin.size, "sha256": origin.sha256}
                out.write(json.dumps({**fields, "here": corpus.is_here, **address, **known}) + "\n")
            else:
                out.write("\t".join([*fields.values(), _state(corpus)]) + "\n")


def _state(corpus: Corpus) -> str:
    """Whether a corpus is here, in a few words."""
    if corpus.origin is None or corpus.is_here:
        return "here"
    size = "" if corpus.origin.size is None else f", {corpus.origin.size / 1e6:.1f} MB"
    untried = "" if corpus.origin.tried else ", address not tried yet"
    return f"to get{size}{untried}"


@app.command("show")
def show(name: Name, output: Output = None) -> None:
    """Print the text of a corpus."""
    from rnntext.text.lines import corpus_pieces

    corpus = catalogue.get(name)
    with results(output) as out:
        for piece in corpus_pieces(corpus):
            out.write(piece)


@app.command("get")
def get(name: Name, mirror: Mirror = None, quiet: Quiet = False) -> None:
    """Fetch a public text, verify it, and print the path of its file.

    The text is kept in RNNTEXT_CACHE, or ~/.cache/rnntext; from then on any command takes its name where it takes a
    file. A download that breaks off is resumed. The proxies of the environment (https_proxy) are used.
    """
    from rnntext.jobs import corpora

    with _progress(quiet) as progress:
        path = corpora.get(name, mirror, lambda message: note(f"rnntext: {message}", quiet), progress)
    _print(path)


@app.command("path")
def path(name: Name) -> None:
    """Print the path of the file that holds a corpus."""
    corpus = catalogue.get(name)
    if corpus.path is None:
        raise UsageError(f"corpus {name!r} is not a file; print it with: rnntext corpora show {name}")
    corpus.check()
    _print(corpus.path)


def _print(path: Path) -> None:
    """Prints a path byte for byte, as its bytes need not be UTF-8; a terminal shows it."""
    with results(None) as out:
        out.write(f"{path}\n" if out.terminal else os.fsencode(path) + b"\n")


@contextmanager
def _progress(quiet: bool) -> Iterator[Progress]:
    """Shows how far a download is: a bar on a terminal, a line now and then elsewhere, nothing if quiet."""
    if quiet:
        yield lambda received, size: None
        return
    if not on_terminal():
        yield _Lines()
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = (BarColumn(bar_width=None), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=bar_console(), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda received, size: bar.update(task, completed=received, total=size)


class _Lines:
    """Prints how far a download is, at most every NOTE_SECONDS."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, received: int, size: int | None) -> None:
        now = time.monotonic()
        if now - self._last >= NOTE_SECONDS:
            self._last = now
            of = "" if size is None else f" of {size:,}"
            note(f"{received:,}{of} bytes received")
