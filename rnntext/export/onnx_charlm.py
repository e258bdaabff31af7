"""Character models as ONNX graphs, see `run/charlm.py`."""

from __future__ import annotations

from rnntext.export.model import ExportedModel
from rnntext.export.onnx_graph import FLOAT, INTEGER, Graph
from rnntext.export.onnx_layers import affine, recurrent_step
from rnntext.settings.charlm import CharlmConfig


def graphs(model: ExportedModel) -> dict[str, Graph]:
    """The graph by the name of its file: it reads a character of each text, and answers with logits of the next one
    and with new states."""
    config = model.config
    assert isinstance(config, CharlmConfig)
    arrays = model.arrays
    vocabulary, _ = arrays["embedding"].shape
    graph = Graph("charlm_step")
    ids = graph.input("ids", INTEGER, "batch")
    x = graph.add("Gather", graph.constant(arrays["embedding"], "embedding"), ids, axis=0)  # [batch, embedding]
    new: dict[str, str] = {}
    for layer in range(config.layers):
        names = [f"h_{layer}", f"c_{layer}"] if config.cell == "lstm" else [f"h_{layer}"]
        states = [graph.input(name, FLOAT, "batch", config.units) for name in names]
        x, after = recurrent_step(graph, config.cell, x, arrays, f"layer{layer}", states)
        new |= dict(zip(names, after, strict=True))
    graph.output("logits", affine(graph, x, arrays, "logits"), FLOAT, "batch", vocabulary)
    for name, state in new.items():
        graph.output(f"new_{name}", state, FLOAT, "batch", config.units)
    return {"charlm.onnx": graph}
