"""Transformers and hybrids as ONNX graphs, see `run/transformer.py` and `run/hybrid.py`."""

from __future__ import annotations

import numpy as np

from rnntext.export.model import ExportedModel
from rnntext.export.onnx_graph import FLOAT, INTEGER, Graph, Value, axes
from rnntext.export.onnx_layers import (
    affine,
    attend,
    embed,
    logits,
    norm,
    parts_by_head,
    recurrent_step,
    source_mask,
)
from rnntext.run.positions import sinusoids
from rnntext.settings.translator import HybridConfig, TransformerConfig


class _Transformer:
    """What both graphs of a model have in common."""

    def __init__(self, model: ExportedModel, graph: Graph) -> None:
        assert isinstance(model.config, TransformerConfig | HybridConfig)
        self.config = model.config
        self.arrays = model.arrays
        self.graph = graph
        self.padding: int = model.description["padding"]
        self.rows: int = model.description["positions"]
        self.heads = self.config.heads
        self.width = self.config.units // self.heads
        self.is_hybrid = isinstance(self.config, HybridConfig)
        self.decoder_layers = (
            self.config.decoder_layers if isinstance(self.config, HybridConfig) else self.config.layers
        )

    def positions(self, side: str, numbers: Value) -> str:
        """The encodings of positions: `[time]` to `[time, units]`."""
        if self.config.positions == "learned":
            name = f"{side}.positions"
            table = self.graph.constant(self.arrays[name], name)
            last = len(self.arrays[name]) - 1
            numbers = self.graph.add("Min", numbers, axes(last))
        else:
            table = self.graph.constant(sinusoids(self.rows, self.config.units), "sinusoids")
        return self.graph.add("Gather", table, numbers, axis=0)

    def size(self, value: Value, axis: int) -> str:
        """The size of a value along an axis, `[1]`."""
        return self.graph.add("Gather", self.graph.add("Shape", value), axes(axis), axis=0)

    def added(self, x: Value, y: Value, block: str) -> str:
        """x + y W + b, with the output layer of a block."""
        return self.graph.add("Add", x, affine(self.graph, y, self.arrays, f"{block}.output"))

    def normed(self, x: Value, block: str, product: str) -> str:
        """norm(x) W + b, with a product of a block."""
        return affine(self.graph, norm(self.graph, x, self.arrays, block), self.arrays, f"{block}.{product}")

    def feedforward(self, x: Value, block: str) -> str:
        """x + max(0, norm(x) W_1 + b_1) W_2 + b_2."""
        inner = self.graph.add("Relu", self.normed(x, block, "inner"))
        return self.added(x, inner, block)

    def merged(self, context: Value) -> str:
        """`[batch, heads, time, width]` to `[batch, time, units]`."""
        by_time = self.graph.add("Transpose", context, perm=[0, 2, 1, 3])
        return self.graph.add("Reshape", by_time, axes(0, 0, self.config.units))


def encoder(model: ExportedModel) -> Graph:
    """Reads sources. Its outputs are inputs of the decoder: keys and values of each of its layers, and its first
    states."""
    graph = Graph("encoder")
    ours = _Transformer(model, graph)
    config = ours.config

    # 1. Pass the layers of the encoder.
    source = graph.input("source", INTEGER, "batch", "source")
    mask, _ = source_mask(graph, source, ours.padding)
    x = embed(graph, source, ours.arrays, "source.embedding", config.units**0.5)  # [batch, source, units]
    length = graph.add("Squeeze", ours.size(source, 1), axes(0))
    numbers = graph.add("Range", np.array(0), length, np.array(1))  # [source]
    x = graph.add("Add", x, ours.positions("source", numbers))
    for layer in range(config.layers):
        block = f"encoder.{layer}.itself"
        qkv = ours.normed(x, block, "qkv")  # [batch, source, 3 * units]
        queries, keys, values = parts_by_head(graph, qkv, 3, ours.heads, ours.width)
        context = attend(graph, queries, keys, values, ours.width, mask)
        x = ours.added(x, ours.merged(context), block)
        x = ours.feedforward(x, f"encoder.{layer}.feedforward")
    memory = norm(graph, x, ours.arrays, "encoder")

    # 2. Hand out what the decoder attends to.
    graph.output("mask", mask, FLOAT, "batch", "source")
    for layer in range(ours.decoder_layers):
        both = affine(graph, memory, ours.arrays, f"decoder.{layer}.source.memory")  # [batch, source, 2 * units]
        parts = parts_by_head(graph, both, 2, ours.heads, ours.width)
        for name, part in zip(("keys", "values"), parts, strict=True):
            graph.output(f"source_{name}_{layer}", part, FLOAT, "batch", ours.heads, "source", ours.width)

    # 3. Hand out its first states: zeros, or keys and values of no tokens.
    batch = ours.size(source, 0)
    if ours.is_hybrid:
        zeros = graph.add("ConstantOfShape", graph.add("Concat", batch, axes(config.units), axis=0))
    else:
        shape = graph.add("Concat", batch, axes(ours.heads, 0, ours.width), axis=0)
        zeros = graph.add("ConstantOfShape", shape)
    for name, sizes in _states(ours).items():
        graph.output(name, zeros, FLOAT, *[0 if size == "tokens" else size for size in sizes])
    return graph


def _states(ours: _Transformer) -> dict[str, tuple[int | str, ...]]:
    """Names and shapes of the states that go from step to step: h of each layer of a hybrid; keys and values of the
    tokens so far of each layer of a Transformer."""
    if ours.is_hybrid:
        return {f"h_{layer}": ("batch", ours.config.units) for layer in range(ours.decoder_layers)}
    shape = ("batch", ours.heads, "tokens", ours.width)
    return {f"{name}_{layer}": shape for layer in range(ours.decoder_layers) for name in ("keys", "values")}


def decoder(model: ExportedModel) -> Graph:
    """Reads a token of each translation; answers with logits of the next one and with new states."""
    graph = Graph("decoder_step")
    ours = _Transformer(model, graph)
    config = ours.config

    # 1. Declare the inputs.
    ids = graph.input("ids", INTEGER, "batch")
    graph.input("mask", FLOAT, "batch", "source")
    for layer in range(ours.decoder_layers):
        for name in ("keys", "values"):
            graph.input(f"source_{name}_{layer}", FLOAT, "batch", ours.heads, "source", ours.width)
    states = _states(ours)
    for name, shape in states.items():
        graph.input(name, FLOAT, *shape)

    # 2. Pass the layers. x is [batch, time = 1, units].
    column = graph.add("Unsqueeze", ids, axes(1))  # [batch, 1]
    x = embed(graph, column, ours.arrays, config.target_embedding, config.units**0.5)
    if not ours.is_hybrid:
        x = graph.add("Add", x, ours.positions("target", ours.size("keys_0", 2)))
    new: dict[str, str] = {}
    for layer in range(ours.decoder_layers):
        x, after = _recurrent(ours, x, layer) if ours.is_hybrid else _itself(ours, x, layer)
        new |= after
        x = _source(ours, x, layer)
        x = ours.feedforward(x, f"decoder.{layer}.feedforward")

    # 3. Answer.
    last = graph.add("Squeeze", norm(graph, x, ours.arrays, "decoder"), axes(1))  # [batch, units]
    size = len(ours.arrays["logits.bias"])
    graph.output("logits", logits(graph, last, ours.arrays, config.target_embedding), FLOAT, "batch", size)
    for name, sizes in states.items():
        grown = ["tokens + 1" if size == "tokens" else size for size in sizes]
        graph.output(f"new_{name}", new[name], FLOAT, *grown)
    return graph


def _itself(ours: _Transformer, x: str, layer: int) -> tuple[str, dict[str, str]]:
    """Attention to the tokens so far; also returns their keys and values, by the names of the states."""
    block = f"decoder.{layer}.itself"
    qkv = ours.normed(x, block, "qkv")  # [batch, 1, 3 * units]
    queries, keys, values = parts_by_head(ours.graph, qkv, 3, ours.heads, ours.width)
    keys = ours.graph.add("Concat", f"keys_{layer}", keys, axis=2)  # [batch, heads, tokens + 1, width]
    values = ours.graph.add("Concat", f"values_{layer}", values, axis=2)
    context = attend(ours.graph, queries, keys, values, ours.width)
    x = ours.added(x, ours.merged(context), block)
    return x, {f"keys_{layer}": keys, f"values_{layer}": values}


def _recurrent(ours: _Transformer, x: str, layer: int) -> tuple[str, dict[str, str]]:
    """A hybrid's GRU; also returns its new state, by its name."""
    block = f"decoder.{layer}.recurrent"
    normed = norm(ours.graph, x, ours.arrays, block)
    row = ours.graph.add("Squeeze", normed, axes(1))  # [batch, units]
    h, _ = recurrent_step(ours.graph, "gru", row, ours.arrays, f"{block}.gru", [f"h_{layer}"])
    x = ours.added(x, ours.graph.add("Unsqueeze", h, axes(1)), block)
    return x, {f"h_{layer}": h}


def _source(ours: _Transformer, x: str, layer: int) -> str:
    """Attention to the source."""
    block = f"decoder.{layer}.source"
    query = ours.normed(x, block, "query")  # [batch, 1, units]
    (queries,) = parts_by_head(ours.graph, query, 1, ours.heads, ours.width)
    keys, values = f"source_keys_{layer}", f"source_values_{layer}"
    context = attend(ours.graph, queries, keys, values, ours.width, "mask")
    return ours.added(x, ours.merged(context), block)
