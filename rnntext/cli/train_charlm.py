"""The command `train-charlm`: trains a character model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnntext.cli import options, training
from rnntext.cli.training import training_command
from rnntext.families import CHARLM
from rnntext.settings.base import DATA
from rnntext.settings.charlm import CharlmConfig, CharlmTraining
from rnntext.settings.training import JobConfig
from rnntext.text.catalogue import DEFAULT
from rnntext.watch.observer import Observer

if TYPE_CHECKING:
    from rnntext.jobs.promotion import Outcome

Texts = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FILE|CORPUS", help="Text files, folders with text files, - for stdin, or names of corpora."
    ),
]
Validation = Annotated[
    str,
    typer.Option(
        metavar="FRACTION|lines:FRACTION|FILE|CORPUS",
        help="Held-out text: a fraction at the end of the text (0.1), a fraction of its lines (lines:0.1, for a list, "
        "whose lines are shuffled), or a file. With a short time limit only a part of the fraction is scored.",
        rich_help_panel=DATA,
    ),
]


@training_command(
    CHARLM,
    "rnntext train-charlm book.txt --model book --time-limit 20m",
    "rnntext train-charlm *.txt --validation later.txt --patience 5 --promote better",
)
def train(
    *,
    texts: Texts = None,
    validation: Validation = "0.1",
    encoding_errors: training.EncodingErrors = "strict",
    size: training.Size = "auto",
    teacher: training.Teacher = None,
    teacher_share: training.TeacherShare = None,
    shape: CharlmConfig,
    budget: CharlmTraining,
    left_open: options.LeftOpen,
    path: Path,
    job: JobConfig,
    observer: Observer,
) -> Outcome:
    """Train a character model on texts (default: a bundled corpus) and put it into service.

    A training that was interrupted continues when the same command is given again. When the text has changed, the same
    command trains a new version, which begins with the weights in service. With -v, a sample of what the model writes
    is shown at each evaluation.
    """
    from rnntext.jobs.train_charlm import train_charlm

    return train_charlm(
        texts or [DEFAULT],
        path,
        shape,
        budget,
        size=size,
        left_open=left_open,
        validation=validation,
        encoding_errors=encoding_errors,
        teacher=teacher or (),
        teacher_share=teacher_share,
        job=job,
        observer=observer,
    )
