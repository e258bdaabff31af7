"""translate, evaluate."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnntext.cli import pictures
from rnntext.cli.console import INVALID, Results, note, on_terminal, results, tell_count
from rnntext.cli.options import (
    ConfigFile,
    Json,
    Model,
    Output,
    PrintConfig,
    Quiet,
    Threads,
    Verbose,
    checked,
    pick,
    print_settings,
)
from rnntext.config import ENGINES, SEARCH_TOKENS, SearchConfig, check_choice
from rnntext.errors import UsageError

if TYPE_CHECKING:
    from rnntext.jobs.translate import Item
    from rnntext.jobs.translation import Answer, Translation

NAME = "translator"

Beam = Annotated[int, typer.Option(help="Hypotheses kept while searching; 1: greedy.")]
LengthPenalty = Annotated[float, typer.Option(help="Above 0: longer answers are favoured.")]
MaxLength = Annotated[
    int | None, typer.Option(help="Most tokens of an answer.", show_default="twice the source's and ten more")
]
Engine = Annotated[
    str,
    typer.Option(metavar="|".join(ENGINES), help="What computes; ctranslate2: 8-bit Transformers, an optional extra."),
]
SearchBatch = Annotated[
    int, typer.Option("--batch-tokens", min=1, help="Source tokens x hypotheses computed side by side.")
]


def translate(
    context: typer.Context,
    files: Annotated[
        list[str] | None, typer.Argument(metavar="FILE", help="Files, or - for stdin (the default).")
    ] = None,
    model: Model = NAME,
    beam: Beam = SearchConfig.beam,
    length_penalty: LengthPenalty = SearchConfig.length_penalty,
    n_best: Annotated[
        int, typer.Option(help="Answers for each line, numbered: line ||| answer ||| features ||| score.")
    ] = SearchConfig.n_best,
    scores: Annotated[bool, typer.Option("--scores", help="Begin each answer with its score and a TAB.")] = False,
    max_length: MaxLength = SearchConfig.max_length,
    alignment: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            callback=checked(pictures.check),
            help="Draw how the answer looked at the source (.png, .svg, ...; one line).",
        ),
    ] = None,
    input_format: Annotated[
        str, typer.Option(metavar="text|jsonl", help='jsonl: objects with a "text"; other fields pass through.')
    ] = "text",
    batch_tokens: SearchBatch = SEARCH_TOKENS,
    engine: Engine = "numpy",
    jobs: Annotated[int, typer.Option(min=1, help="Processes, or threads of CTranslate2, side by side.")] = 1,
    threads: Threads = 1,
    output: Output = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    config: ConfigFile = None,
    print_config: PrintConfig = False,
) -> None:
    """Translate lines: a line in is a line out."""
    search = pick(SearchConfig, context.params)
    check_choice("input_format", input_format, ("text", "jsonl"))
    check_choice("engine", engine, ENGINES)
    if print_config:
        print_settings(context)
        return
    from rnntext.jobs.load import load_translation
    from rnntext.jobs.translate import Request, translate_stream
    from rnntext.storage.models import find

    loaded = load_translation(find(model, "train-translate"), threads, engine, jobs)
    jsonl = input_format == "jsonl"
    if alignment is not None and not loaded.attends:
        raise UsageError(f"--alignment {alignment}: this model was trained with --attention none; it looks at nothing")
    wants_attention = loaded.attends and (alignment is not None or as_json)
    wants_scores = scores or as_json or jsonl
    request = Request(search, batch_tokens, wants_attention, wants_scores, jsonl)
    writer = _Writer(as_json or jsonl, n_best, scores, wants_attention)
    with results(output) as out:
        found = translate_stream(loaded, files or ["-"], request, jobs)
        for item, translation in found if alignment is None else _drawn(found, alignment):
            writer.write(out, item, translation)
            out.flush()  # the next line may be long in coming
    writer.tell(loaded.longest, quiet)


class _Writer:
    """Writes translations in one of four forms, and counts what its user should know."""

    def __init__(self, as_json: bool, n_best: int, scores: bool, attention: bool) -> None:
        self.as_json, self.n_best, self.scores, self.attention = as_json, n_best, scores, attention
        self.lines = self.invalid = self.cut = self.errors = 0

    def write(self, out: Results, item: Item, translation: Translation) -> None:
        """Everything about one line."""
        self.invalid += not item.line.valid
        self.cut += translation.parts > 1
        self.errors += item.error is not None
        end = "\r\n" if item.line.crlf else "\n"
        for text in self._lines(item, translation):
            out.write(text + end)
        self.lines += 1

    def _lines(self, item: Item, translation: Translation) -> Iterator[str]:
        if self.as_json:
            yield json.dumps(self._record(item, translation), ensure_ascii=False)
        elif self.n_best > 1:
            for answer in translation.answers:
                features = f"LogProb= {answer.log_probability:.4f}"
                yield f"{self.lines} ||| {answer.text} ||| {features} ||| {answer.score:.4f}"
        else:
            yield f"{translation.answers[0].score:.4f}\t{translation.text}" if self.scores else translation.text

    def _record(self, item: Item, translation: Translation) -> dict[str, Any]:
        record: dict[str, Any] = dict(item.fields) if item.fields is not None else {"text": item.text}
        if item.error is not None:
            return {**record, "error": item.error}
        record |= {"translation": translation.text, **_numbers(translation.answers[0])}
        if self.n_best > 1:
            record["n_best"] = [{"translation": a.text, **_numbers(a)} for a in translation.answers]
        attention = translation.answers[0].attention
        if self.attention and attention is not None:
            record["source_tokens"], record["target_tokens"] = translation.source_tokens, translation.answers[0].tokens
            record["attention"] = [[round(float(weight), 4) for weight in row] for row in attention]
        return record

    def tell(self, longest: int, quiet: bool) -> None:
        """Warnings, each with its count."""
        for count, what in [
            (self.invalid, INVALID),
            (self.cut, f"longer than the {longest} tokens that the model knows, and translated in parts"),
            (self.errors, 'not a JSON object with a "text"; the answer says "error"'),
        ]:
            tell_count(count, what, quiet)


def _numbers(answer: Answer) -> dict[str, float]:
    return {"score": answer.score, "log_probability": answer.log_probability}


def _drawn(found: Iterator[tuple[Item, Translation]], path: Path) -> Iterator[tuple[Item, Translation]]:
    """Draws the attention of the only line on its way; refuses more lines."""
    from rnntext.cli.alignment import draw, show

    lines = list(itertools.islice(found, 2))
    if len(lines) > 1:
        raise UsageError(f"--alignment {path}: one line makes one picture; --json gives the numbers of all")
    for item, translation in lines:
        draw(path, translation)
        if on_terminal():
            show(translation)
        yield item, translation


def evaluate(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="What to translate, or -.")],
    reference: Annotated[str, typer.Argument(metavar="REFERENCE", help="What should come out, line by line.")],
    model: Model = NAME,
    beam: Beam = SearchConfig.beam,
    length_penalty: LengthPenalty = SearchConfig.length_penalty,
    max_length: MaxLength = SearchConfig.max_length,
    lowercase: Annotated[bool, typer.Option("--lowercase", help="Compare without regard to capitals.")] = False,
    batch_tokens: SearchBatch = SEARCH_TOKENS,
    engine: Engine = "numpy",
    threads: Threads = 1,
    output: Output = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    config: ConfigFile = None,
    print_config: PrintConfig = False,
) -> None:
    """Compare translations with a reference: BLEU, chrF and TER, by sacreBLEU."""
    search = pick(SearchConfig, context.params)
    check_choice("engine", engine, ENGINES)
    if print_config:
        print_settings(context)
        return
    from rnntext.jobs.evaluate import evaluate as run
    from rnntext.jobs.load import load_translation
    from rnntext.storage.models import find

    loaded = load_translation(find(model, "train-translate"), threads, engine)
    found = run(loaded, source, reference, search, lowercase, batch_tokens)
    with results(output) as out:
        if as_json:
            out.write(json.dumps(found.to_json()) + "\n")
            return
        for name, score in found.scores.items():
            label = {"bleu": "BLEU", "chrf": "chrF", "ter": "TER"}[name]
            out.write(f"{label:4} {score:6.2f}  {found.signatures[name]}\n")
    note(f"{found.lines} lines, {found.lines / found.seconds:.1f} lines/s", quiet)
