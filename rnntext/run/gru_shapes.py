"""The arrays of a GRU encoder-decoder."""

from __future__ import annotations

from rnntext.run.arrays import Shapes, affine_shapes
from rnntext.run.stack import layer_shapes
from rnntext.settings.translator import GRUConfig


def shapes(config: GRUConfig, source_size: int, target_size: int) -> Shapes:
    """Names and shapes of the arrays of a model, all float32.

    Args:
        source_size, target_size: of the vocabularies, in tokens.
    """
    units = config.units
    embedding = config.embedding
    memory = 2 * units  # the encoder's outputs of both directions
    context = 0 if config.attention == "none" else memory

    # 1. Embeddings.
    arrays: Shapes = {}
    arrays["source.embedding"] = (source_size, embedding)
    if not config.one_embedding:
        arrays["target.embedding"] = (target_size, embedding)

    # 2. Recurrent layers, and the bridges from the encoder's final states to the decoder's first ones.
    for layer in range(config.layers):
        features = memory if layer else embedding
        name = f"encoder.{layer}"
        arrays |= layer_shapes("gru", f"{name}.forward", features, units)
        arrays |= layer_shapes("gru", f"{name}.backward", features, units)
    for layer in range(config.layers):
        arrays |= affine_shapes(f"bridge.{layer}", memory, units)
    for layer in range(config.layers):
        features = units + context if layer else embedding
        arrays |= layer_shapes("gru", f"decoder.{layer}", features, units)

    # 3. Attention.
    if config.attention != "none":
        arrays["attention.keys.kernel"] = (memory, units)
    if config.attention == "additive":
        arrays |= affine_shapes("attention.query", units, units)
        arrays["attention.score"] = (units,)

    # 4. The output layers, the last of which may share its kernel with the embedding.
    features = units + context
    arrays |= affine_shapes("output", features, embedding)
    if not config.tied:
        arrays["logits.kernel"] = (embedding, target_size)
    arrays["logits.bias"] = (target_size,)
    return arrays
