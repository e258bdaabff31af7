"""Glossaries: what certain terms of the source language must be called in the target language."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from os import PathLike, fspath

from rnntext.errors import DataError, UsageError
from rnntext.text.conventions import begins_sentence
from rnntext.text.kept import is_span, size_of
from rnntext.text.lines import name_of, read_lines
from rnntext.text.segments import joined
from rnntext.text.words import goes_on, word_starts

Terms = Mapping[str, str] | str | PathLike[str]  # the translation of each, or a file of them
COMMENT = "#"  # what a line of a glossary begins with that is passed over


@dataclasses.dataclass(frozen=True)
class Term:
    """A term of a glossary in a text.

    Attributes:
        begin, end: number of characters before it and up to its end, spaces not counted.
        target: what it is called in the target language.
        words: number of words, and of marks between them.
        capital: whether it gets a capital where it begins a sentence; a name that both languages share gets none.
    """

    begin: int
    end: int
    target: str
    words: int = 1
    capital: bool = False


class Glossary:
    """Finds the terms of a glossary in texts: whole words, the longest first.

    Args:
        pairs: each term and its translation.
        normalized: normalises a text as those are in which terms are found.

    Attributes:
        targets: the translation of each term, as both were given.

    Raises:
        UsageError: a pair is no term and its translation.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]], normalized: Callable[[str], str]) -> None:
        self.targets = dict(pairs)
        self._targets: dict[str, str] = {}
        for source, target in self.targets.items():
            if fault := _fault(source, target):
                raise UsageError(f"glossary: {source!r}: {fault}")
            self._targets.setdefault(normalized(source), target)
        self._targets.pop("", None)  # The model has learnt none of its characters.
        # The terms that begin with a word, of which the first letter may be a capital, and all if all of a text is.
        self._by_first_word: dict[str, list[str]] = {}
        for source in self._targets:
            self._by_first_word.setdefault(_first_word(source), []).append(source)

    def terms(self, text: str, gaps: Sequence[int] = ()) -> list[Term]:
        """The terms in a normalised text, in its order. None overlaps another one.

        Args:
            gaps: where a text was taken out, so that no term is there: number of characters before it, spaces not
                counted.
        """
        matches = sorted(self._matches(text), key=lambda match: (match[0] - match[1], match[0]))
        taken = [False] * len(text)
        terms = []
        for first, last, source in matches:
            begin = size_of(text[:first])
            end = size_of(text[:last])
            if any(taken[first:last]) or any(begin < gap < end for gap in gaps):
                continue
            taken[first:last] = [True] * (last - first)
            written = text[first:last]
            target = self._targets[source]
            if written != source and text.isupper():
                target = target.upper()
            words = sum(1 for _ in word_starts(source))
            terms.append(Term(begin, end, target, words, capital={written, target} != {source}))
        return sorted(terms, key=lambda term: term.begin)

    def cut(self, left: str, right: str) -> bool:
        """Whether a term begins in one text and ends in the next."""
        whole = joined([left, right])
        return any(begin < len(left) < end for begin, end, _ in self._matches(whole))

    def _matches(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Yields where terms begin and end, and the term as the glossary has it; they may overlap."""
        for begin in word_starts(text):
            for source in self._by_first_word.get(_first_word(text, begin), ()):
                end = begin + len(source)
                if not goes_on(text, end) and _is_written(source, text, begin, end):
                    yield begin, end, source


def _first_word(text: str, begin: int = 0) -> str:
    """The word that begins in a text, in small letters."""
    end = begin + 1
    while goes_on(text, end):
        end += 1
    return text[begin:end].lower()


def _is_written(source: str, text: str, begin: int, end: int) -> bool:
    """Whether a term stands in a text: as it is, with a capital where a sentence begins, or all in capitals as the
    whole text."""
    written = text[begin:end]
    if written == source:
        return True
    if written == source[:1].upper() + source[1:]:
        return begins_sentence(text, begin)
    return written == source.upper() and text.isupper()


def _fault(source: str, target: str) -> str | None:
    """What is wrong with a pair; None if nothing is."""
    if not source.strip() or not target.strip():
        return "must be a term and its translation"
    if not is_span(source) and is_span(source, anywhere=True):
        return "addresses, placeholders and tags are kept as they are; a term has none among its words"
    return None


def glossary_pairs(glossary: Terms) -> tuple[tuple[str, str], ...]:
    """The pairs of a glossary, which is a mapping or a file of them: a term, a TAB and its translation on each line.
    Blank lines are passed over, and those that begin with COMMENT.

    Raises:
        DataError: a line is something else, or a term has two translations; or the file is not UTF-8.
        InputOutputError: the file cannot be read.
    """
    if isinstance(glossary, Mapping):
        return tuple(glossary.items())
    path = fspath(glossary)
    pairs: dict[str, str] = {}
    numbers: dict[str, int] = {}
    for number, (line, valid) in enumerate(read_lines([path]), start=1):
        if line.startswith(COMMENT) or not line.strip():
            continue
        columns = [unicodedata.normalize("NFC", column.strip()) for column in line.split("\t")]
        where = f"{name_of(path)}: line {number}"
        if not valid:
            raise DataError(f"{where}: not valid UTF-8, or has NULs; save the glossary as UTF-8")
        if len(columns) != 2:
            raise DataError(f"{where}: must be a term, one TAB and its translation; it has {len(columns) - 1} TABs")
        source, target = columns
        if fault := _fault(source, target):
            raise DataError(f"{where}: {source!r}: {fault}")
        if pairs.setdefault(source, target) != target:
            raise DataError(
                f"{where}: {source!r} has another translation on line {numbers[source]}; remove one of them"
            )
        numbers.setdefault(source, number)
    return tuple(pairs.items())
