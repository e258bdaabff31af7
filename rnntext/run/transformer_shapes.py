"""The arrays of a Transformer, and of a hybrid."""

from __future__ import annotations

from rnntext.run.arrays import Shapes, affine_shapes
from rnntext.run.positions import MAX_POSITIONS
from rnntext.run.stack import layer_shapes
from rnntext.settings.translator import HybridConfig, TransformerConfig


def shapes(config: TransformerConfig | HybridConfig, source_size: int, target_size: int) -> Shapes:
    """Names and shapes of the arrays of a model, all float32.

    Args:
        source_size, target_size: of the vocabularies, in tokens.
    """
    # 1. Embeddings and positions.
    units = config.units
    arrays: Shapes = {}
    arrays["source.embedding"] = (source_size, units)
    if not config.one_embedding:
        arrays["target.embedding"] = (target_size, units)
    if config.positions == "learned":
        arrays["source.positions"] = (MAX_POSITIONS, units)
        if isinstance(config, TransformerConfig):
            arrays["target.positions"] = (MAX_POSITIONS, units)

    # 2. Encoder and decoder: their layers, and a layer normalisation at the end.
    norm = _norm(units)
    decoder_layers = config.decoder_layers if isinstance(config, HybridConfig) else config.layers
    layers = {"encoder": config.layers, "decoder": decoder_layers}
    for side, blocks in _blocks(config).items():
        for layer in range(layers[side]):
            for block, members in blocks.items():
                arrays |= _under(f"{side}.{layer}.{block}", members)
        arrays |= _under(side, norm)

    # 3. The output layer, which may share its kernel with the embedding.
    if not config.tied:
        arrays["logits.kernel"] = (units, target_size)
    arrays["logits.bias"] = (target_size,)
    return arrays


def _blocks(config: TransformerConfig | HybridConfig) -> dict[str, dict[str, Shapes]]:
    """The arrays of the blocks of a layer, by side and block.

    A layer of the encoder has the blocks "itself" (attention to the sequence itself) and "feedforward"; one of the
    decoder has "source" (attention to the source) between them. A hybrid's decoder has "recurrent" (a GRU) in place of
    "itself". Products that read the same vector are one kernel:
    "qkv" are queries, keys and values, "memory" keys and values, side by side.
    """
    units = config.units
    output = affine_shapes("output", units, units)
    qkv = affine_shapes("qkv", units, 3 * units)
    query = affine_shapes("query", units, units)
    memory = affine_shapes("memory", units, 2 * units)
    inner = affine_shapes("inner", units, config.feedforward)
    outer = affine_shapes("output", config.feedforward, units)
    norm = _norm(units)
    itself = norm | qkv | output
    source = norm | query | memory | output
    feedforward = norm | inner | outer
    first = {"itself": itself}
    if isinstance(config, HybridConfig):
        first = {"recurrent": norm | layer_shapes("gru", "gru", units, units) | output}
    return {
        "encoder": {"itself": itself, "feedforward": feedforward},
        "decoder": {**first, "source": source, "feedforward": feedforward},
    }


def _norm(units: int) -> Shapes:
    """The arrays of a layer normalisation."""
    return {
        "norm.scale": (units,),
        "norm.bias": (units,),
    }


def _under(prefix: str, arrays: Shapes) -> Shapes:
    """The same arrays with longer names."""
    return {f"{prefix}.{name}": shape for name, shape in arrays.items()}
