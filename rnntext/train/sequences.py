"""Operations on the several tensors that a recurrent layer has at once: states, sequences of states, gradients.

Sequences are time-major, `[time, batch, units]`.
"""

from __future__ import annotations

from typing import TypeAlias

import tensorflow as tf

from rnntext.train.products import Tensor, Tensors

Arrays: TypeAlias = list[tf.TensorArray]


def flatten_time(x: Tensor) -> Tensor:
    """One sequence as rows: `[time, batch, units]` to `[time * batch, units]`."""
    units = x.shape[-1]
    return tf.reshape(x, [-1, units])


def states_before(start: Tensors, sequences: Tensors) -> Tensors:
    """The states before each step, `[time, batch, units]` each.

    Args:
        start: the initial states, `[batch, units]` each.
        sequences: the states after each step, `[time, batch, units]` each.
    """
    before = []
    for first, sequence in zip(start, sequences, strict=True):
        first = first[None]  # [1, batch, units]
        others = sequence[:-1]  # [time - 1, batch, units]
        shifted = tf.concat([first, others], axis=0)  # [time, batch, units]
        before.append(shifted)
    return tuple(before)


def at_step(sequences: Tensors, t: Tensor) -> Tensors:
    """Step t of some sequences: `[time, batch, units]` to `[batch, units]`."""
    return tuple(sequence[t] for sequence in sequences)


def select(mask: Tensor, chosen: Tensors, others: Tensors) -> Tensors:
    """Where the mask `[batch, 1]` is True the chosen tensors, elsewhere the others, `[batch, units]` each."""
    pairs = zip(chosen, others, strict=True)
    return tuple(tf.where(mask, one, other) for one, other in pairs)


def add(tensors: Tensors, others: Tensors) -> Tensors:
    """Sums of tensors of the same shapes."""
    pairs = zip(tensors, others, strict=True)
    return tuple(one + other for one, other in pairs)


def zeros_like(tensors: Tensors) -> Tensors:
    """Zeros of the same shapes."""
    return tuple(tf.zeros_like(tensor) for tensor in tensors)


def new_arrays(count: int, length: Tensor) -> Arrays:
    """Empty arrays of `length` tensors each, which a loop writes step by step."""
    arrays = []
    for _ in range(count):
        array = tf.TensorArray(tf.float32, length, clear_after_read=False)
        arrays.append(array)
    return arrays


def write(arrays: Arrays, t: Tensor, tensors: Tensors) -> Arrays:
    """The arrays with the tensors of step t written into them."""
    pairs = zip(arrays, tensors, strict=True)
    return [array.write(t, tensor) for array, tensor in pairs]
