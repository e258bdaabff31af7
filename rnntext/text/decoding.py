"""Bytes become text. What is not UTF-8 is recognised by its bytes, and refused with the command that makes text of it
(but see `text.compressed`)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import NamedTuple

from rnntext.errors import DataError
from rnntext.words import counted

STDIN = "<stdin>"  # what messages call standard input
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
REPLACE_ADVICE = ", or read it with --encoding-errors replace"  # for commands that have this option
MAX_NULS = 16  # in a text; a handful are slips, more are no text
_BEGINNING = 1024  # bytes that are looked at for NULs
_MIN_NULS = 3  # in a beginning that is recognised as UTF-16 by them
_REPLACEMENT = b"\xef\xbf\xbd"  # U+FFFD


class _Format(NamedTuple):
    """A format that is not read.

    Attributes:
        pattern: its first bytes.
        title: its name.
        command: prints such a file, `{}`, as text in UTF-8.
        piped: the command that does the same with standard input; empty if there is none.
    """

    pattern: bytes
    title: str
    command: str
    piped: str = ""


_OFFICE = "soffice --cat {}"  # of LibreOffice
_FORMATS = (
    _Format(rb"\xff\xfe\0\0|\0\0\xfe\xff", "UTF-32", "iconv -f UTF-32 -t UTF-8 {}", "iconv -f UTF-32 -t UTF-8"),
    _Format(rb"\xff\xfe|\xfe\xff", "UTF-16", "iconv -f UTF-16 -t UTF-8 {}", "iconv -f UTF-16 -t UTF-8"),
    _Format(rb"\x1f[\x9d\xa0\x1e]", "compressed by compress (.Z)", "zcat {}", "zcat"),
    _Format(rb"LZIP\x01", "compressed by lzip", "lzip -dc {}", "lzip -dc"),
    _Format(rb"(\x04\x22\x4d|\x02\x21\x4c)\x18", "compressed by lz4", "lz4cat {}", "lz4cat"),
    _Format(rb"PK\x03\x04.{26}(\[Content_Types\]|_rels/|docProps/|word/|xl/|mimetype)", "an office document", _OFFICE),
    _Format(rb"PK(\x03\x04|\x05\x06)", "a ZIP archive, as .xlsx and .docx are, too", "unzip -p {}", "funzip"),
    _Format(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1|\{\\rtf1", "an office document", _OFFICE),
    _Format(rb"7z\xbc\xaf\x27\x1c", "a 7z archive", "7z x -so {}"),
    _Format(rb"Rar!\x1a\x07", "a RAR archive", "unrar p -inul {}"),
    _Format(rb".{257}ustar", "a tar archive", "tar -xOf {}", "tar -xO"),
    _Format(rb"PAR1[^\n -~]", "Parquet", "parquet-tools csv {}"),
    _Format(rb"%PDF-", "PDF", "pdftotext {} -", "pdftotext - -"),
)


def decode(data: bytes, name: str, errors: str = "strict") -> str:
    """The text of UTF-8 bytes as a whole; for arguments and errors see `Decoder`."""
    return Decoder(name, errors).decode(data)


class Decoder:
    """Decodes a text piece by piece, without its byte order mark. Where no line feed ends a line of the first piece,
    carriage returns end the lines of all.

    Args:
        name: what messages call the text.
        errors: "strict", or "replace" to read U+FFFD in place of invalid bytes.
        advice: what else the user could do about invalid bytes, for the message.
    """

    def __init__(self, name: str, errors: str = "strict", advice: str = "") -> None:
        self._name = name
        self._errors = errors
        self._advice = advice
        self._offset = 0  # bytes decoded so far
        self._line_feeds = 0  # among them
        self._old_line_ends = False
        self._nuls = 0
        self._invalid = 0  # bytes that were read as U+FFFD

    def decode(self, data: bytes) -> str:
        """The text of the next bytes, which must end where a character ends.

        Raises:
            DataError: invalid UTF-8; the message says line and byte offset. Or another format, or more than MAX_NULS
                NULs.
        """
        # 1. Look at the first bytes.
        begin = 0
        if self._offset == 0:
            check_format(data, self._name)
            begin = len(BYTE_ORDER_MARK) if data.startswith(BYTE_ORDER_MARK) else 0
            self._old_line_ends = b"\r" in data and b"\n" not in data

        # 2. Decode.
        try:
            text = data[begin:].decode("utf-8", self._errors)
        except UnicodeDecodeError as error:
            place = error.start + begin
            line = self._line_feeds + data.count(b"\n", 0, place) + 1
            raise DataError(
                f"{self._name}: line {line}, byte offset {self._offset + place}: invalid UTF-8 (0x{data[place]:02x}); "
                f"convert it{self._advice}"
            ) from None

        # 3. Count.
        self._nuls += data.count(0)
        if self._nuls > MAX_NULS:
            raise _not_text(data[self._offset % 2 :], self._name)
        replaced = text.count("\ufffd") - data.count(_REPLACEMENT)
        if replaced:
            self._invalid += len(data) - begin - len(text.encode()) + replaced * len(_REPLACEMENT)
        self._offset += len(data)
        self._line_feeds += data.count(b"\n")
        return text.replace("\r", "\n") if self._old_line_ends else text

    def remark(self) -> str | None:
        """How many bytes become U+FFFD, for the user; None if there are none."""
        kinds = []
        if self._invalid:
            kinds.append(counted(self._invalid, "invalid byte"))
        if self._nuls:  # `text.normalize` replaces them.
            kinds.append(counted(self._nuls, "NUL"))
        return f"{self._name}: {' and '.join(kinds)} read as U+FFFD" if kinds else None


def check_format(data: bytes, name: str) -> None:
    """Checks the first bytes of an input.

    Args:
        data: the first bytes, or the first line.
        name: what messages call the input.

    Raises:
        DataError: they are those of another format than UTF-8.
    """
    for known in _FORMATS:
        if re.match(known.pattern, data, re.DOTALL):
            advice = _advice(known.command, known.piped, name)
            raise DataError(f"{name}: {known.title}, not text in UTF-8; {advice}")
    beginning = data[:_BEGINNING]
    nuls = sorted([beginning[0::2].count(0), beginning[1::2].count(0)])
    if nuls[0] == 0 and nuls[1] >= max(_MIN_NULS, len(beginning) // 4):
        raise _not_text(beginning, name)


def check_first_line(line: bytes, name: str, report: Callable[[str], None] | None) -> None:
    """`check_format` for an input that is read line by line.

    Standard input may be a part that was cut out of a stream anywhere. A line is no fault of the others there, so only
    the report is told.

    Raises:
        DataError: a file has another format than UTF-8.
    """
    try:
        check_format(line, name)
    except DataError as error:
        if name != STDIN:
            raise
        if report is not None:
            report(str(error))


def _not_text(data: bytes, name: str) -> DataError:
    """The error for bytes with so many NULs that they are no text in UTF-8.

    Args:
        data: bytes from the input, beginning at an even offset.
        name: what messages call the input.
    """
    even = data[0::2].count(0)
    odd = data[1::2].count(0)
    for encoding, many, few in (("UTF-16LE", odd, even), ("UTF-16BE", even, odd)):
        if many > 8 * few:
            command = f"iconv -f {encoding} -t UTF-8"
            advice = _advice(f"{command} {{}}", command, name)
            return DataError(f"{name}: full of NULs, probably {encoding} without a byte order mark; {advice}")
    command = "tr -d '\\0'"
    advice = _advice(f"{command} < {{}}", command, name)
    return DataError(f"{name}: full of NULs, so it is no text; if it is all the same, {advice}")


def _advice(command: str, piped: str, name: str) -> str:
    """How to read an input by a command, in place of the file; for the first two arguments see `_Format`."""
    if name != STDIN:
        shown = command.format(shlex.quote(name))
    else:
        shown = piped or command.format("FILE")
    return f"read it so: {shown} | rnntext ... -"
