"""A second look at lines that are not written as the training text is: in other case, or without a final mark.

A model has hardly learnt such lines, so that they are read as the training text would have them, and their
translations are written as the lines were.
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Callable, Iterable

from rnntext.text.sentences import CLOSING_NARROW, FULL_STOPS
from rnntext.text.tokens import UNKNOWN

Encode = Callable[[str], Iterable[int]]
RARER = 2  # A capital inside a sentence is kept if the word with a small letter is so many times as rare.
MAX_GAP = 8  # characters between the end of a sentence and the next word
MIN_HEADLINE = 3  # words of a headline; shorter ones are as often a greeting in German, or a name
HEADLINE_SHARE = 0.7  # of its words that begin with a capital, at least
MAX_SMALL = 3  # letters of its other words
FINAL_MARKS = f"{FULL_STOPS}.!?\u2026"
_STOPS = tuple(".\u3002\uff61\u0964\u0965\u06d4\u1362\u0589\u17d4\u17d5\u104b")  # what ends a statement
_PAIRED = {"\u00bf": "?", "\u00a1": "!"}
_WORD = re.compile("[^\\W\\d_]+(?:['\u2019-][^\\W\\d_]+)*")
_BEGINNING = re.compile("(^|[.!?\u2026])[^\\w,;:-]*$")


def final_mark(line: str) -> str:
    """The mark that ends a line, within quotation marks and brackets or not; empty if there is none."""
    last = line.rstrip(f"{CLOSING_NARROW} ")[-1:]
    return last if last and last in FINAL_MARKS else ""


def first_letter(line: str) -> str:
    """The letter that a line begins with; empty if something else stands before it, or the script has no case."""
    word = _WORD.search(line)
    if word is None or not begins_sentence(line, word.start()) or word[0][0].lower() == word[0][0].upper():
        return ""
    return word[0][0]


@dataclasses.dataclass(frozen=True)
class Reading:
    """How a text is read.

    Attributes:
        text: as the training text would have it.
        capitals: whether it was written all in capitals, and is not any more.
        small: whether its first letter was small, and is not any more.
        unmarked: whether it had no final mark, and has one now.
    """

    text: str
    capitals: bool = False
    small: bool = False
    unmarked: bool = False

    def written(self, answer: str, encode: Encode) -> str:
        """The translation of `text`, written as the text was.

        Args:
            answer: the translation.
            encode: makes ids of a text of the target language.
        """
        if self.unmarked and answer.endswith(_STOPS) and not answer.endswith(".."):
            answer = _closed(answer[:-1].rstrip())
        if self.capitals:
            return answer.upper()
        if self.small and first_letter(answer).isupper():
            return _WORD.sub(lambda word: _small(word[0], encode), answer, count=1)
        return answer


class Conventions:
    """Reads texts as a training text would have them.

    Args:
        encode: makes ids of a text of the source language.
        capital: whether nearly all lines of the training text begin with a capital.
        mark: the mark that most of its lines end with, if nearly all have a final mark.
    """

    def __init__(self, encode: Encode, capital: bool, mark: str) -> None:
        self._encode = encode
        self._capital = capital
        self._mark = mark

    def reading(self, text: str) -> Reading:
        """How a text is read.

        Args:
            text: with single spaces.
        """
        cased = self._in_case(text)
        unmarked = bool(self._mark and text) and unicodedata.category(text[-1])[0] in "LMN"  # letter, vowel sign, digit
        return Reading(
            text=cased + self._mark if unmarked else cased,
            capitals=cased != text and text.isupper(),
            small=cased != text and first_letter(text).islower(),
            unmarked=unmarked,
        )

    def _in_case(self, text: str) -> str:
        """A text with each word in the case that the vocabulary knows best if it is all in capitals, all in small
        letters or a headline; with its first letter as in the training text if only that is small."""
        begins_small = self._capital and first_letter(text).islower()
        if text.isupper() or (begins_small and text.islower()) or _is_headline(text):
            return _WORD.sub(self._known, text)
        if not begins_small:
            return text
        return _WORD.sub(lambda word: _capitalized(word[0]) if word[0].islower() else word[0], text, count=1)

    def _known(self, match: re.Match[str]) -> str:
        """A word in the case with the lowest cost; at the beginning of a sentence its first letter is a capital."""
        word = match[0]
        forms = {_capitalized(word): RARER, word[0].upper() + word[1:]: RARER, word.upper(): RARER}
        if not begins_sentence(match.string, match.start()):
            forms = {word.lower(): 1, **forms}
        return min(forms, key=lambda form: _cost(form, self._encode, forms[form]))


def _is_headline(text: str) -> bool:
    """Whether the words of a text begin with capitals but for a few short ones."""
    if not text[:1].isupper():
        return False  # most texts of another kind, at once
    words = _WORD.findall(text)
    small = [word for word in words if not word[0].isupper()]
    if len(words) < MIN_HEADLINE or len(words) - len(small) < HEADLINE_SHARE * len(words):
        return False
    return all(len(word) <= MAX_SMALL for word in small)


def begins_sentence(text: str, index: int) -> bool:
    """Whether a word of a text begins a sentence.

    Args:
        index: where the word begins.
    """
    return _BEGINNING.search(text, max(0, index - MAX_GAP), index) is not None


def _closed(text: str) -> str:
    """A text with the mark that closes what it opens: Spanish questions begin with one."""
    for opening, closing in _PAIRED.items():
        if text.count(opening) > text.count(closing):
            return text + closing
    return text


def _capitalized(word: str) -> str:
    return word[0].upper() + word[1:].lower()


def _small(word: str, encode: Encode) -> str:
    """A word without its capital, unless the vocabulary knows it better so: it is a name, or a noun of German."""
    small = word[0].lower() + word[1:]
    return small if _cost(small, encode, 1) <= _cost(word, encode, RARER) else word


def _cost(word: str, encode: Encode, weight: int) -> tuple[int, int, int]:
    """How well a vocabulary knows a word: by the number of unknown tokens, then of tokens, then by how rare they are;
    the ids of common tokens are small."""
    ids = list(encode(word))
    return ids.count(UNKNOWN), len(ids), sum(ids) * weight
