"""The command `report`: a page about a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnntext.cli import options
from rnntext.cli.command import command
from rnntext.cli.console import note, results, to_terminal
from rnntext.cli.options import Quiet
from rnntext.errors import DataError, UsageError
from rnntext.files.atomic import check_output

Name = Annotated[str, typer.Argument(metavar="NAME|DIR", help="The model: a name under ./checkpoints, or a folder.")]
Text = Annotated[
    str | None,
    typer.Argument(
        metavar="FILE",
        help="A text whose beginning the page shows as the model reads it; - reads stdin.",
    ),
]
PageFile = Annotated[
    Path | None,
    options.output_option(
        check_output,
        "Write the page to FILE, which appears only when it is complete; - is stdout.",
        *("-o", "--output"),
        metavar="FILE.html",
        standard_output=True,
    ),
]


@command(
    "rnntext report charlm -o charlm.html",
    "rnntext report book chapter.txt -o book.html",
    "rnntext report es pairs.tsv > es.html",
)
def report(*, name: Name, file: Text = None, output: PageFile = None, quiet: Quiet = False) -> None:
    """Write a page about a model: what it is, how it became so, and what it can do.

    The page is one HTML file, which loads nothing from elsewhere. It has the curves of all runs with the versions that
    they made, scores, settings and data. A character model shows samples, a forecaster what it expected of the end of
    its held-out series. With FILE a character model shows how much the text surprises it, and a translator translates
    the first sentences and shows where it looked. A damaged version has a page, too, which says what is wrong.
    """
    from rnntext.cli.report_page import page
    from rnntext.jobs import checkpoints
    from rnntext.jobs.report import report
    from rnntext.text.lines import name_of, read_pieces

    if output is None and to_terminal():
        raise UsageError("report: a terminal does not show HTML; write the page to a file: -o FILE.html")
    path = checkpoints.find(name)
    text = None
    if file is not None:
        text = next(read_pieces(file, report=lambda remark: note(remark, quiet)), "")
        if not text.strip():
            raise DataError(f"{name_of(file)}: empty; there is nothing to read")
    about = page(report(path, text))
    with results(output) as out:
        out.write(about)
