"""Products of vectors and weights, each vector's as if it were alone."""

from __future__ import annotations

import numpy as np

from rnntext.run.attention import Array

# So many rows are multiplied at a time, by so many columns of weights. OpenBLAS takes one of several kernels for a
# matrix, or even for a part of it, depending on its size, and they round differently; for eight rows it takes but one.
# And it multiplies a piece this small as it is, on processors with AVX-512, instead of copying it first, which for a
# few rows takes as long as the product (docs/decisions.md).
ROWS, PIECE = 8, 64
FEW = 2  # blocks of rows, up to which a loop over pieces of weights costs more than it saves
CACHE = 1 << 20  # bytes of weights, about, that a processor's own cache holds beside the rows


class Affine:
    """x W + b along the last axis. What becomes of a row does not depend on the other rows, nor on their number.

    Args:
        kernel: W, `[features, units]`; or several side by side, `[parts, features, units]`.
        bias: b, `[units]` or `[parts, units]`, or None.
    """

    def __init__(self, kernel: Array, bias: Array | None = None) -> None:
        *parts, features, self.units = kernel.shape
        pieces = -(-self.units // PIECE)
        filled = np.zeros((*parts, features, pieces * PIECE), np.float32)
        filled[..., : self.units] = kernel
        self.pieces = np.ascontiguousarray(filled.reshape(*parts, features, pieces, PIECE).swapaxes(-3, -2))
        self.bias = bias

    def __call__(self, x: Array) -> Array:
        """`[..., features]` to `[..., units]`, or `[parts, ..., units]`: each part lies in one piece."""
        *parts, pieces, features, _ = self.pieces.shape
        rows = x.size // features
        blocks = -(-rows // ROWS)
        x_filled = np.ascontiguousarray(x, np.float32).reshape(rows, features)
        if rows < blocks * ROWS:
            x_filled = np.concatenate([x_filled, np.zeros((blocks * ROWS - rows, features), np.float32)])
        y = np.empty((*parts, blocks * ROWS, pieces * PIECE), np.float32)
        out = y.reshape(*parts, blocks, ROWS, pieces, PIECE).swapaxes(-3, -2)
        x_blocks = x_filled.reshape(blocks, ROWS, features)
        if blocks <= FEW or self.pieces.nbytes <= CACHE:
            np.matmul(x_blocks[:, None], self.pieces[..., None, :, :, :], out=out)
        else:  # each piece is read once, not once for each block
            for number in np.ndindex(*parts, pieces):
                np.matmul(x_blocks, self.pieces[number], out=np.moveaxis(out, -3, len(parts))[number])
        y = y[..., :rows, : self.units]
        if self.bias is not None:
            y += self.bias[..., None, :]
        return y.reshape(*parts, *x.shape[:-1], self.units)
