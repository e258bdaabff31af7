"""The recurrent cells, one step at a time, in NumPy, in place.

Arrays here are feature-major, `[features, batch]`: a gate is a contiguous block of rows, and OpenBLAS multiplies
`W^T [gates, features]` by `x [features, batch]` up to twice as fast as the other way round (docs/decisions.md).

A layer of a stack reads the output of the layer below. All outputs h live in one buffer
`hidden [layers * units, batch]`, one below the other, so that what layer l reads, [h of l-1 now; h of l before], is one
slice of it and one matrix product against `[W; R]^T` gives all its gates. The first layer's input is a character: its
projection is a column of a table, computed once. Buffers are allocated once, by `start`; a step allocates nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Protocol

import numpy as np

Array = np.ndarray


class Cell(Protocol):
    """One recurrent layer. `below` is None for the first layer, whose projected inputs come from a table."""

    def __init__(self, kernel: Array | None, recurrent_kernel: Array, bias: Array) -> None: ...

    @staticmethod
    def table(inputs: Array, kernel: Array, bias: Array) -> Array:
        """Projects all possible inputs `[vocabulary, features]` of a first layer: `[gates * units, vocabulary]`."""
        ...

    def start(self, batch: int) -> tuple[Array, ...]:
        """Work space for a batch; what it holds of the past (an LSTM's c) is zero."""
        ...

    def memory(self, space: tuple[Array, ...]) -> tuple[Array, ...]:
        """Of the work space the states beside h, each `[units, batch]`, to be read or overwritten in place."""
        ...

    def step(self, space: tuple[Array, ...], below: Array | None, column: Array | None, both: Array, h: Array) -> None:
        """Replaces h.

        Args:
            space: what `start` gave.
            below: `[features, batch]`, the output of the layer below, or None in a first layer.
            column: `[gates * units, batch]`, the projected input of a first layer, else None.
            both: `[features + units, batch]`, `below` above `h` (`h` alone in a first layer).
            h: `[units, batch]`, the output before; overwritten with the output now.
        """
        ...


def _stack(kernel: Array | None, recurrent_kernel: Array) -> Array:
    """[W; R], `[features + units, gates * units]`."""
    parts = [recurrent_kernel] if kernel is None else [kernel, recurrent_kernel]
    return np.concatenate(parts, axis=0, dtype=np.float32)


def _transpose(matrix: Array) -> Array:
    return np.ascontiguousarray(matrix.T)


class RNNCell:
    """h = tanh([x, h] [W; R] + b)."""

    def __init__(self, kernel: Array | None, recurrent_kernel: Array, bias: Array) -> None:
        self.weights, self.bias = _transpose(_stack(kernel, recurrent_kernel)), bias[:, None]

    @staticmethod
    def table(inputs: Array, kernel: Array, bias: Array) -> Array:
        return _transpose(inputs @ kernel + bias)

    def start(self, batch: int) -> tuple[Array, ...]:
        return (np.zeros((len(self.weights), batch), np.float32),)

    def memory(self, space: tuple[Array, ...]) -> tuple[Array, ...]:
        return ()

    def step(self, space: tuple[Array, ...], below: Array | None, column: Array | None, both: Array, h: Array) -> None:
        (z,) = space
        np.matmul(self.weights, both, out=z)
        z += self.bias if column is None else column
        np.tanh(z, out=h)


class LSTMCell:
    """c = f c + i g,  h = o tanh(c).

    The logistic function is half a tanh, s(x) = (tanh(x / 2) + 1) / 2: with the rows of i, f and o halved beforehand,
    one tanh over all four gates serves. Gates are reordered from Keras's i, f, g, o to i, f, o, g.
    """

    def __init__(self, kernel: Array | None, recurrent_kernel: Array, bias: Array) -> None:
        self.weights = _transpose(self._arrange(_stack(kernel, recurrent_kernel)))
        self.bias = self._arrange(bias)[:, None]
        self.units = recurrent_kernel.shape[0]

    @staticmethod
    def _arrange(columns: Array) -> Array:
        i, f, g, o = np.split(columns, 4, axis=-1)
        half = np.float32(0.5)
        return np.concatenate([i * half, f * half, o * half, g], axis=-1)

    @staticmethod
    def table(inputs: Array, kernel: Array, bias: Array) -> Array:
        return _transpose(LSTMCell._arrange(inputs @ kernel + bias))

    def start(self, batch: int) -> tuple[Array, ...]:
        u = self.units
        z = np.zeros((4 * u, batch), np.float32)
        c, temporary = np.zeros((2, u, batch), np.float32)
        return z, z[: 3 * u], z[:u], z[u : 2 * u], z[2 * u : 3 * u], z[3 * u :], c, temporary

    def memory(self, space: tuple[Array, ...]) -> tuple[Array, ...]:
        return (space[6],)

    def step(self, space: tuple[Array, ...], below: Array | None, column: Array | None, both: Array, h: Array) -> None:
        z, sigmoids, i, f, o, g, c, temporary = space
        np.matmul(self.weights, both, out=z)
        z += self.bias if column is None else column
        np.tanh(z, out=z)
        sigmoids += 1.0
        sigmoids *= 0.5
        c *= f
        np.multiply(i, g, out=temporary)
        c += temporary
        np.tanh(c, out=temporary)
        np.multiply(o, temporary, out=h)


def half_gates(columns: Array) -> Array:
    """A GRU's weights or biases `[..., 3 units]` with the columns of z and r halved, for the same reason as in the
    LSTM."""
    units = columns.shape[-1] // 3
    return columns * np.repeat(np.array([0.5, 0.5, 1.0], np.float32), units)


def gru_update(x: Array, r: Array, h: Array) -> None:
    """h = z h + (1 - z) tanh(x_h + r r_h), in place; z is (1 + tanh(half)) / 2, and so is r.

    Args:
        x: products of input and weights, those of the gates z and r halved, with bias: `[3, ...]`; overwritten.
        r: products of state and weights, all of them halved, likewise.
        h: `[...]`.
    """
    gates, candidate = x[:2], r[2]
    gates += r[:2]
    np.tanh(gates, out=gates)
    gates += 1.0
    candidate *= gates[1]
    candidate += x[2]
    np.tanh(candidate, out=candidate)
    h -= candidate
    h *= gates[0]
    h *= 0.5
    h += candidate


class GRUCell:
    """h = z h + (1 - z) tanh(x_h + r (h R_h + b_h)), with Keras's `reset_after=True` and its two rows of bias.

    The reset gate comes between the two products of the candidate, so they stay apart: x W and h R.
    """

    def __init__(self, kernel: Array | None, recurrent_kernel: Array, bias: Array) -> None:
        self.kernel = None if kernel is None else _transpose(half_gates(kernel))
        self.recurrent_kernel = _transpose(np.float32(0.5) * recurrent_kernel)
        self.input_bias, self.recurrent_bias = half_gates(bias[0])[:, None], np.float32(0.5) * bias[1][:, None]

    @staticmethod
    def table(inputs: Array, kernel: Array, bias: Array) -> Array:
        return _transpose(half_gates(inputs @ kernel + bias[0]))

    def start(self, batch: int) -> tuple[Array, ...]:
        x, r = np.zeros((2, len(self.recurrent_kernel), batch), np.float32)
        return x, r

    def memory(self, space: tuple[Array, ...]) -> tuple[Array, ...]:
        return ()

    def step(self, space: tuple[Array, ...], below: Array | None, column: Array | None, both: Array, h: Array) -> None:
        x, r = space
        if column is None and below is not None and self.kernel is not None:
            np.matmul(self.kernel, below, out=x)
            x += self.input_bias
        else:
            np.copyto(x, column)  # type: ignore[arg-type]
        np.matmul(self.recurrent_kernel, h, out=r)
        r += self.recurrent_bias
        gru_update(x.reshape(3, *h.shape), r.reshape(3, *h.shape), h)


GATES = {"rnn": 1, "lstm": 4, "gru": 3}
CELLS: dict[str, type[RNNCell] | type[LSTMCell] | type[GRUCell]] = {"rnn": RNNCell, "lstm": LSTMCell, "gru": GRUCell}


def stack_shapes(cell: str, features: int, layers: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights of a stack of layers, given the units of each, that reads `features` numbers."""
    found: dict[str, tuple[int, ...]] = {}
    for index, units in enumerate(layers):
        wide = GATES[cell] * units
        found[f"layer{index}.kernel"] = (features, wide)
        found[f"layer{index}.recurrent_kernel"] = (units, wide)
        found[f"layer{index}.bias"] = (2, wide) if cell == "gru" else (wide,)
        features = units
    return found


def stack_memory(layers: Sequence[int], batch: int) -> tuple[Array, list[Array], list[Array]]:
    """The buffer of the outputs h of a stack, zero, and views of it: h of each layer `[units, batch]`, and what its
    product reads, the output below above h (h alone in the first layer)."""
    hidden = np.zeros((sum(layers), batch), np.float32)
    ends = [0, 0, *accumulate(layers)]
    h = [hidden[begin:end] for begin, end in pairwise(ends[1:])]
    return hidden, h, [hidden[begin:end] for begin, end in zip(ends, ends[2:])]
