"""The highest logits of many, the sum of their exponentials, and those that are ruled out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from rnntext.errors import CheckpointError
from rnntext.run.arrays import Array, beside
from rnntext.text.tokens import Forbidden

GROUP = 32  # logits in a group, of which only the highest is looked at first
CHUNK_ROWS = 8  # rows whose exponentials are summed at a time: they stay in the processor's cache


def pick_columns(array: Array, columns: Array) -> Array:
    """array[row, columns[row]] of each row: `[rows, n]` and `[rows, k]` to `[rows, k]`."""
    return np.take_along_axis(array, columns, axis=1)


def check_finite(logits: Array) -> None:
    """Raises CheckpointError unless all logits, of any shape, are finite."""
    if not np.isfinite(logits).all():
        raise CheckpointError("what the model computes are not numbers: its weights are damaged, or diverged")


def log_sum_exp(logits: Array) -> Array:
    """log(sum(exp(logits))) of each row: `[rows, vocabulary]` to `[rows, 1]`.

    Computed as m + log(sum(exp(logits - m))) with m the maximum, so that no exponential overflows.

    Raises:
        CheckpointError: the logits are not numbers, so nothing can be chosen by them, nor scored.
    """
    highest = logits.max(axis=-1, keepdims=True)  # [rows, 1]
    check_finite(highest)
    sums = np.empty_like(highest)
    ones = np.ones_like(logits[0])  # [vocabulary]
    for begin in range(0, len(logits), CHUNK_ROWS):
        chunk = slice(begin, begin + CHUNK_ROWS)
        shifted = logits[chunk] - highest[chunk]
        np.exp(shifted, out=shifted)
        chunk_sums = sums[chunk, 0]  # a view
        np.vecdot(shifted, ones, out=chunk_sums)  # the sum of each row, twice as fast as `sum` is
    np.log(sums, out=sums)
    return np.asarray(sums + highest)


def top_k(scores: Array, added: Array, k: int) -> tuple[Array, Array]:
    """The k highest sums scores[b, h, v] + added[b, h] of each b, best first, and where they are.

    Args:
        scores: `[batch, hypotheses, vocabulary]`.
        added: `[batch, hypotheses]`.

    Returns:
        the sums and their places h * vocabulary + v, both `[batch, k]`, or all sums if there are fewer than k.
    """
    batch, hypotheses, vocabulary = scores.shape
    flat = scores.reshape(batch, -1)  # [batch, hypotheses * vocabulary]
    if hypotheses == k == 1:
        best = flat.argmax(axis=1, keepdims=True)  # [batch, 1]
        highest = pick_columns(flat, best)
        return highest + added, best

    places = _promising(scores, added, k)  # [batch, places]
    hypothesis = places // vocabulary
    sums = pick_columns(flat, places)
    sums = sums + pick_columns(added, hypothesis)
    best = _highest(sums, k)  # [batch, k]
    best_sums = pick_columns(sums, best)
    best_places = pick_columns(places, best)
    order = np.argsort(-best_sums, axis=1, kind="stable")
    best_sums = pick_columns(best_sums, order)
    best_places = pick_columns(best_places, order)
    return best_sums, best_places


def _highest(sums: Array, k: int) -> Array:
    """The columns of the k highest sums of each row, in any order, `[rows, k]`; of all if there are fewer."""
    k = min(k, sums.shape[1])
    columns = np.argpartition(sums, -k, axis=1)
    return columns[:, -k:]


def _promising(scores: Array, added: Array, k: int) -> Array:
    """Places h * vocabulary + v among which the k highest sums are: `[batch, places]`.

    The tokens of each hypothesis are divided into groups of GROUP. Each of the k highest sums is in one of the k groups
    with the highest maxima, or among the tokens that are left over. Maxima are found many times as fast as a partition
    (docs/decisions.md).
    """
    # 1. Take all places if there are few groups.
    batch, hypotheses, vocabulary = scores.shape
    groups = vocabulary // GROUP
    if hypotheses * groups <= 2 * k:
        count = hypotheses * vocabulary
        everything = np.arange(count)
        return np.broadcast_to(everything, (batch, count))

    # 2. Find the k groups with the highest maxima. Token v is in group v % groups.
    grouped = groups * GROUP  # tokens that are in a group
    in_groups = scores[..., :grouped]
    by_group = in_groups.reshape(batch, hypotheses, GROUP, groups)
    highest = by_group.max(axis=2)  # [batch, hypotheses, groups]
    sums = highest + added[..., None]
    sums = sums.reshape(batch, -1)  # [batch, hypotheses * groups]
    best = _highest(sums, k)  # [batch, k]

    # 3. Take their tokens, and those that are in no group.
    hypothesis = best // groups
    first_token = best % groups
    first_place = hypothesis * vocabulary + first_token  # [batch, k]
    offsets = np.arange(0, grouped, groups)  # [GROUP]
    first_place = first_place[:, None]  # [batch, 1, k]
    members = first_place + offsets[:, None]  # [batch, GROUP, k]
    members = members.reshape(batch, -1)  # [batch, GROUP * k]
    left_over = np.arange(grouped, vocabulary)
    begins = np.arange(hypotheses) * vocabulary
    others = begins[:, None] + left_over  # [hypotheses, left over]
    others = np.broadcast_to(others.ravel(), (batch, others.size))
    return beside(members, others)


class Forbid:
    """Sets the logits of forbidden ids to -inf.

    Args:
        forbidden: ids, and pairs of ids of which the second must not follow the first.
    """

    def __init__(self, forbidden: Sequence[Forbidden]) -> None:
        everywhere = [token for token in forbidden if not isinstance(token, tuple)]
        self.everywhere = np.array(everywhere, np.int64)  # an array, as making one of a list takes time at each step
        self.after: dict[int, list[int]] = {}
        for token in forbidden:
            if isinstance(token, tuple):
                first, second = token
                self.after.setdefault(first, []).append(second)

    def __call__(self, logits: Array, last_ids: Array) -> None:
        """Overwrites the logits `[rows, vocabulary]` of what may follow `last_ids`, `[rows]`."""
        logits[:, self.everywhere] = -np.inf
        for first, seconds in self.after.items():
            rows = np.flatnonzero(last_ids == first)
            if len(rows):
                logits[rows[:, None], seconds] = -np.inf


def forbid_repeated(logits: Array, tokens: Array, n: int) -> None:
    """Sets the logits of all tokens that would make n tokens in a row occur twice in a hypothesis to -inf.

    Args:
        logits: `[rows, vocabulary]`, overwritten.
        tokens: of the hypotheses, START included: `[batch, hypotheses, time]`, as many hypotheses as rows.
        n: at least 1.
    """
    past = tokens.reshape(len(logits), -1)[:, 1:]  # [rows, time], without START
    time = past.shape[1]
    if time < n:
        return
    ngrams = sliding_window_view(past, n, axis=1)  # [rows, ngrams, n]
    last = past[:, time - n + 1 :]  # [rows, n - 1]
    begun = ngrams[:, :, :-1] == last[:, None]  # [rows, ngrams, n - 1]
    rows, places = np.nonzero(begun.all(axis=2))
    logits[rows, ngrams[rows, places, -1]] = -np.inf
