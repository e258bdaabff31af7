"""Products of vectors and weights, each vector's as if it were alone."""

from __future__ import annotations

import numpy as np

from rnntext.run.attention import Array

# So many rows are multiplied at a time, by so many columns of weights. OpenBLAS takes one of several kernels for a
# matrix, or even for a part of it, depending on its size, and they round differently; for eight rows it takes but one.
# And it multiplies a piece this small as it is, on processors with AVX-512, instead of copying it first, which for a
# few rows takes as long as the product (docs/decisions.md).
ROWS, PIECE = 8, 64


class Affine:
    """x W + b along the last axis. What becomes of a row does not depend on the other rows, nor on their number.

    Args:
        kernel: W, `[features, units]`; or several side by side, `[parts, features, units]`.
        bias: b, `[units]` or `[parts, units]`.
    """

    def __init__(self, kernel: Array, bias: Array) -> None:
        *parts, features, self.units = kernel.shape
        pieces = -(-self.units // PIECE)
        filled = np.zeros((*parts, features + 1, pieces * PIECE), np.float32)
        filled[..., :-1, : self.units], filled[..., -1, : self.units] = kernel, bias
        self.pieces = np.ascontiguousarray(filled.reshape(*parts, features + 1, pieces, PIECE).swapaxes(-3, -2))

    def __call__(self, x: Array) -> Array:
        """`[..., features]` to `[..., units]`, or to `[parts, ..., units]`, each part in one stretch of memory."""
        *parts, pieces, features, _ = self.pieces.shape
        rows = x.size // (features - 1)
        blocks = -(-rows // ROWS)
        x_filled = np.ones((blocks * ROWS, features), np.float32)  # the bias is the weight of a feature that is 1
        x_filled[:rows, :-1] = x.reshape(rows, features - 1)
        y = np.empty((*parts, blocks * ROWS, pieces * PIECE), np.float32)
        np.matmul(
            x_filled.reshape(blocks, ROWS, features),
            self.pieces[..., None, :, :],
            out=np.moveaxis(y.reshape(*parts, blocks, ROWS, pieces, PIECE), -2, -4),
            order="C",  # piece by piece, so that large weights are read once, not once for each block of rows
        )
        return y[..., :rows, : self.units].reshape(*parts, *x.shape[:-1], self.units)
