"""The languages of a translator in training: learnt from the pairs, taken over from a parent, and stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from rnntext.errors import DataError
from rnntext.jobs.translation import TranslationModel
from rnntext.run import translators
from rnntext.settings.translator import TranslatorConfig, TranslatorTraining
from rnntext.storage.json_files import parse_json, to_json
from rnntext.text import tokens
from rnntext.text.lines import opened
from rnntext.text.pieces import check_cuts
from rnntext.text.stored_pairs import Pair
from rnntext.text.tokenizers import Subwords
from rnntext.text.tokens import Language
from rnntext.train import warm

Languages = tuple[Language, Language]  # source, target; one object for a joint vocabulary
TRAINED_WITH = "--model_type=bpe --normalization_rule_name=identity --byte_fallback"  # options of spm_train
SMALL = 0.98  # A vocabulary below this share of the wanted size is worth a remark.


def of_run(
    pairs: Sequence[Pair],
    parent: TranslationModel | None,
    model: TranslatorConfig,
    training: TranslatorTraining,
    relearn_tokens: bool,
    given: Subwords | None,
    report: Callable[[str], None],
) -> Languages:
    """The languages of a new run.

    Args:
        pairs: to learn them from.
        parent: the model whose weights the run begins with, if any; its languages are kept and new tokens added.
        relearn_tokens: whether the parent's languages are given up.
        given: subwords that are taken instead of learnt ones; they are those of the parent that keeps its languages.
        report: is told if the text is too small for a vocabulary of the wanted size.
    """
    if parent is not None and model.tokens == "subword" and not relearn_tokens:
        return parent.source, parent.target  # Subwords can write any text, so there is no new one to be added.
    learnt = _learn(pairs, model, training, given, report)
    if parent is None or relearn_tokens:
        return learnt
    return _grown((parent.source, parent.target), learnt, training.vocabulary_size)


def read_subwords(file: str) -> Subwords:
    """The subwords of a SentencePiece model that exists already.

    Raises:
        InputOutputError: the file cannot be read.
        DataError: it is no such model, or of another form than SentencePiece writes with TRAINED_WITH.
    """
    with opened(file) as stream:
        content = stream.read()
    try:
        subwords = Subwords(content)
        check_cuts(content)
        return subwords
    except DataError as error:
        raise DataError(f"--sentencepiece {file}: {error}; train it with {TRAINED_WITH}") from error


def _learn(
    pairs: Sequence[Pair],
    model: TranslatorConfig,
    training: TranslatorTraining,
    given: Subwords | None,
    report: Callable[[str], None],
) -> Languages:
    if given is not None:
        both = Language(given, given.usable_pieces)
        return both, both if model.joint else Language(given, both.tokens)
    from rnntext.train.pipelines import learn_languages

    source, target = learn_languages(pairs, model, training)
    named = {"": source} if source is target else {"source ": source, "target ": target}
    wanted = training.vocabulary_size
    for name, language in named.items():
        size = len(language.tokens)
        if model.tokens == "subword" and size < SMALL * wanted:
            report(f"the text is too small for a {name}vocabulary of {wanted}: it has {size}")
    return source, target


def _grown(old: Languages, learnt: Languages, max_size: int) -> Languages:
    """The old languages with the new tokens of the learnt ones, up to a vocabulary of `max_size` tokens."""
    old_source, old_target = old
    learnt_source, learnt_target = learnt
    source = _grown_language(old_source, learnt_source, max_size)
    if old_source is old_target:
        return source, source
    return source, _grown_language(old_target, learnt_target, max_size)


def _grown_language(old: Language, learnt: Language, max_size: int) -> Language:
    return Language(old.tokenizer, warm.grow(old.tokens, learnt.tokens, max_size))


def start_arrays(parent: TranslationModel, languages: Languages) -> dict[str, np.ndarray]:
    """The parent's weights, and which of its ids each id of the languages had, for a snapshot (see `train.warm`)."""
    source, target = languages
    source_ids = warm.old_ids(source.tokens, parent.source.tokens, tokens.RESERVED)  # [vocabulary]
    target_ids = warm.old_ids(target.tokens, parent.target.tokens, tokens.RESERVED)
    ids = {
        "source.embedding": source_ids,
        "target.embedding": target_ids,
        "logits.kernel": target_ids,
        "logits.bias": target_ids,
    }
    shapes = translators.shapes(parent.config, len(parent.source), len(parent.target))
    weights = parent.checkpoint.arrays(shapes)
    ids_of_weights = {name: side for name, side in ids.items() if name in weights}
    return warm.to_arrays(weights, ids_of_weights, tokens.UNKNOWN)


def to_files(languages: Languages) -> dict[str, bytes]:
    """Contents of the files that store both languages, by name."""
    files = {}
    for name, content in tokens.to_files(*languages).items():
        files[name] = content if isinstance(content, bytes) else to_json(content)
    return files


def from_files(files: Mapping[str, bytes], model: TranslatorConfig) -> Languages:
    """The languages that `to_files` stored."""
    parsed: dict[str, object] = {}
    for name, content in files.items():
        parsed[name] = parse_json(content, Path(name)) if name.endswith(".json") else content
    return tokens.from_files(model.tokens, model.joint, parsed)
