"""A recurrent cell over a sequence, with all that does not depend on the previous step hoisted out of the loop.

The idea is cuDNN's (Appleyard, Kocisky, Blunsom 2016, "Optimizing Performance of Recurrent Neural Networks on GPUs").
With x_t W + b the projected input and h_{t-1} R the recurrent product of step t:

- Forward: X W + b of all steps is one product before the loop; in it there are only h_{t-1} R and the cell's equations.
- Backward: the loop yields d_x and d_r of every step, the gradients of the two products. It needs one product itself,
  d_h_{t-1} = d_r R^T. After it, each of these is one product or sum over all steps together:

      d_X = d_x W^T,   d_W = X^T d_x,   d_R = H^T d_r,   d_b = sum of d_x,   d_b_r = sum of d_r

  with H the states h before each step. An automatic gradient would compute and add up d_W and d_R at every step.

Everything in this file is time-major: `[time, batch, units]`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from rnntext.train.cells import CellMath, Forward, States, StepGradients
from rnntext.train.products import Tensor, Tensors, WithGradient, product
from rnntext.train.sequences import (
    Arrays,
    add,
    at_step,
    flatten_time,
    new_arrays,
    select,
    states_before,
    write,
    zeros_like,
)


class Options(NamedTuple):
    """How a sequence is read.

    Attributes:
        operands: type that matrix products are computed in (see `product`); everything else is float32.
        mask: `[time, batch]`, boolean; where it is False the states stay as they are.
        dropped: `[batch, units]`, the recurrent dropout mask, already scaled. It is the same for all steps (Gal,
            Ghahramani 2016).
    """

    operands: tf.DType = tf.float32
    mask: Tensor | None = None
    dropped: Tensor | None = None


def recur(
    cell: CellMath, inputs: Tensor, states: States, kernels: Tensors, biases: Tensors, options: Options
) -> tuple[Tensor, States]:
    """The outputs h of all steps `[time, batch, units]` and the final states, with a hand-written gradient.

    Args:
        cell: the equations of a step.
        inputs: `[time, batch, features]`, float32.
        states: initial states, each `[batch, units]`; the first one is h.
        kernels: W `[features, gates * units]` and R `[units, gates * units]`; W alone, if the cell has no recurrent
            product.
        biases: b `[gates * units]`, and b_r of the same shape where it cannot be merged with b (GRU).
        options: mask, dropout and types.
    """
    # 1. Say what runs forward and what runs backward.
    arguments = (kernels, biases, states)

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def run(x: Tensor, *tensors: Tensor) -> WithGradient:
        kernels, biases, start = tf.nest.pack_sequence_as(arguments, tensors)
        loop = _Loop(cell, kernels, biases, options)
        sequences, saved = loop.forward(x, start)  # [time, batch, units] each
        final = tuple(sequence[-1] for sequence in sequences)  # [batch, units] each

        def gradient(d_outputs: Tensor, *d_final: Tensor) -> Tensors:
            before = states_before(start, sequences)  # [time, batch, units] each
            d_x, d_r, d_start = loop.backward(before, sequences, saved, d_outputs, d_final)
            h_before = before[0]
            d_weights = loop.weight_gradients(x, h_before, d_x, d_r)
            return *d_weights, *d_start

        outputs = sequences[0]
        return (outputs, *final), gradient

    # 2. Run it. A custom gradient takes and returns a flat list of tensors.
    tensors = tf.nest.flatten(arguments)
    outputs, *final = run(inputs, *tensors)
    return outputs, tuple(final)


class _Loop:
    """The forward loop and the backward loop of `recur`."""

    def __init__(self, cell: CellMath, kernels: Tensors, biases: Tensors, options: Options) -> None:
        self.cell = cell
        self.kernel, *recurrent_kernel = kernels
        self.recurrent_kernel: Tensor | None = None
        if recurrent_kernel:
            (self.recurrent_kernel,) = recurrent_kernel
        self.biases = biases
        self.operands = options.operands
        self.dropped = options.dropped
        self.mask = None
        if options.mask is not None:
            self.mask = options.mask[:, :, None]  # [time, batch, 1]

    def forward(self, x: Tensor, start: States) -> Forward:
        """The states after each step, `[time, batch, units]` each, and what `backward` needs, `[time, batch, ...]`."""
        # 1. Project the inputs of all steps: X W + b.
        projected = self._project(x)  # [time, batch, gates * units]
        recurrent_kernel = self._rounded_kernel()  # [units, gates * units]

        # 2. Compute one step after another.
        def step(t: Tensor, states: States, arrays: Arrays) -> Any:
            h = states[0]
            x_t = projected[t]  # [batch, gates * units]
            r_t = self._recurrent_product(h, recurrent_kernel)  # [batch, gates * units]
            new, saved = self.cell.forward(x_t, r_t, states)
            if self.mask is not None:
                mask = self.mask[t]  # [batch, 1]
                new = select(mask, new, states)
            arrays = write(arrays, t, new + saved)
            return t + 1, new, arrays

        def unfinished(t: Tensor, *_: Any) -> Tensor:
            return t < length

        length = tf.shape(x)[0]
        first = projected[0]
        recurrent = None if self.recurrent_kernel is None else first
        _, saved = self.cell.forward(first, recurrent, start)  # Only the number of saved tensors matters here.
        state_count = len(start)
        arrays = new_arrays(state_count + len(saved), length)
        begin = (0, start, arrays)
        _, _, arrays = tf.while_loop(unfinished, step, begin, maximum_iterations=length)

        # 3. Stack what the steps wrote.
        stacked = tuple(array.stack() for array in arrays)
        sequences = stacked[:state_count]  # [time, batch, units] each
        time = x.shape[0]
        for sequence, state in zip(sequences, start, strict=True):
            sequence.set_shape([time, *state.shape])
        return sequences, stacked[state_count:]

    def _project(self, x: Tensor) -> Tensor:
        """X W + b, `[time, batch, features]` to `[time, batch, gates * units]`."""
        shape = tf.shape(x)
        time = shape[0]
        batch = shape[1]
        width = self.kernel.shape[1]
        rows = flatten_time(x)  # [time * batch, features]
        projected = product(rows, self.kernel, self.operands)  # [time * batch, gates * units]
        projected = projected + self.biases[0]
        return tf.reshape(projected, [time, batch, width])

    def _recurrent_product(self, h: Tensor, recurrent_kernel: Tensor | None) -> Tensor | None:
        """h R + b_r, `[batch, gates * units]`; None if the cell has no R."""
        if recurrent_kernel is None:
            return None
        h = self._drop(h)
        recurrent = product(h, recurrent_kernel, self.operands)
        if len(self.biases) == 2:
            recurrent = recurrent + self.biases[1]
        return recurrent

    def backward(
        self, before: States, after: States, saved: Tensors, d_outputs: Tensor, d_final: States
    ) -> tuple[Tensor, Tensor, States]:
        """The gradients d_x and d_r of all steps, `[time, batch, gates * units]`, and those of the initial states.

        Args:
            before, after: the states before and after each step, `[time, batch, units]` each.
            saved: what `forward` saved.
            d_outputs: gradients of all outputs, `[time, batch, units]`.
            d_final: gradients of the final states, `[batch, units]` each.
        """
        # 1. Go back from step to step.
        transposed = self._transposed_kernel()  # [gates * units, units]

        def step(t: Tensor, d_new: States, arrays: Arrays) -> Any:
            d_h, *d_others = d_new
            d_h = d_h + d_outputs[t]  # h is an output, too
            d_new = (d_h, *d_others)
            d_computed = d_new
            if self.mask is not None:  # Nothing was computed in a step that was skipped.
                mask = self.mask[t]  # [batch, 1]
                zeros = zeros_like(d_new)
                d_computed = select(mask, d_new, zeros)
            saved_t = at_step(saved, t)
            old = at_step(before, t)
            new = at_step(after, t)
            gradients = self.cell.backward(saved_t, old, new, d_computed)
            d_old = self._old_gradients(gradients, transposed)
            if self.mask is not None:  # A step that was skipped hands its gradients on unchanged.
                d_skipped = select(mask, zeros, d_new)
                d_old = add(d_old, d_skipped)
            arrays = write(arrays, t, gradients[:count])  # that of x and, if it differs, that of r
            return t - 1, d_old, arrays

        def unfinished(t: Tensor, *_: Any) -> Tensor:
            return t >= 0

        length = tf.shape(d_outputs)[0]
        count = 1 if self.cell.one_gradient else 2
        arrays = new_arrays(count, length)
        begin = (length - 1, tuple(d_final), arrays)
        _, d_start, arrays = tf.while_loop(unfinished, step, begin, maximum_iterations=length)

        # 2. Stack what the steps wrote.
        d_x = arrays[0].stack()  # [time, batch, gates * units]
        d_r = d_x
        if not self.cell.one_gradient:
            d_r = arrays[1].stack()  # [time, batch, gates * units]
        return d_x, d_r, d_start

    def _old_gradients(self, gradients: StepGradients, transposed: Tensor | None) -> Tensors:
        """The whole gradients of the old states, `[batch, units]` each: d_h = d_r R^T + what the cell adds to it."""
        direct, *others = gradients.states
        if transposed is None:
            return (direct, *others)
        d_h = product(gradients.r, transposed, self.operands)  # [batch, units]
        d_h = self._drop(d_h)
        if direct is not None:
            d_h = d_h + direct
        return (d_h, *others)

    def weight_gradients(self, x: Tensor, h_before: Tensor, d_x: Tensor, d_r: Tensor) -> Tensors:
        """The gradients of the inputs, the kernels and the biases, from those of the products of all steps.

        Args:
            x: inputs, `[time, batch, features]`.
            h_before: h before each step, `[time, batch, units]`.
            d_x, d_r: `[time, batch, gates * units]`.
        """
        width = self.kernel.shape[1]
        d_x = tf.reshape(d_x, [-1, width])  # [time * batch, gates * units]
        d_r = tf.reshape(d_r, [-1, width])
        operands = self.operands
        d_inputs = product(d_x, self.kernel, operands, transpose_b=True)  # [time * batch, features]
        d_inputs = tf.reshape(d_inputs, tf.shape(x))  # [time, batch, features]
        rows = flatten_time(x)  # [time * batch, features]
        d_kernel = product(rows, d_x, operands, transpose_a=True)  # [features, gates * units]
        gradients = [d_inputs, d_kernel]
        if self.recurrent_kernel is not None:
            h = self._drop(h_before)
            h = flatten_time(h)  # [time * batch, units]
            d_recurrent_kernel = product(h, d_r, operands, transpose_a=True)  # [units, gates * units]
            gradients.append(d_recurrent_kernel)
        d_bias = tf.reduce_sum(d_x, axis=0)  # [gates * units]
        gradients.append(d_bias)
        if len(self.biases) == 2:
            d_recurrent_bias = tf.reduce_sum(d_r, axis=0)  # [gates * units]
            gradients.append(d_recurrent_bias)
        return tuple(gradients)

    def _rounded_kernel(self) -> Tensor | None:
        """R in the type of the operands, so that the steps of the loop need not round it; None if the cell has no R."""
        if self.recurrent_kernel is None:
            return None
        return tf.cast(self.recurrent_kernel, self.operands)

    def _transposed_kernel(self) -> Tensor | None:
        """R^T in the type of the operands; None if the cell has no R."""
        if self.recurrent_kernel is None:
            return None
        transposed = tf.transpose(self.recurrent_kernel)
        return tf.cast(transposed, self.operands)

    def _drop(self, h: Tensor) -> Tensor:
        """h `[..., batch, units]` without the units that dropout takes away."""
        if self.dropped is None:
            return h
        return h * self.dropped
