"""Public texts are fetched, verified, cut out, and kept in the cache."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from rnntext.errors import BusyError, DataError, UsageError
from rnntext.files.atomic import named, remove_leftovers, write_file
from rnntext.files.download import MAX_BYTES, Download, Progress
from rnntext.files.lock import locked
from rnntext.files.unpacking import member
from rnntext.text import catalogue
from rnntext.text.catalogue import Corpus, Origin
from rnntext.text.compressed import plain
from rnntext.text.lines import Report

MAX_TEXT = 4 * MAX_BYTES  # bytes of a text that is cut out
_LINE = 2**20  # bytes of a line that are looked at together


def get(name: str, mirror: str | None, report: Report, progress: Progress) -> Path:
    """The file of a corpus, which is fetched if it is not here yet.

    Args:
        name: of the corpus.
        mirror: an address under which the files of the web are found by host and path, as `wget -x` lays them out; None
            for the address in the catalogue.
        report: is told what could not be verified.
        progress: is told how many bytes have been received.

    Raises:
        UsageError: there is no such corpus, or it has no file; or the mirror is no address.
        InputOutputError: the server cannot be reached or has no such file.
        OSError: the cache cannot be written, or the disk is full; the message names the cache.
        DataError: the server sends another file.
        BusyError: another process fetches the same corpus.
    """
    # 1. Look for it.
    corpus = catalogue.get(name)
    path = corpus.path
    if path is None:
        raise UsageError(f"corpus {name!r} is not a file; print it with: rnntext corpora show {name}")
    if corpus.is_here or corpus.origin is None:
        return path
    address = _address(corpus.origin, mirror)
    if address == corpus.origin.address and not corpus.origin.tried:
        report(f"corpus {name}: nobody has tried its address yet; --mirror names another place")

    # 2. Fetch it.
    with named(catalogue.cache(), "RNNTEXT_CACHE", "folder"), _alone(corpus, path.parent):
        if path.is_file():  # Another process has fetched it just now.
            return path
        remove_leftovers(path.parent)
        origin = corpus.origin
        download = Download(address, path.parent / "partial", origin.size, origin.sha256, progress)
        try:
            sha256 = download.receive()
            if origin.sha256 is None:
                report(f"corpus {name}: not verified, as the catalogue has no SHA-256 of it; this file's is {sha256}")

            # 3. Cut the text out.
            with _content(download.path, origin, address) as file:
                write_file(path, _cut(file, origin, report, name))
        finally:
            if path.is_file() or origin.sha256 is None:  # Nothing else could be gone on with.
                download.remove()
    return path


def _address(origin: Origin, mirror: str | None) -> str:
    """Where a file is fetched."""
    if mirror is None:
        return origin.address
    if not mirror.startswith(("http://", "https://")):
        raise UsageError(f"--mirror {mirror}: write an address that begins with https:// or http://")
    parts = urlsplit(origin.address)
    return f"{mirror.rstrip('/')}/{parts.netloc}{parts.path}"


@contextmanager
def _alone(corpus: Corpus, folder: Path) -> Iterator[None]:
    """No other process fetches the corpus meanwhile."""
    try:
        with locked(folder / "lock"):
            yield
    except BusyError as error:
        message = f"corpus {corpus.name}: another process is getting it; try again when it has ended"
        raise BusyError(message) from error


@contextmanager
def _content(path: Path, origin: Origin, address: str) -> Iterator[IO[bytes]]:
    """What the text is cut out of: a file, or one of the files in an archive."""
    if origin.member is None:
        with open(path, "rb") as file:
            yield plain(file, address) if origin.begin or origin.end else file
        return
    try:
        with member(path, origin.member) as file:
            yield file
    except DataError as error:
        raise DataError(f"{address}: {error}") from error


def _cut(file: IO[bytes], origin: Origin, report: Report, name: str) -> Iterator[bytes]:
    """Yields the pieces of the text that stands between two lines."""
    size = 0
    begin = None if origin.begin is None else origin.begin.encode()
    end = None if origin.end is None else origin.end.encode()
    if begin is not None:
        while (line := file.readline(_LINE)) and not line.startswith(begin):
            pass
        if not line:
            raise DataError(f"corpus {name}: no line begins with {origin.begin!r}, after which the text should stand")
    while line := file.readline(_LINE):
        if end is not None and line.startswith(end):
            return
        size += len(line)
        if size > MAX_TEXT:
            raise DataError(f"corpus {name}: the text is larger than {MAX_TEXT:,} bytes, as no corpus is")
        yield line
    if end is not None:
        report(f"corpus {name}: no line begins with {origin.end!r}: it is cut off, or what follows the text was kept")
