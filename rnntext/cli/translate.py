"""The command `translate`: translates text line by line."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnntext.cli import pictures
from rnntext.cli.command import command
from rnntext.cli.console import INVALID, Results, note, on_terminal, results, tell_count
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

if TYPE_CHECKING:
    from rnntext.jobs.translate import Item
    from rnntext.jobs.translation import Answer, Translation, TranslationModel

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
InputFormat = Annotated[
    str,
    choice(
        'Format of the input; jsonl: JSON objects, which are written with the results in one more field, "rnntext".',
        *("text", "jsonl"),
        name="input_format",
        group=DATA,
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
    """Translate text, line by line: each line read is one line written."""
    from rnntext.jobs.load import find, load_translation
    from rnntext.jobs.translate import translate_stream
    from rnntext.text.sources import expanded

    if interactive:
        interpret = _interpreter(output, any((files, alignment, scores, as_json, input_format != "text")))
    # 1. Load the model, and decide what its search has to compute.
    jsonl = input_format == "jsonl"
    field = _field(field, jsonl)
    paths = [find(name, TRANSLATOR, version, ensemble) for name in model]
    loaded = load_translation(paths, threads, engine, jobs, version, ensemble)
    if alignment is not None and not loaded.attends:
        raise UsageError(f"--alignment {alignment}: this model was trained with --attention none; it looks at nothing")
    with_attention = loaded.attends and (alignment is not None or as_json)
    with_scores = scores or as_json or jsonl
    search = dataclasses.replace(search, with_attention=with_attention, with_scores=with_scores)
    # 2. Translate line by line.
    writer = _Writer(field, as_json, search.n_best, scores, with_attention)
    with results(output) as out:
        if interactive:
            interpret(out, loaded, search)
            return
        sources = expanded(files or ["-"])
        translations = translate_stream(loaded, sources, search, field, jobs, lambda remark: note(remark, quiet))
        if alignment is not None:
            translations = _drawn(translations, alignment)
        for item, translation in translations:
            writer.write(out, item, translation)
            out.flush()  # the next line may come much later
    writer.warn(quiet)


def _field(field: str | None, jsonl: bool) -> str | None:
    """The field of JSON objects that is translated; None if the lines are text.

    Raises:
        UsageError: a field is named, but the lines are text.
    """
    from rnntext.jobs.translate import TEXT

    if field is not None and not jsonl:
        raise UsageError(f"--field {field}: goes with --input-format jsonl; lines of text have no fields")
    return TEXT if field is None and jsonl else field


def _interpreter(output: Path | None, others: bool) -> Callable[[Results, TranslationModel, SearchConfig], None]:
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


class _Writer:
    """Writes translations as plain text, with scores, as n-best lists or as JSON, and counts unusual lines.

    Args:
        field: the field that is translated, if the lines are JSON objects.
        as_json: write JSON lines.
        n_best: number of translations of each line.
        scores: begin each line with its score and a TAB.
        attention: write attention weights, with JSON.
    """

    def __init__(self, field: str | None, as_json: bool, n_best: int, scores: bool, attention: bool) -> None:
        self.field = field
        self.as_json = as_json
        self.n_best = n_best
        self.scores = scores
        self.attention = attention
        self.lines = 0  # number of lines written
        self.invalid = 0  # of them: not UTF-8
        self.cut = 0  # translated in parts
        self.errors = 0  # no JSON object with a text

    def write(self, out: Results, item: Item, translation: Translation) -> None:
        """Writes the translations of one line."""
        self.invalid += not item.line.valid
        self.cut += translation.parts > 1
        self.errors += item.error is not None
        end = "\r\n" if item.line.crlf else "\n"
        for text in self._lines(item, translation):
            out.write(text + end)
        self.lines += 1

    def _lines(self, item: Item, translation: Translation) -> Iterator[str]:
        """The output for one line, without line ends."""
        best = translation.answers[0]
        if self.field is not None:
            yield item.with_result(self._result(item, translation))
        elif self.as_json:
            record = {"text": item.text, **self._result(item, translation)}
            yield json.dumps(record, ensure_ascii=False)
        elif self.n_best > 1:
            for answer in translation.answers:
                features = f"LogProb= {answer.log_probability:.4f}"
                yield f"{self.lines} ||| {answer.text} ||| {features} ||| {answer.score:.4f}"
        elif self.scores:
            yield f"{best.score:.4f}\t{best.text}"
        else:
            yield best.text

    def _result(self, item: Item, translation: Translation) -> dict[str, Any]:
        """The translations of one line with their numbers, and what was wrong with it, for JSON."""
        if item.error is not None:
            return {"error": item.error}
        best = translation.answers[0]
        result = _fields(best)
        if self.n_best > 1:
            result["n_best"] = [_fields(answer) for answer in translation.answers]
        if self.attention and best.attention is not None:
            result["source_tokens"] = translation.source_tokens
            result["target_tokens"] = best.tokens
            result["attention"] = [[round(float(weight), 4) for weight in row] for row in best.attention]
        if not item.line.valid:
            result["error"] = INVALID
        return result

    def warn(self, quiet: bool) -> None:
        """Prints a warning with the count of each kind of unusual lines.

        Args:
            quiet: print nothing.
        """
        tell_count(self.invalid, INVALID, quiet)
        tell_count(self.cut, "split, and translated in parts; --no-split leaves lines whole", quiet)
        tell_count(self.errors, f'not a JSON object with a text in "{self.field}"; the answer says "error"', quiet)
        if self.lines and self.errors == self.lines:  # No error: an engine may have put bad lines alone into a part.
            note("rnntext: that was every line: name the field with --field, or leave out --input-format jsonl", quiet)


def _fields(answer: Answer) -> dict[str, Any]:
    """A translation with its numbers, for JSON."""
    return {"translation": answer.text, "score": answer.score, "log_probability": answer.log_probability}


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
