"""Where in a translation what was kept of its source belongs: at the place that the model's attention shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from rnntext.text import forced
from rnntext.text.conventions import begins_sentence
from rnntext.text.forced import Range
from rnntext.text.glossary import Term
from rnntext.text.kept import CLOSING, FIRST_MARK, Kept, restored, size_of, unmarked

T = TypeVar("T")
_TAG = re.compile("<(/?)([A-Za-z][A-Za-z0-9]*)[^<>]*>")
_OPENING = "([{¿¡“‘„«‹「『（【"


def put_back(answer: str, kept: Sequence[Kept], places: Sequence[int]) -> str:
    """A translation with a mark for each span, in their order where several have the same place. `restored` makes the
    spans of them.

    Args:
        answer: the translation of the text without spans.
        places: of each span: number of characters before it in the answer, spaces not counted.
    """
    answer = unmarked(answer)
    indices = _indices(answer)
    text = ""
    touching = ""  # what touches the last span on its right
    gone = 0
    for number in sorted(range(len(kept)), key=lambda number: places[number]):
        span = kept[number]
        cut = indices[min(places[number], len(indices) - 1)]
        text = _beside(text, answer[gone:cut], touching, "")
        text = _beside(text, chr(FIRST_MARK + number), "", span.left)
        touching = span.right
        gone = cut
    return _beside(text, answer[gone:], touching, "")


def with_marks(
    answer: str,
    kept: Sequence[Kept],
    terms: Sequence[Term],
    source_ends: Sequence[int],
    target_ends: Sequence[int],
    attention: np.ndarray | None,
) -> tuple[str, list[str]]:
    """A translation with a mark in the place of each span and each term, and what each mark stands for.

    A term takes the place of the words that looked at it. If there are none, it is put where a span would be.

    Args:
        answer: the translation of the text without spans.
        kept, terms: of this text, in its order. Terms need attention weights.
        source_ends, target_ends, attention: see `places`.
    """
    # 1. Put marks where spans belong, and the terms that no word looked at.
    ranges: list[Range | None] = [None] * len(terms)
    if attention is not None and source_ends and target_ends:
        ranges = forced.ranges(terms, source_ends, target_ends, answer, attention)
    nowhere = [term for term, range in zip(terms, ranges) if range is None]
    spans = [*kept, *(Kept(term.target, term.begin, "", "") for term in nowhere)]
    text = put_back(answer, spans, places(spans, source_ends, target_ends, answer, attention))
    written = [span.text for span in spans]
    # 2. Put marks in the places of words, from the last to the first.
    placed = [(range, term) for term, range in zip(terms, ranges) if range is not None]
    for (begin, end), term in sorted(placed, key=lambda place: place[0], reverse=True):
        indices = [index for index, character in enumerate(text) if character != " " and unmarked(character)]
        first = indices[begin]
        last = indices[end - 1] + 1
        # Tags that begin among the words begin before the term, other spans are behind it.
        among = re.findall(f" ?[{chr(FIRST_MARK)}-\uf8ff]+", text[first:last])
        opening = [marks for marks in among if _opens(restored(marks, written))]
        behind = [marks for marks in among if marks not in opening]
        capital = term.capital and text[first].isupper() and begins_sentence(text, first)
        mark = chr(FIRST_MARK + len(written))
        text = text[:first] + "".join(opening).strip(" ") + mark + "".join(behind) + text[last:]
        written.append(term.target[0].upper() + term.target[1:] if capital else term.target)
    return text, written


def _opens(span: str) -> bool:
    """Whether a span is a tag that is closed later."""
    tag = _TAG.search(span)
    return tag is not None and not tag[1]


def _beside(left: str, right: str, right_of_span: str, left_of_span: str) -> str:
    """A span and what it stands beside, with a space between them, unless they touched one another in the source, or
    a mark comes that has no space there.

    Args:
        right_of_span: if the span is on the left: what touched it on its right.
        left_of_span: if the span is on the right: what touched it on its left.
    """
    left = left.rstrip(" ")
    right = right.lstrip(" ")
    if not left or not right:
        return left + right
    touch = (
        right_of_span.isalnum()
        or left_of_span.isalnum()
        or (right_of_span and not right[0].isalnum())
        or (left_of_span and not left[-1].isalnum())
        or left[-1] in _OPENING
        or right[0] in CLOSING
    )
    return f"{left}{'' if touch else ' '}{right}"


def places(
    kept: Sequence[Kept],
    source_ends: Sequence[int],
    target_ends: Sequence[int],
    answer: str,
    attention: np.ndarray | None,
) -> list[int]:
    """Where spans belong in a translation: number of characters before each, spaces not counted.

    A span stands behind the translation of the word before it; if it touches the next word, or nothing precedes it,
    before that of the next one. A mark that closed behind it closes behind it again, and a closing tag stands behind
    the word before which its opening tag stands, or later. Without attention weights spans stand as far along as in
    the source.

    Args:
        source_ends: number of characters up to the end of each token of the text without spans, spaces not counted.
        target_ends: the same of its translation.
        answer: the translation.
        attention: `[target, source]`.
    """
    words = _Words(answer)
    all_places = []
    opened: dict[str, list[int]] = {}  # places of the tags that are open, by name
    for span in kept:
        place = _place(span, source_ends, target_ends, words, attention)
        for slash, name in _TAG.findall(span.text):
            if not slash:
                opened.setdefault(name, []).append(place)
            elif opened.get(name):
                place = max(place, words.end(opened[name].pop() + 1))
        all_places.append(place)
    return all_places


def _place(
    span: Kept, source_ends: Sequence[int], target_ends: Sequence[int], words: _Words, attention: np.ndarray | None
) -> int:
    if not source_ends or not target_ends:
        return 0
    if attention is None:
        share = span.place / source_ends[-1]
        return words.end(round(share * target_ends[-1]), span.right)
    is_before = span.place == 0 or (span.right.isalnum() and not span.left.isalnum())
    if is_before:
        token = int(np.searchsorted(source_ends, span.place, side="right"))  # that begins there
    else:
        token = int(np.searchsorted(source_ends, span.place, side="left"))  # that ends there
    column = attention[:, min(token, attention.shape[1] - 1)]  # [target]
    target = int(column.argmax())
    if is_before:
        return words.begin(target_ends[target - 1] if target else 0)
    return words.end(target_ends[target], span.right)


def ends(join: Callable[[Sequence[T]], str], tokens: Sequence[T]) -> list[int]:
    """Number of characters up to the end of each token, spaces not counted.

    Args:
        join: makes text of the first few tokens.
    """
    return [size_of(join(tokens[: count + 1])) for count in range(len(tokens))]


def _indices(text: str) -> list[int]:
    """The index of each character that is no space, and that of the end."""
    return [*(index for index, character in enumerate(text) if character != " "), len(text)]


class _Words:
    """Where words begin and end. Chinese, for one, shows no words; there each character is one.

    All places are numbers of characters before them, spaces not counted.
    """

    def __init__(self, text: str) -> None:
        self._letters = text.replace(" ", "")
        indices = _indices(text)
        # Whether a character goes on with the word of the one before it.
        self._goes_on = [
            indices[place] == indices[place - 1] + 1 and _in_word(letter) and _in_word(self._letters[place - 1])
            for place, letter in enumerate(self._letters)
        ]
        if self._goes_on:
            self._goes_on[0] = False

    def end(self, place: int, behind: str = "") -> int:
        """Where the word ends that is before a place.

        Args:
            behind: what is to stand behind the word; if it is a closing mark, the place is before such marks.
        """
        while 0 < place < len(self._letters) and self._goes_on[place]:
            place += 1
        if behind and behind in CLOSING:
            while place > 0 and self._letters[min(place, len(self._letters)) - 1] in CLOSING:
                place -= 1
        return place

    def begin(self, place: int) -> int:
        """Where the word begins that is at a place."""
        while 0 < place < len(self._letters) and self._goes_on[place]:
            place -= 1
        return place


def _in_word(character: str) -> bool:
    return character.isalnum() and ord(character) < 0x2E80
