"""What the translation models' NumPy twins have in common beside products: layer normalisation, softmax, attention
(Vaswani et al. 2017).

Axis words: `[batch, time, units]` for sentences, `[rows, units]` for hypotheses, `[batch, heads, time, width]` inside
attention, where width is units / heads.
"""

from __future__ import annotations

import numpy as np

Array = np.ndarray

EPSILON = 1e-6  # of layer normalisation


def centre(x: Array) -> Array:
    """x - mean along the last axis; `[..., units]`, as it was."""
    return np.asarray(x - x.mean(axis=-1, keepdims=True))


def standardize(x: Array) -> Array:
    """x / sqrt(mean square + epsilon) along the last axis: for a centred x layer normalisation (Ba, Kiros, Hinton
    2016) without its scale and bias, which belong to the product behind it (`run/transformer.py`)."""
    squares = np.vecdot(x, x)[..., None]
    return np.asarray(x * (1 / np.sqrt(squares / np.float32(x.shape[-1]) + np.float32(EPSILON))))


def softmax(scores: Array) -> Array:
    """exp(scores) / sum(exp(scores)) along the last axis, `[..., keys]`. Keys come first meanwhile, as NumPy takes many
    times as long for the maxima of many short rows; but not for the sums, whose order would depend on how many rows
    there are."""
    x = np.ascontiguousarray(scores.reshape(-1, scores.shape[-1]).T)
    x -= x.max(axis=0)
    weights = np.ascontiguousarray(np.exp(x, out=x).T)
    weights /= np.einsum("rk->r", weights)[:, None]
    return weights.reshape(scores.shape)


def split_heads(x: Array, heads: int) -> Array:
    """`[batch, time, units]` to `[batch, heads, time, width]`."""
    batch, time, units = x.shape
    return np.ascontiguousarray(x.reshape(batch, time, heads, units // heads).swapaxes(1, 2))


def merge_heads(x: Array) -> Array:
    """`[batch, heads, time, width]` to `[batch, time, units]`."""
    batch, heads, time, width = x.shape
    return x.swapaxes(1, 2).reshape(batch, time, heads * width)


def attend(queries: Array, keys: Array, values: Array, mask: Array | None = None) -> tuple[Array, Array]:
    """softmax(Q K^T / sqrt(width)) V.

    Args:
        queries: `[batch, heads, queries, width]`.
        keys, values: `[batch, heads, keys, width]`.
        mask: added to the scores `[batch, heads, queries, keys]`: 0, or -inf where nobody may look.

    Returns:
        what was found, `[batch, heads, queries, width]`, and the weights `[batch, heads, queries, keys]`.
    """
    scores = queries @ keys.swapaxes(2, 3)
    scores *= np.float32(queries.shape[-1] ** -0.5)
    if mask is not None:
        scores += mask
    weights = softmax(scores)
    return weights @ values, weights


def padding_mask(lengths: Array, longest: int) -> Array:
    """0 at the positions of each sentence, -inf behind its end: `[batch, longest]`, float32."""
    return np.where(np.arange(longest) < lengths[:, None], np.float32(0), np.float32(-np.inf))


def pad(sentences: list[Array], longest: int) -> tuple[Array, Array]:
    """Sentences as one array `[batch, longest]`, filled up with PAD (0), and their lengths `[batch]`."""
    ids = np.zeros((len(sentences), longest), np.int32)
    for row, sentence in zip(ids, sentences, strict=True):
        row[: len(sentence)] = sentence
    return ids, np.array([len(sentence) for sentence in sentences])


def take(array: Array, origins: Array) -> Array:
    """array[origins], in place: a row that stays where it is costs nothing.

    Args:
        array: `[rows, ...]`; overwritten.
        origins: `[fewer rows]`, where each row comes from.

    Returns:
        a view of the first rows, `[fewer rows, ...]`.
    """
    moved = np.flatnonzero(origins != np.arange(len(origins)))
    array[moved] = array[origins[moved]]
    return array[: len(origins)]
