"""The parts of a document that are translated, with the markup in them."""

from __future__ import annotations

import dataclasses
import importlib
import itertools
import re
from collections.abc import Callable, Sequence
from typing import Any

from rnntext.errors import UsageError

_TAG = re.compile(r"(</?x[0-9]+>)")
BREAK = "\0"  # stands for the end of a line within a text
_EDGE = f" {BREAK}"  # what is no part of a text at its ends


@dataclasses.dataclass(frozen=True)
class Segment:
    """A part of a document that is translated.

    Attributes:
        begin, end: where it is in the document.
        texts: what is translated, each a line.
        written: makes what takes its place in the document of their translations.
    """

    begin: int
    end: int
    texts: Sequence[str]
    written: Callable[[Sequence[str]], str]


class Markup:
    """A text with markup in it, for which tags such as <x0> stand: a translation keeps tags (`text.kept`).

    Args:
        escape: writes text of a translation as the document does.

    Attributes:
        text: with the tags.
    """

    def __init__(self, escape: Callable[[str], str] = str) -> None:
        self.text = ""
        self._escape = escape
        self._markup: dict[str, str] = {}  # what each tag stands for, in the order of the text
        self._open: list[tuple[int, str]] = []  # number and name of what is open
        self._pairs: set[int] = set()  # the numbers of what is closed, too

    @property
    def has_words(self) -> bool:
        """Whether there is something to translate."""
        return any(map(str.isalpha, without_tags(self.text)))

    @property
    def line(self) -> str:
        """What is translated: the text without the markup around it."""
        begin, end = self._around()
        return self.text[begin:end]

    def _around(self) -> tuple[int, int]:
        """Where what is translated begins and ends."""
        text = self.text
        begin = 0
        end = len(text)
        while begin < end:
            first = _TAG.match(text, begin, end)
            last = _TAG.fullmatch(text, max(begin, text.rfind("<", begin, end)), end)
            if text[begin] in _EDGE:
                begin += 1
            elif text[end - 1] in _EDGE:
                end -= 1
            elif first and last and self._is_pair(first[0], last[0]):
                begin = first.end()
                end = last.start()
            elif first and self._is_alone(first[0]):
                begin = first.end()
            elif last and self._is_alone(last[0]):
                end = last.start()
            else:
                break
        return begin, end

    def _is_pair(self, first: str, last: str) -> bool:
        """Whether two tags are a pair."""
        return last == first.replace("<", "</") and last in self._markup

    def _is_alone(self, tag: str) -> bool:
        """Whether a tag is none of a pair."""
        return not tag.startswith("</") and tag.replace("<", "</") not in self._markup

    def add(self, text: str) -> None:
        """Appends text."""
        for index, piece in enumerate(_TAG.split(text)):
            if index % 2:  # The document has it as a text.
                self.keep(self._escape(piece))
            else:
                self.text += piece

    def end_line(self) -> None:
        """Appends the end of a line, before which no space is left."""
        self.text = self.text.rstrip(" ") + BREAK

    def keep(self, markup: str) -> None:
        """Appends markup that stands by itself."""
        self._append(f"<x{len(self._markup)}>", markup)

    def open(self, name: str, markup: str) -> None:
        """Appends markup that `close` may end."""
        self._open.append((len(self._markup), name))
        self.keep(markup)

    def close(self, name: str, markup: str) -> None:
        """Appends markup that ends what was opened last of this name."""
        names = [opened for _, opened in self._open]
        if name not in names:
            self.keep(markup)
            return
        index = len(names) - 1 - names[::-1].index(name)
        number = self._open[index][0]
        del self._open[index:]
        self._pairs.add(number)
        self._append(f"</x{number}>", markup)

    def _append(self, tag: str, markup: str) -> None:
        self._markup[tag] = markup
        self.text += tag

    def written(self, translation: str) -> str:
        """The translation of `line` with the markup. Where tags would not be nested, they keep the order of
        the text."""
        begin, end = self._around()
        pieces = _TAG.split(self.text[:begin] + self._close_up(translation) + self.text[end:])
        tags = pieces[1::2]
        if sorted(tags) != sorted(self._markup) or not self._nested(tags):
            tags = list(self._markup)
        texts = [self._escape(text) for text in pieces[::2]]
        markup = [self._markup[tag] for tag in tags]
        places = max(len(texts), len(markup) + 1)
        texts += [""] * (places - len(texts))
        markup += [""] * (places - len(markup))
        return "".join(text + span for text, span in zip(texts, markup, strict=True))

    def _close_up(self, translation: str) -> str:
        """A translation without spaces between a pair of tags and what it holds: ** makes nothing bold beside one."""

        def opened(match: re.Match[str]) -> str:
            return f" {match[1]}" if int(match[2]) in self._pairs else match[0]

        before = None
        while before != translation:  # Several tags may stand in a row.
            before = translation
            translation = re.sub(r" +(</x[0-9]+>) *", r"\1 ", translation)
            translation = re.sub(r" *(<x([0-9]+)>) +", opened, translation)
        return translation.strip(" ")

    def _nested(self, tags: Sequence[str]) -> bool:
        """Whether all that is closed was opened last."""
        opened: list[int] = []
        for tag in tags:
            number = int(tag.strip("</x>"))
            if tag.startswith("</"):
                if not opened or opened.pop() != number:
                    return False
            elif number in self._pairs:
                opened.append(number)
        return True


def without_tags(text: str) -> str:
    """A text without the tags that stand for markup."""
    return _TAG.sub("", text)


def one_line(text: str) -> str:
    """A text whose white space is single spaces, none of them at its ends."""
    return " ".join(text.split())


def broken(text: str, lengths: Sequence[int]) -> list[str]:
    """A text with tags in lines, or in fewer of them if it has fewer words.

    Args:
        lengths: characters of each line; those of the text are in proportion to them.
    """
    words = text.split(" ")
    count = min(len(lengths), len(words))
    ends = list(itertools.accumulate(len(without_tags(word)) + 1 for word in words))
    before = list(itertools.accumulate(length + 1 for length in lengths))
    lines = []
    begin = 0
    for number in range(1, count):
        best = ends[-1] * before[number - 1] / before[-1]
        last = len(words) - count + number  # Each later line gets a word, too.
        end = min(range(begin + 1, last + 1), key=lambda end: abs(ends[end - 1] - best))
        lines.append(" ".join(words[begin:end]))
        begin = end
    return [*lines, " ".join(words[begin:])]


def needed(package: str, format: str) -> Any:
    """The module of a package that reads a format.

    Raises:
        UsageError: it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        message = (
            f"--format {format} needs the package {package}, which is not installed: pip install 'rnntext[formats]'"
        )
        raise UsageError(message) from error
