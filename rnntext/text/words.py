"""Where words begin and end in a text. Scripts that show no words have one in each character."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

# Chinese and Japanese, Thai and Lao, Burmese, Khmer.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)


def goes_on(text: str, index: int) -> bool:
    """Whether a character goes on with the word of the one before it."""
    if not 0 < index < len(text):
        return False
    if unicodedata.category(text[index])[0] == "M":  # a vowel sign or an accent
        return True
    return _in_word(text[index - 1]) and _in_word(text[index])


def _in_word(character: str) -> bool:
    """Whether a character is a part of words of several characters."""
    if character.isascii():
        return character.isalnum() or character == "_"
    return unicodedata.category(character)[0] in "LMN" and not _UNSPACED.match(character)


def word_starts(text: str) -> Iterator[int]:
    """Yields where words begin; a mark is one."""
    for index, character in enumerate(text):
        if character != " " and not goes_on(text, index):
            yield index
