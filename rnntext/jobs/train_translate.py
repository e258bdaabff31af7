"""Training a translator: from pairs of sentences to a version in service."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from os import PathLike
from pathlib import Path

from rnntext import sizes
from rnntext.errors import UsageError
from rnntext.jobs import languages
from rnntext.jobs.choice import all_open
from rnntext.jobs.pairs import Files, PairSource, given_files
from rnntext.jobs.promotion import Outcome
from rnntext.jobs.teaching import Teaching
from rnntext.jobs.training import train, with_limit
from rnntext.jobs.translator_recipe import TranslatorRecipe
from rnntext.settings.base import as_texts, check_choice
from rnntext.settings.training import JobConfig
from rnntext.settings.translator import (
    TEACHER_SHARE,
    TransformerConfig,
    TranslatorConfig,
    TranslatorTraining,
)
from rnntext.text.columns import Columns
from rnntext.text.lines import ENCODING_ERRORS
from rnntext.watch.observer import Observer


def train_translate(
    pairs: Files,
    path: str | PathLike[str],
    model: TranslatorConfig | None = None,
    training: TranslatorTraining | None = None,
    *,
    size: str = "auto",
    left_open: str | Collection[str] | None = None,
    validation: Files = "0.1",
    reverse: bool = False,
    columns: Columns | None = None,
    encoding_errors: str = "strict",
    relearn_tokens: bool = False,
    sentencepiece: str | PathLike[str] | None = None,
    teacher: str | Sequence[str] = (),
    teacher_share: float | None = None,
    job: JobConfig | None = None,
    observer: Observer | None = None,
) -> Outcome:
    """Trains a translator, or goes on with its unfinished training, and puts it into service.

    >>> import rnntext
    >>> model = rnntext.GRUConfig(layers=1, units=8, embedding=8, tokens="word")
    >>> training = rnntext.TranslatorTraining(steps=2, batch_tokens=64)
    >>> rnntext.train_translate("pairs.tsv", "checkpoints/pairs", model, training).version
    '000001'

    Args:
        pairs: a file of `source TAB target` lines, or two files whose lines with the same number are a pair.
        path: the model's folder.
        model: the shape of the model.
        training: how it is trained, and for how long.
        size: "tiny", "small", "base", "large" or "auto"; decides about the fields that are left open (`rnntext.sizes`).
        left_open: names of fields of `model` and `training`, and "architecture"; None: those of a config that is not
            given.
        validation: the held-out pairs: a fraction, or one file or two.
        reverse: swaps source and target, in the held-out pairs, too.
        columns: numbers, from 1, of the source's column and the target's in files of pairs; None: the first two, if
            they seem to be sentences.
        encoding_errors: "strict" or "replace".
        relearn_tokens: learns new tokens for a warm start, instead of adding to those of the version in service; a
            token that is in both keeps its weights.
        sentencepiece: the file of a SentencePiece model whose subwords are taken for both languages, instead of learnt
            ones; they are the vocabulary, whatever `vocabulary_size` is.
        teacher: the name or folder of a translation model whose translations are learnt, or "in-service", or several,
            which translate together; empty: only the targets of the pairs are learnt.
        teacher_share: the share of the source sentences whose targets are the teacher's translations; None: all.
        job, observer: see `jobs.training.train`, which also says what is raised.
    """
    # 1. Find out what is left open.
    check_choice("encoding_errors", encoding_errors, ENCODING_ERRORS)
    check_choice("size", size, ("auto", *sizes.SIZES))
    free = _left_open(model, training, left_open)

    # 2. Train.
    source = PairSource(
        given_files("pairs", pairs), given_files("validation", validation), reverse, encoding_errors, columns
    )
    model = model or TransformerConfig()
    training = with_limit(training or TranslatorTraining())
    subwords = None
    if sentencepiece is not None:
        if model.tokens != "subword":
            raise UsageError(f"--sentencepiece {sentencepiece}: --tokens {model.tokens} has no subwords")
        subwords = languages.read_subwords(str(sentencepiece))
        training = dataclasses.replace(training, vocabulary_size=len(subwords.usable_pieces))
        free -= {"vocabulary_size"}
    report = (observer or Observer()).note
    teaching = Teaching.of(teacher, teacher_share, TEACHER_SHARE, path)
    recipe = TranslatorRecipe(source, model, training, relearn_tokens, report, size, free, teaching, subwords)
    return train(recipe, Path(path), job, observer)


def _left_open(
    model: TranslatorConfig | None, training: TranslatorTraining | None, left_open: str | Collection[str] | None
) -> frozenset[str]:
    """Names of the fields that are chosen by size; those that are no fields of a given architecture are left out.

    Raises:
        UsageError: subwords are to be sampled where there are none.
    """
    if left_open is None:
        free = all_open((model, TranslatorConfig), (training, TranslatorTraining))
    else:
        free = frozenset(as_texts("left_open", left_open))
        sampling = (training or TranslatorTraining()).subword_sampling
        kind = (model or TransformerConfig()).tokens
        if sampling and kind != "subword" and "subword_sampling" not in free:
            raise UsageError(f"--subword-sampling {sampling}: --tokens {kind} has no subwords")
    if model is not None and "architecture" not in free:
        free &= model.options().keys() | TranslatorTraining.options().keys()
    return free
