"""The equations of the recurrent cells, forward and backward, without their matrix products.

A cell computes new states from the input x_t and the old states. Its two products are done by `train/hoisting.py`:

    x = x_t W + b           the projected input; its product is computed for all steps at once
    r = h_{t-1} R           the recurrent product (of a GRU: h_{t-1} R + b_r)

What is left is elementwise and differs from cell to cell: it stands here. In the equations a prime marks a new state,
`*` multiplies elementwise, s(a) = 1 / (1 + exp(-a)) is the logistic function, and d_a is the gradient of the loss with
respect to a. `run/cells.py` has the same equations for the engine that runs trained models.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeAlias

import tensorflow as tf

from rnntext.train.products import Tensor, Tensors

States: TypeAlias = Tensors
Forward: TypeAlias = tuple[States, Tensors]


class StepGradients(NamedTuple):
    """What the backward step of a cell hands on.

    Attributes:
        x: gradient of the projected input, `[batch, gates * units]`.
        r: gradient of the recurrent product, `[batch, gates * units]`. It is not read where `one_gradient` is true.
        states: gradients of the old states, `[batch, units]` each, without what flows through the recurrent product;
            None for h, if h reaches the new states through that product alone.
    """

    x: Tensor
    r: Tensor | None
    states: tuple[Tensor | None, ...]


class CellMath(Protocol):
    """The equations of one recurrent cell.

    The first of its states is h, which is also the output. A cell without a recurrent product, whose gates depend on
    the input alone (minGRU: Feng et al. 2024), is run without R: it gets None for `r`, sets `one_gradient`, and returns
    the gradient of every old state.

    Attributes:
        one_gradient: x and r are only ever added to each other, so that their gradients are the same tensor.
    """

    one_gradient: bool

    def forward(self, x: Tensor, r: Tensor | None, states: States) -> Forward:
        """The new states `[batch, units]`, and what `backward` needs of this step beside the states.

        Args:
            x: projected input, `[batch, gates * units]`.
            r: recurrent product, `[batch, gates * units]`.
            states: old states, `[batch, units]` each.
        """
        ...

    def backward(self, saved: Tensors, old: States, new: States, d_new: States) -> StepGradients:
        """The gradients of x, r and the old states.

        Args:
            saved: what `forward` saved.
            old, new: the states before and after the step, `[batch, units]` each.
            d_new: gradients of the new states, `[batch, units]` each.
        """
        ...


class RNNMath:
    """The simple recurrent network (Elman 1990), with tanh.

    h' = tanh(x + r)
    """

    one_gradient = True

    def forward(self, x: Tensor, r: Tensor, states: States) -> Forward:
        """See CellMath."""
        h = tf.tanh(x + r)  # [batch, units]
        return (h,), ()

    def backward(self, saved: Tensors, old: States, new: States, d_new: States) -> StepGradients:
        """With z = x + r: d_z = d_h' * (1 - h'^2)."""
        (h,) = new
        (d_h,) = d_new
        d_z = _through_tanh(d_h, h)  # [batch, units]
        return StepGradients(d_z, d_z, (None,))


class LSTMMath:
    """Long short-term memory (Hochreiter, Schmidhuber 1997) with a forget gate (Gers, Schmidhuber, Cummins 2000).

    z_i, z_f, z_g, z_o = x + r
    i = s(z_i),  f = s(z_f),  g = tanh(z_g),  o = s(z_o)
    c' = f * c + i * g
    h' = o * tanh(c')

    The gates stand in Keras's order, i, f, g, o. Where f is 1 and i is 0, the memory c and its gradient pass unchanged.
    """

    one_gradient = True

    def forward(self, x: Tensor, r: Tensor, states: States) -> Forward:
        """See CellMath."""
        _, c = states
        z = x + r  # [batch, 4 * units]
        z_i, z_f, z_g, z_o = tf.split(z, 4, axis=1)  # [batch, units] each
        i = tf.sigmoid(z_i)
        f = tf.sigmoid(z_f)
        g = tf.tanh(z_g)
        o = tf.sigmoid(z_o)
        c = f * c + i * g
        tanh_c = tf.tanh(c)
        h = o * tanh_c
        gates = tf.concat([i, f, g, o], axis=1)  # [batch, 4 * units]
        return (h, c), (gates, tanh_c)

    def backward(self, saved: Tensors, old: States, new: States, d_new: States) -> StepGradients:
        """c' reaches the loss by way of the next step and by way of h', so that its gradient has two parts.

        d_c' = (d_c' of the next step) + d_h' * o * (1 - tanh(c')^2)
        d_i = d_c' * g,        d_z_i = d_i * i * (1 - i)
        d_f = d_c' * c,        d_z_f = d_f * f * (1 - f)
        d_g = d_c' * i,        d_z_g = d_g * (1 - g^2)
        d_o = d_h' * tanh(c'), d_z_o = d_o * o * (1 - o)
        d_c = d_c' * f
        """
        gates, tanh_c = saved
        _, c = old
        d_h, d_c = d_new
        i, f, g, o = tf.split(gates, 4, axis=1)  # [batch, units] each
        d_tanh_c = d_h * o
        d_c = d_c + _through_tanh(d_tanh_c, tanh_c)
        d_i = d_c * g
        d_f = d_c * c
        d_g = d_c * i
        d_o = d_h * tanh_c
        d_z_i = _through_sigmoid(d_i, i)
        d_z_f = _through_sigmoid(d_f, f)
        d_z_g = _through_tanh(d_g, g)
        d_z_o = _through_sigmoid(d_o, o)
        d_z = tf.concat([d_z_i, d_z_f, d_z_g, d_z_o], axis=1)  # [batch, 4 * units]
        d_c_old = d_c * f
        return StepGradients(d_z, d_z, (None, d_c_old))


class GRUMath:
    """The gated recurrent unit (Cho et al. 2014, equations 5 to 8), in the variant of cuDNN.

    z = s(x_z + r_z)                    update gate
    r = s(x_r + r_r)                    reset gate
    n = tanh(x_h + r * r_h)             candidate
    h' = z * h + (1 - z) * n            = n + z * (h - n), with one product less

    In the paper the reset gate acts on h before the product with R; here, as with Keras's `reset_after=True`, it acts
    on the product. The columns stand in Keras's order, z, r, h. In these equations r is the reset gate; the argument
    `r` of `forward` is the recurrent product, with the parts r_z, r_r and r_h.
    """

    one_gradient = False

    def forward(self, x: Tensor, r: Tensor, states: States) -> Forward:
        """See CellMath."""
        (h,) = states
        x_z, x_r, x_h = tf.split(x, 3, axis=1)  # [batch, units] each
        r_z, r_r, r_h = tf.split(r, 3, axis=1)  # [batch, units] each
        update = tf.sigmoid(x_z + r_z)
        reset = tf.sigmoid(x_r + r_r)
        remembered = reset * r_h
        candidate = tf.tanh(x_h + remembered)
        difference = h - candidate
        h = candidate + update * difference
        saved = tf.concat([update, reset, candidate, r_h], axis=1)  # [batch, 4 * units]
        return (h,), (saved,)

    def backward(self, saved: Tensors, old: States, new: States, d_new: States) -> StepGradients:
        """x and the recurrent product have different gradients, as r_h, unlike x_h, is multiplied by the reset gate.

        d_z = d_h' * (h - n),  d_x_z = d_r_z = d_z * z * (1 - z)
        d_n = d_h' * (1 - z),  d_x_h = d_n * (1 - n^2),  d_r_h = d_x_h * r
        d_r = d_x_h * r_h,     d_x_r = d_r_r = d_r * r * (1 - r)
        d_h = d_h' * z, beside what flows through the recurrent product
        """
        (h,) = old
        (d_h,) = d_new
        (joined,) = saved
        update, reset, candidate, r_h = tf.split(joined, 4, axis=1)  # [batch, units] each
        difference = h - candidate
        d_update = d_h * difference
        d_x_z = _through_sigmoid(d_update, update)
        d_candidate = d_h * (1.0 - update)
        d_x_h = _through_tanh(d_candidate, candidate)
        d_reset = d_x_h * r_h
        d_x_r = _through_sigmoid(d_reset, reset)
        d_r_h = d_x_h * reset
        d_x = tf.concat([d_x_z, d_x_r, d_x_h], axis=1)  # [batch, 3 * units]
        d_r = tf.concat([d_x_z, d_x_r, d_r_h], axis=1)  # [batch, 3 * units]
        d_h_old = d_h * update
        return StepGradients(d_x, d_r, (d_h_old,))


def _through_sigmoid(d_y: Tensor, y: Tensor) -> Tensor:
    """The gradient of a, given that of y = s(a): s'(a) = y * (1 - y)."""
    return d_y * y * (1.0 - y)


def _through_tanh(d_y: Tensor, y: Tensor) -> Tensor:
    """The gradient of a, given that of y = tanh(a): tanh'(a) = 1 - y^2."""
    return d_y * (1.0 - y * y)
