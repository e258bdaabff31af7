"""Translation models by the types of their configs."""

from __future__ import annotations

from rnntext.run import gru_shapes, gru_translator, hybrid, transformer, transformer_shapes
from rnntext.run.arrays import Shapes, Weights
from rnntext.run.model import Model
from rnntext.settings.translator import GRUConfig, HybridConfig, TransformerConfig, TranslatorConfig

_SHAPES = {
    TransformerConfig: transformer_shapes.shapes,
    HybridConfig: transformer_shapes.shapes,
    GRUConfig: gru_shapes.shapes,
}
_MODELS = {
    TransformerConfig: transformer.Transformer,
    HybridConfig: hybrid.Hybrid,
    GRUConfig: gru_translator.GRUTranslator,
}


def shapes(config: TranslatorConfig, source_size: int, target_size: int) -> Shapes:
    """Names and shapes of a model's arrays.

    Args:
        source_size, target_size: of the vocabularies, in tokens.
    """
    architecture = type(config)
    return _SHAPES[architecture](config, source_size, target_size)  # type: ignore[no-any-return,operator]


def build(config: TranslatorConfig, arrays: Weights) -> Model:
    """The model of a config.

    Args:
        arrays: its weights, as `shapes` names them.

    Raises:
        KeyError: an array is missing.
    """
    architecture = type(config)
    return _MODELS[architecture](config, arrays)  # type: ignore[no-any-return]
