"""Cutting a text that is too long for a model into parts that are not, and joining the translations of the parts."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator

from rnntext.text.sentences import CLOSING, CLOSING_NARROW, FULL_STOPS

_WIDE = "\uff1b\uff1a"  # ； ：
STRONG = (*".!?;:\u2026", *_WIDE, *FULL_STOPS)  # the marks to cut after if there is one
_COMMAS = "\u3001\uff0c\uff64\u060c\u061b\u104a\u1363\u0e2f"  # of other scripts: 、，､ ، ؛ ၊ ፣ ฯ
WEAK = (",", ")", *_COMMAS)
# Behind these marks a new piece begins although no space follows.
_WITHOUT_SPACE = re.compile(f"[{FULL_STOPS}{_COMMAS}{_WIDE}]+[{re.escape(CLOSING)}]*")
# Digits and …—“”‘’, which scripts share: what stands beside them decides.
_NEUTRAL = "0123456789\u2026\u2014\u201c\u201d\u2018\u2019"
_NEUTRAL_LENGTH = 8

Size = Callable[[str], int]  # the number of tokens of a text


def split_long(text: str, size: Size, limit: int) -> list[str]:
    """Parts of a text, none of them of more than `limit` tokens: cut after punctuation, else at a space, else anywhere.

    The spaces at which a text is cut are left out. Chinese, for one, is cut behind its marks, where no space is.

    Args:
        text: words with a space between them.
        size: that of several words must be the sum of theirs and of those of the spaces between them.
        limit: at least 5, so that any single character is within it.
    """
    # 1. Measure a space: it is a token of its own (1), or belongs to a word (0).
    space_size = size("a a") - 2 * size("a")
    # 2. Fill part after part with pieces.
    parts: list[str] = []
    pieces: list[str] = []  # of the part that is being filled, the spaces behind them included
    sizes: list[int] = []  # of these pieces, in tokens
    total = 0  # their sum
    for piece, piece_size in _pieces(text, size, limit):
        while pieces and total + piece_size > limit:
            count = _cut(pieces)
            parts.append("".join(pieces[:count]).rstrip(" "))
            pieces = pieces[count:]
            sizes = sizes[count:]
            if pieces:  # What was inside a word may have another size at the beginning of one.
                sizes[0] = size(pieces[0].rstrip(" ")) + space_size * pieces[0].endswith(" ")
            total = sum(sizes)
        if not pieces:
            piece_size = size(piece.rstrip(" "))
        piece_size += space_size * piece.endswith(" ")
        pieces.append(piece)
        sizes.append(piece_size)
        total += piece_size
    # 3. What is left is the last part.
    parts.append("".join(pieces).rstrip(" "))
    return parts


def _pieces(text: str, size: Size, limit: int) -> Iterator[tuple[str, int]]:
    """Yields the words of a text, each with the space behind it, and their sizes without the space. A word of several
    phrases, as of Chinese, is cut behind each, and what is still too long anywhere."""
    # A token has at least a quarter of a character, because a character outside the vocabulary is four bytes. One more
    # token may stand for the gap before the word.
    piece_length = max(1, (limit - 1) // 4)

    def fits(piece: str) -> bool:
        length = len(piece)
        surely_fits = length * 4 < limit
        may_fit = length <= 4 * limit  # A longer one is not measured, since that takes time.
        return surely_fits or (may_fit and size(piece) <= limit)

    words = text.split(" ")
    for number, word in enumerate(words, start=1):
        measured: list[tuple[str, int]] = []
        phrases = _phrases(word)
        if fits(word):
            sizes = [size(word[:end]) for end in itertools.accumulate(map(len, phrases))]
            measured = list(zip(phrases, (end - begin for begin, end in itertools.pairwise([0, *sizes]))))
        else:
            for phrase in phrases:
                pieces = [phrase] if fits(phrase) else _torn(phrase, piece_length)
                measured += [(piece, size(piece)) for piece in pieces]
        last, last_size = measured[-1]
        space = " " if number < len(words) else ""
        yield from measured[:-1]
        yield last + space, last_size


def _phrases(word: str) -> list[str]:
    """The phrases of a word, each with the marks behind it; most words are one."""
    ends = [mark.end() for mark in _WITHOUT_SPACE.finditer(word)]
    bounds = [0, *ends, len(word)]
    phrases = [word[begin:end] for begin, end in itertools.pairwise(bounds)]
    return [phrase for phrase in phrases if phrase] or [word]


def _torn(word: str, length: int) -> list[str]:
    """Pieces of `length` characters at the most. None begins with a combining sign, as Thai has, unless there is
    nothing else."""
    pieces = []
    begin = 0
    while begin < len(word):
        end = begin + length
        while end < len(word) and end > begin + 1 and unicodedata.category(word[end]) in ("Mn", "Mc", "Me"):
            end -= 1
        pieces.append(word[begin:end])
        begin = end
    return pieces


def _cut(pieces: list[str]) -> int:
    """The number of pieces before a cut: up to the last mark in the second half, a strong one if possible; else all."""
    half = len(pieces) // 2
    for marks in (STRONG, WEAK):
        for count in range(len(pieces), half, -1):
            last = pieces[count - 1].rstrip(" ")
            if last.endswith(marks) or last.rstrip(CLOSING_NARROW).endswith(marks):
                return count
    return len(pieces)


def joined(texts: Iterable[str]) -> str:
    """The translations of a line's parts as one text, as their script joins sentences: Chinese and Japanese without a
    space, all others with one."""
    line = ""
    for text in texts:
        last = line[-_NEUTRAL_LENGTH:].rstrip(_NEUTRAL) or line
        first = text[:_NEUTRAL_LENGTH].lstrip(_NEUTRAL) or text
        if last and first and not _without_space(last[-1], first[0]):
            line += " "
        line += text
    return line


def _without_space(last: str, first: str) -> bool:
    """Whether the last character of a part and the first one of the next have no space between them."""
    if not _wide(last) and not _wide(first):
        return False
    marks = [character for character in (last, first) if not character.isalnum()]
    return any(map(_wide, marks)) or (_wide(last) and _wide(first))


def _wide(character: str) -> bool:
    """Whether a character is a letter or a mark of Chinese or Japanese; Korean, as wide, is written with spaces."""
    wide = unicodedata.east_asian_width(character) in ("W", "F", "H")
    written = unicodedata.category(character)[0] in "LP"  # no emoji
    return wide and written and "HANGUL" not in unicodedata.name(character, "")
