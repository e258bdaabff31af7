"""train-translate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnntext.cli import options
from rnntext.cli.options import Model, given, pick
from rnntext.cli.training import Family, Start, training_command
from rnntext.cli.translate import NAME
from rnntext.config import ARCHITECTURES, JobConfig, TranslatorConfig, TranslatorTraining, check_choice
from rnntext.errors import UsageError
from rnntext.sizes import SIZES, TRANSLATOR_OPEN
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
KINDS = ("auto", *ARCHITECTURES)
Architecture = Annotated[
    str, typer.Option(metavar="|".join(KINDS), help="Kind of encoder-decoder; auto: goes with the size.")
]
OWN = ("layers", "units", "embedding", "heads", "feedforward", "positions", "attention")  # not of every architecture
Layers = Annotated[int | None, typer.Option(help="Layers on each side.", show_default=options.BY_SIZE)]
Units = Annotated[int | None, typer.Option(help="Units of a layer.", show_default=options.BY_SIZE)]
Untied = Annotated[bool, typer.Option("--untied", help="Embeddings and output layer each have weights of their own.")]
Separate = Annotated[bool, typer.Option("--separate", help="A vocabulary for each language instead of one for both.")]
VocabularySize = Annotated[
    int | None, typer.Option(help="Maximum number of tokens of a vocabulary.", show_default=options.BY_SIZE)
]
SubwordSampling = Annotated[
    float | None,
    typer.Option(
        help="Rate at which merges of subwords are left out in training (BPE-dropout).",
        show_default=options.BY_SIZE,
    ),
]
Longest = Annotated[int, typer.Option(help="Leave out pairs with more tokens on a side.")]
HeldOut = Annotated[
    str | None,
    typer.Option(
        metavar="FRACTION|PAIRS.tsv",
        help="Held-out pairs: a fraction (at most some 2,000; a short time limit scores fewer), or a file.",
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
    architecture: Architecture = "auto",
    size: options.Size = "auto",
    layers: Layers = None,
    units: Units = None,
    embedding: options.Embedding = None,
    heads: options.Heads = None,
    feedforward: options.Feedforward = None,
    positions: options.Positions = None,
    attention: options.Attention = None,
    untied: Untied = False,
    tokens: options.Tokens = TranslatorConfig.tokens,
    separate: Separate = False,
    lowercase: options.Lowercase = TranslatorConfig.lowercase,
    vocabulary_size: VocabularySize = None,
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
    batch_tokens: options.BatchTokens = None,
    accumulate: options.Accumulate = TranslatorTraining.accumulate,
    learning_rate: options.LearningRate = None,
    warmup: options.Warmup = TranslatorTraining.warmup,
    schedule: options.Schedule = None,
    dropout: options.Dropout = None,
    smoothing: Smoothing = TranslatorTraining.smoothing,
    precision: options.Precision = TranslatorTraining.precision,
    seed: options.Seed = TranslatorTraining.seed,
    relearn_tokens: options.RelearnTokens = False,
) -> Start:
    """Train a translation model on pairs of sentences (default: a bundled corpus) and put it into service.

    Interrupted at any moment, the same command goes on where it was. Repeated when the pairs have changed, it trains a
    new version that begins where the last one ended. With -v, some translations are shown at each evaluation.
    """
    check_choice("size", size, ("auto", *SIZES))
    context.params["architecture"] = _architecture(context.params)
    values = given(TRANSLATOR_OPEN, context.params)
    if values["architecture"] == "auto":
        del values["architecture"]
    shape, budget = _shape(values), _budget(values)
    named = shape.to_json() if "architecture" in values else {}
    for name, value in {**named, **budget.to_json()}.items():
        if context.params.get(name) is None and name not in TRANSLATOR_OPEN:
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
            size=size,
            given=values,
            validation=held_out,
            reverse=reverse,
            encoding_errors=encoding_errors,
            relearn_tokens=relearn_tokens,
            job=job,
            observer=observer,
        )

    return start


def _architecture(values: dict[str, Any]) -> str:
    """The architecture by name, or the only one that has all the options that are given, or "auto"."""
    check_choice("architecture", values["architecture"], KINDS)
    own = [name for name in OWN if values[name] is not None]
    fitting = [name for name, cls in ARCHITECTURES.items() if all(hasattr(cls, option) for option in own)]
    if not fitting:
        raise UsageError(f"{' '.join(f'--{name}' for name in own)}: no architecture has all of these")
    return fitting[0] if values["architecture"] == "auto" and len(fitting) == 1 else str(values["architecture"])


def _shape(values: dict[str, Any]) -> TranslatorConfig:
    """The model's config; an option that the architecture does not have is refused. Which architecture it is says
    nothing where that is left open: a GRU has no limits of its own."""
    cls = ARCHITECTURES[values.get("architecture", "gru")]
    chosen: dict[str, Any] = {"tied": not values["untied"], "joint": not values["separate"]}
    chosen |= {name: values[name] for name in ("tokens", "lowercase")}
    for name in OWN:
        if values.get(name) is None:
            continue
        if not hasattr(cls, name):
            raise UsageError(f"--{name} {values[name]}: --architecture {values['architecture']} has no such thing")
        chosen[name] = values[name]
    return cls(**chosen)


def _budget(values: dict[str, Any]) -> TranslatorTraining:
    """The training's config; sampling subwords where there are none is refused."""
    sampling, tokens = values.get("subword_sampling"), values["tokens"]
    if sampling and tokens != "subword":
        raise UsageError(f"--subword-sampling {sampling}: --tokens {tokens} has no subwords")
    return pick(TranslatorTraining, values)


def _files(what: str, one: str | None, source: str | None, target: str | None) -> str | tuple[str, str]:
    """One file of pairs, or two aligned ones."""
    if one is not None and source is None and target is None:
        return one
    if one is None and source is not None and target is not None:
        return source, target
    raise UsageError(f"give either {what}")
