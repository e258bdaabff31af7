"""The only reader of text: bytes in, text out. A line ends at `\\n` and nowhere else."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from rnntext.errors import DataError, InputOutputError

ENCODING_ERRORS = ("strict", "replace")
_BOM = b"\xef\xbb\xbf"


def decode(data: bytes, where: str, errors: str = "strict", advice: str = "") -> str:
    """Decodes UTF-8, without a byte order mark.

    Args:
        where: what the data is called in a message.
        errors: "strict", or "replace" to read U+FFFD in place of invalid bytes.
        advice: what else the user could do, for the message.

    Raises:
        DataError: invalid UTF-8; says line and byte offset.
    """
    start = len(_BOM) if data.startswith(_BOM) else 0
    try:
        return data[start:].decode("utf-8", errors)
    except UnicodeDecodeError as error:
        offset = error.start + start
        line = data.count(b"\n", 0, offset) + 1
        raise DataError(
            f"{where}: line {line}, byte offset {offset}: invalid UTF-8 (0x{data[offset]:02x}); convert it{advice}"
        ) from None


def standard_input() -> BinaryIO:
    """stdin as bytes; an empty stream when it was closed before we started."""
    if sys.stdin is None:
        return io.BytesIO()
    return sys.stdin.buffer


def name_of(source: str) -> str:
    """What a source is called in a message."""
    return "<stdin>" if source == "-" else source


def read_text(source: str, errors: str = "strict", advice: str = "") -> str:
    """The text of a file, or of stdin for `-`.

    Raises:
        InputOutputError: the file cannot be read.
        DataError: invalid UTF-8.
    """
    return decode(_read(source), name_of(source), errors, advice)


def _read(source: str) -> bytes:
    with _opened(source) as file:
        return file.read()


@contextmanager
def _opened(source: str) -> Iterator[BinaryIO]:
    """A file, or stdin for `-`, as bytes; whatever goes wrong while it is read is named after it."""
    try:
        if source == "-":
            yield standard_input()
        else:
            with open(source, "rb") as file:
                yield file
    except (OSError, ValueError) as error:  # ValueError: a name with NUL in it
        reason = getattr(error, "strerror", None) or error
        raise InputOutputError(f"{name_of(source)}: {reason}; give a readable file, or - for standard input") from error


def read_lines(sources: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Yields the lines of files or stdin as soon as they arrive, and whether each was valid UTF-8.

    The line break, `\\n` or `\\r\\n`, is taken off; invalid bytes become U+FFFD.
    """
    for source in sources:
        with _opened(source) as file:
            for index, data in enumerate(file):
                line = data.removesuffix(b"\n").removesuffix(b"\r") if data.endswith(b"\n") else data
                line = line.removeprefix(_BOM) if index == 0 else line
                try:
                    yield line.decode("utf-8"), True
                except UnicodeDecodeError:
                    yield line.decode("utf-8", "replace"), False
