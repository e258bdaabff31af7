"""train-charlm."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnntext.cli import options
from rnntext.cli.generate import NAME
from rnntext.cli.options import Model, given, pick
from rnntext.cli.training import Family, Start, training_command
from rnntext.config import CharlmConfig, CharlmTraining, JobConfig, check_choice
from rnntext.sizes import CHARLM_OPEN, SIZES
from rnntext.text.catalogue import DEFAULT

if TYPE_CHECKING:
    from rnntext.jobs.promotion import Outcome
    from rnntext.train.observer import Observer

Texts = Annotated[list[str] | None, typer.Argument(metavar="TEXT", help="Files, - for stdin, or names of corpora.")]


@training_command(Family(NAME, "chars", "bits_per_character", "bits/char", "generate"))
def train(
    context: typer.Context,
    texts: Texts = None,
    model: Model = NAME,
    cell: options.CellKind = CharlmConfig.cell,
    size: options.Size = "auto",
    layers: options.Layers = None,
    units: options.Units = None,
    embedding: options.Embedding = None,
    lowercase: options.Lowercase = CharlmConfig.lowercase,
    vocabulary_size: Annotated[
        int | None, typer.Option(help="Keep this many characters, the most frequent ones; the others become [UNK].")
    ] = CharlmTraining.vocabulary_size,
    validation: options.Validation = "0.1",
    encoding_errors: options.EncodingErrors = "strict",
    epochs: options.Epochs = CharlmTraining.epochs,
    steps: options.Steps = CharlmTraining.steps,
    time_limit: options.TimeLimit = CharlmTraining.time_limit,
    batch_size: options.BatchSize = None,
    window: options.Window = CharlmTraining.window,
    learning_rate: options.LearningRate = None,
    dropout: options.Dropout = None,
    recurrent_dropout: options.RecurrentDropout = None,
    precision: options.Precision = CharlmTraining.precision,
    seed: options.Seed = CharlmTraining.seed,
) -> Start:
    """Train a character model on TEXT (default: a bundled corpus) and put it into service.

    Interrupted at any moment, the same command goes on where it was. Repeated when the text has changed, it trains a
    new version that begins where the last one ended.
    """
    check_choice("size", size, ("auto", *SIZES))
    values = given(CHARLM_OPEN, context.params)
    shape, budget = pick(CharlmConfig, values), pick(CharlmTraining, values)

    def start(path: Path, job: JobConfig, observer: Observer) -> Outcome:
        from rnntext.jobs.train_charlm import train_charlm

        return train_charlm(
            texts or [DEFAULT],
            path,
            shape,
            budget,
            size=size,
            given=values,
            validation=validation,
            encoding_errors=encoding_errors,
            job=job,
            observer=observer,
        )

    return start
