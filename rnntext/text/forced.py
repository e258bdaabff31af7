"""Where the terms of a glossary belong in a translation: in the place of the words that looked at them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from rnntext.text.glossary import Term
from rnntext.text.kept import size_of
from rnntext.text.words import goes_on, word_starts

Range = tuple[int, int]  # number of characters before something and up to its end, spaces not counted
_JOINT = re.compile("(?<=[^\\W_])['\u2019-](?=[^\\W_])")  # within a word, as in T-Shirt


def ranges(
    terms: Sequence[Term],
    source_ends: Sequence[int],
    target_ends: Sequence[int],
    answer: str,
    attention: np.ndarray,
) -> list[Range | None]:
    """What each term takes the place of in a translation; None if no word looked at it. No range overlaps another one.

    A term that the model has translated as the glossary has it takes its own place. Any other takes that of the words
    side by side that looked at it most.

    Args:
        source_ends: number of characters up to the end of each token of the source, spaces not counted.
        target_ends: the same of the translation.
        answer: the translation.
        attention: `[target, source]`.
    """
    # 1. Find how each character of the answer looked at each term.
    letters = np.arange(size_of(answer))
    rows = attention[_tokens(letters, target_ends)]  # [letters, source]
    columns = [_columns(term, source_ends) for term in terms]
    looks = [rows[:, column].sum(axis=1) for column in columns]  # [letters] of each term
    # 2. Give each term a place that is free, first to those that are there already.
    free = np.ones(len(letters), bool)
    places: list[Range | None] = [None] * len(terms)

    def take(number: int, candidates: Iterable[Range]) -> None:
        vacant = [place for place in candidates if free[slice(*place)].all()]
        if vacant:
            places[number] = best = max(vacant, key=lambda place: looks[number][slice(*place)].sum())
            free[slice(*best)] = False

    for number, term in enumerate(terms):
        take(number, _occurrences(term.target, answer))
    words = [word for word in _words(answer) if free[slice(*word)].all()]
    most = [int(rows[slice(*word)].sum(axis=0).argmax()) for word in words]  # what each word looked at most
    for number, column in enumerate(columns):
        if places[number] is None:
            looking = [word for word, token in zip(words, most, strict=True) if column.start <= token < column.stop]
            take(number, _side_by_side(looking, terms[number].words))
    return places


def _tokens(letters: np.ndarray, ends: Sequence[int]) -> np.ndarray:
    """The tokens in which characters are."""
    return np.minimum(np.searchsorted(ends, letters, side="right"), len(ends) - 1)


def _columns(term: Term, source_ends: Sequence[int]) -> slice:
    """The tokens of a term."""
    first, last = _tokens(np.array([term.begin, term.end - 1]), source_ends)
    return slice(int(first), int(last) + 1)


def _words(text: str) -> list[Range]:
    """The words of a text, such as T-Shirt; what stands between them is none."""
    words: list[Range] = []
    joins = False  # whether the word before goes on behind a hyphen or an apostrophe
    for start in word_starts(text):
        if _JOINT.match(text, start):
            joins = True
        elif goes_on(text, start + 1) or text[start].isalnum():
            end = start + 1
            while goes_on(text, end):
                end += 1
            begin = words.pop()[0] if joins and words else size_of(text[:start])
            words.append((begin, size_of(text[:end])))
            joins = False
    return words


def _occurrences(target: str, answer: str) -> Iterator[Range]:
    """Yields where a translation has a target term, but for the case of its first letter."""
    first = re.escape(target[0].lower()) + "|" + re.escape(target[0].upper())
    for match in re.finditer(f"(?:{first}){re.escape(target[1:])}", answer):
        if not goes_on(answer, match.start()) and not goes_on(answer, match.end()):
            yield size_of(answer[: match.start()]), size_of(answer[: match.end()])


def _side_by_side(words: Sequence[Range], count: int) -> Iterator[Range]:
    """Yields each word, and what consists of up to `count` words side by side."""
    for first in range(len(words)):
        begin, end = words[first]
        yield begin, end
        for following, last in words[first + 1 : first + count]:
            if following != end:
                break
            end = last
            yield begin, end
