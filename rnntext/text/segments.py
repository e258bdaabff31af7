"""Cutting a sentence that is too long for a model into parts that are not."""

from __future__ import annotations

from collections.abc import Callable

STRONG = tuple(".!?;:\u2026\u3002\uff01\uff1f\uff1b")  # the marks to cut after if there is one
WEAK = (",", "\u3001", "\uff0c", ")")

Size = Callable[[str], int]  # the number of tokens of a text


def split_long(text: str, size: Size, limit: int) -> list[str]:
    """Parts of a text, none of them of more than `limit` tokens: cut after punctuation, else at a space, else anywhere.

    Args:
        text: words with a space between them.
        size: that of several words must be the sum of theirs and of those of the spaces between them.
        limit: at least 5, so that any single character is within it.
    """
    # 1. Measure a space: it is a token of its own (1), or belongs to a word (0).
    space_size = size("a a") - 2 * size("a")
    # 2. Fill part after part with words.
    parts: list[str] = []
    words: list[str] = []  # of the part that is being filled
    sizes: list[int] = []  # of these words, in tokens, each with a space
    total = 0  # their sum
    for word in _words(text, size, limit):
        word_size = size(word)
        while words and total + word_size > limit:
            count = _cut(words)
            parts.append(" ".join(words[:count]))
            total -= sum(sizes[:count])
            words = words[count:]
            sizes = sizes[count:]
        words.append(word)
        sizes.append(word_size + space_size)
        total += word_size + space_size
    # 3. What is left is the last part.
    parts.append(" ".join(words))
    return parts


def _words(text: str, size: Size, limit: int) -> list[str]:
    """The words of a text; a word that is too long by itself is cut into pieces."""
    words: list[str] = []
    # A token has at least a quarter of a character, because a character outside the vocabulary is four bytes. One more
    # token may stand for the gap before the word.
    piece_length = max(1, (limit - 1) // 4)
    for word in text.split(" "):
        length = len(word)
        surely_fits = length * 4 < limit
        may_fit = length <= 4 * limit  # A longer word is not measured, since that takes time.
        if surely_fits or (may_fit and size(word) <= limit):
            words.append(word)
            continue
        for begin in range(0, length, piece_length):
            piece = word[begin : begin + piece_length]
            words.append(piece)
    return words


def _cut(words: list[str]) -> int:
    """The number of words before a cut: up to the last mark in the second half, a strong one if possible; else all."""
    half = len(words) // 2
    for marks in (STRONG, WEAK):
        for count in range(len(words), half, -1):
            last = words[count - 1]
            if last.endswith(marks):
                return count
    return len(words)
