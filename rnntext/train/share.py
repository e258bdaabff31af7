"""The share of a task that one of several processes takes: some rows of each batch."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import tensorflow as tf

from rnntext.errors import UsageError
from rnntext.run.arrays import Array
from rnntext.train.state import Metrics
from rnntext.train.task import Batch, Carried, Loss, Task


class Shareable(Task, Protocol):
    """A task whose batches can be shared."""

    def units(self, batch: tuple[Array, ...]) -> Array:
        """For each row of a batch the number of units that its mean loss counts, `[batch]`."""
        ...


class Share:
    """Every `count`-th row of each batch of a task, beginning with number `rank`, as a task of its own.

    The loss is that of these rows, times their share of the batch's units: so the losses of all shares add up to the
    mean loss of the whole batch, and so do their gradients.

    Args:
        task: is shared.
        rank: number of the process.
        count: how many share it.

    Raises:
        UsageError: a batch has fewer rows than there are processes.
    """

    def __init__(self, task: Shareable, rank: int, count: int) -> None:
        # 1. Keep what is the same for all.
        self.whole = task
        self.rank = rank
        self.count = count
        self.model = task.model
        self.family = task.family
        self.steps_per_epoch = task.steps_per_epoch
        self.units_per_step = task.units_per_step
        self.accumulate = task.accumulate
        self.usual_loss = task.usual_loss

        # 2. Find out how many rows are its own, where that is the same for all batches.
        signature = []
        for spec in task.signature:
            rows, *others = spec.shape
            if rows is not None:
                if rows < count:
                    raise UsageError(f"a batch of {rows} cannot be shared by {count} processes; start fewer")
                rows = len(range(rank, rows, count))
            signature.append(tf.TensorSpec([rows, *others], spec.dtype))
        self.signature = (*signature, tf.TensorSpec([], tf.float32))

    def batch(self, index: int) -> tuple[Array, ...]:
        """The own rows of the arrays of a batch, and their share of its units.

        A process for which a small batch has no row takes the first one, with a share of 0.
        """
        arrays = self.whole.batch(index)
        units = self.whole.units(arrays)  # [batch]
        if self.rank >= len(units):
            first = tuple(array[:1] for array in arrays)
            return (*first, np.array(0.0, np.float32))
        own = slice(self.rank, None, self.count)
        share = units[own].sum() / units.sum()
        return (*(array[own] for array in arrays), np.array(share, np.float32))

    def start_state(self) -> Carried:
        """See Task."""
        return [state[self.rank :: self.count] for state in self.whole.start_state()]

    def loss(self, batch: Batch, carried: Carried) -> Loss:
        """The own part of the mean loss of the whole batch (scalar), and what is carried on."""
        *arrays, share = batch
        loss, carried = self.whole.loss(arrays, carried)
        return share * loss, carried

    def evaluate(self, values: list[Array]) -> Metrics:
        """See Task."""
        return self.whole.evaluate(values)

    def examples(self) -> list[str]:
        """See Task."""
        return self.whole.examples()
