"""What must survive a translation: addresses, placeholders of programs, tags.

A model has hardly learnt them, and writes something else. So they are taken out of a text before it is translated, and
put into the translation at the place that the model's attention shows.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence

FIRST_MARK = 0xE000  # the private characters that stand for spans while a line is cut into parts
MAX_SPANS = 0x1900  # of a line; there are so many of these characters
_HINT = re.compile(r"[{<%@\ue000-\uf8ff]|://|[wW]{3}\.")  # Nearly all lines have none of these.
# What is in no address: spaces, quotation marks, and Chinese, Japanese and Korean, which follow without a space.
_OUTSIDE = r"\s<>\"“”„‟‘’‚«»‹›…\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef"
_BRACKETS = rf"\([^{_OUTSIDE}()]*\)"  # ... wiki/Seal_(emblem)
_ADDRESS = rf"(?:{_BRACKETS}|[^{_OUTSIDE}()])*(?:{_BRACKETS}|[^{_OUTSIDE}.,;:!?'()\[\]{{}}])"
_SPAN = re.compile(
    "|".join(
        (
            rf"(?:(?i:https?|ftp)://|[wW]{{3}}\.){_ADDRESS}",
            r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,8}",  # of e-mail
            r"\$?\{\{?[^{}\s]{0,60}\}?\}",  # {name}, {{name}}, ${name}
            # %s, %1$s, %(name)d, but not "100%" or "5 %interest"
            r"(?<!\d)%(?:\(\w{1,60}\)|\d\$)?[-+#0]?\d*(?:\.\d+)?(?:l{0,2}[diuxX]|[sfFeEgG@])(?![^\W\d_])",
            r"</?[A-Za-z][^<>]{0,200}>",  # tags
            r"[\ue000-\uf8ff]+",  # private characters, which nobody knows
        )
    )
)
NO_TARGETS: Mapping[str, str] = {}
_MARKS = re.compile("[\ue000-\uf8ff]+")
_AROUND = ('""', "''", "``", "()", "[]", "“”", "„“", "‘’", "«»", "»«", "「」", "『』", "（）", "《》")
CLOSING = ".,;:!?…)]}”’»›。、，！？；：」』）】"


@dataclasses.dataclass(frozen=True)
class Kept:
    """Spans that stand side by side in a part of a line.

    Attributes:
        text: as it was written.
        place: number of characters before it in the part without spans, spaces not counted.
        left, right: the characters that touch it; empty if there is a space or nothing.
    """

    text: str
    place: int
    left: str
    right: str


def is_span(text: str, anywhere: bool = False) -> bool:
    """Whether a text is an address, a placeholder or a tag.

    Args:
        anywhere: whether it is enough that there is one in it.
    """
    return (_SPAN.search(text) if anywhere else _SPAN.fullmatch(text)) is not None


def marked(
    line: str, keep: str | None, normalized: Callable[[str], str], targets: Mapping[str, str] = NO_TARGETS
) -> tuple[str, list[str]]:
    """A normalised line with a private character for each span that is kept, and the spans. Quotation marks or brackets
    around a span are parts of it.

    Args:
        keep: a regular expression of further spans.
        normalized: normalises what stands between spans.
        targets: what takes the place of spans, by these; others stay as they are.
    """
    if keep is None and not _HINT.search(line):
        return normalized(line), []  # nearly all lines
    spans: list[str] = []
    pieces: list[str] = []
    end = 0
    for first, last in _matches(line, keep):
        if first == last or first < end or len(spans) == MAX_SPANS:
            continue
        span = line[first:last]
        span = targets.get(span, span)
        while first > end and line[first - 1] + line[last : last + 1] in _AROUND:
            first -= 1
            last += 1
            span = line[first] + span + line[last - 1]
        pieces.append(_spaced(line[end:first], normalized))
        pieces.append(chr(FIRST_MARK + len(spans)))
        spans.append(span)
        end = last
    if not spans:
        return normalized(line), []
    pieces.append(_spaced(line[end:], normalized))
    return re.sub(" +", " ", "".join(pieces)).strip(" "), spans


def _matches(line: str, keep: str | None) -> list[tuple[int, int]]:
    """Where spans begin and end, in the order of the line; they may overlap. The two expressions stay apart, since one
    of the user may begin with flags that hold for all of it."""
    expressions = [_SPAN] if keep is None else [_SPAN, re.compile(keep)]
    spans = [match.span() for expression in expressions for match in expression.finditer(line)]
    return sorted(spans, key=lambda span: (span[0], -span[1]))


def _spaced(piece: str, normalized: Callable[[str], str]) -> str:
    """A piece of a line, normalised, with one of the spaces that it begins or ends with; without marks, which it may
    have if the line has more spans than there are marks."""
    before = " " if piece[:1].isspace() else ""
    behind = " " if piece[-1:].isspace() else ""
    return before + unmarked(normalized(piece)) + behind


def taken_out(text: str, spans: Sequence[str]) -> tuple[str, list[Kept]]:
    """A text without its marks, and the spans that they stand for.

    Args:
        spans: of the whole line.
    """
    if not spans:
        return text, []
    kept = []
    clean = ""
    end = 0
    for match in _MARKS.finditer(text):
        clean = _closed(clean, text[end : match.start()])
        begin, end = match.span()
        kept.append(
            Kept(
                text=restored(match[0], spans),
                place=size_of(clean),
                left=text[max(0, begin - 1) : begin].strip(" "),
                right=text[end : end + 1].strip(" "),
            )
        )
    return _closed(clean, text[end:]).strip(" "), kept


def _closed(before: str, behind: str) -> str:
    """What stood on both sides of a span: no space is left before a mark, nor two in a row."""
    if before.endswith(" ") and (behind.startswith(" ") or behind[:1] in CLOSING):
        before = before[:-1]
    return before + behind


def restored(text: str, spans: Sequence[str]) -> str:
    """A text with the spans in the places of their marks.

    Args:
        spans: by the number of their mark.
    """
    return _MARKS.sub(lambda match: "".join(spans[ord(mark) - FIRST_MARK] for mark in match[0]), text)


def unmarked(text: str) -> str:
    """A text without marks."""
    return _MARKS.sub("", text)


def size_of(text: str) -> int:
    """Number of characters of a text, spaces not counted."""
    return len(text) - text.count(" ")
