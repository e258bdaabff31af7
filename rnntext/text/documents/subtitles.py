"""Subtitles in the format SubRip (.srt): numbers, times and tags stay, and so does the number of lines."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from rnntext.errors import DataError
from rnntext.text.documents.segment import Markup, Segment, broken, needed, one_line

Range = tuple[int, int]
_TAG = re.compile(r"(</?[A-Za-z][^<>\n]*>|\{\\[^{}\n]*\})")  # <i>, {\an8}
_LINE = re.compile(r"[^\r\n]+")
_SPEAKER = re.compile(r"\s*[-–—]+\s*")  # before what another one says


def segments(text: str) -> list[Segment]:
    """The texts of subtitles. The lines of one are one text, unless they begin with dashes.

    Raises:
        DataError: it is no SubRip; the message names the line.
        UsageError: the package srt is not installed.
    """
    srt = needed("srt", "srt")
    subtitles = srt.parse(text)
    found: list[Segment] = []
    end = 0  # of the last subtitle
    try:
        for match in srt.SRT_REGEX.finditer(text):
            next(subtitles)
            end = match.end()
            if (arrow := text.find("-->", *match.span(5))) >= 0:
                raise _fault(text, arrow)
            found += _of_subtitle(text, *match.span(5))
        next(subtitles, None)
    except (srt.SRTParseError, ValueError) as error:
        raise _fault(text, end) from error
    return found


def _fault(text: str, place: int) -> DataError:
    """The error that what is at a place, or behind spaces, is no subtitle."""
    while text[place : place + 1].isspace():
        place += 1
    line = text.count("\n", 0, place) + 1
    return DataError(f"line {line}: no subtitle of SubRip; write a number, times and text, after a blank line")


def _of_subtitle(text: str, begin: int, end: int) -> list[Segment]:
    """The segments of a subtitle: one, or one of each speaker."""
    groups: list[list[Range]] = []
    for line in _LINE.finditer(text, begin, end):
        first, last = line.span()
        speaker = _SPEAKER.match(text, first, last)
        if speaker is not None:
            first = speaker.end()
        if groups and speaker is None and text.count("\n", groups[-1][-1][1], first) == 1:
            groups[-1].append((first, last))
        else:
            groups.append([(first, last)])
    made = [_of_lines(text, lines) for lines in groups]
    return [segment for segment in made if segment is not None]


def _of_lines(text: str, lines: Sequence[Range]) -> Segment | None:
    """The segment of lines that are one text; None if there is no word in it."""
    markup = Markup()
    for piece in _TAG.split(one_line(" ".join(text[first:last] for first, last in lines))):
        tag = _TAG.fullmatch(piece)
        if tag is None:
            markup.add(piece)
        elif piece.startswith("</"):
            markup.close(piece[2:-1].strip().lower(), piece)
        elif piece.startswith("<"):
            markup.open(re.split(r"[\s>/]", piece[1:])[0].lower(), piece)
        else:
            markup.keep(piece)
    if not markup.has_words:
        return None
    lengths = [len(one_line(_TAG.sub("", text[first:last]))) for first, last in lines]
    gaps = [text[last:first] for (_, last), (first, _) in itertools.pairwise(lines)]

    def written(translations: Sequence[str]) -> str:
        broken_lines = broken(translations[0], lengths)
        marked = markup.written("\n".join(broken_lines)).split("\n")
        return "".join(line + gap for line, gap in zip(marked, [*gaps[: len(marked) - 1], ""], strict=True))

    return Segment(lines[0][0], lines[-1][1], [markup.line], written)
