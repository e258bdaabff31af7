"""LSTM character models as graphs with 8-bit weights, of operations that ONNX Runtime adds to ONNX.

A matrix of weights becomes whole numbers: w is about scale * (q - ZERO), with a scale of its own for each column. What
it is multiplied by is rounded to 8 bits at each step, too ("dynamic quantization"); sums are exact, and all else is
float32. Both factors are unsigned, as only such products are exact on every processor: those of signed weights overflow
where there are no instructions for them (AVX2 without VNNI).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnntext.export.onnx_charlm import step
from rnntext.export.onnx_graph import Graph, Value, axes
from rnntext.export.onnx_layers import swapped
from rnntext.run.arrays import Array, Weights
from rnntext.run.logits import check_finite
from rnntext.settings.charlm import CharlmConfig

ZERO = 128  # the whole number that stands for a weight of zero
_HIGHEST = 127  # the largest distance from it
_DOMAIN = "com.microsoft"  # of ONNX Runtime's own operations


def graph(config: CharlmConfig, arrays: Weights) -> Graph:
    """The graph of a step, with the inputs and outputs of `onnx_charlm.step`.

    Args:
        config: of an LSTM.
        arrays: its weights, as a checkpoint names them.
    """
    return step(config, arrays, _lstm_step, _affine)


def quantized(weights: Array) -> tuple[Array, Array, Array]:
    """Weights `[..., columns]` as whole numbers of the same shape, with the scales of their columns and what stands for
    zero there, both `[columns]`.

    Raises:
        CheckpointError: the weights are not finite.
    """
    columns = weights.shape[-1]
    check_finite(weights)
    largest = np.abs(weights).reshape(-1, columns).max(axis=0)  # [columns]
    scales = np.where(largest > 0, largest / _HIGHEST, 1).astype(np.float32)
    numbers = np.rint(weights / scales) + ZERO
    return numbers.astype(np.uint8), scales, np.full(columns, ZERO, np.uint8)


def _affine(graph: Graph, x: Value, arrays: Weights, name: str) -> str:
    """x W + b with the weights `name`.kernel and `name`.bias: `[batch, features]` to `[batch, units]`."""
    return graph.add(
        "DynamicQuantizeMatMul", x, *quantized(arrays[f"{name}.kernel"]), arrays[f"{name}.bias"], domain=_DOMAIN
    )


def _lstm_step(
    graph: Graph, cell: str, x: Value, arrays: Weights, name: str, states: Sequence[Value]
) -> tuple[str, list[str]]:
    """See `onnx_layers.recurrent_step`."""
    first = axes(0)
    # 1. Arrange the weights as ONNX has them, of one direction.
    kernel, recurrent_kernel, bias = (swapped(arrays[f"{name}.{part}"]) for part in _PARTS)
    numbers, *scales = (array[None] for array in quantized(kernel))
    recurrent_numbers, *recurrent_scales = (array[None] for array in quantized(recurrent_kernel))
    biases = np.concatenate([bias, np.zeros_like(bias)])[None]  # [directions = 1, 2 * gates * units]
    # 2. Add the operation.
    x = graph.add("Unsqueeze", x, first)  # [time = 1, batch, features]
    before = [graph.add("Unsqueeze", state, first) for state in states]  # [directions = 1, batch, units] each
    no_lengths = no_peepholes = ""
    inputs: list[Value] = [x, numbers, recurrent_numbers, biases, no_lengths, *before, no_peepholes]
    inputs += [*scales, *recurrent_scales]  # each with what stands for zero
    units = len(recurrent_kernel)
    _, *after = graph.add_several("DynamicQuantizeLSTM", 3, *inputs, hidden_size=units, domain=_DOMAIN)
    squeezed = [graph.add("Squeeze", state, first) for state in after]
    return squeezed[0], squeezed


_PARTS = ("kernel", "recurrent_kernel", "bias")
