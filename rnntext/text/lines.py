"""The only reader of text: bytes in, text out. A line ends at `\\n` and nowhere else."""

from __future__ import annotations

import dataclasses
import io
import select
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
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
    with _named(source):
        if source == "-":
            yield standard_input()
        else:
            with open(source, "rb") as file:
                yield file


@contextmanager
def _named(source: str) -> Iterator[None]:
    try:
        yield
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


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of a file without its end.

    Attributes:
        text: invalid bytes as U+FFFD.
        valid: whether it was valid UTF-8.
        crlf: whether it ended with a carriage return.
    """

    text: str
    valid: bool = True
    crlf: bool = False


class LineReader:
    """Reads the lines of files or stdin in whatever portions they arrive, without ever waiting for more than one line.

    Args:
        sources: files, or `-`.
        most: lines of a portion at the most; long ones make shorter portions, of a megabyte or so.
    """

    def __init__(self, sources: Sequence[str], most: int) -> None:
        self._sources, self._most = deque(sources), most
        self._stack = ExitStack()
        self._file: BinaryIO | None = None
        self._lines: deque[bytes] = deque()
        self._held = 0  # bytes of them
        self._rest: list[bytes] = []  # of a line whose end has not come yet
        self._begun = False  # whether the file's first line is complete

    def read(self) -> list[Line]:
        """The lines that are there, at least one; an empty list at the end of everything.

        Raises:
            InputOutputError: a file cannot be read.
        """
        while self._has_room() and (not self._lines or self._has_come()) and self._more():
            pass
        portion = [self._lines.popleft() for _ in range(min(self._most, len(self._lines)))]
        self._held -= sum(map(len, portion))
        return [_line(data) for data in portion]

    def ready(self) -> bool:
        """Whether `read` would not have to wait for more of a line; takes in what has come."""
        while not self._lines and (self._file is None or self._has_come()):
            if not self._more():
                return True  # the end of everything
        return bool(self._lines)

    def _has_room(self) -> bool:
        return len(self._lines) < self._most and self._held < _MOST_HELD

    def _has_come(self) -> bool:
        """Whether there is something to be read in the file, or its end."""
        if self._file is None:
            return False
        try:
            return bool(select.select([self._file], [], [], 0)[0])
        except (OSError, ValueError):  # nothing that one can wait for, so nothing to wait for
            return True

    def fileno(self) -> int:
        """The descriptor to wait for when not `ready`."""
        assert self._file is not None
        return self._file.fileno()

    def _more(self) -> bool:
        """Opens a file or reads once; False at the end of the last file."""
        if self._file is None:
            if not self._sources:
                return False
            self._file = self._stack.enter_context(_opened(self._sources[0]))
            self._begun = False
            return True
        with _named(self._sources[0]):
            data = self._file.read1(_PORTION)  # type: ignore[attr-defined]
        if not data:
            self._finish()
            return True
        first, *others = data.split(b"\n")
        self._rest.append(first)
        if others:
            self._keep(self._joined(), *others[:-1])
            self._rest = [others[-1]]
        return True

    def _joined(self) -> bytes:
        """The line that `_rest` makes."""
        line = b"".join(self._rest)
        if not self._begun:
            line, self._begun = line.removeprefix(_BOM), True
        return line

    def _keep(self, *lines: bytes) -> None:
        self._lines.extend(lines)
        self._held += sum(map(len, lines))

    def _finish(self) -> None:
        if last := self._joined():
            self._keep(last)
        self._rest, self._file = [], None
        self._sources.popleft()
        self._stack.close()


_PORTION, _MOST_HELD = 2**18, 2**20  # bytes


def _line(data: bytes) -> Line:
    crlf = data.endswith(b"\r")
    data = data[:-1] if crlf else data
    try:
        return Line(data.decode("utf-8"), True, crlf)
    except UnicodeDecodeError:
        return Line(data.decode("utf-8", "replace"), False, crlf)
