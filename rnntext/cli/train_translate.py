"""train-translate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnntext.cli import options
from rnntext.cli.options import Model, pick
from rnntext.cli.training import Family, Start, training_command
from rnntext.cli.translate import NAME
from rnntext.config import ARCHITECTURES, JobConfig, TranslatorConfig, TranslatorTraining, check_choice
from rnntext.errors import UsageError
from rnntext.text.catalogue import DEFAULT_PAIRS

if TYPE_CHECKING:
    from rnntext.jobs.promotion import Outcome
    from rnntext.train.observer import Observer

Pairs = Annotated[
    str | None,
    typer.Argument(metavar="PAIRS.tsv", help="Lines of source TAB target; - for stdin, or a corpus by name."),
]
Source = Annotated[str | None, typer.Option(metavar="FILE", help="Source sentences, one a line ...")]
Target = Annotated[str | None, typer.Option(metavar="FILE", help="... and their translations, line by line.")]
Reverse = Annotated[bool, typer.Option("--reverse", help="Swap source and target.")]
Architecture = Annotated[str, typer.Option(metavar="|".join(ARCHITECTURES), help="Kind of encoder-decoder.")]
Layers = Annotated[
    int | None, typer.Option(help="Layers on each side.", show_default=options.by_architecture("layers"))
]
Units = Annotated[int | None, typer.Option(help="Width.", show_default=options.by_architecture("units"))]
Embedding = Annotated[
    int | None,
    typer.Option(help="Numbers that stand for a token.", show_default=options.by_architecture("embedding")),
]
Untied = Annotated[bool, typer.Option("--untied", help="Embeddings and output layer each have weights of their own.")]
Separate = Annotated[bool, typer.Option("--separate", help="A vocabulary for each language instead of one for both.")]
VocabularySize = Annotated[int, typer.Option(help="Most tokens of a vocabulary.")]
SubwordSampling = Annotated[
    float | None,
    typer.Option(
        help="Rate at which merges of subwords are left out in training (BPE-dropout).",
        show_default=str(TranslatorTraining.subword_sampling),
    ),
]
Longest = Annotated[int, typer.Option(help="Leave out pairs with more tokens on a side.")]
HeldOut = Annotated[
    str | None,
    typer.Option(
        metavar="FRACTION|PAIRS.tsv",
        help="Held-out pairs: a fraction (at most some 2,000), or a file.",
        show_default="0.1",
    ),
]
HeldOutSource = Annotated[str | None, typer.Option(metavar="FILE", help="Held-out source sentences ...")]
HeldOutTarget = Annotated[str | None, typer.Option(metavar="FILE", help="... and their translations.")]
Smoothing = Annotated[float, typer.Option(help="Smoothing of the labels.")]


@training_command(Family(NAME, "tokens", "bleu", "BLEU", "translate"))
def train(
    context: typer.Context,
    pairs: Pairs = None,
    source: Source = None,
    target: Target = None,
    reverse: Reverse = False,
    model: Model = NAME,
    architecture: Architecture = "transformer",
    layers: Layers = None,
    units: Units = None,
    embedding: Embedding = None,
    heads: options.Heads = None,
    feedforward: options.Feedforward = None,
    positions: options.Positions = None,
    attention: options.Attention = None,
    untied: Untied = False,
    tokens: options.Tokens = TranslatorConfig.tokens,
    separate: Separate = False,
    lowercase: options.Lowercase = TranslatorConfig.lowercase,
    vocabulary_size: VocabularySize = TranslatorTraining.vocabulary_size,
    subword_sampling: SubwordSampling = None,
    longest: Longest = TranslatorTraining.longest,
    validation: HeldOut = None,
    validation_source: HeldOutSource = None,
    validation_target: HeldOutTarget = None,
    encoding_errors: options.EncodingErrors = "strict",
    epochs: options.Epochs = TranslatorTraining.epochs,
    steps: options.Steps = TranslatorTraining.steps,
    time_limit: options.TimeLimit = TranslatorTraining.time_limit,
    patience: options.Patience = TranslatorTraining.patience,
    batch_tokens: options.BatchTokens = TranslatorTraining.batch_tokens,
    accumulate: options.Accumulate = TranslatorTraining.accumulate,
    learning_rate: options.LearningRate = TranslatorTraining.learning_rate,
    warmup: options.Warmup = TranslatorTraining.warmup,
    schedule: options.Schedule = TranslatorTraining.schedule,
    dropout: options.Dropout = TranslatorTraining.dropout,
    smoothing: Smoothing = TranslatorTraining.smoothing,
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
    if sampling is None:
        sampling = TranslatorTraining.subword_sampling if tokens == "subword" else 0.0
    return pick(TranslatorTraining, {**values, "subword_sampling": sampling})


def _files(what: str, one: str | None, source: str | None, target: str | None) -> str | tuple[str, str]:
    """One file of pairs, or two aligned ones."""
    if one is not None and source is None and target is None:
        return one
    if one is None and source is not None and target is not None:
        return source, target
    raise UsageError(f"give either {what}")
