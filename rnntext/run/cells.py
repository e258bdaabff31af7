"""The recurrent cells in NumPy, one step at a time, in place.

Arrays here are feature-major: x is `[features, batch]`, h is `[units, batch]`. So each gate is a contiguous block of
rows, and OpenBLAS multiplies W^T `[gates * units, features]` by x `[features, batch]` up to twice as fast as the other
way round (docs/decisions.md).

A step reads x, what the layer below gives at this step, and h, what the layer itself gave at the step before. Both lie
one below the other in memory (`run/stack.py`), so [x, h] is one array, and one product with [W; R] gives all gates. A
first layer has no layer below: its x W + b is projected beforehand, for many inputs at once.

A step allocates nothing: it writes into the work space that `start` gives. Weights are stored as Keras stores them, so
kernels are W `[features, gates * units]` and recurrent kernels R `[units, gates * units]`.
"""

from __future__ import annotations

from typing import Protocol, TypeAlias

import numpy as np

from rnntext.run.arrays import Array, zeros

Space: TypeAlias = tuple[Array, ...]
HALF = np.float32(0.5)
_GRU_FACTORS = np.array([0.5, 0.5, 1.0], np.float32)  # of z, r and h in `half_gates`


class Cell(Protocol):
    """One recurrent layer.

    Args:
        kernel: W, `[features, gates * units]`; None in a first layer, whose inputs are projected beforehand.
        recurrent_kernel: R, `[units, gates * units]`.
        bias: b, `[gates * units]`; of a GRU `[2, 3 * units]`.
    """

    def __init__(self, kernel: Array | None, recurrent_kernel: Array, bias: Array) -> None: ...

    @staticmethod
    def project(inputs: Array, kernel: Array, bias: Array) -> Array:
        """x W + b of many inputs of a first layer (of a GRU x W + b_x), scaled, ordered and transposed for `step`.

        Args:
            inputs: `[rows, features]`.

        Returns:
            `[gates * units, rows]`.
        """
        ...

    def start(self, batch: int) -> Space:
        """The work space of a batch. What it holds of the past (an LSTM's c) is zero."""
        ...

    def memory(self, space: Space) -> Space:
        """The states beside h that the work space holds, each `[units, batch]`, to read or to overwrite."""
        ...

    def step(self, space: Space, x: Array | None, projected: Array | None, x_and_h: Array, h: Array) -> None:
        """Replaces h by the output of the next step.

        Args:
            space: from `start`; overwritten.
            x: `[features, batch]`, the output of the layer below; None in a first layer.
            projected: `[gates * units, batch]`, the projected input of a first layer; None in the others.
            x_and_h: `[features + units, batch]`, x above h; in a first layer h alone.
            h: `[units, batch]`, the output of the step before; overwritten.
        """
        ...


def _joined(kernel: Array | None, recurrent_kernel: Array) -> Array:
    """[W; R], `[features + units, gates * units]`; R alone in a first layer."""
    parts = [recurrent_kernel]
    if kernel is not None:
        parts = [kernel, recurrent_kernel]
    return np.concatenate(parts, axis=0, dtype=np.float32)


def _transpose(matrix: Array) -> Array:
    """A contiguous copy of the transposed matrix."""
    return np.ascontiguousarray(matrix.T)


class RNNCell:
    """The simple recurrent layer (Elman 1990), with tanh.

    h' = tanh([x, h] [W; R] + b)
    """

    def __init__(self, kernel: Array | None, recurrent_kernel: Array, bias: Array) -> None:
        weights = _joined(kernel, recurrent_kernel)
        self.weights = _transpose(weights)  # [units, features + units]
        self.bias = bias[:, None]  # [units, 1]

    @staticmethod
    def project(inputs: Array, kernel: Array, bias: Array) -> Array:
        z = inputs @ kernel
        z += bias
        return _transpose(z)

    def start(self, batch: int) -> Space:
        units = len(self.weights)
        z = zeros(units, batch)
        return (z,)

    def memory(self, space: Space) -> Space:
        return ()

    def step(self, space: Space, x: Array | None, projected: Array | None, x_and_h: Array, h: Array) -> None:
        (z,) = space
        np.matmul(self.weights, x_and_h, out=z)
        z += self.bias if projected is None else projected
        np.tanh(z, out=h)


class LSTMCell:
    """The long short-term memory (Hochreiter, Schmidhuber 1997) with a forget gate (Gers, Schmidhuber, Cummins 2000).

    With s(a) = 1 / (1 + exp(-a)), the logistic function (Graves 2013, equations 7 to 11, without peepholes):

        z_i, z_f, z_o, z_g = [x, h] [W; R] + b
        i = s(z_i)
        f = s(z_f)
        o = s(z_o)
        g = tanh(z_g)
        c' = f c + i g
        h' = o tanh(c')

    As s(a) = (tanh(a / 2) + 1) / 2, the weights and the bias of i, f and o are halved once, and a single tanh serves
    all four gates. For that their order is i, f, o, g here; Keras's is i, f, g, o.
    """

    def __init__(self, kernel: Array | None, recurrent_kernel: Array, bias: Array) -> None:
        weights = _joined(kernel, recurrent_kernel)
        weights = self._arrange(weights)
        bias = self._arrange(bias)
        self.weights = _transpose(weights)  # [4 * units, features + units]
        self.bias = bias[:, None]  # [4 * units, 1]
        self.units = len(recurrent_kernel)

    @staticmethod
    def _arrange(columns: Array) -> Array:
        """Halves the columns of i, f and o and puts those of g last; `[..., 4 * units]` to the same."""
        i, f, g, o = np.split(columns, 4, axis=-1)
        sigmoids = np.concatenate([i, f, o], axis=-1)
        halved = sigmoids * HALF
        return np.concatenate([halved, g], axis=-1)

    @staticmethod
    def project(inputs: Array, kernel: Array, bias: Array) -> Array:
        z = inputs @ kernel + bias
        arranged = LSTMCell._arrange(z)
        return _transpose(arranged)

    def start(self, batch: int) -> Space:
        c = zeros(self.units, batch)
        temporary = zeros(self.units, batch)
        gates = zeros(4, self.units, batch)
        i, f, o, g = gates
        sigmoids = gates[:3]  # i, f and o
        z = gates.reshape(4 * self.units, batch)
        return c, z, sigmoids, i, f, o, g, temporary

    def memory(self, space: Space) -> Space:
        c = space[0]
        return (c,)

    def step(self, space: Space, x: Array | None, projected: Array | None, x_and_h: Array, h: Array) -> None:
        c, z, sigmoids, i, f, o, g, temporary = space

        # z = [x, h] [W; R] + b
        np.matmul(self.weights, x_and_h, out=z)
        z += self.bias if projected is None else projected

        # i = s(z_i), f = s(z_f), o = s(z_o), g = tanh(z_g)
        np.tanh(z, out=z)
        sigmoids += 1.0
        sigmoids *= 0.5

        # c' = f c + i g
        c *= f
        np.multiply(i, g, out=temporary)
        c += temporary

        # h' = o tanh(c')
        np.tanh(c, out=temporary)
        np.multiply(o, temporary, out=h)


def half_gates(columns: Array) -> Array:
    """Weights or biases of a GRU with the columns of z and r halved, as `gru_update` wants them.

    `[..., 3 * units]` to the same.
    """
    units = columns.shape[-1] // 3
    factors = np.repeat(_GRU_FACTORS, units)  # [3 * units]
    return columns * factors


def gru_update(x: Array, r: Array, h: Array) -> None:
    """Replaces h by z h + (1 - z) tanh(x_h + r r_h), given the two products of `GRUCell`.

    As 2 s(a) = tanh(a / 2) + 1, one tanh of the halved products of z and r gives 2 z and 2 r. Halving r_h, too, makes
    up for the factor 2 of the reset gate, and a last product with 0.5 for that of the update gate.

    Args:
        x: x W + b_x with the parts of z and r halved: `[3, ...]`, in the order z, r, h; overwritten.
        r: h R + b_r with all parts halved: `[3, ...]`, in the same order; overwritten.
        h: `[...]`; overwritten.
    """
    # 2 z = tanh((x_z + r_z) / 2) + 1 and 2 r = tanh((x_r + r_r) / 2) + 1
    gates = x[:2]  # [2, ...]
    gates += r[:2]
    np.tanh(gates, out=gates)
    gates += 1.0
    twice_update, twice_reset = gates

    # candidate = tanh(x_h + r r_h) = tanh(x_h + (2 r) (r_h / 2))
    candidate = r[2]
    candidate *= twice_reset
    candidate += x[2]
    np.tanh(candidate, out=candidate)

    # h' = z h + (1 - z) candidate = (h - candidate) (2 z) / 2 + candidate
    h -= candidate
    h *= twice_update
    h *= 0.5
    h += candidate


class GRUCell:
    """The gated recurrent unit (Cho et al. 2014, equations 5 to 8), in the variant of cuDNN.

    With s(a) = 1 / (1 + exp(-a)):

        x_z, x_r, x_h = x W + b_x
        r_z, r_r, r_h = h R + b_r
        z = s(x_z + r_z)
        r = s(x_r + r_r)
        h' = z h + (1 - z) tanh(x_h + r r_h)

    In the paper the reset gate r acts on h before the product with R; here, as with Keras's `reset_after=True`, it acts
    on the product. So the two products of the candidate stay apart, and the bias has two rows, b_x and b_r.
    """

    def __init__(self, kernel: Array | None, recurrent_kernel: Array, bias: Array) -> None:
        self.kernel: Array | None = None
        if kernel is not None:
            halved = half_gates(kernel)
            self.kernel = _transpose(halved)  # [3 * units, features]
        halved = HALF * recurrent_kernel
        self.recurrent_kernel = _transpose(halved)  # [3 * units, units]
        input_bias, recurrent_bias = bias
        input_bias = half_gates(input_bias)
        recurrent_bias = HALF * recurrent_bias
        self.input_bias = input_bias[:, None]  # [3 * units, 1]
        self.recurrent_bias = recurrent_bias[:, None]  # [3 * units, 1]

    @staticmethod
    def project(inputs: Array, kernel: Array, bias: Array) -> Array:
        input_bias = bias[0]
        x_product = inputs @ kernel + input_bias
        halved = half_gates(x_product)
        return _transpose(halved)

    def start(self, batch: int) -> Space:
        gate_units, units = self.recurrent_kernel.shape
        x_gates = zeros(3, units, batch)
        r_gates = zeros(3, units, batch)
        x_product = x_gates.reshape(gate_units, batch)
        r_product = r_gates.reshape(gate_units, batch)
        return x_product, r_product, x_gates, r_gates

    def memory(self, space: Space) -> Space:
        return ()

    def step(self, space: Space, x: Array | None, projected: Array | None, x_and_h: Array, h: Array) -> None:
        x_product, r_product, x_gates, r_gates = space
        if projected is None and x is not None and self.kernel is not None:
            np.matmul(self.kernel, x, out=x_product)
            x_product += self.input_bias
        else:
            # `gru_update` overwrites what it reads, so it gets a copy.
            np.copyto(x_product, projected)  # type: ignore[arg-type]
        np.matmul(self.recurrent_kernel, h, out=r_product)
        r_product += self.recurrent_bias
        gru_update(x_gates, r_gates, h)


GATES = {
    "rnn": 1,
    "lstm": 4,
    "gru": 3,
}
CELLS: dict[str, type[Cell]] = {
    "rnn": RNNCell,
    "lstm": LSTMCell,
    "gru": GRUCell,
}
