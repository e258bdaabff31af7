"""train-translate, translate, evaluate."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnntext.cli import options
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
    pick,
    print_settings,
)
from rnntext.cli.training import Family, Start, training_command
from rnntext.config import (
    ARCHITECTURES,
    JobConfig,
    SearchConfig,
    TranslatorConfig,
    TranslatorTraining,
    check_choice,
)
from rnntext.errors import UsageError
from rnntext.text.catalogue import DEFAULT_PAIRS

if TYPE_CHECKING:
    from rnntext.jobs.promotion import Outcome
    from rnntext.jobs.translate import Item
    from rnntext.jobs.translation import Answer, Translation
    from rnntext.train.observer import Observer

NAME = "translator"

Beam = Annotated[int, typer.Option(help="Hypotheses kept while searching; 1: greedy.")]
LengthPenalty = Annotated[float, typer.Option(help="Above 0: longer answers are favoured.")]
MaxLength = Annotated[
    int | None, typer.Option(help="Most tokens of an answer.", show_default="twice the source's and ten more")
]
SearchBatch = Annotated[int, typer.Option("--batch-tokens", min=1, help="Source tokens translated side by side.")]


@training_command(Family(NAME, "tokens", "bleu", "BLEU", "translate"))
def train(
    context: typer.Context,
    pairs: Annotated[
        str | None,
        typer.Argument(metavar="PAIRS.tsv", help="Lines of source TAB target; - for stdin, or a corpus by name."),
    ] = None,
    source: Annotated[str | None, typer.Option(metavar="FILE", help="Source sentences, one a line ...")] = None,
    target: Annotated[
        str | None, typer.Option(metavar="FILE", help="... and their translations, line by line.")
    ] = None,
    reverse: Annotated[bool, typer.Option("--reverse", help="Swap source and target.")] = False,
    model: Model = NAME,
    architecture: Annotated[
        str, typer.Option(metavar="|".join(ARCHITECTURES), help="Kind of encoder-decoder.")
    ] = "transformer",
    layers: Annotated[
        int | None, typer.Option(help="Layers on each side.", show_default=options.by_architecture("layers"))
    ] = None,
    units: Annotated[int | None, typer.Option(help="Width.", show_default=options.by_architecture("units"))] = None,
    embedding: Annotated[
        int | None,
        typer.Option(help="Numbers that stand for a token.", show_default=options.by_architecture("embedding")),
    ] = None,
    heads: options.Heads = None,
    feedforward: options.Feedforward = None,
    positions: options.Positions = None,
    attention: options.Attention = None,
    untied: Annotated[
        bool, typer.Option("--untied", help="Embeddings and output layer each have weights of their own.")
    ] = False,
    tokens: options.Tokens = "subword",
    separate: Annotated[
        bool, typer.Option("--separate", help="A vocabulary for each language instead of one for both.")
    ] = False,
    lowercase: options.Lowercase = False,
    vocabulary_size: Annotated[
        int, typer.Option(help="Most tokens of a vocabulary.")
    ] = TranslatorTraining.vocabulary_size,
    subword_sampling: Annotated[
        float | None,
        typer.Option(
            help="Rate at which merges of subwords are left out in training (BPE-dropout).",
            show_default=str(TranslatorTraining.subword_sampling),
        ),
    ] = None,
    longest: Annotated[
        int, typer.Option(help="Leave out pairs with more tokens on a side; translate cuts longer lines.")
    ] = TranslatorTraining.longest,
    validation: Annotated[
        str | None,
        typer.Option(
            metavar="FRACTION|PAIRS.tsv",
            help="Held-out pairs: a fraction (at most some 2,000), or a file.",
            show_default="0.1",
        ),
    ] = None,
    validation_source: Annotated[str | None, typer.Option(metavar="FILE", help="Held-out source sentences ...")] = None,
    validation_target: Annotated[str | None, typer.Option(metavar="FILE", help="... and their translations.")] = None,
    encoding_errors: options.EncodingErrors = "strict",
    epochs: options.Epochs = None,
    steps: options.Steps = None,
    time_limit: options.TimeLimit = None,
    patience: options.Patience = None,
    batch_tokens: options.BatchTokens = TranslatorTraining.batch_tokens,
    accumulate: options.Accumulate = TranslatorTraining.accumulate,
    learning_rate: options.LearningRate = TranslatorTraining.learning_rate,
    warmup: options.Warmup = TranslatorTraining.warmup,
    schedule: options.Schedule = TranslatorTraining.schedule,
    dropout: options.Dropout = TranslatorTraining.dropout,
    smoothing: Annotated[float, typer.Option(help="Smoothing of the labels.")] = TranslatorTraining.smoothing,
    precision: options.Precision = TranslatorTraining.precision,
    seed: options.Seed = TranslatorTraining.seed,
    relearn_tokens: options.RelearnTokens = False,
) -> Start:
    """Train a translation model on pairs of sentences (default: a bundled corpus) and put it into service.

    Interrupted at any moment, the same command goes on where it was. Repeated when the pairs have changed, it trains a
    new version that begins where the last one ended. With -v, some translations are shown at each evaluation.
    """
    shape, budget = _shape(context.params), _budget(context.params)
    for name, value in {**shape.to_json(), **budget.to_json()}.items():
        if context.params.get(name) is None:
            context.params[name] = value  # for --print-config: what the other options made of it
    pairs = DEFAULT_PAIRS if (pairs, source, target) == (None, None, None) else pairs
    data = _files("PAIRS.tsv or --source and --target", pairs, source, target)
    if (validation, validation_source, validation_target) == (None, None, None):
        validation = "0.1"
    held_out = _files(
        "--validation or --validation-source and --validation-target", validation, validation_source, validation_target
    )

    def start(path: Path, job: JobConfig, observer: Observer) -> Outcome:
        from rnntext.jobs.train_translate import train_translate

        return train_translate(
            data,
            path,
            shape,
            budget,
            validation=held_out,
            reverse=reverse,
            encoding_errors=encoding_errors,
            relearn_tokens=relearn_tokens,
            job=job,
            observer=observer,
        )

    return start


def _shape(values: dict[str, Any]) -> TranslatorConfig:
    """The model's config; an option that the architecture does not have is refused."""
    check_choice("architecture", values["architecture"], tuple(ARCHITECTURES))
    cls = ARCHITECTURES[values["architecture"]]
    chosen: dict[str, Any] = {"tied": not values["untied"], "joint": not values["separate"]}
    chosen |= {name: values[name] for name in ("tokens", "lowercase")}
    for name in ("layers", "units", "embedding", "heads", "feedforward", "positions", "attention"):
        if values[name] is None:
            continue
        if not hasattr(cls, name):
            raise UsageError(f"--{name} {values[name]}: --architecture {values['architecture']} has no such thing")
        chosen[name] = values[name]
    return cls(**chosen)


def _budget(values: dict[str, Any]) -> TranslatorTraining:
    """The training's config; sampling subwords where there are none is refused."""
    sampling, tokens = values["subword_sampling"], values["tokens"]
    if sampling and tokens != "subword":
        raise UsageError(f"--subword-sampling {sampling}: --tokens {tokens} has no subwords")
    chosen = {name: value for name, value in values.items() if value is not None}
    return pick(TranslatorTraining, chosen if tokens == "subword" else {**chosen, "subword_sampling": 0.0})


def _files(what: str, one: str | None, source: str | None, target: str | None) -> str | tuple[str, str]:
    """One file of pairs, or two aligned ones."""
    if one is not None and source is None and target is None:
        return one
    if one is None and source is not None and target is not None:
        return source, target
    raise UsageError(f"give either {what}")


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
        typer.Option(metavar="FILE", help="Draw how the answer looked at the source (.png, .svg, ...; one line)."),
    ] = None,
    input_format: Annotated[
        str, typer.Option(metavar="text|jsonl", help='jsonl: objects with a "text"; other fields pass through.')
    ] = "text",
    batch_tokens: SearchBatch = 1024,
    jobs: Annotated[int, typer.Option(min=1, help="Processes that work side by side.")] = 1,
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
    if print_config:
        print_settings(context)
        return
    from rnntext.jobs.load import load_translation
    from rnntext.jobs.translate import Request, translate_stream
    from rnntext.storage.models import find

    loaded = load_translation(find(model, "train-translate"), threads)
    jsonl = input_format == "jsonl"
    if alignment is not None and not loaded.attends:
        raise UsageError(f"--alignment {alignment}: this model was trained with --attention none; it looks at nothing")
    wants_attention = loaded.attends and (alignment is not None or as_json)
    request = Request(search, batch_tokens, wants_attention, jsonl)
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
    batch_tokens: SearchBatch = 1024,
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
    if print_config:
        print_settings(context)
        return
    from rnntext.jobs.evaluate import evaluate as run
    from rnntext.jobs.load import load_translation
    from rnntext.storage.models import find

    loaded = load_translation(find(model, "train-translate"), threads)
    found = run(loaded, source, reference, search, lowercase, batch_tokens)
    with results(output) as out:
        if as_json:
            out.write(json.dumps(found.to_json()) + "\n")
            return
        for name, score in found.scores.items():
            label = {"bleu": "BLEU", "chrf": "chrF", "ter": "TER"}[name]
            out.write(f"{label:4} {score:6.2f}  {found.signatures[name]}\n")
    note(f"{found.lines} lines, {found.lines / found.seconds:.1f} lines/s", quiet)
