"""Character models as ONNX graphs, see `run/charlm.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from rnntext.export.model import ExportedModel
from rnntext.export.onnx_graph import FLOAT, INTEGER, Graph, Value
from rnntext.export.onnx_layers import affine, recurrent_step
from rnntext.run.arrays import Weights
from rnntext.settings.charlm import CharlmConfig

Layer: TypeAlias = Callable[[Graph, str, Value, Weights, str, Sequence[Value]], tuple[str, list[str]]]
OutputLayer: TypeAlias = Callable[[Graph, Value, Weights, str], str]


def graphs(model: ExportedModel) -> dict[str, Graph]:
    """The graph by the name of its file."""
    assert isinstance(model.config, CharlmConfig)
    return {"charlm.onnx": step(model.config, model.arrays)}


def step(config: CharlmConfig, arrays: Weights, layer: Layer = recurrent_step, output: OutputLayer = affine) -> Graph:
    """The graph that reads a character of each text, and answers with logits of the next one and with new states.

    Args:
        config: the shape of the model.
        arrays: its weights, as a checkpoint names them.
        layer: adds one step of a recurrent layer, as `recurrent_step` does.
        output: adds the output layer, as `affine` does.
    """
    vocabulary, _ = arrays["embedding"].shape
    graph = Graph("charlm_step")
    ids = graph.input("ids", INTEGER, "batch")
    x = graph.add("Gather", graph.constant(arrays["embedding"], "embedding"), ids, axis=0)  # [batch, embedding]
    new: dict[str, str] = {}
    for number in range(config.layers):
        names = [f"h_{number}", f"c_{number}"] if config.cell == "lstm" else [f"h_{number}"]
        states = [graph.input(name, FLOAT, "batch", config.units) for name in names]
        x, after = layer(graph, config.cell, x, arrays, f"layer{number}", states)
        new |= dict(zip(names, after, strict=True))
    graph.output("logits", output(graph, x, arrays, "logits"), FLOAT, "batch", vocabulary)
    for name, state in new.items():
        graph.output(f"new_{name}", state, FLOAT, "batch", config.units)
    return graph
