"""The shares of several processes add up to the whole batch."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from rnntext.errors import UsageError
from rnntext.families import CHARLM
from rnntext.train.share import Share


class Rows:
    """A task whose rows have different numbers of units, and a loss that is their weighted mean."""

    family = dataclasses.replace(CHARLM, metric="bits")
    model, usual_loss = None, 0.0
    steps_per_epoch, units_per_step, accumulate = 4, 8.0, 1

    def __init__(self, rows: int, fixed: int | None) -> None:
        self.rows = rows
        self.signature = (tf.TensorSpec([fixed, 2]), tf.TensorSpec([fixed], tf.int32))

    def batch(self, index):
        chance = np.random.default_rng(index)
        return chance.normal(size=[self.rows, 2]).astype(np.float32), chance.integers(1, 9, self.rows, np.int32)

    def units(self, batch):
        return batch[1]

    def start_state(self):
        return [tf.reshape(tf.range(2.0 * self.rows), [self.rows, 2])]

    def loss(self, batch, carried):
        x, units = batch
        weights = tf.cast(units, tf.float32)[:, None]
        return tf.reduce_sum(weights * x) / tf.reduce_sum(weights), [carried[0] + x]


@pytest.mark.parametrize("rows", [1, 2, 5, 8])
@pytest.mark.parametrize("count", [2, 3, 7])
def test_the_losses_add_up_to_that_of_the_whole_batch(rows, count):
    task = Rows(rows, None)
    whole, _ = task.loss(task.batch(3), [tf.zeros([rows, 2])])
    parts = []
    for rank in range(count):
        share = Share(task, rank, count)
        batch = share.batch(3)
        loss, _ = share.loss(batch, [tf.zeros(batch[0].shape)])
        parts.append(float(loss))
    assert sum(parts) == pytest.approx(float(whole), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(("rows", "count"), [(5, 2), (8, 3), (4, 4)])
def test_every_row_and_its_state_belong_to_one_process(rows, count):
    task = Rows(rows, rows)
    batch, [state] = task.batch(1), task.start_state()
    seen = np.zeros_like(batch[0])
    after = np.zeros_like(batch[0])
    for rank in range(count):
        share = Share(task, rank, count)
        own = share.batch(1)
        assert [array.shape for array in own] == [tuple(spec.shape) for spec in share.signature]
        _, [carried] = share.loss(own, share.start_state())
        seen[rank::count] += own[0]
        after[rank::count] = carried
    assert np.array_equal(seen, batch[0])
    assert np.array_equal(after, state + batch[0])


def test_more_processes_than_rows_of_a_fixed_batch_are_refused():
    with pytest.raises(UsageError, match="a batch of 2 cannot be shared by 3 processes"):
        Share(Rows(2, 2), 0, 3)
