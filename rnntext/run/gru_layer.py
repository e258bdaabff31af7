"""A GRU layer of a translation model, which reads rows.

Unlike the cells of `run/cells.py`, it takes and gives rows, `[rows, units]`, as attention does, too.
"""

from __future__ import annotations

from itertools import accumulate

import numpy as np

from rnntext.run.affine import Affine
from rnntext.run.arrays import Array, Weights, empty, zeros
from rnntext.run.cells import HALF, gru_update, half_gates


class GRULayer:
    """`run.cells.GRUCell` for rows, none of which depends on its neighbours.

    Args:
        arrays: the weights of the model.
        name: of the layer, whose arrays are W `[features, 3 * units]`, R `[units, 3 * units]` and b `[2, 3 * units]`.
    """

    def __init__(self, arrays: Weights, name: str) -> None:
        kernel = arrays[f"{name}.kernel"]
        recurrent_kernel = arrays[f"{name}.recurrent_kernel"]
        bias = arrays[f"{name}.bias"]
        input_bias, recurrent_bias = bias
        self.units = len(recurrent_kernel)
        self.project = Affine(  # [rows, features] to [3, rows, units]: x W + b_x, the parts of z and r halved
            _split_gates(half_gates(kernel)),
            _split_gates(half_gates(input_bias)),
        )
        self.recur = Affine(  # [rows, units] to [3, rows, units]: h R + b_r, all parts halved
            _split_gates(HALF * recurrent_kernel),
            _split_gates(HALF * recurrent_bias),
        )

    def step(self, projected: Array, h: Array) -> None:
        """Replaces h by the output of the next step.

        Args:
            projected: `[3, rows, units]`, from `project`; overwritten.
            h: `[rows, units]`; overwritten.
        """
        recurrent = self.recur(h)  # [3, rows, units]
        gru_update(projected, recurrent, h)

    def run(self, x: Array, counts: list[int], backwards: bool) -> tuple[Array, Array]:
        """Reads sequences, from their ends if `backwards`.

        The sequences are sorted, the longest first. So those that have a token number t are the first rows of the
        batch, and no padding is read.

        Args:
            x: the first token of each sequence, then the second of each that has one, and so on: `[tokens, features]`.
            counts: how many sequences have a first token, how many a second, and so on.

        Returns:
            the outputs h for all tokens, in the order of x, `[tokens, units]`, and the last output of each sequence,
            `[batch, units]`.
        """
        projected = self.project(x)  # [3, tokens, units]
        tokens = len(x)
        batch = counts[0]
        outputs = empty(tokens, self.units)
        h = zeros(batch, self.units)
        ends = accumulate(counts)
        steps = list(zip(counts, ends, strict=True))
        if backwards:
            steps.reverse()
        for count, end in steps:
            begin = end - count
            projected_now = projected[:, begin:end]  # [3, count, units]
            h_now = h[:count]  # of the sequences that have this token
            self.step(projected_now, h_now)
            outputs[begin:end] = h_now
        return outputs, h


def _split_gates(columns: Array) -> Array:
    """`[..., 3 * units]` to `[3, ..., units]`."""
    gates = np.split(columns, 3, axis=-1)
    return np.stack(gates)
