"""Both halves of a batch at once, each on half of the processor."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import tensorflow as tf

from rnntext.train.products import Tensor
from rnntext.train.task import Batch, Loss

Losses: TypeAlias = Callable[[Batch, Batch], Loss]


def side_by_side(losses: Losses, batch: Batch, carried: Batch) -> Loss:
    """The mean loss of a batch (scalar), and what the whole batch carries on.

    TensorFlow computes two halves of the batch, and their gradients, at the same time, as nothing joins them but their
    end. Two threads that share every operation wait for one another, and take up to an eighth longer.

    Args:
        losses: takes a half of `batch` and of `carried`; returns the loss of each of its units `[units]` and what is
            carried on.
        batch, carried: arrays with the batch as their first axis; one of a batch of 1 has an empty second half.
    """
    first_batch, second_batch = _halves(batch)
    first_carried, second_carried = _halves(carried)
    first_losses, first_carried = losses(first_batch, first_carried)  # [units]
    second_losses, second_carried = losses(second_batch, second_carried)  # [units]
    both_losses = tf.concat([first_losses, second_losses], axis=0)  # [units]
    both_carried = []
    pairs = zip(first_carried, second_carried, strict=True)
    for first, second in pairs:
        both = tf.concat([first, second], axis=0)  # [batch, ...]
        both_carried.append(both)
    return tf.reduce_mean(both_losses), both_carried


def _halves(arrays: Batch) -> tuple[list[Tensor], list[Tensor]]:
    """The first halves of all arrays `[batch, ...]`, and the second halves."""
    first = []
    second = []
    for array in arrays:
        middle = _middle(array)
        first.append(array[:middle])
        second.append(array[middle:])
    return first, second


def _middle(array: Tensor) -> Tensor | int:
    """Where the second half of an array `[batch, ...]` begins; the first one is the larger one, if they differ."""
    batch = array.shape[0]
    if not batch:  # known only when the graph runs
        batch = tf.shape(array)[0]
    return (batch + 1) // 2
