"""The only reader of text, whole or line by line. A line ends at `\\n` and nowhere else; only in a whole
text without any `\\n`, lines end at `\\r`."""

from __future__ import annotations

import dataclasses
import io
import select
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from rnntext.errors import InputOutputError
from rnntext.text import catalogue
from rnntext.text.compressed import plain
from rnntext.text.decoding import BYTE_ORDER_MARK, STDIN, Decoder, check_first_line

ENCODING_ERRORS = ("strict", "replace")
Report = Callable[[str], None]
_PIECE_SIZE = 2**20  # bytes that `read_pieces` reads at once
_READ_SIZE = 2**18  # bytes that LineReader reads at once
_MAX_SIZE = 2**20  # bytes of lines that LineReader keeps, about


def standard_input() -> io.BufferedReader:
    """Standard input as bytes; an empty stream if it was closed when the process started."""
    stream: Any = io.BytesIO() if sys.stdin is None else sys.stdin.buffer
    return stream if hasattr(stream, "peek") else io.BufferedReader(stream)


def name_of(source: str) -> str:
    """What messages call a source."""
    return STDIN if source == "-" else source


def read_text(source: str, errors: str = "strict", advice: str = "", report: Report | None = None) -> str:
    """The text of a file, of a corpus, or of standard input for `-`. A file comes before a corpus of the same name.

    Args:
        source: a path, the name of a corpus, or `-`.
        errors, advice: as for `decoding.Decoder`.
        report: is told how many bytes become U+FFFD, if any.

    Raises:
        InputOutputError: the file cannot be read.
        DataError: as for `decoding.Decoder`.
    """
    return "".join(read_pieces(source, errors, advice, report))


def read_pieces(source: str, errors: str = "strict", advice: str = "", report: Report | None = None) -> Iterator[str]:
    """Yields a text in pieces of about a megabyte, so that a large one takes little memory; see `read_text`.

    A piece ends after a line break or before a space: nothing there is composed of characters of both sides.
    """
    decoder = Decoder(name_of(source), errors, advice)
    with opened(source) as raw:
        yield from _decoded(plain(raw, name_of(source)), decoder)
    remark = decoder.remark()
    if report is not None and remark is not None:
        report(remark)


def corpus_pieces(corpus: catalogue.Corpus) -> Iterator[str]:
    """`read_pieces` of a corpus, even if there is a file of its name.

    Raises:
        InputOutputError: it must be fetched first.
        DataError: as for `decoding.Decoder`.
    """
    with corpus.open() as raw:
        yield from _decoded(plain(raw, corpus.name), Decoder(corpus.name))


def _decoded(file: io.BufferedReader, decoder: Decoder) -> Iterator[str]:
    fragments: list[bytes] = []  # of the piece whose end has not been read yet
    while chunk := file.read(_PIECE_SIZE):
        end = len(chunk)
        if end == _PIECE_SIZE:  # There may be more.
            end = chunk.rfind(b"\n") + 1 or max(chunk.rfind(b" "), 0)
        if end:
            yield decoder.decode(b"".join([*fragments, chunk[:end]]))
            fragments = []
        fragments.append(chunk[end:])
    if rest := b"".join(fragments):
        yield decoder.decode(rest)


@contextmanager
def opened(source: str) -> Iterator[io.BufferedReader]:
    """A file, a corpus, or standard input for `-`, as it is. An error while it is read becomes an InputOutputError with
    its name."""
    with _blamed(source):
        if source == "-":
            yield standard_input()
            return
        corpus = catalogue.source(source)
        with open(source, "rb") if corpus is None else corpus.open() as file:
            yield file


@contextmanager
def _blamed(source: str) -> Iterator[None]:
    """Puts the name of a source into the message of any error that reading it raises."""
    try:
        yield
    except (OSError, ValueError) as error:  # A name with NUL in it is a ValueError.
        reason = getattr(error, "strerror", None) or error
        raise InputOutputError(f"{name_of(source)}: {reason}; give a readable file, or - for standard input") from error


def read_lines(sources: Sequence[str], report: Report | None = None) -> Iterator[tuple[str, bool]]:
    """Yields each line of files or standard input as soon as it arrives, and whether it is valid UTF-8 without NULs.

    The line break, `\\n` or `\\r\\n`, is removed, as is a byte order mark. Invalid bytes become U+FFFD.

    Args:
        sources: paths, names of corpora, or `-`.
        report: is told if standard input seems to have another format than UTF-8; its lines are read all the same.

    Raises:
        InputOutputError: a file cannot be read.
        DataError: a file has another format than UTF-8 (`text.decoding`).
    """
    for source in sources:
        with opened(source) as file:
            for index, data in enumerate(plain(file, name_of(source))):
                if data.endswith(b"\n"):
                    data = data[:-1].removesuffix(b"\r")
                if index == 0:
                    check_first_line(data, name_of(source), report)
                yield _decode_line(data)


def _decode_line(data: bytes) -> tuple[str, bool]:
    """The text of a line, and whether it is valid UTF-8 without NULs, which `text.normalize` replaces.

    A byte order mark is removed from any line, so that a line is the same wherever a stream is cut.
    """
    data = data.removeprefix(BYTE_ORDER_MARK)
    try:
        return data.decode("utf-8"), b"\0" not in data
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace"), False


@dataclasses.dataclass(frozen=True)
class Line:
    """A line without its line break.

    Attributes:
        text: its characters; U+FFFD stands for invalid bytes.
        valid: whether it is valid UTF-8 without NULs.
        crlf: whether a carriage return stands before its line break.
    """

    text: str
    valid: bool = True
    crlf: bool = False


class LineReader:
    """Reads the lines of files or standard input in portions as they arrive, and never waits for more than one line.

    Args:
        sources: paths, names of corpora, or `-`.
        max_lines: lines of a portion at the most. Long lines make shorter portions, of about a megabyte.
        report: is told if standard input seems to have another format than UTF-8; its lines are read all the same.
    """

    def __init__(self, sources: Sequence[str], max_lines: int, report: Report | None = None) -> None:
        self._sources = deque(sources)
        self._max_lines = max_lines
        self._report = report
        self._stack = ExitStack()
        self._file: io.BufferedReader | None = None
        self._is_plain = True  # whether the file is read as it is
        self._lines: deque[bytes] = deque()  # complete lines that nobody has taken yet
        self._size = 0  # bytes of `_lines`
        self._fragments: list[bytes] = []  # the beginning of a line whose end has not arrived yet
        self._first_bytes = True  # whether the file's first bytes are still to come
        self._first_line = True  # whether the file's first line is still to come

    def read(self) -> list[Line]:
        """The lines that have arrived, at least one; an empty list at the end of the last file.

        Raises:
            InputOutputError: a file cannot be read.
            DataError: a file has another format than UTF-8 (`text.decoding`).
        """
        while self._has_room() and (not self._lines or self._has_input()):
            if not self._advance():
                break
        count = min(self._max_lines, len(self._lines))
        portion = [self._lines.popleft() for _ in range(count)]
        self._size -= sum(map(len, portion))
        return [_line(data) for data in portion]

    def ready(self) -> bool:
        """Whether `read` returns without waiting; takes in what has arrived."""
        while not self._lines and (self._file is None or self._has_input()):
            if not self._advance():
                return True  # `read` returns the empty list.
        return bool(self._lines)

    def fileno(self) -> int:
        """The descriptor to wait for when the reader is not `ready`."""
        assert self._file is not None
        return self._file.fileno()

    def _has_room(self) -> bool:
        return len(self._lines) < self._max_lines and self._size < _MAX_SIZE

    def _has_input(self) -> bool:
        """Whether bytes of the file, or its end, have arrived."""
        if self._file is None:
            return False
        if not self._is_plain:
            return True  # Some bytes of a stream may wait here, though none are on their way.
        try:
            readable, _, _ = select.select([self._file], [], [], 0)
        except (OSError, ValueError):  # `select` does not take this kind of file, so reading it does not block.
            return True
        return bool(readable)

    def _advance(self) -> bool:
        """Opens a file, or reads from it once; False at the end of the last file."""
        if self._file is None:
            if not self._sources:
                return False
            source = opened(self._sources[0])
            self._file = self._stack.enter_context(source)
            self._is_plain = True
            self._first_bytes = True
            self._first_line = True
            return True
        with _blamed(self._sources[0]):
            if self._first_bytes:
                file = plain(self._file, name_of(self._sources[0]))
                self._is_plain = file is self._file
                self._file = file
                self._first_bytes = False
            data = self._file.read1(_READ_SIZE)
        if data:
            self._split(data)
        else:
            self._finish()
        return True

    def _split(self, data: bytes) -> None:
        """Takes in bytes of the file: the first completes the unfinished line, the last begins a new one."""
        first, *others = data.split(b"\n")
        self._fragments.append(first)
        if others:
            *complete, last = others
            self._append(self._unfinished_line(), *complete)
            self._fragments = [last]

    def _unfinished_line(self) -> bytes:
        line = b"".join(self._fragments)
        if self._first_line:
            self._first_line = False
            check_first_line(line, name_of(self._sources[0]), self._report)
        return line

    def _append(self, *lines: bytes) -> None:
        self._lines.extend(lines)
        self._size += sum(map(len, lines))

    def _finish(self) -> None:
        """Closes the file; its last line may lack a line break."""
        last = self._unfinished_line()
        if last.removeprefix(BYTE_ORDER_MARK):
            self._append(last)
        self._fragments = []
        self._file = None
        self._sources.popleft()
        self._stack.close()


def _line(data: bytes) -> Line:
    crlf = data.endswith(b"\r")
    if crlf:
        data = data[:-1]
    text, valid = _decode_line(data)
    return Line(text, valid, crlf)
