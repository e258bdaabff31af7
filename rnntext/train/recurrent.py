"""Keras layers SimpleRNN, LSTM and GRU that are fast on a CPU.

Keras runs these layers on a CPU as a `while_loop` whose automatic gradient multiplies, and adds up, a whole weight
matrix at every time step. Here the loop is that of `train/hoisting.py`, with the equations of `train/cells.py`.
Weights, names, states and masks remain Keras's own, so that a layer can be swapped for the stock one. On a GPU, Keras's
own loop (cuDNN) is used.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras.saving import register_keras_serializable

from rnntext.train.cells import CellMath, GRUMath, LSTMMath, RNNMath
from rnntext.train.hoisting import Options, recur
from rnntext.train.products import Tensor, Tensors


class _FastLoop:
    """Mixed into a Keras layer, in front of it: replaces its `inner_loop`, nothing else."""

    math: CellMath

    def __init__(self: Any, *args: Any, operands: str = "float32", **kwargs: Any) -> None:
        """`operands`: "float32", or "bfloat16" to round the operands of matrix products to it; never the states."""
        super().__init__(*args, **kwargs)
        self.operands = operands

    def get_config(self: Any) -> dict[str, Any]:
        """What Keras rebuilds the layer from."""
        return {**super().get_config(), "operands": self.operands}

    def inner_loop(
        self: Any, sequences: Tensor, initial_state: Any, mask: Any, training: bool = False
    ) -> tuple[Any, ...]:
        """The last output `[batch, units]`, all outputs `[batch, time, units]` and the final states.

        Where the mask is False an output repeats the state, or is zero, with `zero_output_for_mask`.

        Args:
            sequences: `[batch, time, features]`.
            initial_state: one tensor or several, `[batch, units]` each.
            mask: `[batch, time]`, boolean, perhaps in a list; None if all steps count.
            training: whether dropout takes place.
        """
        if _on_gpu() or not self._is_standard():
            return super().inner_loop(sequences, initial_state, mask, training)

        # 1. Go from batch-major to time-major, in the direction of reading.
        inputs = self._time_major(sequences, [1, 0, 2])  # [time, batch, features]
        mask = _first(mask)
        if mask is not None:
            mask = tf.cast(mask, tf.bool)
            mask = self._time_major(mask, [1, 0])  # [time, batch]
        initial_states = tf.nest.flatten(initial_state)
        states = tuple(tf.convert_to_tensor(state) for state in initial_states)

        # 2. Draw the dropout masks, one for all steps.
        dropped = None
        if training and self.dropout:
            first_step = sequences[:, 0, :]  # [batch, features]
            dropped_inputs = self.cell.get_dropout_mask(first_step)
            inputs = inputs * _first(dropped_inputs)
        if training and self.recurrent_dropout:
            h = states[0]
            dropped = _first(self.cell.get_recurrent_dropout_mask(h))  # [batch, units]

        # 3. Run the cell.
        kernels = self._kernels()
        biases = self._biases()
        operands = tf.as_dtype(self.operands)
        options = Options(operands, mask, dropped)
        # [time, batch, units] and, for each state, [batch, units]
        outputs, final = recur(self.math, inputs, states, kernels, biases, options)

        # 4. Go back to batch-major.
        if mask is not None and self.zero_output_for_mask:
            mask = mask[:, :, None]  # [time, batch, 1]
            mask = tf.cast(mask, outputs.dtype)
            outputs = outputs * mask
        last = outputs[-1]  # [batch, units]
        outputs = tf.transpose(outputs, [1, 0, 2])  # [batch, time, units]
        return last, outputs, list(final)

    def _time_major(self: Any, x: Tensor, axes: list[int]) -> Tensor:
        """x `[batch, time, ...]` transposed to `[time, batch, ...]`, and reversed if the layer goes backwards."""
        x = tf.transpose(x, axes)
        reversed_axes = [0] if self.go_backwards else []
        return tf.reverse(x, reversed_axes)

    def _kernels(self: Any) -> Tensors:
        """W `[features, gates * units]` and R `[units, gates * units]`."""
        kernel = tf.convert_to_tensor(self.cell.kernel)
        recurrent_kernel = tf.convert_to_tensor(self.cell.recurrent_kernel)
        return kernel, recurrent_kernel

    def _biases(self: Any) -> Tensors:
        """b `[gates * units]`."""
        return (tf.convert_to_tensor(self.cell.bias),)

    def _is_standard(self: Any) -> bool:
        """Whether the layer's options are those of the equations; with any other option Keras's own loop runs."""
        cell = self.cell
        tanh = keras.activations.tanh
        sigmoid = keras.activations.sigmoid
        gate_activation = getattr(cell, "recurrent_activation", sigmoid)
        if cell.activation != tanh or gate_activation != sigmoid:
            return False
        reset_after = getattr(cell, "reset_after", True)
        return cell.use_bias and reset_after


def _first(masks: Any) -> Any:
    """A mask that Keras may have put into a list.

    Of dropout masks Keras draws one for each gate in some settings: one for all serves as well and keeps the product
    of all gates in one piece.
    """
    if isinstance(masks, (list, tuple)):
        return masks[0]
    return masks


def _on_gpu() -> bool:
    return bool(tf.config.list_logical_devices("GPU"))


@register_keras_serializable("rnntext")
class FastSimpleRNN(_FastLoop, keras.layers.SimpleRNN):
    """`keras.layers.SimpleRNN` (tanh, with bias), faster on a CPU."""

    math = RNNMath()


@register_keras_serializable("rnntext")
class FastLSTM(_FastLoop, keras.layers.LSTM):
    """`keras.layers.LSTM` (standard activations, with bias), faster on a CPU."""

    math = LSTMMath()


@register_keras_serializable("rnntext")
class FastGRU(_FastLoop, keras.layers.GRU):
    """`keras.layers.GRU` (standard activations, `reset_after=True`), faster on a CPU."""

    math = GRUMath()

    def _biases(self: Any) -> Tensors:
        """b and b_r, `[3 * units]` each."""
        biases = tf.convert_to_tensor(self.cell.bias)  # [2, 3 * units]
        return tuple(tf.unstack(biases))


CELLS: dict[str, type[keras.layers.RNN]] = {"rnn": FastSimpleRNN, "lstm": FastLSTM, "gru": FastGRU}
