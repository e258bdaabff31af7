"""A second look at text all in capitals, which a model has hardly learnt: its words as the vocabulary knows them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from rnntext.text.tokens import UNKNOWN

Encode = Callable[[str], Iterable[int]]
RARER = 2  # A capital inside a sentence is kept if the word with a small letter is so many times as rare.
MAX_GAP = 8  # characters between the end of a sentence and the next word
_WORD = re.compile("[^\\W\\d_]+(?:['\u2019-][^\\W\\d_]+)*")
_BEGINNING = re.compile("(^|[.!?\u2026])[^\\w,;:-]*$")


def uncapitalized(text: str, encode: Encode) -> str:
    """A text all in capitals with each word in the case that its vocabulary knows best; any other text as it is.

    That is the case with the fewest unknown tokens, then with the fewest tokens, then with the commonest ones: the ids
    of common tokens are small.

    Args:
        text: with single spaces.
        encode: makes ids of a text.
    """
    if not text.isupper():
        return text

    def cost(word: str, weight: int) -> tuple[int, int, int]:
        ids = list(encode(word))
        return ids.count(UNKNOWN), len(ids), sum(ids) * weight

    def known(match: re.Match[str]) -> str:
        word = match[0]
        forms = {word[0] + word[1:].lower(): RARER, word: RARER}
        if not _BEGINNING.search(text, max(0, match.start() - MAX_GAP), match.start()):
            forms = {word.lower(): 1, **forms}
        return min(forms, key=lambda form: cost(form, forms[form]))

    return _WORD.sub(known, text)
