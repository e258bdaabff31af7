"""One file out of an archive. Its name in the archive never becomes a path, so none leads out of a folder."""

from __future__ import annotations

import errno
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from rnntext.errors import DataError

_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, RuntimeError, ValueError)
_NO_FAULT_OF_THE_DISK = (None, errno.EINVAL)  # gzip, bzip2; a place before the beginning of the file


@contextmanager
def member(archive: Path, name: str) -> Iterator[IO[bytes]]:
    """The file of this name in an archive, as a stream.

    Args:
        archive: a zip file, or a tar file, which may be compressed.
        name: of the file, as the archive has it.

    Raises:
        DataError: it is no archive, is damaged, encrypted, or has no plain file of this name.
    """
    opened = _of_zip if zipfile.is_zipfile(archive) else _of_tar
    try:
        with opened(archive, name) as file:
            yield file
    except (KeyError, OSError, *_DAMAGED) as error:
        if isinstance(error, OSError) and error.errno not in _NO_FAULT_OF_THE_DISK:
            raise
        reason = str(error).strip("'\"").partition(":\n")[0]
        raise DataError(f"{name} cannot be taken out of the archive: {reason}") from error


@contextmanager
def _of_zip(archive: Path, name: str) -> Iterator[IO[bytes]]:
    with zipfile.ZipFile(archive) as opened, opened.open(name) as file:
        yield file


@contextmanager
def _of_tar(archive: Path, name: str) -> Iterator[IO[bytes]]:
    with tarfile.open(archive) as opened:
        found = opened.getmember(name)
        file = opened.extractfile(found) if found.isfile() else None
        if file is None:
            raise KeyError(f"{name} is no plain file")
        with file:
            yield file
