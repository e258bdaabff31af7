"""The command `translate`: translates text line by line."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnntext.cli import pictures
from rnntext.cli.answers import Writer
from rnntext.cli.command import command
from rnntext.cli.console import Results, note, on_terminal, results
from rnntext.cli.options import (
    Ensemble,
    Files,
    Json,
    Models,
    Output,
    Quiet,
    Threads,
    Version,
    choice,
    output_option,
)
from rnntext.errors import UsageError
from rnntext.families import TRANSLATOR
from rnntext.settings.base import DATA, JOB, OUTPUT, SEARCH
from rnntext.settings.search import SearchConfig
from rnntext.settings.translator import ENGINES
from rnntext.text.documents import FORMATS
from rnntext.text.sources import expanded

if TYPE_CHECKING:
    from rnntext.jobs.answers import Translation
    from rnntext.jobs.translate import Item
    from rnntext.jobs.translation import TranslationModel
    from rnntext.text.glossary import Glossary

    Interpret = Callable[[Results, TranslationModel, SearchConfig, Glossary | None], None]

Scores = Annotated[
    bool,
    typer.Option("--scores", help="Begin each translation with its score and a TAB.", rich_help_panel=OUTPUT),
]
Alignment = Annotated[
    Path | None,
    output_option(pictures.check, "Draw the attention weights of one line into FILE (.png, .svg or .pdf)."),
]
Interactive = Annotated[
    bool,
    typer.Option(
        "--interactive",
        help="Translate sentences as they are typed, with commands that change settings.",
        rich_help_panel=SEARCH,
    ),
]
GlossaryFile = Annotated[
    str | None,
    typer.Option(
        "--glossary",
        metavar="TERMS.tsv",
        help="Translate terms as this file says: a term, a TAB and its translation on each line.",
        rich_help_panel=SEARCH,
    ),
]
InputFormat = Annotated[
    str,
    choice(
        'Format of the input; jsonl: JSON objects, which are written with the results in one more field, "rnntext"; '
        "others: documents, of which all but the texts stays as it is.",
        *("text", "jsonl", *FORMATS),
        name="input_format",
        group=DATA,
        flags=["--format"],
    ),
]
Field = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The field of a JSON object that is translated; goes with --input-format jsonl.",
        show_default="text",
        rich_help_panel=DATA,
    ),
]
Engine = Annotated[
    str,
    choice(
        "Inference engine; ctranslate2 runs Transformers with 8-bit weights, and is an optional extra.",
        *ENGINES,
        name="engine",
        group=JOB,
    ),
]
Jobs = Annotated[
    int,
    typer.Option(min=1, help="Number of parallel processes, or threads of CTranslate2.", rich_help_panel=JOB),
]


@command(
    "rnntext translate -m es < english.txt > spanish.txt",
    'echo "I am here." | rnntext translate -m es --n-best 3',
    "rnntext translate -m es --interactive",
)
def translate(
    *,
    files: Files = None,
    model: Models = [TRANSLATOR.name],  # noqa: B006
    version: Version = None,
    ensemble: Ensemble = None,
    search: SearchConfig,
    glossary: GlossaryFile = None,
    interactive: Interactive = False,
    scores: Scores = False,
    alignment: Alignment = None,
    input_format: InputFormat = "text",
    field: Field = None,
    engine: Engine = "numpy",
    jobs: Jobs = 1,
    threads: Threads = 1,
    output: Output = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Translate text, line by line: each line read is one line written; or a document, with --format."""
    from rnntext.jobs.documents import translate_document
    from rnntext.jobs.load import find, load_translation
    from rnntext.jobs.translate import translate_stream

    # 1. Load the model, and decide what its search has to compute.
    others = any((alignment, scores, as_json))
    interpret = _interpreter(output, bool(files) or others or input_format != "text") if interactive else None
    sources = expanded(files or ["-"])
    _check_document(input_format, sources, others or search.n_best > 1)
    field = _field(field, input_format == "jsonl")
    paths = [find(name, TRANSLATOR, version, ensemble) for name in model]
    loaded = load_translation(paths, threads, engine, jobs, version, ensemble)
    search = _computing(search, loaded, alignment, as_json, scores or field is not None)
    terms = loaded.glossary(glossary)
    # 2. Translate sentence by sentence, or a document, or line by line.
    writer = Writer(field, as_json, search.n_best, scores, search.with_attention)
    with results(output) as out:
        if interpret is not None:
            interpret(out, loaded, search, terms)
            return
        if input_format in FORMATS:
            out.write(translate_document(loaded, sources[0], input_format, search, jobs, terms))
            return
        translations = translate_stream(loaded, sources, search, field, jobs, lambda text: note(text, quiet), terms)
        if alignment is not None:
            translations = _drawn(translations, alignment)
        for item, translation in translations:
            writer.write(out, item, translation)
            out.flush()  # the next line may come much later
    writer.warn(quiet)


def _computing(
    search: SearchConfig, model: TranslationModel, alignment: Path | None, as_json: bool, scores: bool
) -> SearchConfig:
    """The search that computes what is written.

    Args:
        alignment: the picture of attention weights, if it is asked for.
        as_json: whether all is written.
        scores: whether scores are.

    Raises:
        UsageError: a picture is asked for, and the model has no attention.
    """
    if alignment is not None and not model.attends:
        raise UsageError(f"--alignment {alignment}: this model was trained with --attention none; it looks at nothing")
    with_attention = model.attends and (alignment is not None or as_json)
    return dataclasses.replace(search, with_attention=with_attention, with_scores=scores or as_json)


def _field(field: str | None, jsonl: bool) -> str | None:
    """The field of JSON objects that is translated; None if the lines are text.

    Raises:
        UsageError: a field is named, but the lines are text.
    """
    from rnntext.jobs.translate import TEXT

    if field is not None and not jsonl:
        raise UsageError(f"--field {field}: goes with --input-format jsonl; lines of text have no fields")
    return TEXT if field is None and jsonl else field


def _check_document(format: str, sources: Sequence[str], others: bool) -> None:
    """Checks that one document is read, and nothing else written, if the format is that of documents.

    Args:
        others: whether something else is asked for.

    Raises:
        UsageError: it is, or there are several documents.
    """
    if format not in FORMATS:
        return
    if others:
        raise UsageError(f"--format {format}: a document is written; leave out --n-best, --scores, --json, --alignment")
    if len(sources) > 1:
        raise UsageError(f"--format {format}: takes one document at a time, not {len(sources)}")


def _interpreter(output: Path | None, others: bool) -> Interpret:
    """The function that holds the conversation of --interactive.

    Args:
        others: whether something is asked for that does not go with it.

    Raises:
        UsageError: so it is, or there is no terminal.
    """
    from rnntext.cli.conversation import check_terminal
    from rnntext.cli.interpreting import interpret

    if others:
        raise UsageError("--interactive: takes sentences from the terminal; leave out files and options of output")
    check_terminal(output)
    return interpret


def _drawn(translations: Iterator[tuple[Item, Translation]], path: Path) -> Iterator[tuple[Item, Translation]]:
    """Yields the translation of the only line, after its attention has been drawn; raises UsageError if there are more
    lines."""
    from rnntext.cli.alignment import draw, show

    lines = list(itertools.islice(translations, 2))
    if len(lines) > 1:
        raise UsageError(f"--alignment {path}: one line makes one picture; --json gives the numbers of all")
    for item, translation in lines:
        draw(path, translation)
        if on_terminal():
            show(translation)
        yield item, translation
