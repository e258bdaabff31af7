"""The vocabulary of a character model: text becomes ids, and ids become text, in training and running alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from rnntext.errors import CheckpointError

UNKNOWN = 0  # the id of [UNK], which is not in the list of characters, so nobody can type it in
CODE_POINTS = 0x110000 - 0x800  # Unicode's, without surrogates
MAX_NAMED = 8  # characters that a message names


def code_points(text: str) -> np.ndarray:
    """The code point of each character, `[characters]`, uint32."""
    data = text.encode("utf-32-le", "surrogatepass")
    return np.frombuffer(data, np.uint32)


def count_characters(pieces: Iterable[str]) -> np.ndarray:
    """How often each character of a text occurs, by code point, `[code points]`."""
    counts = np.zeros(0, np.int64)
    for piece in pieces:
        new = np.bincount(code_points(piece), minlength=len(counts))
        new[: len(counts)] += counts
        counts = new
    return counts


def most_frequent(counts: np.ndarray, size: int | None = None) -> list[str]:
    """The characters of a text, the most frequent ones first, at most `size` of them.

    Of equally frequent ones the one with the larger code point comes first, as in Keras's TextVectorization, which
    takes some hundred times as long to count them.

    Args:
        counts: by code point, `[code points]`.
    """
    points = np.flatnonzero(counts)
    order = np.lexsort((points, counts[points]))[::-1]
    return [chr(point) for point in points[order][:size]]


def named(characters: Sequence[str]) -> str:
    """Characters for a message; the first few of many."""
    first = " ".join(f"{c!r} (U+{ord(c):04X})" for c in characters[:MAX_NAMED])
    return first + (" ..." if len(characters) > MAX_NAMED else "")


class CharVocabulary:
    """The characters that a model knows: id 0 is `[UNK]`, ids 1, 2, ... are the characters in the order given.

    Attributes:
        characters: those of ids 1, 2, ...
        ids: the id of each character.
        start: the id that comes before the first character of a text: that of the line break if there is one, else
            that of the first character, which is the most frequent one.

    Raises:
        CheckpointError: an entry is not one character, or occurs twice.
    """

    def __init__(self, characters: Iterable[str]) -> None:
        # The characters may come from a damaged file and be of any type.
        entries = list(characters) if isinstance(characters, Iterable) else [None]
        self.characters: list[str] = []
        self.ids: dict[str, int] = {}
        for index, entry in enumerate(entries, start=1):
            if not isinstance(entry, str) or len(entry) != 1 or entry in self.ids:
                raise CheckpointError("the vocabulary is damaged: every entry must be one character, once")
            self.characters.append(entry)
            self.ids[entry] = index
        self.start = self.ids.get("\n", 1)
        points = code_points("".join(self.characters))
        self._order = np.argsort(points)
        self._points = points[self._order]  # in ascending order

    def __len__(self) -> int:
        """Number of ids, including `[UNK]`."""
        return len(self.characters) + 1

    def encode(self, text: str) -> np.ndarray:
        """Ids of a text, `[characters]`, int32."""
        points = code_points(text)  # [characters]
        if len(self._points) == 0:
            return np.zeros(len(points), np.int32)
        last = len(self._points) - 1
        nearest = np.searchsorted(self._points, points)  # [characters]
        nearest = np.minimum(nearest, last)
        is_known = self._points[nearest] == points
        ids = np.where(is_known, self._order[nearest] + 1, UNKNOWN)
        return ids.astype(np.int32)

    def decode(self, ids: Sequence[int] | np.ndarray) -> str:
        """The text of ids; `[UNK]` becomes U+FFFD."""
        return "".join(self.characters[index - 1] if index else "\ufffd" for index in ids)

    def unknown(self, text: str) -> list[str]:
        """The characters of a text that are not in the vocabulary, each once, in order of appearance."""
        unknown = (character for character in text if character not in self.ids)
        return list(dict.fromkeys(unknown))
