"""The commands `translate` and `evaluate`."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnntext.cli import pictures
from rnntext.cli.command import command
from rnntext.cli.console import INVALID, Results, note, on_terminal, results, tell_count
from rnntext.cli.options import Files, Json, Model, Output, Quiet, Threads, checked, choice, field
from rnntext.errors import UsageError
from rnntext.families import TRANSLATOR
from rnntext.settings.base import DATA, JOB, OUTPUT
from rnntext.settings.translator import ENGINES, SearchConfig

if TYPE_CHECKING:
    from rnntext.jobs.translate import Item
    from rnntext.jobs.translation import Answer, Translation

Scores = Annotated[
    bool,
    typer.Option("--scores", help="Begin each translation with its score and a TAB.", rich_help_panel=OUTPUT),
]
Alignment = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        callback=checked(pictures.check),
        help="Draw the attention weights of one line into FILE (.png, .svg or .pdf).",
        rich_help_panel=OUTPUT,
    ),
]
InputFormat = Annotated[
    str,
    choice(
        'Format of the input; jsonl: JSON objects, whose field "text" is translated and whose other fields are kept.',
        *("text", "jsonl"),
        name="input_format",
        group=DATA,
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
# The options of SearchConfig that `evaluate` has: all but --n-best.
Beam = Annotated[int, field(SearchConfig, "beam")]
LengthPenalty = Annotated[float, field(SearchConfig, "length_penalty")]
MaxLength = Annotated[int | None, field(SearchConfig, "max_length")]
NoRepeatNgram = Annotated[int | None, field(SearchConfig, "no_repeat_ngram")]
Split = Annotated[bool, field(SearchConfig, "split")]
BatchTokens = Annotated[int, field(SearchConfig, "batch_tokens")]
Lowercase = Annotated[bool, typer.Option("--lowercase", help="Compare without regard to case.", rich_help_panel=DATA)]


@command(
    "rnntext translate -m es < english.txt > spanish.txt",
    'echo "I am here." | rnntext translate -m es --n-best 3',
)
def translate(
    *,
    files: Files = None,
    model: Model = TRANSLATOR.name,
    search: SearchConfig,
    scores: Scores = False,
    alignment: Alignment = None,
    input_format: InputFormat = "text",
    engine: Engine = "numpy",
    jobs: Jobs = 1,
    threads: Threads = 1,
    output: Output = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Translate text, line by line: each line read is one line written."""
    from rnntext.jobs.load import load_translation
    from rnntext.jobs.translate import translate_stream
    from rnntext.storage.models import find

    # 1. Load the model, and decide what its search has to compute.
    loaded = load_translation(find(model, TRANSLATOR.train), threads, engine, jobs)
    jsonl = input_format == "jsonl"
    if alignment is not None and not loaded.attends:
        raise UsageError(f"--alignment {alignment}: this model was trained with --attention none; it looks at nothing")
    with_attention = loaded.attends and (alignment is not None or as_json)
    with_scores = scores or as_json or jsonl
    search = dataclasses.replace(search, with_attention=with_attention, with_scores=with_scores)
    # 2. Translate line by line.
    writer = _Writer(as_json or jsonl, search.n_best, scores, with_attention)
    with results(output) as out:
        translations = translate_stream(loaded, files or ["-"], search, jsonl, jobs)
        if alignment is not None:
            translations = _drawn(translations, alignment)
        for item, translation in translations:
            writer.write(out, item, translation)
            out.flush()  # the next line may come much later
    writer.warn(quiet)


class _Writer:
    """Writes translations as plain text, with scores, as n-best lists or as JSON, and counts unusual lines.

    Args:
        as_json: write JSON lines.
        n_best: number of translations of each line.
        scores: begin each line with its score and a TAB.
        attention: write attention weights, with JSON.
    """

    def __init__(self, as_json: bool, n_best: int, scores: bool, attention: bool) -> None:
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
        if self.as_json:
            record = self._record(item, translation)
            yield json.dumps(record, ensure_ascii=False)
        elif self.n_best > 1:
            for answer in translation.answers:
                features = f"LogProb= {answer.log_probability:.4f}"
                yield f"{self.lines} ||| {answer.text} ||| {features} ||| {answer.score:.4f}"
        elif self.scores:
            yield f"{best.score:.4f}\t{best.text}"
        else:
            yield best.text

    def _record(self, item: Item, translation: Translation) -> dict[str, Any]:
        """The JSON object for one line."""
        record: dict[str, Any] = dict(item.fields) if item.fields is not None else {"text": item.text}
        if item.error is not None:
            return {**record, "error": item.error}
        best = translation.answers[0]
        record |= _fields(best)
        if self.n_best > 1:
            record["n_best"] = [_fields(answer) for answer in translation.answers]
        if self.attention and best.attention is not None:
            record["source_tokens"] = translation.source_tokens
            record["target_tokens"] = best.tokens
            record["attention"] = [[round(float(weight), 4) for weight in row] for row in best.attention]
        return record

    def warn(self, quiet: bool) -> None:
        """Prints a warning with the count of each kind of unusual lines.

        Args:
            quiet: print nothing.
        """
        tell_count(self.invalid, INVALID, quiet)
        tell_count(self.cut, "split, and translated in parts; --no-split leaves lines whole", quiet)
        tell_count(self.errors, 'not a JSON object with a "text"; the answer says "error"', quiet)


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


@command("rnntext evaluate test.en test.es -m es --beam 1")
def evaluate(
    *,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The file to translate; - reads stdin.")],
    reference: Annotated[str, typer.Argument(metavar="REFERENCE", help="The correct translations, line by line.")],
    model: Model = TRANSLATOR.name,
    beam: Beam = SearchConfig.beam,
    length_penalty: LengthPenalty = SearchConfig.length_penalty,
    max_length: MaxLength = SearchConfig.max_length,
    no_repeat_ngram: NoRepeatNgram = SearchConfig.no_repeat_ngram,
    split: Split = SearchConfig.split,
    batch_tokens: BatchTokens = SearchConfig.batch_tokens,
    lowercase: Lowercase = False,
    engine: Engine = "numpy",
    threads: Threads = 1,
    output: Output = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Translate SOURCE and compare the translations with REFERENCE: BLEU, chrF and TER, computed by sacreBLEU."""
    # 1. Translate and compare.
    search = SearchConfig(
        beam=beam,
        length_penalty=length_penalty,
        max_length=max_length,
        no_repeat_ngram=no_repeat_ngram,
        split=split,
        batch_tokens=batch_tokens,
    )
    from rnntext.jobs.evaluate import evaluate as run
    from rnntext.jobs.load import load_translation
    from rnntext.storage.models import find

    loaded = load_translation(find(model, TRANSLATOR.train), threads, engine)
    evaluation = run(loaded, source, reference, search, lowercase)
    # 2. Write the scores.
    with results(output) as out:
        if as_json:
            out.write(json.dumps(evaluation.to_json()) + "\n")
            return
        for name, score in evaluation.scores.items():
            label = {"bleu": "BLEU", "chrf": "chrF", "ter": "TER"}[name]
            out.write(f"{label:4} {score:6.2f}  {evaluation.signatures[name]}\n")
    rate = evaluation.lines / evaluation.seconds
    note(f"{evaluation.lines} lines, {rate:.1f} lines/s", quiet)
