"""Recurrent layers on top of one another, one step at a time."""

from __future__ import annotations

from collections.abc import Sequence

from rnntext.run.arrays import Array, Shapes, Weights, zeros
from rnntext.run.cells import CELLS, GATES, Cell


def layer_shapes(cell: str, name: str, features: int, units: int) -> Shapes:
    """Names and shapes of the weights of a recurrent layer.

    Args:
        cell: "rnn", "lstm" or "gru".
        name: what the names begin with.
        features: of its input.
    """
    gate_units = GATES[cell] * units
    return {
        f"{name}.kernel": (features, gate_units),
        f"{name}.recurrent_kernel": (units, gate_units),
        f"{name}.bias": (2, gate_units) if cell == "gru" else (gate_units,),
    }


def stack_shapes(cell: str, features: int, layers: Sequence[int]) -> Shapes:
    """Names and shapes of the weights of a stack.

    Args:
        cell: "rnn", "lstm" or "gru".
        features: of the input of the first layer.
        layers: the units of each layer, from below.
    """
    shapes: Shapes = {}
    for index, units in enumerate(layers):
        shapes |= layer_shapes(cell, f"layer{index}", features, units)
        features = units
    return shapes


class StackState:
    """The state of a stack for a batch, and its work space. A step overwrites it.

    The outputs h of all layers lie in one array `[units of all layers, batch]`, one below the other. So what layer l
    reads, h of layer l - 1 at this step above h of layer l at the step before, is one slice of it.

    Attributes:
        cells: the layers, from below.
        steps: what the step of each layer needs: its function, its work space, [x, h] `[features + units, batch]` and h
            `[units, batch]`.
    """

    def __init__(self, cells: Sequence[Cell], layers: Sequence[int], batch: int) -> None:
        total = sum(layers)
        outputs = zeros(total, batch)  # [units of all layers, batch]
        self.cells = cells
        self.steps = []
        below = 0  # where the layer below begins; the first layer has none
        begin = 0
        for cell, units in zip(cells, layers, strict=True):
            end = begin + units
            h = outputs[begin:end]  # [units, batch]
            x_and_h = outputs[below:end]  # [features + units, batch]; of the first layer [units, batch]
            space = cell.start(batch)
            step = (cell.step, space, x_and_h, h)
            self.steps.append(step)
            below = begin
            begin = end

    def layers(self) -> list[tuple[Array, ...]]:
        """For each layer its states `[units, batch]`, in Keras's order (h, then an LSTM's c), to read or overwrite."""
        states = []
        for cell, (_, space, _, h) in zip(self.cells, self.steps, strict=True):
            states.append((h, *cell.memory(space)))
        return states


class Stack:
    """Recurrent layers, each of which reads what the one below gives.

    Args:
        cell: "rnn", "lstm" or "gru".
        layers: the units of each layer, from below.
        weights: as `stack_shapes` names them.
    """

    def __init__(self, cell: str, layers: Sequence[int], weights: Weights) -> None:
        self.units = list(layers)
        self.cell = CELLS[cell]
        self.kernel = weights["layer0.kernel"]
        self.bias = weights["layer0.bias"]
        self.cells: list[Cell] = []
        for index in range(len(layers)):
            name = f"layer{index}"
            kernel = None
            if index:
                kernel = weights[f"{name}.kernel"]
            recurrent_kernel = weights[f"{name}.recurrent_kernel"]
            bias = weights[f"{name}.bias"]
            cell_of_layer = self.cell(kernel, recurrent_kernel, bias)
            self.cells.append(cell_of_layer)

    def project(self, inputs: Array) -> Array:
        """Inputs `[rows, features]` as `step` reads them, projected by the first layer: `[gates * units, rows]`."""
        return self.cell.project(inputs, self.kernel, self.bias)

    def start(self, batch: int) -> StackState:
        """The state of a stack that has read nothing."""
        return StackState(self.cells, self.units, batch)

    @staticmethod
    def step(state: StackState, projected: Array) -> Array:
        """Reads one input and returns the output of the last layer, `[units, batch]`, which the next step overwrites.

        Args:
            state: overwritten.
            projected: the input, `[gates * units, batch]`, from `project`.
        """
        x: Array | None = None
        first: Array | None = projected
        for step, space, x_and_h, h in state.steps:
            step(space, x, first, x_and_h, h)
            first = None  # The layers above read x instead.
            x = h
        return h
