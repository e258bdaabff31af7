"""Web pages (HTML): text is translated; tags, attributes, comments, scripts, code and white space around it stay."""

from __future__ import annotations

import dataclasses
import html
import itertools
import re
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser

from rnntext.text.documents.segment import Markup, Segment

_INLINE_NAMES = (
    "a abbr acronym b bdi bdo big cite data del dfn em font i img ins label mark q ruby rb rp rt s small span strike "
    "strong sub sup time tt u wbr"
)
_INLINE = frozenset(_INLINE_NAMES.split())  # what stands within a sentence; all other tags end one
_STAYS_INLINE = frozenset(["code", "kbd", "samp", "var", "math", "svg"])  # and what is not translated there
_STAYS = _STAYS_INLINE | {"script", "style", "pre", "textarea", "template", "noscript", "object", "iframe"}
_VOID_NAMES = "area base br col embed hr img input link meta param source track wbr"
_VOID = frozenset(_VOID_NAMES.split())
_WHITE = " \t\n\f\r"
_SPACE = re.compile(f"[{_WHITE}]+")


@dataclasses.dataclass
class _Piece:
    """A piece of a page.

    Attributes:
        kind: "text", "start", "end", "other" (such as a comment), or "block", which ends a sentence.
        begin, end: where it is.
        name: of the tag.
        stays: whether what is in the element stays as it is.
    """

    kind: str
    begin: int
    end: int
    name: str = ""
    stays: bool = False


class _Parser(HTMLParser):
    """Finds the pieces of a page, one behind the other.

    Args:
        text: of the page.
    """

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=False)
        self.pieces: list[_Piece] = []
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]  # where lines begin
        self.feed(text)
        self.close()
        for piece, following in itertools.pairwise([*self.pieces, _Piece("other", len(text), len(text))]):
            piece.end = following.begin

    def _add(self, kind: str, name: str = "", stays: bool = False) -> None:
        line, column = self.getpos()
        begin = self._lines[line - 1] + column
        self.pieces.append(_Piece(kind, begin, begin, name, stays))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See HTMLParser."""
        values = {name: value or "" for name, value in attrs}
        stays = values.get("translate", "").lower() == "no" or "notranslate" in values.get("class", "").split()
        if tag in _VOID or tag not in _INLINE | _STAYS_INLINE:
            self._add("other" if tag in _INLINE else "block", tag, (stays or tag in _STAYS) and tag not in _VOID)
        else:
            self._add("start", tag, stays or tag in _STAYS)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See HTMLParser."""
        self._add("other" if tag in _INLINE else "block", tag)

    def handle_endtag(self, tag: str) -> None:
        """See HTMLParser."""
        self._add("end" if tag in _INLINE | _STAYS_INLINE else "block", f"/{tag}")

    def handle_data(self, data: str) -> None:
        """See HTMLParser."""
        self._add("text")
        begin = self.pieces[-1].begin + len(data)
        self.pieces.append(_Piece("other", begin, begin))  # what the parser passes over, if anything

    def handle_entityref(self, name: str) -> None:
        """See HTMLParser."""
        self._add("text")

    def handle_charref(self, name: str) -> None:
        """See HTMLParser."""
        self._add("text")

    def handle_comment(self, data: str) -> None:
        """See HTMLParser."""
        self._add("other")

    def handle_pi(self, data: str) -> None:
        """See HTMLParser."""
        self._add("other")

    def unknown_decl(self, data: str) -> None:
        """See HTMLParser."""
        self._add("other")

    def handle_decl(self, decl: str) -> None:
        """See HTMLParser."""
        self._add("block")


def segments(text: str) -> list[Segment]:
    """The texts of a page: what stands between the tags of blocks."""
    runs: list[list[_Piece]] = [[]]
    for piece in _with_elements(_Parser(text).pieces):
        if piece.kind == "block":
            runs.append([])
        elif piece.end > piece.begin:
            runs[-1].append(piece)
    made = [_of_run(text, run) for run in runs]
    return [segment for segment in made if segment is not None]


def _with_elements(pieces: Sequence[_Piece]) -> Iterator[_Piece]:
    """Yields the pieces, those of an element that stays as it is as one."""
    index = 0
    while index < len(pieces):
        piece = pieces[index]
        index += 1
        if not piece.stays:
            yield piece
            continue
        depth = 1
        end = piece.end
        while index < len(pieces) and depth:
            depth += (pieces[index].name == piece.name) - (pieces[index].name == f"/{piece.name}")
            end = pieces[index].end
            index += 1
        yield _Piece("other" if piece.kind == "start" else "block", piece.begin, end)


def _of_run(text: str, run: Sequence[_Piece]) -> Segment | None:
    """The segment of pieces that are one text; None if there is no word in it."""
    # 1. Leave out what is around it.
    first = 0
    last = len(run)
    partners = _partners(run)
    while first < last:
        if _is_around(text, run[first]):
            first += 1
        elif _is_around(text, run[last - 1]):
            last -= 1
        elif partners.get(first) == last - 1:
            first += 1
            last -= 1
        else:
            break
    if first == last:
        return None
    begin = run[first].begin
    end = run[last - 1].end
    content = text[begin:end]
    begin += len(content) - len(content.lstrip(_WHITE))
    end -= len(content) - len(content.rstrip(_WHITE))
    # 2. Make tags of the markup within it.
    markup = Markup(lambda answer: html.escape(answer, quote=False))
    for index, piece in enumerate(run[first:last], start=first):
        raw = text[max(begin, piece.begin) : min(end, piece.end)]
        if piece.kind == "text":
            markup.add(_SPACE.sub(" ", html.unescape(raw)))
        elif index in partners:
            markup.open(piece.name, raw)
        elif piece.kind == "end":
            markup.close(piece.name[1:], raw)
        else:
            markup.keep(raw)
    if not markup.has_words:
        return None
    return Segment(begin, end, [markup.line], lambda translations: markup.written(translations[0]))


def _partners(run: Sequence[_Piece]) -> dict[int, int]:
    """The end tag of each start tag that has one."""
    partners = {}
    opened: list[int] = []
    for index, piece in enumerate(run):
        if piece.kind == "start":
            opened.append(index)
        elif piece.kind == "end":
            while opened:
                start = opened.pop()
                if piece.name == f"/{run[start].name}":
                    partners[start] = index
                    break
    return partners


def _is_around(text: str, piece: _Piece) -> bool:
    """Whether a piece is no part of a text that it begins or ends: white space, or markup that stands by itself."""
    return piece.kind == "other" or (piece.kind == "text" and not text[piece.begin : piece.end].strip(_WHITE))
