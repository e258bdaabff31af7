"""Translation models by their configs."""

from __future__ import annotations

from collections.abc import Mapping

from rnntext.config import GRUConfig, TransformerConfig, TranslatorConfig
from rnntext.run import gru_translator, transformer
from rnntext.run.attention import Array
from rnntext.run.search import Model

_SHAPES = {TransformerConfig: transformer.shapes, GRUConfig: gru_translator.shapes}
_MODELS = {TransformerConfig: transformer.Transformer, GRUConfig: gru_translator.GRUTranslator}


def shapes(config: TranslatorConfig, source_size: int, target_size: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a model's arrays, for vocabularies of these sizes."""
    return _SHAPES[type(config)](config, source_size, target_size)  # type: ignore[no-any-return,operator]


def build(config: TranslatorConfig, arrays: Mapping[str, Array]) -> Model:
    """The model of a config with these weights."""
    return _MODELS[type(config)](config, arrays)  # type: ignore[no-any-return]
