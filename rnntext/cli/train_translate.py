"""The command `train-translate`: trains a translation model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnntext.cli import options, training
from rnntext.cli.training import training_command
from rnntext.errors import UsageError
from rnntext.families import TRANSLATOR
from rnntext.settings.base import DATA, MODEL
from rnntext.settings.training import JobConfig
from rnntext.settings.translator import TranslatorConfig, TranslatorTraining
from rnntext.text.catalogue import DEFAULT_PAIRS
from rnntext.text.columns import parse
from rnntext.watch.observer import Observer

if TYPE_CHECKING:
    from rnntext.jobs.promotion import Outcome

Pairs = Annotated[
    str | None,
    typer.Argument(
        metavar="PAIRS.tsv|CORPUS",
        help="A file with lines of source TAB target, - for stdin, or the name of a corpus.",
    ),
]
Source = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Source sentences, one per line; goes with --target.", rich_help_panel=DATA),
]
Target = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="The translations of --source, line by line.", rich_help_panel=DATA),
]
Reverse = Annotated[
    bool,
    typer.Option("--reverse", help="Swap source and target: translate in the other direction.", rich_help_panel=DATA),
]
HeldOut = Annotated[
    str | None,
    typer.Option(
        metavar="FRACTION|PAIRS.tsv|CORPUS",
        help="Held-out pairs: a fraction (at most about 2,000 pairs; fewer are scored with a short time limit), or a "
        "file.",
        show_default="0.1",
        rich_help_panel=DATA,
    ),
]
HeldOutSource = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", help="Held-out source sentences; goes with --validation-target.", rich_help_panel=DATA
    ),
]
HeldOutTarget = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="The translations of --validation-source.", rich_help_panel=DATA),
]
RelearnTokens = Annotated[
    bool,
    typer.Option(
        "--relearn-tokens",
        help="Learn a new vocabulary at a warm start; tokens that the old one has, too, keep their weights.",
        rich_help_panel=MODEL,
    ),
]

SentencePiece = Annotated[
    str | None,
    typer.Option(
        "--sentencepiece",
        metavar="FILE",
        help="Take the subwords of this SentencePiece model (BPE with bytes), whatever --vocabulary-size is.",
        show_default="they are learnt",
        rich_help_panel=DATA,
    ),
]


@training_command(
    TRANSLATOR,
    "rnntext train-translate pairs.tsv --model es --time-limit 20m",
    "rnntext train-translate --source train.en --target train.de --architecture transformer --epochs 40",
    "rnntext train-translate pairs.tsv --model es-fast --architecture hybrid --teacher es",
)
def train(
    *,
    pairs: Pairs = None,
    source: Source = None,
    target: Target = None,
    reverse: Reverse = False,
    columns: options.ColumnNumbers = None,
    validation: HeldOut = None,
    validation_source: HeldOutSource = None,
    validation_target: HeldOutTarget = None,
    encoding_errors: training.EncodingErrors = "strict",
    size: training.Size = "auto",
    relearn_tokens: RelearnTokens = False,
    sentencepiece: SentencePiece = None,
    teacher: training.Teacher = None,
    teacher_share: training.TeacherShare = None,
    shape: TranslatorConfig,
    budget: TranslatorTraining,
    left_open: options.LeftOpen,
    path: Path,
    job: JobConfig,
    observer: Observer,
) -> Outcome:
    """Train a translation model on pairs of sentences (default: a bundled corpus) and put it into service.

    A training that was interrupted continues when the same command is given again. When the pairs have changed, the
    same command trains a new version, which begins with the weights in service. With -v, some translations are shown
    at each evaluation.
    """
    from rnntext.jobs.train_translate import train_translate

    # 1. Find the files.
    given = "PAIRS.tsv or --source and --target"
    files = _files(given, pairs, source, target, DEFAULT_PAIRS)
    given = "--validation or --validation-source and --validation-target"
    held_out = _files(given, validation, validation_source, validation_target, "0.1")
    # 2. Train.
    return train_translate(
        files,
        path,
        shape,
        budget,
        size=size,
        left_open=left_open,
        validation=held_out,
        reverse=reverse,
        columns=None if columns is None else parse(columns),
        encoding_errors=encoding_errors,
        relearn_tokens=relearn_tokens,
        sentencepiece=sentencepiece,
        teacher=teacher or (),
        teacher_share=teacher_share,
        job=job,
        observer=observer,
    )


def _files(
    options: str, pairs: str | None, source: str | None, target: str | None, default: str
) -> str | tuple[str, str]:
    """One file of pairs, or two aligned files; the default if none is given.

    Args:
        options: how an error message calls them.
    """
    if (pairs, source, target) == (None, None, None):
        return default
    if pairs is not None and source is None and target is None:
        return pairs
    if pairs is None and source is not None and target is not None:
        return source, target
    raise UsageError(f"give either {options}")
