"""Lines on their way into a translation model: normalised, and cut into parts that are like its training text."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Sequence

from rnntext.text.conventions import Conventions, Reading
from rnntext.text.glossary import Glossary, Term
from rnntext.text.kept import MAX_SPANS, NO_TARGETS, Kept, marked, restored, taken_out, unmarked
from rnntext.text.lookalikes import LookAlikes, has_picture, is_blank, vocabulary_counts
from rnntext.text.segments import joined, split_long
from rnntext.text.sentences import sentences
from rnntext.text.tokens import Language
from rnntext.text.training_text import TrainingText

CHARACTERS_A_TOKEN = 64  # of a text that is taken to be longer than it may be without being tokenised
MAX_STRETCH = 2  # tokens of a sentence over the usual number, above which it is cut; cutting costs quality, too
_INDENT = re.compile("[ \t\u00a0\u2000-\u200a\u202f\u3000]*")
_PICTURE_PARTS = re.compile("[\u200d\u20e3\ufe0e\ufe0f\U000e0020-\U000e007f]")  # joiners, variants and flags of emoji


@dataclasses.dataclass(frozen=True)
class Part:
    """What a model translates at once: a line, or a part of it.

    Attributes:
        tokens: none if all of the part is kept as it is.
        reading: how the part is read, and was written.
        kept: what is not translated, in the order of the part.
        terms: whose translations a glossary says, in the order of the part.
    """

    tokens: list[str]
    reading: Reading
    kept: Sequence[Kept] = ()
    terms: Sequence[Term] = ()


class SourceLines:
    """Cuts lines into parts.

    Args:
        language: of the source.
        lowercase: whether text is lower-cased.
        training_text: what the model has learnt from.
        longest: the number of tokens of its longest line.

    Attributes:
        limit: the number of tokens above which a sentence is cut.
    """

    def __init__(self, language: Language, lowercase: bool, training_text: TrainingText, longest: int) -> None:
        self.language = language
        self.lowercase = lowercase
        self.training_text = training_text
        self.limit = min(longest, MAX_STRETCH * training_text.tokens)
        counts = training_text.characters
        self.look_alikes = LookAlikes(vocabulary_counts(language) if counts is None else counts)
        capital = training_text.capital and not lowercase
        self.conventions = Conventions(language.encode, capital, training_text.mark)

    def normalized(self, line: str) -> str:
        """A line as a sentence of the training text; empty if nothing of it can be seen."""
        return "" if is_blank(line) else self.look_alikes.normalized(line, self.lowercase)

    def framed(self, line: str) -> tuple[str, str, str]:
        """What stands before the sentences of a line, the sentences, and what stands behind them: spaces before, and on
        both sides the pictures that the model has not learnt. A blank line is no sentence and has nothing before it.
        """
        # 1. Most lines have no picture.
        if line.isascii() or not has_picture(line):
            return ("", "", "") if is_blank(line) else (indent_of(line), line, "")
        # 2. Go inwards from both sides.
        begin = 0
        end = len(line)
        while begin < end and self._frames(line[begin]):
            begin += 1
        while begin < end and self._frames(line[end - 1]):
            end -= 1
        before = line[:begin]
        behind = line[end:].rstrip()
        if not has_picture(before):
            before = indent_of(line)
        return before, line[begin:end], behind if has_picture(behind) else ""

    def _frames(self, character: str) -> bool:
        """Whether a character that stands before or behind sentences is no part of them."""
        if has_picture(character):
            return not character.translate(self.look_alikes)
        return bool(_INDENT.fullmatch(character) or _PICTURE_PARTS.match(character))

    def parts(
        self, line: str, split: bool = True, keep: str | None = None, glossary: Glossary | None = None
    ) -> list[Part]:
        """The parts of a line: none of a blank one, one of a usual one. A line with more sentences or more tokens than
        is usual in the training text is cut at the ends of sentences; a sentence only if it is much too long.

        Args:
            line: as it was read; `framed` takes away what would be lost.
            split: whether a line is cut at all.
            keep: a regular expression of what is kept as it is, beside addresses, placeholders and tags.
            glossary: of the terms that the translation must have.
        """
        # 1. Leave the usual line whole.
        text, spans = marked(line, keep, self.normalized, glossary.targets if glossary else NO_TARGETS)
        usual = self.training_text
        whole_sentences = sentences(text) if split else [text]
        max_tokens = self.limit if len(whole_sentences) == 1 else usual.tokens
        may_fit = len(whole_sentences) <= usual.sentences and len(text) <= CHARACTERS_A_TOKEN * max_tokens
        if may_fit or not split:
            whole = self._part(text, spans, glossary)
            if not split or len(whole.tokens) <= max_tokens:
                return _filled([whole])
        # 2. Put together as many sentences as is usual, and cut what is too long.
        texts: list[str] = []
        for group in self._groups(whole_sentences):
            texts += [group] if self._fits(group, self.limit) else split_long(group, self._size, self.limit)
        if glossary is not None:
            texts = list(_uncut(texts, glossary))
        return _filled([self._part(part, spans, glossary) for part in texts])

    def _groups(self, whole_sentences: list[str]) -> Iterator[str]:
        """Yields as many sentences at a time as are usual, and not longer than usual."""
        usual = self.training_text
        group = whole_sentences[0]
        count = 1
        for sentence in whole_sentences[1:]:
            grown = joined([group, sentence])
            same_case = group.isupper() == sentence.isupper()
            if count < usual.sentences and same_case and self._fits(grown, usual.tokens):
                group = grown
                count += 1
            else:
                yield group
                group = sentence
                count = 1
        yield group

    def _part(self, text: str, spans: Sequence[str] = (), glossary: Glossary | None = None) -> Part:
        clean, kept = taken_out(text, spans)
        if kept and not any(map(str.isalnum, clean)):  # A model makes words of marks alone.
            return Part([], Reading(""), [Kept(restored(text, spans), 0, "", "")])
        text = clean
        reading = self.conventions.reading(text) if text else Reading(text)
        terms: Sequence[Term] = ()
        if glossary is not None:
            gaps = [span.place for span in kept if not span.text.startswith("<")]  # Tags may stand within a term.
            terms = glossary.terms(text, gaps)[: MAX_SPANS - len(kept)]
        return Part(self.language.tokenizer.split(reading.text), reading, kept, terms)

    def _size(self, text: str) -> int:
        return len(self._part(unmarked(text)).tokens)

    def _fits(self, text: str, tokens: int) -> bool:
        """Whether a text has at most so many tokens; a very long one is not tokenised, since that takes time."""
        return len(text) <= CHARACTERS_A_TOKEN * tokens and self._size(text) <= tokens


def _uncut(texts: Iterable[str], glossary: Glossary) -> Iterator[str]:
    """Yields the parts of a text, two of them as one where a term of a glossary is cut in two."""
    whole: list[str] = []
    for text in texts:
        if whole and not glossary.cut(whole[-1], text):
            yield whole.pop()
        whole = [joined([*whole, text])]
    yield from whole


def _filled(parts: list[Part]) -> list[Part]:
    """The parts of which there is something to write: to a model of words, some text is no token."""
    return [part for part in parts if part.tokens or part.kept]


def indent_of(line: str) -> str:
    """The spaces before the first character of a line."""
    indent = _INDENT.match(line)
    assert indent is not None
    return indent[0]
