"""A model as a file of Keras's weights, with the code that rebuilds it of Keras's own layers."""

from __future__ import annotations

import importlib
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from rnntext.export.model import ExportedModel, page
from rnntext.files.atomic import read_bytes
from rnntext.run.arrays import Array, Weights
from rnntext.run.positions import encodings

WEIGHTS = "model.weights.h5"
_REBUILT = {"hybrid": "transformer"}  # the file of an architecture whose file has another name
# The parts of a layer's name in a checkpoint, in the order of Keras's weights.
_PARTS = ("kernel", "recurrent_kernel", "scale", "bias")


def files(model: ExportedModel) -> dict[str, bytes]:
    """The content of each file of the export, by name."""
    # 1. Rebuild the model, as the user will.
    name = _REBUILT.get(model.architecture, model.architecture)
    rebuild: Any = importlib.import_module(f"rnntext.train.rebuild.{name}")
    rebuilt = rebuild.build(dict(model.description))

    # 2. Set its weights.
    arrays = _arrays(model)
    for layer in rebuilt.layers:
        if layer.weights:
            layer.set_weights(_weights(layer, arrays))

    # 3. Read the file: Keras can only save it to a folder.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / WEIGHTS
        rebuilt.save_weights(path)
        weights = read_bytes(path)
    tokens = {"tokens.py": page("tokens.py").encode()} if model.kind == "translator" else {}
    return {
        **tokens,
        WEIGHTS: weights,
        "rebuild.py": read_bytes(Path(rebuild.__file__)),
        "README.md": (page("keras.md") + page(f"keras_{model.kind}.md")).encode(),
    }


def _arrays(model: ExportedModel) -> dict[str, Array]:
    """The weights of a model, and what our engines compute or share, but Keras's own layers have as weights."""
    arrays = dict(model.arrays)
    config: Any = model.config
    if hasattr(config, "positions"):
        rows = model.description["positions"]
        for side in ("source", "target"):
            name = f"{side}.positions"
            arrays[name] = encodings(arrays.get(name), rows, config.units)
    if model.kind == "translator" and config.tied:
        arrays["logits.kernel"] = arrays[config.target_embedding].T
    kernels = model.smoothing_kernels
    if kernels is not None:
        arrays |= {f"smoothing.{column}.kernel": kernel for column, kernel in enumerate(kernels)}
    return arrays


def _weights(layer: Any, arrays: Weights) -> list[Array]:
    """The weights of a layer, in Keras's order."""
    name = layer.name
    if isinstance(layer, keras.layers.Embedding):
        return [arrays[name]]
    if isinstance(layer, keras.layers.AdditiveAttention):
        return [arrays["attention.score"]]
    if isinstance(layer, keras.layers.MultiHeadAttention):
        return _heads(arrays, name, layer.num_heads)
    layers = [name]
    if isinstance(layer, keras.layers.Bidirectional):
        layers = [f"{name}.forward", f"{name}.backward"]
    names = [f"{one}.{part}" for one in layers for part in _PARTS]
    return [arrays[one] for one in names if one in arrays]


def _heads(arrays: Weights, name: str, heads: int) -> list[Array]:
    """Kernel and bias of queries, keys, values and output, cut into heads."""
    kernels: list[Array] = []
    products = ("qkv",) if f"{name}.qkv.kernel" in arrays else ("query", "memory")
    kernel, bias = (
        np.concatenate([arrays[f"{name}.{product}.{part}"] for product in products], axis=-1)
        for part in ("kernel", "bias")
    )
    for columns, offset in zip(np.split(kernel, 3, axis=1), np.split(bias, 3), strict=True):
        units = len(columns)
        kernels += [columns.reshape(units, heads, -1), offset.reshape(heads, -1)]
    output = arrays[f"{name}.output.kernel"]
    return [*kernels, output.reshape(heads, -1, output.shape[1]), arrays[f"{name}.output.bias"]]
