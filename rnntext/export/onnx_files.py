"""A model as ONNX graphs, with a README and an example that runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnntext.export import onnx_charlm, onnx_forecaster, onnx_gru, onnx_transformer
from rnntext.export.model import ExportedModel, page
from rnntext.export.onnx_graph import OPSET
from rnntext.settings.translator import GRUConfig

if TYPE_CHECKING:
    from rnntext.export.onnx_graph import Graph


def files(model: ExportedModel) -> dict[str, bytes]:
    """The content of each file of the export, by name.

    Raises:
        UsageError: the package onnx is not installed, or a graph would be too large for the format.
    """
    description = {**model.description, "opset": OPSET}
    graphs = _graphs(model)
    contents = {name: graph.to_bytes(description) for name, graph in graphs.items()}
    tables = "".join(f"## {name}\n\n{graph.table()}\n" for name, graph in graphs.items())
    contents["README.md"] = (page("onnx.md") + page(f"onnx_{model.kind}.md") + tables.rstrip("\n") + "\n").encode()
    contents["example.py"] = page(f"onnx_{model.kind}.py").encode()
    if model.kind == "translator":
        contents["tokens.py"] = page("tokens.py").encode()
    return contents


def _graphs(model: ExportedModel) -> dict[str, Graph]:
    """The graphs by the names of their files."""
    if model.kind == "charlm":
        return onnx_charlm.graphs(model)
    if model.kind == "forecaster":
        return onnx_forecaster.graphs(model)
    architecture = onnx_gru if isinstance(model.config, GRUConfig) else onnx_transformer
    return {"encoder.onnx": architecture.encoder(model), "decoder.onnx": architecture.decoder(model)}
