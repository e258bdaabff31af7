"""Message catalogues of gettext (.po): messages without a translation get one, and all else stays."""

from __future__ import annotations

import dataclasses
import gettext
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rnntext.errors import DataError
from rnntext.text.documents.segment import Segment, needed, one_line

_KEYWORD = re.compile(r"[ \t]*(msgctxt|msgid_plural|msgid|msgstr(?:\[(\d+)\])?)[ \t]*")
_STRING = re.compile(r'[ \t]*"(.*)"[ \t\r]*')
_FORMS = re.compile(r"nplurals\s*=\s*(\d+)\s*;\s*plural\s*=\s*([^;]+)")
_MAX_FORMS = 10

Forms = tuple[int, Callable[[int], int]]  # number of plural forms, and the form of each number


@dataclasses.dataclass
class _Message:
    """A message of a catalogue.

    Attributes:
        number: of its line.
        source: what stands behind msgid, as it is written.
        strings: where the first string of each translation begins and ends, by the number of its form.
        line: where the last line of the translations begins.
        end: and ends, without its line break.
    """

    number: int = 1
    source: str = ""
    strings: dict[int, tuple[int, int]] = dataclasses.field(default_factory=dict)
    line: int = 0
    end: int = 0


def segments(text: str) -> list[Segment]:
    """The messages of a catalogue that have no translation. Plural forms are as many as its header says.

    Raises:
        DataError: it is no catalogue; the message names the line.
        UsageError: the package polib is not installed.
    """
    polib = needed("polib", "po")
    try:
        catalogue = polib.pofile(text + "\n")  # A text with a line break is no name of a file.
    except (OSError, ValueError) as error:
        *_, line = ["1", *re.findall(r"\(line (\d+)\)", str(error))]
        raise DataError(f"line {line}: no message catalogue, which has comments, msgid and msgstr") from error
    forms = _forms(catalogue.metadata.get("Plural-Forms", ""), text.count("\n", 0, text.find("Plural-Forms")) + 1)
    entries = [entry for entry in catalogue if not entry.obsolete]
    messages = [message for message in _messages(text) if message.source]
    found: list[Segment] = []
    for entry, message in itertools.zip_longest(entries, messages):
        if not (entry and message and message.strings and entry.msgid == polib.unescape(message.source)):
            number = message.number if message else text.count("\n") + 1
            raise DataError(f"line {number}: no message with its msgid and msgstr; msgfmt -c tells what is wrong")
        if _has_words(entry.msgid) and not entry.msgstr and not any(entry.msgstr_plural.values()):
            found += list(_of_message(text, entry, message, forms, polib.escape))
    return found


def _forms(header: str, line: int) -> Forms:
    """The plural forms that a header says; without, those of English.

    Args:
        line: the number of its line.

    Raises:
        DataError: they are none.
    """
    match = _FORMS.search(header)
    if match is None:
        return 2, lambda number: int(number != 1)
    try:
        form: Callable[[int], int] = gettext.c2py(match[2])
        count = int(match[1])
        form(1)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise DataError(f"line {line}: Plural-Forms: {header}: no plural forms of gettext") from error
    if not 1 <= count <= _MAX_FORMS:
        raise DataError(f"line {line}: Plural-Forms: {header}: must be 1 to {_MAX_FORMS} forms")
    return count, form


def _messages(text: str) -> Iterator[_Message]:
    """Yields the messages of a text; those that are commented out are none."""
    message = _Message()
    name = ""
    begin = 0
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        content = line.rstrip("\r\n")
        keyword = _KEYWORD.match(content)
        string = _STRING.fullmatch(content, keyword.end() if keyword else 0)
        if string is None and (keyword is not None or content.lstrip().startswith('"')):
            raise DataError(f"line {number}: must be a text in quotation marks")
        if string is not None:
            if keyword is not None:
                name = keyword[1]
                if name in ("msgctxt", "msgid") and message.strings:
                    yield message
                    message = _Message(number)
            if name == "msgid":
                message.source += string[1]
            if name.startswith("msgstr"):
                if keyword is not None:
                    message.strings[int(keyword[2] or 0)] = (begin + string.start(1) - 1, begin + string.end(1) + 1)
                    message.line = begin
                message.end = begin + len(content)
        begin += len(line)
    if name:
        yield message


def _of_message(
    text: str, entry: Any, message: _Message, forms: Forms, escape: Callable[[str], str]
) -> Iterator[Segment]:
    """Yields the segments of a message: one for each form."""
    count, form = forms
    if not entry.msgid_plural:
        yield _filled(message.strings[0], entry.msgid, escape)
        return
    last = max(message.strings)
    for number in range(count):
        source = entry.msgid if number == form(1) else entry.msgid_plural
        if number in message.strings:
            yield _filled(message.strings[number], source, escape)
        elif number > last:  # The catalogue has fewer forms than its header says.
            line_break = "\r\n" if text.startswith("\r\n", message.end) else "\n"
            indent = text[message.line : text.index("msgstr", message.line)]
            yield _filled((message.end, message.end), source, escape, f"{line_break}{indent}msgstr[{number}] ")


def _filled(place: tuple[int, int], source: str, escape: Callable[[str], str], before: str = "") -> Segment:
    """The segment of a string. The lines of a message are texts of their own.

    Args:
        place: where the string is.
        source: what is translated.
        before: what is written before the string.
    """
    lines = source.split("\n")
    texts = [one_line(line) for line in lines if _has_words(line)]

    def written(translations: Sequence[str]) -> str:
        rest = iter(translations)
        filled = [_with_spaces(next(rest), line) if _has_words(line) else line for line in lines]
        return f'{before}"{escape(chr(10).join(filled))}"'

    return Segment(*place, texts, written)


def _has_words(line: str) -> bool:
    return any(map(str.isalpha, line))


def _with_spaces(translation: str, line: str) -> str:
    """A translation with the white space around the line that it is of."""
    begin = len(line) - len(line.lstrip())
    return line[:begin] + translation.strip() + line[len(line.rstrip()) :]
