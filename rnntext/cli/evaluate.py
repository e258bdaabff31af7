"""The command `evaluate`: compares translations with references."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from rnntext.cli.command import command
from rnntext.cli.console import note, results
from rnntext.cli.options import (
    ColumnNumbers,
    Ensemble,
    Json,
    Models,
    Output,
    Quiet,
    Threads,
    Version,
    choice,
    output_option,
)
from rnntext.cli.translate import Engine
from rnntext.families import TRANSLATOR
from rnntext.files.atomic import check_output, output_file
from rnntext.settings.base import DATA
from rnntext.settings.search import BestOnly
from rnntext.text.bleu import TOKENIZERS
from rnntext.text.columns import parse

References = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="REFERENCE|CORPUS",
        help="The correct translations, line by line; there may be several such files, or none.",
    ),
]
Tokenize = Annotated[
    str,
    choice(
        "sacreBLEU's tokenizer for BLEU; auto: 13a, zh or char, which suits the script of the references.",
        *TOKENIZERS,
        name="tokenize",
        group=DATA,
    ),
]
Save = Annotated[Path | None, output_option(check_output, "Write the translations to FILE, line by line.")]
Lowercase = Annotated[bool, typer.Option("--lowercase", help="Compare without regard to case.", rich_help_panel=DATA)]


@command(
    "rnntext evaluate test.en test.es -m es --beam 1",
    "rnntext evaluate test.tsv -m es --columns 2,4 --save translations.es",
)
def evaluate(
    *,
    source: Annotated[
        str, typer.Argument(metavar="SOURCE|CORPUS", help="The file to translate, or a file of pairs; - reads stdin.")
    ],
    references: References = None,
    model: Models = [TRANSLATOR.name],  # noqa: B006
    version: Version = None,
    ensemble: Ensemble = None,
    search: BestOnly,
    columns: ColumnNumbers = None,
    lowercase: Lowercase = False,
    tokenize: Tokenize = "auto",
    engine: Engine = "numpy",
    threads: Threads = 1,
    save: Save = None,
    output: Output = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Translate SOURCE and compare the translations with REFERENCE: BLEU, chrF and TER, computed by sacreBLEU.

    Without REFERENCE, SOURCE has lines of source TAB reference. Further --columns are further references.
    """
    from rnntext.jobs.evaluate import evaluate as run
    from rnntext.jobs.load import find, load_translation

    # 1. Translate and compare.
    numbers = None if columns is None else parse(columns)
    paths = [find(name, TRANSLATOR, version, ensemble) for name in model]
    loaded = load_translation(paths, threads, engine, version=version, ensemble=ensemble)
    evaluation = run(loaded, source, references or [], search, lowercase, tokenize, numbers)
    # 2. Write the translations and the scores.
    if save is not None:
        with output_file(save, "--save") as file:
            file.writelines(f"{line}\n".encode("utf-8", "replace") for line in evaluation.translations)
    with results(output) as out:
        if as_json:
            out.write(json.dumps(evaluation.to_json()) + "\n")
            return
        for name, score in evaluation.scores.items():
            label = {"bleu": "BLEU", "chrf": "chrF", "ter": "TER"}[name]
            out.write(f"{label:4} {score:6.2f}  {evaluation.signatures[name]}\n")
    note(f"{evaluation.lines} lines, {evaluation.lines / evaluation.seconds:.1f} lines/s", quiet)
