"""What the machine itself can do: plain products, measured in the same run.

Their units are those of the work that they are compared with: a limit "does" as many characters as the products of
that work would allow, if there were nothing else to do. So a ratio to a limit is a share of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.contender import Contender


def _numpy_matmul(size: int) -> Callable[[], Any]:
    a, b, c = (np.ones((size, size), np.float32) for _ in range(3))
    return lambda: np.matmul(a, b, out=c)


def _torch_matmul(size: int) -> Callable[[], Any]:
    import torch

    a, b, c = (torch.ones(size, size) for _ in range(3))
    return lambda: torch.mm(a, b, out=c)


def _tensorflow_matmul(size: int) -> Callable[[], Any]:
    import tensorflow as tf

    a, b = tf.ones([size, size]), tf.ones([size, size])
    return lambda: tf.matmul(a, b).numpy()


LIBRARIES = {"numpy": _numpy_matmul, "torch": _torch_matmul, "tensorflow": _tensorflow_matmul}


class Matmul(Contender):
    """Products of square matrices, float32; `operations` is the number of multiplications and additions per unit."""

    def __init__(self, operations: float, library: str, size: int = 2048) -> None:
        self.product = LIBRARIES[library](size)
        self.units = 2.0 * size**3 / operations

    def run(self) -> float:
        self.product()
        return self.units


class MatrixVector(Contender):
    """Products of one matrix `[rows, columns]` with a vector, float32; `bytes_read` is what a unit has to read."""

    def __init__(self, rows: int, columns: int, bytes_read: float, threads: int) -> None:
        self.limits = threadpool_limits(threads)
        self.matrix, self.vector = np.ones((rows, columns), np.float32), np.ones(columns, np.float32)
        self.result = np.empty(rows, np.float32)
        self.units = self.matrix.nbytes / bytes_read

    def run(self) -> float:
        for _ in range(100):
            np.matmul(self.matrix, self.vector, out=self.result)
        return 100 * self.units
