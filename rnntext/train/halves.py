"""Both halves of a batch at once, each on half of the processor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import tensorflow as tf

from rnntext.train.recurrent import Tensor

Losses: TypeAlias = Callable[[Sequence[Tensor], Sequence[Tensor]], tuple[Tensor, list[Tensor]]]


def side_by_side(losses: Losses, batch: Sequence[Tensor], carried: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """The mean loss of a batch, of which TensorFlow computes two halves, and their gradients, at the same time: nothing
    joins them but their end. Two threads that wait for one another at every operation take up to an eighth longer.

    Args:
        losses: takes a half of `batch` and of `carried`; returns the loss of each of its units `[units]` and what is
            carried on.
        batch, carried: arrays with the batch as their first axis; one of a batch of 1 has an empty second half.

    Returns:
        mean loss (scalar), and what is carried on by the whole batch.
    """
    first, second = (losses(_half(batch, number), _half(carried, number)) for number in range(2))
    both = [tf.concat(pair, axis=0) for pair in zip(first[1], second[1], strict=True)]
    return tf.reduce_mean(tf.concat([first[0], second[0]], axis=0)), both


def _half(arrays: Sequence[Tensor], number: int) -> list[Tensor]:
    middles = [((array.shape[0] or tf.shape(array)[0]) + 1) // 2 for array in arrays]
    return [array[middle:] if number else array[:middle] for array, middle in zip(arrays, middles, strict=True)]
