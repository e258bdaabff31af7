"""How fast this machine is, now."""

from __future__ import annotations

import statistics
import time

import tensorflow as tf

from rnntext.train.products import Tensor

# The product that is measured is as large as those of a training of middling size.
ROWS = 1024
UNITS = 256
COLUMNS = 1024
WARM_UPS = 3  # repetitions that are not counted, as the first one makes the graph
REPETITIONS = 9


def operations_a_second(precision: str) -> float:
    """Floating-point operations a second in the matrix products of a training, all else that it does included.

    All else (gates, softmax, the sums of gradients, the optimizer) is computed in float32 and takes about as long as
    float32 products do, whatever the data type of the products is (docs/decisions.md). So a training that multiplies
    several times as fast is less than twice as fast. The measurement takes less than a second for each data type; other
    load counts, as it will in the training.

    Args:
        precision: of the products, "float32" or "bfloat16".
    """
    seconds = _seconds_per_operation(tf.float32)
    products = seconds if precision == "float32" else _seconds_per_operation(tf.as_dtype(precision))
    return 1.0 / (products + seconds)


def _seconds_per_operation(dtype: tf.DType) -> float:
    """What a floating-point operation of matrix products takes.

    Two products run at the same time, each on half of the processors, as in `train/halves.py`.
    """
    left = tf.ones([2, ROWS, UNITS], dtype)
    right = tf.ones([UNITS, COLUMNS], dtype)

    def both() -> list[Tensor]:
        first = tf.matmul(left[0], right)  # [rows, columns]
        second = tf.matmul(left[1], right)  # [rows, columns]
        return [tf.reduce_sum(first), tf.reduce_sum(second)]

    graph = tf.function(both, autograph=False)
    times = []
    for _ in range(WARM_UPS + REPETITIONS):
        started = time.perf_counter()
        for total in graph():
            total.numpy()  # waits for the result
        elapsed = time.perf_counter() - started
        times.append(elapsed)
    operations = 2 * 2.0 * ROWS * UNITS * COLUMNS  # a multiplication and an addition, in two products
    return statistics.median(times[WARM_UPS:]) / operations
