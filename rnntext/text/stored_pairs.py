"""Pairs of sentences that may be more than memory holds."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import overload

import numpy as np

from rnntext.files.scratch import Scratch

Pair = tuple[str, str]  # source and target
_TAB = "\t"  # between both sides; a normalised sentence has none


class StoredPairs(Sequence[Pair]):
    """Normalised pairs on a disk, which are written once. In memory there are 16 bytes for each.

    Args:
        pairs: normalised, so that there is no TAB in them.
        folder: where they take room.

    Raises:
        OSError: the disk is full.
    """

    def __init__(self, pairs: Iterable[Pair], folder: Path) -> None:
        ends = array("q", [0])
        with Scratch(folder) as scratch:
            for pair in pairs:
                scratch.append(_TAB.join(pair).encode())
                ends.append(scratch.size)
            self._content = scratch.content()
        self._ends = np.frombuffer(ends, np.int64)  # [stored pairs + 1], of the pair before
        self._places = np.arange(len(ends) - 1)  # [pairs], among those that are stored

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Pair: ...
    @overload
    def __getitem__(self, index: slice) -> list[Pair]: ...
    def __getitem__(self, index: int | slice) -> Pair | list[Pair]:
        if isinstance(index, slice):
            return [self._pair(place) for place in self._places[index]]
        return self._pair(self._places[index])

    def __iter__(self) -> Iterator[Pair]:
        return (self._pair(place) for place in self._places)

    def take(self, indices: np.ndarray) -> StoredPairs:
        """Some of these pairs, in the same place on the disk.

        Args:
            indices: their numbers, `[pairs]`.
        """
        taken = object.__new__(StoredPairs)
        taken._content = self._content
        taken._ends = self._ends
        taken._places = self._places[indices]
        return taken

    def _pair(self, place: np.int64) -> Pair:
        begin, end = self._ends[place : place + 2]
        source, target = str(self._content[begin:end], "utf-8").split(_TAB)
        return source, target


class Sentences(Sequence[str]):
    """One side of pairs, or both, one after the other, without a copy.

    Args:
        sides: 0 for sources, 1 for targets.
    """

    def __init__(self, pairs: Sequence[Pair], *sides: int) -> None:
        self._pairs = pairs
        self._sides = sides

    def __len__(self) -> int:
        return len(self._pairs) * len(self._sides)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        part, place = divmod(index, len(self._pairs))
        return self._pairs[place][self._sides[part]]

    def __iter__(self) -> Iterator[str]:
        for side in self._sides:
            for pair in self._pairs:
                yield pair[side]
