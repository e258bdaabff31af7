"""The equations of the recurrent cells, forward and backward, over a stretch of one text.

A cell reads x_t and its own output of the step before, by two products:

    x = x_t W + b           the projected input; its product is computed for all steps at once
    r = h_{t-1} R           the recurrent product (of a GRU: h_{t-1} R + b_r)

In the equations a prime marks a new state, `*` multiplies elementwise, s(a) = 1 / (1 + exp(-a)) is the logistic
function, and d_a is the gradient of the loss with respect to a. They are those of `train/cells.py`. All factors of a
gradient that the forward pass knows are computed for the whole stretch, so that little is left for the loop over time.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeAlias

import numpy as np

from rnntext.run.arrays import Array, empty

States: TypeAlias = list[Array]  # of one layer, each [units]: h, then an LSTM's c


class Forward(NamedTuple):
    """What the forward pass of a cell hands on.

    Attributes:
        outputs: h before the first step, then after each, `[time + 1, units]`.
        states: those after the last step.
        saved: what the backward pass needs.
    """

    outputs: Array
    states: States
    saved: tuple[Array, ...]


class CellGradients(Protocol):
    """The equations of one recurrent cell."""

    @staticmethod
    def forward(x: Array, recurrent_kernel: Array, bias: Array, states: States) -> Forward:
        """Reads a stretch.

        Args:
            x: projected inputs, `[time, gates * units]`; overwritten.
            recurrent_kernel: R, `[units, gates * units]`.
            bias: as it is stored; only a GRU's b_r is read here, b is in x already.
            states: those before the first step.
        """
        ...

    @staticmethod
    def backward(d_outputs: Array, recurrent_kernel: Array, saved: tuple[Array, ...]) -> tuple[Array, Array]:
        """The gradients of x and of r, both `[time, gates * units]`; none flows in from beyond the last step.

        Args:
            d_outputs: gradients of the outputs, `[time, units]`, without what flows through later steps.
            recurrent_kernel: R.
            saved: what `forward` saved.
        """
        ...


class RNNGradients:
    """The simple recurrent network (Elman 1990): h' = tanh(x + r)."""

    @staticmethod
    def forward(x: Array, recurrent_kernel: Array, bias: Array, states: States) -> Forward:
        """See CellGradients."""
        outputs = _with_first(states[0], len(x))
        for z, h, h_new in zip(x, outputs[:-1], outputs[1:], strict=True):
            z += h @ recurrent_kernel
            np.tanh(z, out=h_new)
        return Forward(outputs, [outputs[-1]], (outputs[1:],))

    @staticmethod
    def backward(d_outputs: Array, recurrent_kernel: Array, saved: tuple[Array, ...]) -> tuple[Array, Array]:
        """With z = x + r: d_z = d_h' * (1 - h'^2)."""
        (h,) = saved
        d_z = 1.0 - h * h  # [time, units]; d_h' follows in the loop
        d_h_later = np.zeros_like(d_outputs[0])
        for d_output, d_z_t in zip(d_outputs[::-1], d_z[::-1], strict=True):
            d_z_t *= d_output + d_h_later
            d_h_later = d_z_t @ recurrent_kernel.T
        return d_z, d_z


class LSTMGradients:
    """Long short-term memory (Hochreiter, Schmidhuber 1997) with a forget gate (Gers, Schmidhuber, Cummins 2000).

    z_i, z_f, z_g, z_o = x + r
    i = s(z_i),  f = s(z_f),  g = tanh(z_g),  o = s(z_o)
    c' = f * c + i * g
    h' = o * tanh(c')

    The gates stand in Keras's order, i, f, g, o. As s(a) = tanh(a / 2) / 2 + 1 / 2, each gate is
    y = k tanh(k z) + 1 - k, with k = 1 for g and 1 / 2 for the others, and dy/dz = k^2 - (y - (1 - k))^2.
    """

    @staticmethod
    def forward(x: Array, recurrent_kernel: Array, bias: Array, states: States) -> Forward:
        """See CellGradients."""
        # 1. Make room for all steps.
        h, c = states
        time, units = len(x), len(h)
        outputs = _with_first(h, time)
        cells = _with_first(c, time)
        tanh_cells = empty(time, units)
        k = np.repeat(_LSTM_K, units)  # [4 * units]
        # 2. Read one character after the other. The gates replace x.
        for t, z in enumerate(x):
            z += outputs[t] @ recurrent_kernel
            z *= k
            np.tanh(z, out=z)
            z *= k
            z += 1.0 - k
            i, f, g, o = z.reshape(4, units)
            c_new = cells[t + 1]
            np.multiply(f, cells[t], out=c_new)
            c_new += i * g
            np.tanh(c_new, out=tanh_cells[t])
            np.multiply(o, tanh_cells[t], out=outputs[t + 1])
        return Forward(outputs, [outputs[-1], cells[-1]], (x, cells, tanh_cells))

    @staticmethod
    def backward(d_outputs: Array, recurrent_kernel: Array, saved: tuple[Array, ...]) -> tuple[Array, Array]:
        """c' reaches the loss by way of the next step and by way of h', so that its gradient has two parts.

        d_c' = (d_c' of the next step) * f of the next step + d_h' * o * (1 - tanh(c')^2)
        d_i = d_c' * g,  d_f = d_c' * c,  d_g = d_c' * i,  d_o = d_h' * tanh(c')
        """
        # 1. Compute the factor of d_c' or d_h' in the gradient of each z, and that of d_h' in d_c'.
        gates, cells, tanh_cells = saved
        time, units = tanh_cells.shape
        i, f, g, o = np.split(gates, 4, axis=1)  # [time, units] each
        k = np.repeat(_LSTM_K, units)
        shifted = gates - (1.0 - k)
        d_z = np.concatenate([g, cells[:-1], i, tanh_cells], axis=1)  # [time, 4 * units]
        d_z *= k * k - shifted * shifted
        through_h = o * (1.0 - tanh_cells * tanh_cells)  # [time, units]
        # 2. Go back in time.
        d_h_later = np.zeros_like(d_outputs[0])
        d_c = np.zeros_like(d_h_later)
        for t in reversed(range(time)):
            d_h = d_outputs[t] + d_h_later
            d_c += d_h * through_h[t]
            by_gate = d_z[t].reshape(4, units)
            by_gate[:3] *= d_c
            by_gate[3] *= d_h
            d_h_later = d_z[t] @ recurrent_kernel.T
            d_c *= f[t]
        return d_z, d_z


class GRUGradients:
    """The gated recurrent unit (Cho et al. 2014, equations 5 to 8), in the variant of cuDNN.

    z = s(x_z + r_z)                    update gate
    r = s(x_r + r_r)                    reset gate
    n = tanh(x_h + r * r_h)             candidate
    h' = z * h + (1 - z) * n            = n + z * (h - n)

    In the paper the reset gate acts on h before the product with R; here, as with Keras's `reset_after=True`, it acts
    on the product. The columns stand in Keras's order, z, r, h. In these equations r is the reset gate; the recurrent
    product has the parts r_z, r_r and r_h.
    """

    @staticmethod
    def forward(x: Array, recurrent_kernel: Array, bias: Array, states: States) -> Forward:
        """See CellGradients."""
        # 1. Make room for all steps.
        (h,) = states
        time, units = len(x), len(h)
        outputs = _with_first(h, time)
        products = empty(time, 3 * units)
        recurrent_bias = bias[1]
        both = 2 * units  # columns of z and r
        # 2. Read one character after the other. The gates and the candidate replace x.
        for t, (y, r) in enumerate(zip(x, products, strict=True)):
            h = outputs[t]
            np.matmul(h, recurrent_kernel, out=r)
            r += recurrent_bias
            gates = y[:both]
            gates += r[:both]
            gates *= 0.5
            np.tanh(gates, out=gates)
            gates *= 0.5
            gates += 0.5
            update, reset, candidate = y.reshape(3, units)
            candidate += reset * r[both:]
            np.tanh(candidate, out=candidate)
            h_new = outputs[t + 1]
            np.subtract(h, candidate, out=h_new)
            h_new *= update
            h_new += candidate
        return Forward(outputs, [outputs[-1]], (x, products[:, both:], outputs[:-1]))

    @staticmethod
    def backward(d_outputs: Array, recurrent_kernel: Array, saved: tuple[Array, ...]) -> tuple[Array, Array]:
        """x and the recurrent product have different gradients, as r_h, unlike x_h, is multiplied by the reset gate.

        d_x_z = d_r_z = d_h' * (h - n) * z * (1 - z)
        d_x_h = d_h' * (1 - z) * (1 - n^2),  d_r_h = d_x_h * r
        d_x_r = d_r_r = d_x_h * r_h * r * (1 - r)
        d_h = d_h' * z, beside what flows through the recurrent product
        """
        # 1. Compute the factors of d_h'.
        gates, r_h, h = saved
        update, reset, candidate = np.split(gates, 3, axis=1)  # [time, units] each
        through_z = (h - candidate) * update * (1.0 - update)
        through_h = (1.0 - update) * (1.0 - candidate * candidate)
        through_r = through_h * r_h * reset * (1.0 - reset)
        d_x = np.stack([through_z, through_r, through_h], axis=1)  # [time, 3, units]
        d_r = np.stack([through_z, through_r, through_h * reset], axis=1)
        # 2. Go back in time.
        time, units = update.shape
        d_h_later = np.zeros_like(d_outputs[0])
        for t in reversed(range(time)):
            d_h = d_outputs[t] + d_h_later
            d_x[t] *= d_h
            d_r[t] *= d_h
            d_h_later = d_r[t].reshape(3 * units) @ recurrent_kernel.T
            d_h_later += d_h * update[t]
        return d_x.reshape(time, 3 * units), d_r.reshape(time, 3 * units)


_LSTM_K = np.array([0.5, 0.5, 1.0, 0.5], np.float32)  # k of i, f, g and o
CELL_GRADIENTS: dict[str, type[CellGradients]] = {
    "rnn": RNNGradients,
    "lstm": LSTMGradients,
    "gru": GRUGradients,
}


def _with_first(state: Array, time: int) -> Array:
    """Room for a state before the first step, which is set, and after each, `[time + 1, units]`."""
    states = empty(time + 1, len(state))
    states[0] = state
    return states
