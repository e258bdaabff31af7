"""Beginning a training with the weights of an older model whose vocabulary may be another one.

A snapshot has the older model's arrays under "start.NAME" and, for each array that belongs to a vocabulary, under
"rows.NAME" the old id of each new id, or -1 for a symbol that the older model did not know.
"""

from __future__ import annotations

import numpy as np

from rnntext.run.arrays import Array, Weights

START = "start."
ROWS = "rows."
NEW = -1


def to_arrays(weights: Weights, vocabularies: Weights, unknown: int) -> dict[str, Array]:
    """What a snapshot must hold for `transplant`.

    Args:
        weights: of the older model.
        vocabularies: for each array that has one row or column per id, the old id of each new id, `[vocabulary]`.
        unknown: the id of [UNK], as which the older model read and predicted a symbol that is new. The output layer
            begins with [UNK]'s weights for it, so that it is as likely.
    """
    arrays = {}
    for name, array in weights.items():
        arrays[START + name] = array
    for name, old in vocabularies.items():
        rows = old
        if name.startswith("logits"):
            rows = np.where(old == NEW, unknown, old)
        rows = rows.astype(np.int64)
        arrays[ROWS + name] = rows
    return arrays


def transplant(fresh: Weights, snapshot: Weights) -> dict[str, Array]:
    """The weights to begin with, by name: the older model's, and where it has none, those of a fresh model.

    Args:
        fresh: weights of a fresh model.
        snapshot: what `to_arrays` returned.
    """
    weights = {}
    for name, array in fresh.items():
        weights[name] = _transplant(name, array, snapshot)
    return weights


def _transplant(name: str, fresh: Array, snapshot: Weights) -> Array:
    """One array of `transplant`, of the shape of `fresh`."""
    old = snapshot[START + name]
    if ROWS + name not in snapshot:
        return old
    rows = snapshot[ROWS + name]  # [vocabulary]
    known = rows != NEW  # [vocabulary]
    axis = 0 if name.endswith("embedding") else -1  # that of the vocabulary
    old_rows = np.moveaxis(old, axis, 0)  # [old vocabulary, ...]
    copy = np.array(fresh)
    new_rows = np.moveaxis(copy, axis, 0)  # [vocabulary, ...], a view of the copy
    new_rows[known] = old_rows[rows[known]]
    return copy


def old_ids(new: list[str], old: list[str], reserved: int) -> Array:
    """The old id of each new id, `[vocabulary]`; -1 for a symbol that is new.

    Args:
        new, old: symbols of both vocabularies, without the reserved ones.
        reserved: number of ids that stand for the same in both vocabularies and come first.
    """
    old_id = {}
    for index, symbol in enumerate(old):
        old_id[symbol] = reserved + index
    ids = list(range(reserved))
    for symbol in new:
        ids.append(old_id.get(symbol, NEW))
    return np.array(ids)


def grow(old: list[str], learnt: list[str], max_size: int | None) -> list[str]:
    """A vocabulary that keeps its symbols, and their ids, and adds learnt ones while it has less than `max_size`."""
    known = set(old)
    new = [symbol for symbol in learnt if symbol not in known]
    if max_size is not None:
        room = max_size - len(old)
        new = new[: max(0, room)]
    return [*old, *new]
