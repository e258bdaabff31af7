"""Files that are no plain UTF-8 and are read all the same: compressed ones, and UTF-16 with a byte order mark.

Which they are is seen by their first bytes, not by their names. Everything is read as a stream, so that a small file
with a large content takes no memory.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable
from typing import Any

from rnntext.errors import DataError

_CHUNK = 2**16  # bytes that are read at once
_BEGINNING = 4096  # bytes that tell a format
# A byte order mark alone may be that of a damaged line. In UTF-16 a space or the end of a line follows soon.
_UTF_16 = rb"\xff\xfe(?!\0\0)(?:..)*?[\n\r ]\0|\xfe\xff(?:..)*?\0[\n\r ]"


class _GzipMember:
    """Decompresses one member of a gzip file; made like `lzma.LZMADecompressor`."""

    def __init__(self) -> None:
        import zlib

        self._zlib = zlib.decompressobj(16 + zlib.MAX_WBITS)  # of gzip, whose checksum it verifies
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, size: int) -> bytes:
        content = self._zlib.decompress(self._zlib.unconsumed_tail + data, size)
        self.needs_input = not self._zlib.unconsumed_tail and len(content) < size  # else more may come without input
        return content


def _lzma() -> Any:
    import lzma

    return lzma.LZMADecompressor()


def _bzip2() -> Any:
    import bz2

    return bz2.BZ2Decompressor()


def _zstd() -> Any:
    from backports import zstd  # of Python 3.14's library

    return zstd.ZstdDecompressor()


_COMPRESSIONS: tuple[tuple[bytes, Callable[[], Any]], ...] = (
    (rb"\x1f\x8b\x08[\0-\x1f]", _GzipMember),
    (rb"\xfd7zXZ\0", _lzma),
    (rb"\]\0\0..(\xff{8}|.{5}\0{3})", _lzma),
    (rb"BZh[1-9](1AY&SY|\x17\x72\x45\x38\x50\x90)", _bzip2),
    (rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18", _zstd),  # pzstd writes a frame without content first
)


def plain(file: io.BufferedReader, name: str) -> io.BufferedReader:
    """A file, decompressed if it is compressed, and as UTF-8 if it is UTF-16. What remains of other formats is for
    `decoding.check_format`.

    Args:
        file: at its beginning. If nothing can be read yet, this waits.
        name: what messages call it.

    Returns:
        the file itself if it is none of these. What is damaged raises DataError where it is read.
    """
    for pattern, frame in _COMPRESSIONS:
        if _begins_with(file, pattern):
            file = io.BufferedReader(_Stream(file, name, _Frames(file, frame).read1))
            break
    if _begins_with(file, _UTF_16):
        file = io.BufferedReader(_Stream(file, name, _Recoder(file).read1))
    return file


def _begins_with(file: io.BufferedReader, pattern: bytes) -> bool:
    return re.match(pattern, file.peek(_BEGINNING), re.DOTALL) is not None


class _Stream(io.RawIOBase):
    """A stream that is made of a file.

    Args:
        file: what is read from.
        name: what messages call it.
        read1: returns at most so many bytes of the stream, and none at its end only.
    """

    def __init__(self, file: io.BufferedReader, name: str, read1: Callable[[int], bytes]) -> None:
        self._file = file
        self._name = name
        self._read1 = read1

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._read1(len(buffer))
        except Exception as error:  # Each library raises its own exceptions.
            if isinstance(error, OSError) and error.errno is not None:
                raise  # The file cannot be read.
            raise DataError(f"{self._name}: damaged ({error}); get the file again") from error
        buffer[: len(data)] = data
        return len(data)


class _Frames:
    """The content of compressed frames, one after another, with zeros after any of them. What else follows a frame is
    damage. The files of the standard library would wait for more input than they need; and where a frame is damaged,
    `bz2.BZ2File` and `lzma.LZMAFile` leave it and all that follows out without a word.

    Args:
        file: begins with a frame.
        new: makes an object that decompresses one frame.
    """

    def __init__(self, file: io.BufferedReader, new: Callable[[], Any]) -> None:
        self._file = file
        self._new = new
        self._frame = new()

    def read1(self, size: int) -> bytes:
        """At most so many bytes, and none at the end only."""
        content = b""
        while not content:
            data = b""
            if self._frame.eof:
                data = self._next_frame()
                if not data:
                    break
                self._frame = self._new()
            elif self._frame.needs_input:
                data = self._file.read1(_CHUNK)
                if not data:
                    raise EOFError("it ends too early")
            content = self._frame.decompress(data, size)
        return content

    def _next_frame(self) -> bytes:
        """The first bytes of the next frame; none at the end of the file."""
        data = self._frame.unused_data or self._file.read1(_CHUNK)
        while data and not data.strip(b"\0"):
            data = self._file.read1(_CHUNK)
        return data.lstrip(b"\0")


class _Recoder:
    """UTF-16 becomes UTF-8.

    Args:
        file: begins with a byte order mark.
    """

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-16")()
        self._encoded = b""  # what nobody has taken yet

    def read1(self, size: int) -> bytes:
        """At most so many bytes, and none at the end only."""
        while not self._encoded:
            data = self._file.read1(_CHUNK)
            self._encoded = self._decoder.decode(data, final=not data).encode()
            if not data:
                break
        taken = self._encoded[:size]
        self._encoded = self._encoded[size:]
        return taken
