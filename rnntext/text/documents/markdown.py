"""Markdown: what paragraphs, headings, items and cells say is translated; code, addresses and HTML blocks stay."""

from __future__ import annotations

import bisect
import html
import re
from collections.abc import Iterator, Sequence
from typing import Any

from rnntext.text.documents.markdown_rules import Reader, Span
from rnntext.text.documents.segment import BREAK, Markup, Segment, broken, needed, without_tags

_FRONT_MATTER = re.compile(r"\A(---|\+\+\+)[ \t]*\r?\n.*?^(\1|\.\.\.)[ \t]*\r?$", re.DOTALL | re.MULTILINE)
_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n|\Z)")
_TAG_NAME = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)[^>]*?(/?)>")
# What would be markup in a text, and what would begin a block on its first line or a later one.
_SPECIAL = re.compile(r"[\\`*\[\]]|~(?=~)|(?<!\w)_|_(?!\w)|<(?=[A-Za-z/!?])|&(?=#?\w+;)")
_BLOCK = re.compile(r"(?=[-+*](?:\s|$)|#{1,6}(?:\s|$)|>|[-=]+\s*$|~~~)|(\d+)(?=[.)](?:\s|$))")


class _Content:
    """The content of a block, and where it is in the document.

    Args:
        text: the document.
        content: of the block, without what stands before its lines, such as `> `.
        lines: where lines of the document begin and end, the first one of the block first.
        after: where the content begins, or later.
        in_table: whether it is a cell.

    Attributes:
        found: whether all its lines are in the document.
    """

    def __init__(self, text: str, content: str, lines: Sequence[tuple[int, int]], after: int, in_table: bool) -> None:
        self.text = text
        self.content = content
        self.in_table = in_table
        self._starts = [0, *(match.end() for match in re.finditer("\n", content))]
        self._places: list[int] = []  # of each line of the content
        for line, (begin, end) in zip(content.split("\n"), lines):
            bare = line.strip(" \t")
            find = text.find if in_table else text.rfind
            place = find(bare, max(begin, after), end)
            self._places.append(place - (len(line) - len(line.lstrip(" \t"))))
            self.found = place >= 0 and len(self._places) == len(self._starts)
            if place < 0:
                return

    def place(self, index: int) -> int:
        """Where a character of the content is in the document."""
        line = bisect.bisect_right(self._starts, index) - 1
        return self._places[line] + index - self._starts[line]

    def raw(self, begin: int, end: int) -> str:
        """What the document has for a range of the content."""
        return self.text[self.place(begin) : self.place(end - 1) + 1] if begin < end else ""


def segments(text: str) -> list[Segment]:
    """The texts of a document: the contents of its blocks.

    Raises:
        UsageError: the package markdown-it-py is not installed.
    """
    # 1. Find the blocks.
    needed("markdown_it", "markdown")
    reader = Reader()
    lines = [match.span() for match in _LINE.finditer(text) if match[0]]
    environment: dict[str, Any] = {}
    blocks = reader.parser.parse(_without_front_matter(text), environment)
    # 2. Find the contents of those that have some.
    found: list[Segment] = []
    after = 0
    in_table = False
    for token in blocks:
        in_table = token.type in ("th_open", "td_open") or (in_table and token.type == "inline")
        if token.type != "inline" or not token.content or token.map is None:
            continue
        of_block = lines[token.map[0] : token.map[0] + token.content.count("\n") + 1]
        if in_table and "|" in token.content:  # The parser has taken backslashes away, so the cell stays.
            begin, end = of_block[0]
            cell = token.content.replace("|", r"\|")
            place = text.find(cell, max(begin, after), end)
            after = place + len(cell) if place >= 0 else end
            continue
        content = _Content(text, token.content, of_block, after, in_table)
        if content.found:
            after = content.place(len(token.content) - 1) + 1
            found += _of_content(content, reader.spans(token.content, environment))
    return found


def _without_front_matter(text: str) -> str:
    """A document with spaces in the place of its front matter."""
    return _FRONT_MATTER.sub(lambda matter: re.sub(r"[^\r\n]", " ", matter[0]), text, count=1)


def _of_content(content: _Content, spans: Sequence[Span]) -> Iterator[Segment]:
    """Yields the segments of a block: one, or one between hard line breaks."""
    text = content.content
    begin = 0
    reach = 0  # where the last link ends
    group: list[Span] = []
    for span in spans:
        is_break = text.startswith("\\\n", span.begin) or (
            span.rule == "newline" and text.endswith("  ", 0, span.begin)
        )
        if is_break and span.begin >= reach:
            yield from _of_group(content, begin, span.begin, group)
            begin = span.end
            group = []
        else:
            group.append(span)
            reach = max(reach, span.end)
    yield from _of_group(content, begin, len(text), group)


def _of_group(content: _Content, begin: int, end: int, spans: Sequence[Span]) -> Iterator[Segment]:
    """Yields the segment of a part of a block if there is a word in it."""
    # 1. Leave out the white space around it, and make tags of its markup.
    text = content.content
    begin += len(text[begin:end]) - len(text[begin:end].lstrip())
    end -= len(text[begin:end]) - len(text[begin:end].rstrip())
    within = [span for span in spans if begin <= span.begin < end]
    markup = Markup(lambda answer: _escaped(answer, content.in_table))
    _add(markup, content, begin, end, within)
    if not markup.has_words:
        return
    # 2. Find what is between its lines, such as a line break and `> `.
    breaks = [span for span in within if span.rule == "newline"]
    ends = [begin + len(text[begin : span.begin].rstrip(" ")) for span in breaks]
    sources = [text[first:last] for first, last in zip([begin, *(span.end for span in breaks)], [*ends, end])]
    gaps = [content.text[content.place(last) : content.place(span.end)] for last, span in zip(ends, breaks)]
    lengths = [len(without_tags(line).strip()) for line in markup.line.split(BREAK)]

    def written(translations: Sequence[str]) -> str:
        marked = markup.written(BREAK.join(broken(translations[0], lengths))).split(BREAK)
        guarded = list(map(_guarded, marked, sources))
        return "".join(line + gap for line, gap in zip(guarded, [*gaps[: len(marked) - 1], ""], strict=True))

    line = re.sub(f" *{BREAK} *", " ", markup.line)
    yield Segment(content.place(begin), content.place(end - 1) + 1, [line], written)


def _add(markup: Markup, content: _Content, begin: int, end: int, spans: Sequence[Span]) -> None:
    """Appends a range of a content, with what rules have recognised in it."""
    text = content.content
    runs: list[str] = []  # the marks of emphasis that is open
    place = begin
    for number, span in enumerate(spans, start=1):
        if span.begin < place:
            continue  # It is within what stays, or has been added.
        _add_text(markup, text[place : span.begin])
        place = span.end
        if span.rule == "link" and text[span.label + 1 : span.end] not in ("", "[]"):
            within = [inner for inner in spans[number:] if inner.begin < span.label]
            markup.open("[", content.raw(span.begin, span.begin + 1))
            _add(markup, content, span.begin + 1, span.label, within)
            markup.close("[", content.raw(span.label, span.end))
        else:  # The name of a link that is defined elsewhere is one of the things that stay.
            _add_span(markup, content.raw(span.begin, min(span.end, end)), span, runs)
    _add_text(markup, text[place:end])


def _add_span(markup: Markup, raw: str, span: Span, runs: list[str]) -> None:
    """Appends what a rule has recognised, but no link.

    Args:
        runs: the marks of emphasis that is open, changed.
    """
    if span.rule == "text":
        _add_text(markup, raw)
    elif span.rule == "newline":
        markup.end_line()
    elif span.rule in ("emphasis", "strikethrough"):
        _add_run(markup, raw, span, runs)
    elif span.rule == "html_inline":
        _add_tag(markup, raw)
    elif span.rule == "entity" and html.unescape(raw).isalpha():
        markup.add(html.unescape(raw))
    else:
        markup.keep(raw)


def _add_text(markup: Markup, text: str) -> None:
    """Appends text. A bracket, for one, that stands for itself has no backslash, and gets none."""
    for piece in re.split(r"([\\`*\[\]])", text):
        if piece and piece in "\\`*[]":
            markup.keep(piece)
        else:
            markup.add(piece)


def _add_run(markup: Markup, run: str, span: Span, runs: list[str]) -> None:
    """Appends the marks of an emphasis.

    Args:
        runs: those that are open, changed.
    """
    while span.closes and runs and run.startswith(runs[-1]):
        mark = runs.pop()
        markup.close(mark, mark)
        run = run.removeprefix(mark)
    if run and span.opens:
        runs.append(run)
        markup.open(run, run)
    elif run:
        markup.keep(run)


def _add_tag(markup: Markup, raw: str) -> None:
    """Appends a tag of HTML, or a comment."""
    tag = _TAG_NAME.fullmatch(raw)
    if tag is None or tag[3]:
        markup.keep(raw)
    elif tag[1]:
        markup.close(f"<{tag[2].lower()}", raw)
    else:
        markup.open(f"<{tag[2].lower()}", raw)


def _escaped(text: str, in_table: bool) -> str:
    """A text of a translation, in which nothing is markup."""
    escaped = _SPECIAL.sub(r"\\\g<0>", text)
    return escaped.replace("|", r"\|") if in_table else escaped


def _guarded(line: str, source: str) -> str:
    """A line that begins no block, such as a list, unless what stood in its place looked like one, too.

    Args:
        source: that line.
    """
    if not _BLOCK.match(line) or _BLOCK.match(source):
        return line
    return _BLOCK.sub(lambda match: f"{match[1] or ''}\\", line, count=1)
