"""Layers as nodes of ONNX graphs, with the weights of a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnntext.export.onnx_graph import Graph, Value, axes
from rnntext.run.arrays import Array, Weights
from rnntext.run.attention import EPSILON

HIDDEN = np.array(-1e9, np.float32)  # added to the score of what is not to be seen: its weight becomes zero
_OPERATIONS = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}


def affine(graph: Graph, x: Value, arrays: Weights, name: str) -> str:
    """x W + b with the weights `name`.kernel and `name`.bias: `[..., features]` to `[..., units]`."""
    kernel = graph.constant(arrays[f"{name}.kernel"], f"{name}.kernel")
    bias = graph.constant(arrays[f"{name}.bias"], f"{name}.bias")
    return graph.add("Add", graph.add("MatMul", x, kernel), bias)


def norm(graph: Graph, x: Value, arrays: Weights, name: str) -> str:
    """Layer normalisation with the weights `name`.norm.scale and `name`.norm.bias: `[..., units]` to the same."""
    scale = graph.constant(arrays[f"{name}.norm.scale"], f"{name}.norm.scale")
    bias = graph.constant(arrays[f"{name}.norm.bias"], f"{name}.norm.bias")
    return graph.add("LayerNormalization", x, scale, bias, axis=-1, epsilon=EPSILON)


def embed(graph: Graph, ids: Value, arrays: Weights, name: str, factor: float) -> str:
    """Rows of an embedding times a factor: `[...]` to `[..., units]`."""
    rows = graph.add("Gather", graph.constant(arrays[name], name), ids, axis=0)
    return graph.add("Mul", rows, np.array(factor, np.float32))


def logits(graph: Graph, x: Value, arrays: Weights, embedding: str) -> str:
    """The output layer, whose kernel may be the embedding, transposed: `[rows, units]` to `[rows, vocabulary]`."""
    if "logits.kernel" in arrays:
        return affine(graph, x, arrays, "logits")
    table = graph.constant(arrays[embedding], embedding)
    bias = graph.constant(arrays["logits.bias"], "logits.bias")
    return graph.add("Gemm", x, table, bias, transB=1)


# Recurrent layers -----------------------------------------------------------------------------------------------------


def recurrent(
    graph: Graph,
    cell: str,
    x: Value,
    arrays: Weights,
    names: Sequence[str],
    states: Sequence[Value] = (),
    lengths: Value = "",
) -> tuple[str, list[str]]:
    """A recurrent layer.

    Args:
        cell: "rnn", "lstm" or "gru".
        x: `[time, batch, features]`.
        names: what the names of its weights begin with; two names are two layers, of which the second one reads
            backwards.
        states: before the first step, each `[directions, batch, units]`: h, then an LSTM's c; none: zeros.
        lengths: of the sequences, `[batch]`, int32; "": all are as long as x.

    Returns:
        the outputs, `[time, directions, batch, units]`, and the states after the last step.
    """
    # 1. Arrange the weights as ONNX has them: gates go along the rows, and all biases are in one array.
    layers = [_arranged(cell, *(arrays[f"{name}.{part}"] for part in _PARTS)) for name in names]
    joined = (np.stack(parts) for parts in zip(*layers, strict=True))
    kernel, recurrent_kernel, bias = (
        graph.constant(array, f"{names[0]}.{part}") for part, array in zip(_PARTS, joined, strict=True)
    )
    # 2. Add the operation.
    units = arrays[f"{names[0]}.recurrent_kernel"].shape[0]
    directions = "bidirectional" if len(names) > 1 else "forward"
    attributes = {"hidden_size": units, "direction": directions}
    if cell == "gru":
        attributes["linear_before_reset"] = 1  # the reset gate acts on the product, as in `run.cells.GRUCell`
    count = 3 if cell == "lstm" else 2
    outputs, *after = graph.add_several(
        _OPERATIONS[cell], count, x, kernel, recurrent_kernel, bias, lengths, *states, **attributes
    )
    return outputs, after


_PARTS = ("kernel", "recurrent_kernel", "bias")


def _arranged(cell: str, kernel: Array, recurrent_kernel: Array, bias: Array) -> tuple[Array, Array, Array]:
    """W `[gates * units, features]`, R `[gates * units, units]` and both biases `[2 * gates * units]`, as ONNX has
    them, from ours (see `run.cells.Cell`). An LSTM's gates are i, f, g, o here and i, o, f, g there."""
    biases = bias if cell == "gru" else np.stack([bias, np.zeros_like(bias)])  # [2, gates * units]
    if cell == "lstm":
        kernel, recurrent_kernel, biases = (swapped(one) for one in (kernel, recurrent_kernel, biases))
    return _transpose(kernel), _transpose(recurrent_kernel), biases.reshape(-1)


def swapped(columns: Array) -> Array:
    """The columns of an LSTM's gates i, f, g, o in the order of ONNX, i, o, f, g."""
    i, f, g, o = np.split(columns, 4, axis=-1)
    return np.concatenate([i, o, f, g], axis=-1)


def _transpose(matrix: Array) -> Array:
    return np.ascontiguousarray(matrix.T)


def recurrent_step(
    graph: Graph, cell: str, x: Value, arrays: Weights, name: str, states: Sequence[Value]
) -> tuple[str, list[str]]:
    """One step of a recurrent layer.

    Args:
        x: `[batch, features]`.
        states: each `[batch, units]`.

    Returns:
        the output, `[batch, units]`, and the new states, of which it is the first.
    """
    first = axes(0)
    x = graph.add("Unsqueeze", x, first)  # [time = 1, batch, features]
    before = [graph.add("Unsqueeze", state, first) for state in states]  # [directions = 1, batch, units] each
    _, after = recurrent(graph, cell, x, arrays, [name], before)
    squeezed = [graph.add("Squeeze", state, first) for state in after]
    return squeezed[0], squeezed


# Attention ------------------------------------------------------------------------------------------------------------


def source_mask(graph: Graph, source: Value, padding: int) -> tuple[str, str]:
    """What tells the tokens of sources from padding.

    Args:
        source: ids, `[batch, source]`.

    Returns:
        0, or HIDDEN behind the end of a source, `[batch, source]`, and the lengths of the sources, `[batch]`, int32.
    """
    is_padding = graph.add("Equal", source, axes(padding))
    mask = graph.add("Where", is_padding, HIDDEN, np.array(0, np.float32))
    is_token = graph.add("Cast", graph.add("Not", is_padding), to=_INT32)
    lengths = graph.add("ReduceSum", is_token, axes(1), keepdims=0)
    return mask, lengths


_INT32 = 6  # ONNX's number of the type


def attend(graph: Graph, queries: Value, keys: Value, values: Value, width: int, mask: Value | None = None) -> str:
    """softmax(Q K^T / sqrt(width) + mask) V, as `run.attention.attend` has it: `[batch, heads, queries, width]`.

    Args:
        mask: `[batch, keys]`.
    """
    transposed = graph.add("Transpose", keys, perm=[0, 1, 3, 2])  # [batch, heads, width, keys]
    scores = graph.add("MatMul", queries, transposed)  # [batch, heads, queries, keys]
    scores = graph.add("Mul", scores, np.array(width**-0.5, np.float32))
    if mask is not None:
        scores = graph.add("Add", scores, graph.add("Unsqueeze", mask, axes(1, 2)))
    weights = graph.add("Softmax", scores, axis=-1)
    return graph.add("MatMul", weights, values)


def parts_by_head(graph: Graph, x: Value, parts: int, heads: int, width: int) -> list[str]:
    """`[batch, time, parts * units]`, cut into parts and heads: each part is `[batch, heads, time, width]`."""
    split = graph.add("Reshape", x, axes(0, 0, parts, heads, width))
    by_part = graph.add("Transpose", split, perm=[2, 0, 3, 1, 4])  # [parts, batch, heads, time, width]
    return [graph.add("Squeeze", one, axes(0)) for one in graph.add_several("Split", parts, by_part, axis=0)]
