"""Cutting a sentence that is too long for a model into parts that are not."""

from __future__ import annotations

from collections.abc import Callable

STRONG = tuple(".!?;:\u2026\u3002\uff01\uff1f\uff1b")  # good places to cut after
WEAK = (",", "\u3001", "\uff0c", ")")


def split_long(text: str, size: Callable[[str], int], limit: int) -> list[str]:
    """Cuts a text after punctuation where it can, else at spaces, else anywhere, into parts of at most `limit` tokens.

    Args:
        size: number of tokens of a text; that of words together is the sum of theirs and of the spaces between them.
        limit: at least 5, so that any character alone is within it.
    """
    space = size("a a") - 2 * size("a")  # a token of its own, or none
    parts: list[str] = []
    part: list[str] = []
    sizes: list[int] = []
    total = 0
    for word in _words(text, size, limit):
        tokens = size(word)
        while part and total + tokens > limit:
            cut = _cut(part)
            parts.append(" ".join(part[:cut]))
            total -= sum(sizes[:cut])
            part, sizes = part[cut:], sizes[cut:]
        part.append(word)
        sizes.append(tokens + space)
        total += sizes[-1]
    return [*parts, " ".join(part)]


def _words(text: str, size: Callable[[str], int], limit: int) -> list[str]:
    """The words of a text, those that are too long by themselves in pieces."""
    found: list[str] = []
    for word in text.split(" "):
        # A token has at least a quarter of a character: a character outside the vocabulary is four bytes. One more may
        # stand for the gap before the word.
        if len(word) * 4 < limit or (len(word) <= 4 * limit and size(word) <= limit):
            found.append(word)
        else:
            step = max(1, (limit - 1) // 4)
            found += [word[begin : begin + step] for begin in range(0, len(word), step)]
    return found


def _cut(words: list[str]) -> int:
    """How many of the words make a part: up to the last punctuation mark in the second half, a strong one before a weak
    one; all of them without any."""
    for marks in (STRONG, WEAK):
        for count in range(len(words), len(words) // 2, -1):
            if words[count - 1].endswith(marks):
                return count
    return len(words)
