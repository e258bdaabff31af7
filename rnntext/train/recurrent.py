"""Recurrent layers that are fast on a CPU: Keras's own SimpleRNN, LSTM and GRU with another inner loop.

Keras runs these layers on a CPU as a `while_loop` whose automatic gradient multiplies, and adds up, a whole weight
matrix at every time step. Here everything that does not depend on the previous step is hoisted out of the loop (the
idea is cuDNN's; Appleyard, Kocisky, Blunsom 2016, "Optimizing Performance of Recurrent Neural Networks on GPUs"):

- forward: the input projection of all steps is one product before the loop; inside it only `h @ R` and the gates;
- backward: the loop yields the gradients of the gates' pre-activations, step by step; the gradients of `W`, `R`, `b`
  and of the inputs are one product each, after it.

Weights, names, states and masks remain Keras's own, so a layer can be swapped for the stock one. On a GPU the stock
(cuDNN) path is used. Axis words: `[batch, time, units]`; inside the loop all is time-major, `[time, batch, units]`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias

import keras
import tensorflow as tf

Tensor: TypeAlias = tf.Tensor
States: TypeAlias = tuple[Tensor, ...]


class Backward(NamedTuple):
    """Gradients of one step: of the two pre-activations `[batch, gates * units]` and, where a state reaches the new
    state by another way than the recurrent product, of the previous states (None: by that product only)."""

    input_part: Tensor
    recurrent_part: Tensor
    states: tuple[Tensor | None, ...]


class CellMath(Protocol):
    """The equations of one recurrent cell, forward and backward, without its matrix products.

    `x` is the hoisted input projection of a step, `r` its recurrent product, both `[batch, gates * units]`; the first
    state is the output h `[batch, units]`.
    """

    gates: int
    one_gradient: bool  # x and r are only ever added: their gradients are the same tensor

    def forward(self, x: Tensor, r: Tensor, states: States) -> tuple[States, tuple[Tensor, ...]]:
        """Returns the new states and what `backward` wants to see again."""
        ...

    def backward(self, saved: tuple[Tensor, ...], old: States, new: States, d: States) -> Backward:
        """Turns the gradients `d` of the new states into those of the pre-activations and the old states."""
        ...


class RNNMath:
    """h' = tanh(x + r) (Elman 1990)."""

    gates = 1
    one_gradient = True

    def forward(self, x: Tensor, r: Tensor, states: States) -> tuple[States, tuple[Tensor, ...]]:
        return (tf.tanh(x + r),), ()

    def backward(self, saved: tuple[Tensor, ...], old: States, new: States, d: States) -> Backward:
        dz = d[0] * (1.0 - new[0] * new[0])
        return Backward(dz, dz, (None,))


class LSTMMath:
    """c' = f c + i g,  h' = o tanh(c'), gates in Keras's order i, f, g, o (Gers, Schmidhuber, Cummins 2000)."""

    gates = 4
    one_gradient = True

    def forward(self, x: Tensor, r: Tensor, states: States) -> tuple[States, tuple[Tensor, ...]]:
        i, f, g, o = tf.split(x + r, 4, axis=1)
        i, f, g, o = tf.sigmoid(i), tf.sigmoid(f), tf.tanh(g), tf.sigmoid(o)
        c = f * states[1] + i * g
        tanh_c = tf.tanh(c)
        return (o * tanh_c, c), (tf.concat([i, f, g, o], axis=1), tanh_c)

    def backward(self, saved: tuple[Tensor, ...], old: States, new: States, d: States) -> Backward:
        i, f, g, o = tf.split(saved[0], 4, axis=1)
        tanh_c = saved[1]
        dc = d[1] + d[0] * o * (1.0 - tanh_c * tanh_c)
        dz = tf.concat(
            [
                dc * g * i * (1.0 - i),
                dc * old[1] * f * (1.0 - f),
                dc * i * (1.0 - g * g),
                d[0] * tanh_c * o * (1.0 - o),
            ],
            axis=1,
        )
        return Backward(dz, dz, (None, dc * f))


class GRUMath:
    """h' = z h + (1 - z) tanh(x_h + r * r_h), gates in Keras's order z, r, h, reset applied after the product
    (Cho et al. 2014, in cuDNN's variant)."""

    gates = 3
    one_gradient = False

    def forward(self, x: Tensor, r: Tensor, states: States) -> tuple[States, tuple[Tensor, ...]]:
        x_z, x_r, x_h = tf.split(x, 3, axis=1)
        r_z, r_r, r_h = tf.split(r, 3, axis=1)
        update, reset = tf.sigmoid(x_z + r_z), tf.sigmoid(x_r + r_r)
        candidate = tf.tanh(x_h + reset * r_h)
        h = candidate + update * (states[0] - candidate)
        return (h,), (tf.concat([update, reset, candidate, r_h], axis=1),)

    def backward(self, saved: tuple[Tensor, ...], old: States, new: States, d: States) -> Backward:
        update, reset, candidate, r_h = tf.split(saved[0], 4, axis=1)
        d_update = d[0] * (old[0] - candidate) * update * (1.0 - update)
        d_candidate = d[0] * (1.0 - update) * (1.0 - candidate * candidate)
        d_reset = d_candidate * r_h * reset * (1.0 - reset)
        return Backward(
            tf.concat([d_update, d_reset, d_candidate], axis=1),
            tf.concat([d_update, d_reset, d_candidate * reset], axis=1),
            (d[0] * update,),
        )


def product(a: Tensor, b: Tensor, operands: tf.DType, result: tf.DType = tf.float32, **transposes: bool) -> Tensor:
    """`a @ b` with both operands rounded to `operands`; the result is float32, or rounded, too."""
    return tf.cast(tf.matmul(tf.cast(a, operands), tf.cast(b, operands), **transposes), result)


def _flat(x: Tensor) -> Tensor:
    """[time, batch, n] -> [time * batch, n]."""
    return tf.reshape(x, [-1, x.shape[-1]])


def _arrays(count: int, length: Tensor) -> list[tf.TensorArray]:
    return [tf.TensorArray(tf.float32, length, clear_after_read=False) for _ in range(count)]


def _select(mask: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    return tf.where(mask, yes, no)


def recur(
    cell: CellMath,
    inputs: Tensor,
    states: States,
    kernel: Tensor,
    recurrent_kernel: Tensor,
    input_bias: Tensor,
    recurrent_bias: Tensor | None = None,
    *,
    operands: tf.DType = tf.float32,
    mask: Tensor | None = None,
    dropped: Tensor | None = None,
) -> tuple[Tensor, States]:
    """Runs a recurrent cell over a sequence, with the hand-written gradient described at the top of this file.

    Args:
        inputs: `[time, batch, features]`, float32.
        states: initial states, each `[batch, units]`; the first one is h.
        kernel, recurrent_kernel: `[features, gates * units]` and `[units, gates * units]`.
        input_bias, recurrent_bias: `[gates * units]`; the second only where it cannot be merged with the first (GRU).
        operands: type that the operands of matrix products are rounded to; everything else is float32.
        mask: `[time, batch]`, boolean; where it is False the states stay as they are.
        dropped: `[batch, units]`, the recurrent dropout mask, already scaled; the same for all steps (Gal 2016).

    Returns:
        the outputs h of all steps `[time, batch, units]` and the final states.
    """
    biases = (input_bias,) if recurrent_bias is None else (input_bias, recurrent_bias)

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def run(x: Tensor, w: Tensor, r: Tensor, *rest: Tensor) -> tuple[tuple[Tensor, ...], Callable[..., Any]]:
        bias, start = rest[: len(biases)], rest[len(biases) :]
        loop = _Loop(cell, operands, mask, dropped)
        sequences, saved = loop.forward(x, w, r, bias, start)
        final = tuple(sequence[-1] for sequence in sequences)

        def gradient(d_outputs: Tensor, *d_final: Tensor) -> tuple[Tensor, ...]:
            return loop.backward(x, w, r, bias, start, sequences, saved, d_outputs, d_final)

        return (sequences[0], *final), gradient

    outputs, *final = run(inputs, kernel, recurrent_kernel, *biases, *states)
    return outputs, tuple(final)


class _Loop:
    """The two loops of `recur`, with what both need to know."""

    def __init__(self, cell: CellMath, operands: tf.DType, mask: Tensor | None, dropped: Tensor | None) -> None:
        self.cell, self.operands, self.dropped = cell, operands, dropped
        self.mask = None if mask is None else mask[:, :, None]

    def forward(
        self, x: Tensor, w: Tensor, r: Tensor, bias: tuple[Tensor, ...], start: States
    ) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Returns the states of all steps, each `[time, batch, units]`, and what the backward loop wants again."""
        length, batch = tf.shape(x)[0], tf.shape(x)[1]
        projected = tf.reshape(product(_flat(x), w, self.operands) + bias[0], [length, batch, w.shape[1]])
        r = tf.cast(r, self.operands)
        saved_count = len(self.cell.forward(projected[0], projected[0], start)[1])

        def step(t: Tensor, states: States, arrays: list[tf.TensorArray]) -> tuple[Any, ...]:
            recurrent = product(self._drop(states[0]), r, self.operands)
            if len(bias) == 2:
                recurrent = recurrent + bias[1]
            new, saved = self.cell.forward(projected[t], recurrent, states)
            if self.mask is not None:
                new = tuple(_select(self.mask[t], n, s) for n, s in zip(new, states, strict=True))
            written = [a.write(t, value) for a, value in zip(arrays, new + saved, strict=True)]
            return t + 1, new, written

        arrays = _arrays(len(start) + saved_count, length)
        _, _, arrays = tf.while_loop(lambda t, *_: t < length, step, (0, start, arrays), maximum_iterations=length)
        stacked = tuple(array.stack() for array in arrays)
        for sequence, state in zip(stacked, start, strict=False):
            sequence.set_shape([x.shape[0], *state.shape])
        return stacked[: len(start)], stacked[len(start) :]

    def backward(
        self,
        x: Tensor,
        w: Tensor,
        r: Tensor,
        bias: tuple[Tensor, ...],
        start: States,
        sequences: tuple[Tensor, ...],
        saved: tuple[Tensor, ...],
        d_outputs: Tensor,
        d_final: States,
    ) -> tuple[Tensor, ...]:
        """Returns the gradients of x, w, r, the biases and the initial states."""
        length = tf.shape(x)[0]
        before = tuple(tf.concat([s[None], q[:-1]], axis=0) for s, q in zip(start, sequences, strict=True))
        r_transposed = tf.cast(tf.transpose(r), self.operands)

        def step(t: Tensor, d: States, arrays: list[tf.TensorArray]) -> tuple[Any, ...]:
            d = (d[0] + d_outputs[t], *d[1:])
            reached = d if self.mask is None else tuple(_select(self.mask[t], g, tf.zeros_like(g)) for g in d)
            back = self.cell.backward(
                tuple(s[t] for s in saved), tuple(b[t] for b in before), tuple(q[t] for q in sequences), reached
            )
            d_h = self._drop(product(back.recurrent_part, r_transposed, self.operands))
            d_old = [d_h if back.states[0] is None else d_h + back.states[0], *back.states[1:]]
            if self.mask is not None:  # a step that was skipped hands its gradient on unchanged
                d_old = [o + _select(self.mask[t], tf.zeros_like(g), g) for o, g in zip(d_old, d, strict=True)]
            parts = back[:1] if self.cell.one_gradient else back[:2]
            return t - 1, tuple(d_old), [a.write(t, part) for a, part in zip(arrays, parts, strict=True)]

        arrays = _arrays(1 if self.cell.one_gradient else 2, length)
        _, d_start, arrays = tf.while_loop(
            lambda t, *_: t >= 0, step, (length - 1, tuple(d_final), arrays), maximum_iterations=length
        )
        width = w.shape[1]
        d_input = tf.reshape(arrays[0].stack(), [-1, width])
        d_recurrent = d_input if self.cell.one_gradient else tf.reshape(arrays[1].stack(), [-1, width])
        hidden = before[0] if self.dropped is None else before[0] * self.dropped
        d_bias = (tf.reduce_sum(d_input, axis=0), tf.reduce_sum(d_recurrent, axis=0))[: len(bias)]
        return (
            tf.reshape(product(d_input, w, self.operands, transpose_b=True), tf.shape(x)),
            product(_flat(x), d_input, self.operands, transpose_a=True),
            product(_flat(hidden), d_recurrent, self.operands, transpose_a=True),
            *d_bias,
            *d_start,
        )

    def _drop(self, h: Tensor) -> Tensor:
        return h if self.dropped is None else h * self.dropped


def _one(masks: Tensor | list[Tensor]) -> Tensor:
    """Keras draws a mask for each gate in some settings; one for all serves as well and keeps the product fused."""
    return masks[0] if isinstance(masks, list) else masks


def _on_gpu() -> bool:
    return bool(tf.config.list_logical_devices("GPU"))


class _FastLoop:
    """Mixed into a Keras layer, in front of it: replaces its `inner_loop`, nothing else."""

    math: CellMath

    def __init__(self: Any, *args: Any, operands: str = "float32", **kwargs: Any) -> None:
        """`operands`: "float32", or "bfloat16" to round the operands of matrix products to it; never the states."""
        super().__init__(*args, **kwargs)
        self.operands = operands

    def get_config(self: Any) -> dict[str, Any]:
        return {**super().get_config(), "operands": self.operands}

    def inner_loop(
        self: Any, sequences: Tensor, initial_state: Any, mask: Any, training: bool = False
    ) -> tuple[Any, ...]:
        """Keras's contract: `[batch, time, features]` in; last output, all outputs and final states out.

        Where the mask is False an output repeats the state, as in Keras (or is zero, with `zero_output_for_mask`).
        """
        if _on_gpu() or not self._is_standard():
            return super().inner_loop(sequences, initial_state, mask, training)
        mask = mask[0] if isinstance(mask, (list, tuple)) else mask
        states = tuple(initial_state) if isinstance(initial_state, (list, tuple)) else (initial_state,)
        axis = [0] if self.go_backwards else []
        inputs = tf.reverse(tf.transpose(sequences, [1, 0, 2]), axis)
        steps = None if mask is None else tf.reverse(tf.transpose(tf.cast(mask, tf.bool)), axis)
        if training and self.dropout:
            inputs = inputs * _one(self.cell.get_dropout_mask(sequences[:, 0, :]))
        dropped = _one(self.cell.get_recurrent_dropout_mask(states[0])) if training and self.recurrent_dropout else None
        outputs, final = recur(
            self.math,
            inputs,
            tuple(tf.convert_to_tensor(state) for state in states),
            tf.convert_to_tensor(self.cell.kernel),
            tf.convert_to_tensor(self.cell.recurrent_kernel),
            *self._biases(),
            operands=tf.as_dtype(self.operands),
            mask=steps,
            dropped=dropped,
        )
        if steps is not None and self.zero_output_for_mask:
            outputs = outputs * tf.cast(steps[:, :, None], outputs.dtype)
        return outputs[-1], tf.transpose(outputs, [1, 0, 2]), list(final)

    def _biases(self: Any) -> tuple[Tensor, ...]:
        return (tf.convert_to_tensor(self.cell.bias),)

    def _is_standard(self: Any) -> bool:
        """Whether the layer computes the equations above; with any other option Keras's own loop runs."""
        gate = getattr(self.cell, "recurrent_activation", keras.activations.sigmoid)
        usual = self.cell.activation == keras.activations.tanh and gate == keras.activations.sigmoid
        return usual and self.cell.use_bias and getattr(self.cell, "reset_after", True)


@keras.saving.register_keras_serializable("rnntext")
class FastSimpleRNN(_FastLoop, keras.layers.SimpleRNN):
    """`keras.layers.SimpleRNN` (tanh, with bias), faster on a CPU."""

    math = RNNMath()


@keras.saving.register_keras_serializable("rnntext")
class FastLSTM(_FastLoop, keras.layers.LSTM):
    """`keras.layers.LSTM` (standard activations, with bias), faster on a CPU."""

    math = LSTMMath()


@keras.saving.register_keras_serializable("rnntext")
class FastGRU(_FastLoop, keras.layers.GRU):
    """`keras.layers.GRU` (standard activations, `reset_after=True`), faster on a CPU."""

    math = GRUMath()

    def _biases(self: Any) -> tuple[Tensor, ...]:
        return tuple(tf.unstack(tf.convert_to_tensor(self.cell.bias)))


CELLS: dict[str, type[keras.layers.RNN]] = {"rnn": FastSimpleRNN, "lstm": FastLSTM, "gru": FastGRU}
