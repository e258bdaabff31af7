"""Training a character model: from text to a version in service."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from os import PathLike
from pathlib import Path

from rnntext import sizes
from rnntext.errors import UsageError
from rnntext.jobs.charlm_recipe import CharlmRecipe
from rnntext.jobs.choice import all_open
from rnntext.jobs.promotion import Outcome
from rnntext.jobs.teaching import Teaching
from rnntext.jobs.texts import TextSource
from rnntext.jobs.training import train, with_limit
from rnntext.settings.base import as_text, as_texts, check_choice
from rnntext.settings.charlm import TEACHER_SHARE, CharlmConfig, CharlmTraining
from rnntext.settings.training import JobConfig
from rnntext.text.lines import ENCODING_ERRORS
from rnntext.watch.observer import Observer


def train_charlm(
    sources: str | Sequence[str],
    path: str | PathLike[str],
    model: CharlmConfig | None = None,
    training: CharlmTraining | None = None,
    *,
    size: str = "auto",
    left_open: str | Collection[str] | None = None,
    validation: str = "0.1",
    encoding_errors: str = "strict",
    teacher: str | Sequence[str] = (),
    teacher_share: float | None = None,
    job: JobConfig | None = None,
    observer: Observer | None = None,
) -> Outcome:
    """Trains a character model, or goes on with its unfinished training, and puts it into service.

    >>> import rnntext
    >>> model = rnntext.CharlmConfig(cell="gru", layers=1, units=8, embedding=4)
    >>> training = rnntext.CharlmTraining(steps=2, batch_size=2, window=8)
    >>> rnntext.train_charlm(["book.txt"], "checkpoints/book", model, training).version
    '000001'

    Args:
        sources: one or more files, `-` for stdin, or names of corpora.
        path: the model's folder.
        model: the shape of the model.
        training: how it is trained, and for how long.
        size: "tiny", "small", "base", "large" or "auto"; decides about the fields that are left open (`rnntext.sizes`).
        left_open: names of fields of `model` and `training`; None: those of a config that is not given.
        validation: the held-out text: a fraction, taken from the end; "lines:" and a fraction, of the lines of a list,
            see `text.hold_out`; or a file.
        encoding_errors: "strict" or "replace".
        teacher: names or folders of character models whose probabilities are learnt, or "in-service"; empty: only the
            characters of the text are learnt.
        teacher_share: the part of the loss that is measured by the teachers' probabilities; None: TEACHER_SHARE.
        job, observer: see `jobs.training.train`, which also says what is raised.
    """
    # 1. Read the arguments, and find out what is left open.
    sources = as_texts("sources", sources)
    if not sources:
        raise UsageError("sources: empty; give at least one file or the name of a corpus")
    validation = as_text("validation", validation)
    check_choice("encoding_errors", encoding_errors, ENCODING_ERRORS)
    check_choice("size", size, ("auto", *sizes.SIZES))
    if left_open is None:
        left_open = all_open((model, CharlmConfig), (training, CharlmTraining))

    # 2. Train.
    model = model or CharlmConfig()
    training = with_limit(training or CharlmTraining())
    report = (observer or Observer()).note
    free = frozenset(as_texts("left_open", left_open))
    teaching = Teaching.of(teacher, teacher_share, TEACHER_SHARE, path)
    source = TextSource(sources, validation, encoding_errors)
    recipe = CharlmRecipe(source, model, training, size, free, report, teaching)
    return train(recipe, Path(path), job, observer)
