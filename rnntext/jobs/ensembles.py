"""Ensembles in service: several models of text become one whose probabilities are the mean of theirs."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

from rnntext.errors import UsageError
from rnntext.jobs.characters import CharacterModel
from rnntext.jobs.translation import TranslationModel
from rnntext.run.ensemble import CharlmEnsemble, TranslatorEnsemble
from rnntext.run.search import search_all
from rnntext.text.source_lines import SourceLines


def ensemble_of(models: Sequence[Any]) -> CharacterModel | TranslationModel:
    """One model of several, all character models or all translation models. What is not computed, such as its
    checkpoint, it has from the first; lines are cut so that no part is longer than is usual for any of them.

    Raises:
        UsageError: they do not have the same symbols.
    """
    return _of_characters(models) if isinstance(models[0], CharacterModel) else _of_translations(models)


def _of_characters(models: Sequence[CharacterModel]) -> CharacterModel:
    """`ensemble_of` character models."""
    first = models[0]
    for other in models[1:]:
        _check_same(first, other, _symbols_of_characters(first), _symbols_of_characters(other))
    ensemble = first.copied()
    ensemble.engine = CharlmEnsemble([model.engine for model in models])
    return ensemble


def _of_translations(models: Sequence[TranslationModel]) -> TranslationModel:
    """`ensemble_of` translation models."""
    # 1. Compare their symbols.
    first = models[0]
    for other in models[1:]:
        _check_same(first, other, _symbols_of_translations(first), _symbols_of_translations(other))
    # 2. Make parts of lines that suit all of them.
    ensemble = first.copied()
    ensemble.longest = min(model.longest for model in models)
    texts = [model.lines.training_text for model in models]
    usual = dataclasses.replace(
        texts[0], sentences=min(text.sentences for text in texts), tokens=min(text.tokens for text in texts)
    )
    ensemble.lines = SourceLines(first.source, first.config.lowercase, usual, ensemble.longest)
    # 3. Search with all of them.
    ensemble.attends = any(model.attends for model in models)
    ensemble.engine = TranslatorEnsemble([model.engine for model in models])
    ensemble.search_all = functools.partial(search_all, ensemble.engine)
    return ensemble


def _symbols_of_characters(model: CharacterModel) -> dict[str, Any]:
    """What the members of an ensemble must have in common, by its name in a message."""
    return {"vocabulary": model.engine.vocabulary.characters, "lower-casing (--lowercase)": model.config.lowercase}


def _symbols_of_translations(model: TranslationModel) -> dict[str, Any]:
    """What the members of an ensemble must have in common, by its name in a message."""
    symbols: dict[str, Any] = {
        "direction (--reverse)": model.checkpoint.manifest.get("reverse", False),
        "lower-casing (--lowercase)": model.config.lowercase,
        "kind of tokens (--tokens)": model.config.tokens,
    }
    for side, language in (("source", model.source), ("target", model.target)):
        symbols[f"vocabulary of the {side}"] = language.tokens
        symbols[f"tokenizer of the {side}"] = language.tokenizer.files()
    return symbols


def _check_same(
    first: CharacterModel | TranslationModel,
    other: CharacterModel | TranslationModel,
    symbols: Mapping[str, Any],
    others: Mapping[str, Any],
) -> None:
    """Raises UsageError, which names both models and what differs, unless they have the same symbols."""
    for name, value in symbols.items():
        if others[name] != value:
            raise UsageError(
                f"{first.checkpoint.path} and {other.checkpoint.path} differ in their {name}; the members of an "
                "ensemble must not"
            )
