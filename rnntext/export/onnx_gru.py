"""GRU translators as ONNX graphs, see `run/gru_translator.py`."""

from __future__ import annotations

from rnntext.export.model import ExportedModel
from rnntext.export.onnx_graph import FLOAT, INTEGER, Graph, axes
from rnntext.export.onnx_layers import affine, embed, logits, recurrent, recurrent_step, source_mask
from rnntext.run.arrays import Weights
from rnntext.settings.translator import GRUConfig


def encoder(model: ExportedModel) -> Graph:
    """Reads sources. Its outputs are inputs of the decoder: what it attends to, and its first states."""
    # 1. Read the sources in both directions.
    config = model.config
    assert isinstance(config, GRUConfig)
    arrays = model.arrays
    both = 2 * config.units  # directions, side by side
    graph = Graph("encoder")
    source = graph.input("source", INTEGER, "batch", "source")
    mask, lengths = source_mask(graph, source, model.description["padding"])
    x = embed(graph, source, arrays, "source.embedding", config.embedding**0.5)  # [batch, source, embedding]
    x = graph.add("Transpose", x, perm=[1, 0, 2])  # [source, batch, features]
    for layer in range(config.layers):
        names = [f"encoder.{layer}.forward", f"encoder.{layer}.backward"]
        outputs, (last,) = recurrent(graph, "gru", x, arrays, names, lengths=lengths)
        by_token = graph.add("Transpose", outputs, perm=[0, 2, 1, 3])  # [source, batch, directions, units]
        x = graph.add("Reshape", by_token, axes(0, 0, both))
    # 2. Hand out what the decoder attends to.
    if config.attention != "none":
        memory = graph.add("Transpose", x, perm=[1, 0, 2])  # [batch, source, 2 * units]
        keys = graph.add("MatMul", memory, graph.constant(arrays[_KEYS], _KEYS))  # [batch, source, units]
        graph.output("memory", memory, FLOAT, "batch", "source", both)
        graph.output("keys", keys, FLOAT, "batch", "source", config.units)
        graph.output("mask", mask, FLOAT, "batch", "source")
    # 3. Hand out its first states.
    final = graph.add("Transpose", last, perm=[1, 0, 2])  # [batch, directions, units]
    final = graph.add("Reshape", final, axes(0, both))
    for layer in range(config.layers):
        h = graph.add("Tanh", affine(graph, final, arrays, f"bridge.{layer}"))
        graph.output(f"h_{layer}", h, FLOAT, "batch", config.units)
    return graph


_KEYS = "attention.keys.kernel"


def decoder(model: ExportedModel) -> Graph:
    """Reads a token of each translation; answers with logits of the next one and with new states."""
    # 1. Declare the inputs.
    config = model.config
    assert isinstance(config, GRUConfig)
    arrays = model.arrays
    graph = Graph("decoder_step")
    ids = graph.input("ids", INTEGER, "batch")
    if config.attention != "none":
        graph.input("memory", FLOAT, "batch", "source", 2 * config.units)
        graph.input("keys", FLOAT, "batch", "source", config.units)
        graph.input("mask", FLOAT, "batch", "source")
    states = [graph.input(f"h_{layer}", FLOAT, "batch", config.units) for layer in range(config.layers)]
    # 2. Pass the layers.
    x = embed(graph, ids, arrays, config.target_embedding, config.embedding**0.5)  # [batch, embedding]
    new = []
    context: list[str] = []
    for layer, state in enumerate(states):
        h, _ = recurrent_step(graph, "gru", x, arrays, f"decoder.{layer}", [state])
        new.append(h)
        if layer == 0 and config.attention != "none":
            context = [_context(graph, config, h, arrays)]
        x = graph.add("Concat", h, *context, axis=-1)  # [batch, units + 2 * units]
    # 3. Answer.
    output = graph.add("Tanh", affine(graph, x, arrays, "output"))  # [batch, embedding]
    size = len(arrays["logits.bias"])
    graph.output("logits", logits(graph, output, arrays, config.target_embedding), FLOAT, "batch", size)
    for layer, h in enumerate(new):
        graph.output(f"new_h_{layer}", h, FLOAT, "batch", config.units)
    return graph


def _context(graph: Graph, config: GRUConfig, h: str, arrays: Weights) -> str:
    """What each translation finds in its source, see `run/gru_attention.py`: `[batch, 2 * units]`."""
    if config.attention == "additive":
        query = affine(graph, h, arrays, "attention.query")  # [batch, units]
        sums = graph.add("Add", graph.add("Unsqueeze", query, axes(1)), "keys")  # [batch, source, units]
        vector = arrays["attention.score"][:, None]  # [units, 1]
        scores = graph.add("MatMul", graph.add("Tanh", sums), vector)  # [batch, source, 1]
    else:
        scores = graph.add("MatMul", "keys", graph.add("Unsqueeze", h, axes(2)))
    masked = graph.add("Add", graph.add("Squeeze", scores, axes(2)), "mask")  # [batch, source]
    weights = graph.add("Softmax", masked, axis=-1)
    context = graph.add("MatMul", graph.add("Unsqueeze", weights, axes(1)), "memory")  # [batch, 1, 2 * units]
    return graph.add("Squeeze", context, axes(1))
