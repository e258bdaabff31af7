"""Matrix products with weights in which no row depends on its neighbours."""

from __future__ import annotations

import math

import numpy as np

from rnntext.run.arrays import Array, Weights, empty, zeros

# All products are made of blocks of this many rows by pieces of this many columns of weights. OpenBLAS has several
# kernels, chooses one for a matrix, or for a part of it, by its size, and they round differently; for eight rows it
# always takes the same one. With AVX-512 it multiplies a piece this small where it lies, instead of copying it first,
# which takes as long as the product if there are few rows (docs/decisions.md).
BLOCK_ROWS = 8
PIECE_COLUMNS = 64


class Affine:
    """x W + b along the last axis. The result for a row depends neither on the other rows nor on their number.

    The bias is stored as the weight of one more feature, which is always 1: [x, 1] [W; b]. So it costs no second pass
    over the result.

    Args:
        kernel: W, `[features, units]`; or several side by side, `[parts, features, units]`.
        bias: b, `[units]` or `[parts, units]`.
    """

    def __init__(self, kernel: Array, bias: Array) -> None:
        *parts, features, units = kernel.shape
        pieces = math.ceil(units / PIECE_COLUMNS)
        columns = pieces * PIECE_COLUMNS
        rows = features + 1
        weights = zeros(*parts, rows, columns)
        used = weights[..., :units]
        used[..., :features, :] = kernel
        used[..., features, :] = bias
        in_pieces = weights.reshape(*parts, rows, pieces, PIECE_COLUMNS)
        in_pieces = in_pieces.swapaxes(-3, -2)  # [parts, pieces, rows, PIECE_COLUMNS]
        self.pieces = np.ascontiguousarray(in_pieces)
        self.units = units

    def __call__(self, x: Array) -> Array:
        """`[..., features]` to `[..., units]`, or to `[parts, ..., units]`, float32.

        Where `units` is a multiple of PIECE_COLUMNS, each part is contiguous; else its rows may have gaps between them.
        """
        # 1. Append the feature that is 1, and pad to whole blocks of rows.
        *leading, features = x.shape
        rows = x.size // features
        blocks = math.ceil(rows / BLOCK_ROWS)
        padded_rows = blocks * BLOCK_ROWS
        x_padded = empty(padded_rows, features + 1)
        x_padded.fill(1.0)
        x_given = x_padded[:rows, :features]
        x_given[:] = x.reshape(rows, features)
        x_blocks = x_padded.reshape(blocks, BLOCK_ROWS, features + 1)

        # 2. Multiply each block by each piece.
        *parts, pieces, _, _ = self.pieces.shape
        columns = pieces * PIECE_COLUMNS
        y = empty(*parts, padded_rows, columns)
        y_blocks = y.reshape(*parts, blocks, BLOCK_ROWS, pieces, PIECE_COLUMNS)
        y_blocks = np.moveaxis(y_blocks, -2, -4)  # [parts, pieces, blocks, BLOCK_ROWS, PIECE_COLUMNS]
        np.matmul(
            x_blocks,
            self.pieces[..., None, :, :],  # [parts, pieces, 1, features + 1, PIECE_COLUMNS]
            out=y_blocks,
            order="C",  # piece by piece: large weights are read once, not once for each block of rows
        )

        # 3. Cut off the padding.
        y = y[..., :rows, : self.units]
        return y.reshape(*parts, *leading, self.units)


def read_affine(arrays: Weights, name: str) -> Affine:
    """The product whose weights are called `name`.kernel and `name`.bias."""
    kernel = arrays[f"{name}.kernel"]
    bias = arrays[f"{name}.bias"]
    return Affine(kernel, bias)
