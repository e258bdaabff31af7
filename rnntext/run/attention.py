"""What the NumPy translation models share beside products: layer normalisation, softmax and attention.

Axes: `[batch, time, units]` for sentences, `[rows, units]` for hypotheses, `[batch, heads, time, width]` inside
attention, where width is units / heads.
"""

from __future__ import annotations

import numpy as np

from rnntext.run.arrays import Array, Sentences

EPSILON = 1e-6  # of layer normalisation
EPSILON_32 = np.float32(EPSILON)
ZERO = np.float32(0.0)
MINUS_INFINITY = np.float32(-np.inf)


def centre(x: Array) -> Array:
    """x - mean(x) along the last axis; `[..., units]` to the same."""
    mean = x.mean(axis=-1, keepdims=True)  # [..., 1]
    centred = x - mean
    return np.asarray(centred)


def standardize(x: Array) -> Array:
    """x / sqrt(mean(x^2) + epsilon) along the last axis; `[..., units]` to the same.

    If x is centred, this is layer normalisation (Ba, Kiros, Hinton 2016) without its scale and its bias, which
    `run/transformer_blocks.py` makes part of the next product.
    """
    units = x.shape[-1]
    squares = np.vecdot(x, x)  # [...]
    variance = squares / np.float32(units)
    deviation = np.sqrt(variance + EPSILON_32)
    factor = 1 / deviation
    standardized = x * factor[..., None]
    return np.asarray(standardized)


def softmax(scores: Array) -> Array:
    """exp(scores) / sum(exp(scores)) along the last axis; `[..., keys]` to the same. `scores` may be overwritten.

    The maximum is subtracted first, which changes nothing but the range: no exponential overflows.
    """
    keys = scores.shape[-1]
    rows = scores.reshape(-1, keys)  # [rows, keys]

    # Keys come first for the maxima, as NumPy takes many times as long for those of many short rows.
    columns = np.ascontiguousarray(rows.T)  # [keys, rows]
    highest = columns.max(axis=0)  # [rows]
    columns -= highest
    np.exp(columns, out=columns)

    # Rows come first for the sums: otherwise the order of their terms would depend on the number of rows.
    weights = np.ascontiguousarray(columns.T)  # [rows, keys]
    sums = np.einsum("rk->r", weights)  # [rows]
    weights /= sums[:, None]
    return weights.reshape(scores.shape)


def split_heads(x: Array, heads: int) -> Array:
    """`[batch, time, units]` to `[batch, heads, time, width]`."""
    batch, time, units = x.shape
    width = units // heads
    split = x.reshape(batch, time, heads, width)
    by_head = split.swapaxes(1, 2)  # [batch, heads, time, width]
    return np.ascontiguousarray(by_head)


def merge_heads(x: Array) -> Array:
    """`[batch, heads, time, width]` to `[batch, time, units]`."""
    batch, heads, time, width = x.shape
    by_time = x.swapaxes(1, 2)  # [batch, time, heads, width]
    units = heads * width
    return by_time.reshape(batch, time, units)


def attend(
    queries: Array,
    keys: Array,
    values: Array,
    mask: Array | None = None,
) -> tuple[Array, Array]:
    """softmax(Q K^T / sqrt(width) + mask) V: scaled dot-product attention (Vaswani et al. 2017, equation 1).

    Args:
        queries: Q, `[batch, heads, queries, width]`.
        keys, values: K and V, `[batch, heads, keys, width]`.
        mask: 0 where a query may look, -inf where it may not; of a shape that broadcasts to that of the scores,
            `[batch, heads, queries, keys]`.

    Returns:
        the context, a weighted mean of the values, `[batch, heads, queries, width]`, and the weights,
        `[batch, heads, queries, keys]`.
    """
    width = queries.shape[-1]
    scale = width**-0.5
    transposed = keys.swapaxes(2, 3)  # [batch, heads, width, keys]
    scores = queries @ transposed  # [batch, heads, queries, keys]
    scores *= np.float32(scale)
    if mask is not None:
        scores += mask
    weights = softmax(scores)
    context = weights @ values  # [batch, heads, queries, width]
    return context, weights


def lengths_of(sentences: Sentences) -> Array:
    """The number of tokens of each sentence, `[batch]`."""
    lengths = [len(sentence) for sentence in sentences]
    return np.array(lengths)


def padding_mask(lengths: Array, padded_length: int) -> Array:
    """0 at the positions of each sentence, -inf behind its end: `[batch, padded_length]`, float32.

    Args:
        lengths: of the sentences, `[batch]`.
    """
    positions = np.arange(padded_length)
    ends = lengths[:, None]  # [batch, 1]
    inside = positions < ends  # [batch, padded_length]
    return np.where(inside, ZERO, MINUS_INFINITY)


def pad(sentences: Sentences, padded_length: int) -> Array:
    """Sentences as one array, padded with PAD (0): `[batch, padded_length]`, int32."""
    batch = len(sentences)
    ids = np.zeros((batch, padded_length), np.int32)
    for row, sentence in enumerate(sentences):
        length = len(sentence)
        ids[row, :length] = sentence
    return ids


def rows_of(sentences: Array, rows: int, batch: int) -> Array:
    """The rows of the hypotheses of some sentences, of which all have equally many.

    Args:
        sentences: their numbers, `[fewer sentences]`.
        rows, batch: how many rows and sentences there are.

    Returns:
        `[fewer rows]`.
    """
    hypotheses = rows // batch
    first_rows = sentences * hypotheses
    numbers = np.arange(hypotheses)
    by_sentence = first_rows[:, None] + numbers  # [fewer sentences, hypotheses]
    return by_sentence.ravel()


def take_in_place(array: Array, origins: Array) -> Array:
    """array[origins], written over the first rows of the array: a row that stays where it is costs nothing.

    Args:
        array: `[rows, ...]`; overwritten.
        origins: `[fewer rows]`, the row that each row comes from.

    Returns:
        a view of the first rows, `[fewer rows, ...]`.
    """
    count = len(origins)
    moves = origins != np.arange(count)
    moved = np.flatnonzero(moves)
    origins = origins[moved]
    array[moved] = array[origins]
    return array[:count]


def block_diagonal(maps: list[Array]) -> Array:
    """The attention of a line from that of its parts, each `[target, source]`: parts do not see one another, so that
    all weights outside the blocks are 0."""
    rows = sum(len(part) for part in maps)
    columns = sum(part.shape[1] for part in maps)
    attention = np.zeros((rows, columns), np.float32)  # [target, source]
    row = 0
    column = 0
    for part in maps:
        attention[row : row + len(part), column : column + part.shape[1]] = part
        row += len(part)
        column += part.shape[1]
    return attention
