"""Transformers as the files of CTranslate2."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnntext.errors import UsageError
from rnntext.run.arrays import Array, Weights
from rnntext.run.attention import EPSILON
from rnntext.run.positions import encodings
from rnntext.run.transformer import alignment_layer
from rnntext.settings.translator import TransformerConfig
from rnntext.text.tokens import RESERVED

RESERVED_NAMES = ["<blank>", "<unk>", "<s>", "</s>"]  # CTranslate2's names of the reserved ids


def name_of(token: int) -> str:
    """The word by which CTranslate2, which wants words, knows an id in our own engine."""
    if token < RESERVED:
        return RESERVED_NAMES[token]
    return str(token)


def numbered(size: int) -> list[str]:
    """The words of a vocabulary of `size` ids in our own engine."""
    return [name_of(token) for token in range(size)]


def converted(
    config: TransformerConfig,
    arrays: Weights,
    positions: int,
    compute_type: str,
    names: tuple[list[str], list[str]],
    option: str,
) -> dict[str, bytes]:
    """The files of a model as CTranslate2 stores it, by their names.

    Args:
        positions: number of rows of its positional encodings.
        compute_type: data type of the stored weights, "int8" or "float32".
        names: the words of the source's and of the target's vocabulary, by which CTranslate2 knows ids.
        option: that asks for CTranslate2, for messages.

    Raises:
        UsageError: CTranslate2 is not installed.
    """
    try:
        from ctranslate2.specs import TransformerSpec
    except ImportError as error:
        message = f"{option} needs CTranslate2, which is not installed: pip install 'rnntext[ctranslate2]'"
        raise UsageError(message) from error

    # 1. Describe the architecture.
    spec = TransformerSpec.from_config(
        config.layers, config.heads, alignment_layer=alignment_layer(config.layers), alignment_heads=config.heads
    )
    spec.config.layer_norm_epsilon = EPSILON

    # 2. Set the weights. CTranslate2 rounds them in place, so it gets copies.
    arrays = {name: array.copy() for name, array in arrays.items()}
    _set_embeddings(spec, config, arrays, names)
    sides = [
        ("encoder", "source", spec.encoder),
        ("decoder", "target", spec.decoder),
    ]
    for side, words, part in sides:
        learned = arrays.get(f"{words}.positions")  # None: the model has sinusoidal ones
        part.position_encodings.encodings = encodings(learned, positions, config.units)
        _set_norm(part.layer_norm, arrays, side)
        for number, layer in enumerate(part.layer):
            _set_layer(layer, arrays, f"{side}.{number}", attends_to_source=side == "decoder")

    # 3. Round them.
    spec.validate()
    spec.optimize(quantization=compute_type)

    # 4. Read the files: CTranslate2 can only save them to a folder.
    with tempfile.TemporaryDirectory() as folder:
        spec.save(folder)
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def _set_embeddings(spec: Any, config: TransformerConfig, arrays: Weights, names: tuple[list[str], list[str]]) -> None:
    """Sets embeddings, output layer and vocabularies."""
    source = arrays["source.embedding"]  # [vocabulary, units]
    target = arrays[config.target_embedding]
    projection = spec.decoder.projection
    spec.encoder.embeddings[0].weight = source
    spec.decoder.embeddings.weight = target
    projection.weight = target
    if not config.tied:
        projection.weight = _transpose(arrays["logits.kernel"])
    projection.bias = arrays["logits.bias"]
    source_names, target_names = names
    spec.register_source_vocabulary(source_names)
    spec.register_target_vocabulary(target_names)


def _transpose(kernel: Array) -> Array:
    """A kernel `[features, units]` as CTranslate2 stores it, `[units, features]`, contiguous."""
    return np.ascontiguousarray(kernel.T)


def _set_layer(layer: Any, arrays: Weights, name: str, attends_to_source: bool) -> None:
    """Sets the weights of a layer of the encoder or, if it attends to the source, of the decoder."""
    attention = layer.self_attention
    _set_block(attention, attention.linear, arrays, f"{name}.itself", "qkv", "output")
    if attends_to_source:
        attention = layer.attention
        _set_block(attention, attention.linear, arrays, f"{name}.source", "query", "memory", "output")
    feedforward = layer.ffn
    linear = [feedforward.linear_0, feedforward.linear_1]
    _set_block(feedforward, linear, arrays, f"{name}.feedforward", "inner", "output")


def _set_block(spec: Any, linear: Sequence[Any], arrays: Weights, block: str, *names: str) -> None:
    """Sets the layer normalisation and the linear layers of a block; `names` are ours of the latter."""
    _set_norm(spec.layer_norm, arrays, block)
    for layer, name in zip(linear, names, strict=True):
        product = f"{block}.{name}"
        kernel = arrays[f"{product}.kernel"]
        layer.weight = _transpose(kernel)
        layer.bias = arrays[f"{product}.bias"]


def _set_norm(spec: Any, arrays: Weights, block: str) -> None:
    """Sets the scale and the bias of a layer normalisation."""
    spec.gamma = arrays[f"{block}.norm.scale"]
    spec.beta = arrays[f"{block}.norm.bias"]
