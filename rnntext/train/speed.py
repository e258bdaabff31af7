"""How fast this machine is, now."""

from __future__ import annotations

import statistics
import time

import tensorflow as tf

from rnntext.train.recurrent import Tensor

ROWS, UNITS, COLUMNS = 1024, 256, 1024  # of a product; as large as those of a training of middling size
WARM, TURNS = 3, 9


def operations_a_second(precision: str) -> float:
    """Floating-point operations a second in matrix products as a training has them: two at the same time, each by half
    of the processors. Takes less than a second; other load counts, as it will in the training.

    Args:
        precision: "float32" or "bfloat16".
    """
    dtype = tf.as_dtype(precision)
    left, right = tf.ones([2, ROWS, UNITS], dtype), tf.ones([UNITS, COLUMNS], dtype)

    def both() -> list[Tensor]:
        return [tf.reduce_sum(tf.matmul(left[half], right)) for half in range(2)]

    products = tf.function(both, autograph=False)
    times = []
    for _ in range(WARM + TURNS):
        started = time.perf_counter()
        for result in products():
            result.numpy()
        times.append(time.perf_counter() - started)
    return 2 * 2.0 * ROWS * UNITS * COLUMNS / statistics.median(times[WARM:])
