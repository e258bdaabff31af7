"""A text that may be larger than memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from rnntext.files.scratch import Scratch

_PIECE = 2**20  # characters at a time


class LongText:
    """A text on a disk, which is written once and then read in pieces as often as needed. `len` counts characters.

    Args:
        pieces: of the text, one after another.
        folder: where it takes room.

    Raises:
        OSError: the disk is full.
    """

    def __init__(self, pieces: Iterable[str], folder: Path) -> None:
        self._begins: list[tuple[int, int]] = []  # of each stored piece: characters and bytes before it
        self._length = 0
        with Scratch(folder) as scratch:
            for piece in _cut(pieces):
                self._begins.append((self._length, scratch.size))
                self._length += len(piece)
                scratch.append(piece.encode("utf-8", "surrogatepass"))
            self._begins.append((self._length, scratch.size))
            self._content = scratch.content()

    def __len__(self) -> int:
        return self._length

    def cut(self, length: int) -> None:
        """Leaves out all characters after the first `length` ones."""
        self._length = min(length, self._length)

    def pieces(self, begin: int = 0, end: int | None = None) -> Iterator[str]:
        """Yields the characters from `begin` up to `end`, or up to the last one, in pieces of about a megabyte."""
        end = self._length if end is None else min(end, self._length)
        for index in range(len(self._begins) - 1):
            first, first_byte = self._begins[index]
            next_first, next_byte = self._begins[index + 1]
            if next_first > begin and first < end:
                text = str(self._content[first_byte:next_byte], "utf-8", "surrogatepass")
                yield text[max(begin - first, 0) : end - first]


def _cut(pieces: Iterable[str]) -> Iterator[str]:
    """The same text in pieces of at most _PIECE characters."""
    for piece in pieces:
        for begin in range(0, len(piece), _PIECE):
            yield piece[begin : begin + _PIECE]
