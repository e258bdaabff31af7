"""Beginning a training with the weights of an older model whose vocabulary may be another one.

A snapshot has the older model's arrays under "start.NAME" and, for each array that belongs to a vocabulary, under
"rows.NAME" the old id of each new id, or -1 for a symbol that the older model did not know.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

Arrays = Mapping[str, np.ndarray]
START, ROWS = "start.", "rows."
NEW = -1


def to_arrays(weights: Arrays, vocabularies: Mapping[str, np.ndarray], unknown: int) -> dict[str, np.ndarray]:
    """What a snapshot must hold for `transplant`.

    Args:
        weights: of the older model.
        vocabularies: for each array that has one row or column per id, the old id of each new id.
        unknown: the id of [UNK]: that is what a new symbol was so far, and how likely the output layer takes it to be.
    """
    rows = {}
    for name, old in vocabularies.items():
        rows[name] = np.where(old == NEW, unknown, old) if name.startswith("logits") else old
    found = {START + name: array for name, array in weights.items()}
    return found | {ROWS + name: array.astype(np.int64) for name, array in rows.items()}


def transplant(fresh: Arrays, snapshot: Arrays) -> dict[str, np.ndarray]:
    """The weights to begin with: the older model's; where it has none, those of a fresh model."""
    return {name: _grown(name, array, snapshot) for name, array in fresh.items()}


def _grown(name: str, fresh: np.ndarray, snapshot: Arrays) -> np.ndarray:
    old = snapshot[START + name]
    if ROWS + name not in snapshot:
        return old
    axis = 0 if name.endswith("embedding") else -1
    rows = snapshot[ROWS + name]
    found = np.moveaxis(np.array(fresh), axis, 0)  # a view of a copy: one row per id
    found[rows != NEW] = np.moveaxis(old, axis, 0)[rows[rows != NEW]]
    return np.moveaxis(found, 0, axis)


def old_ids(new: list[str], old: list[str], reserved: int) -> np.ndarray:
    """The old id of each new id, for vocabularies whose ids 0 ... `reserved` - 1 stand for the same in both."""
    known = {symbol: reserved + index for index, symbol in enumerate(old)}
    return np.array([*range(reserved), *(known.get(symbol, NEW) for symbol in new)])


def grow(old: list[str], learnt: list[str], most: int | None) -> list[str]:
    """A vocabulary that keeps its symbols, and their ids, and adds learnt ones while there are less than `most`."""
    known = set(old)
    new = [symbol for symbol in learnt if symbol not in known]
    return [*old, *(new if most is None else new[: max(0, most - len(old))])]
