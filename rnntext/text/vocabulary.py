"""Vocabularies: what stands between text and ids. The same lists serve training and running."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from rnntext.errors import CheckpointError

UNKNOWN = 0  # the id of [UNK], outside the list of characters: it cannot be typed in
CODE_POINTS = 0x110000 - 0x800  # Unicode's, without surrogates


def code_points(text: str) -> np.ndarray:
    """The code point of each character, `[len(text)]`, uint32."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


class CharVocabulary:
    """The characters that a model knows: id 0 is `[UNK]`, ids 1, 2, ... are the characters in the order given.

    Raises:
        CheckpointError: something in the list is not one character, or stands there twice.
    """

    def __init__(self, characters: Iterable[str]) -> None:
        entries = list(characters) if isinstance(characters, Iterable) else [None]
        self.characters = [entry for entry in entries if isinstance(entry, str) and len(entry) == 1]
        if len(set(self.characters)) != len(entries):
            raise CheckpointError("the vocabulary is damaged: every entry must be one character, once")
        self.ids = {character: index for index, character in enumerate(self.characters, start=1)}
        points = code_points("".join(self.characters))
        self._order = np.argsort(points)
        self._points = points[self._order]
        self.start = self.ids.get(
            "\n", 1
        )  # what a text is taken to follow: a line break, or else the commonest character

    def __len__(self) -> int:
        """Number of ids, `[UNK]` included."""
        return len(self.characters) + 1

    def encode(self, text: str) -> np.ndarray:
        """Ids of a text, `[len(text)]`, int32."""
        points = code_points(text)
        if not len(self._points):
            return np.zeros(len(points), np.int32)
        at = np.minimum(np.searchsorted(self._points, points), len(self._points) - 1)
        return np.where(self._points[at] == points, self._order[at] + 1, UNKNOWN).astype(np.int32)

    def decode(self, ids: Sequence[int] | np.ndarray) -> str:
        """The text of ids; `[UNK]` becomes U+FFFD."""
        return "".join(self.characters[index - 1] if index else "\ufffd" for index in ids)

    def unknown(self, text: str) -> list[str]:
        """The characters of a text that are not in the vocabulary, each once, in order of appearance."""
        return list(dict.fromkeys(character for character in text if character not in self.ids))
