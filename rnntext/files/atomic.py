"""The only code that opens a file for writing.

A file or a folder appears under its name whole or not at all, whenever the process is killed: it is written beside its
place, forced to the disk, then renamed, and the rename is forced to the disk too.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

TEMPORARY = ".tmp-"  # what the names of unfinished files and folders begin with


def read_bytes(path: Path) -> bytes:
    """The content of a file."""
    return path.read_bytes()


def sync_folder(path: Path) -> None:
    """Forces a folder's list of names to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_new(path: Path, data: bytes) -> None:
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def write_file(path: Path, data: bytes) -> None:
    """Writes or replaces a file, atomically and durably."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        _write_new(temporary, data)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Gives a name beside `path` to write to; renames it to `path` at the end, or removes it after an error."""
    folder = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=path.parent))
    try:
        yield folder / path.name
        os.replace(folder / path.name, path)
        sync_folder(path.parent)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def standard_output() -> IO[bytes]:
    """stdout as bytes, buffered; with PYTHONUNBUFFERED `sys.stdout.buffer` is raw, and its writes may fall short."""
    return open(1, "wb", closefd=False)


@contextmanager
def output_file(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to piece by piece; it takes its place when the block ends without an error. A link stays, and
    what it leads to is replaced; a pipe or device, such as /dev/stdout, is written to as it is."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not path.is_file():
        with open(path, "wb") as device:
            yield device
        return
    with atomic_path(path.resolve()) as temporary, open(temporary, "xb") as file:
        if path.exists():
            os.fchmod(file.fileno(), stat.S_IMODE(path.stat().st_mode))
        yield file
        file.flush()
        os.fsync(file.fileno())


def write_folder(path: Path, files: Mapping[str, bytes], last: str) -> None:
    """Makes a new folder with these files; the one named `last` is written after all others.

    Raises:
        OSError: the folder exists already, or the disk is full; then nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        temporary.mkdir()
        for name in sorted(files, key=lambda n: n == last):
            _write_new(temporary / name, files[name])
        sync_folder(temporary)


def append_line(path: Path, line: str) -> None:
    """Adds a line to a log. A crash may cut the last line short, never an earlier one or a later one. A pipe or device
    is written to as it is."""
    if path.exists() and not path.is_file():
        with open(path, "wb") as device:
            device.write(line.encode() + b"\n")
        return
    with open(path, "ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            line = line if file.read(1) == b"\n" else "\n" + line
        file.write(line.encode() + b"\n")


def remove_folder(path: Path) -> None:
    """Removes a folder and what is in it: first its name, at once, then its files."""
    if path.exists():
        doomed = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=path.parent))
        os.replace(path, doomed / path.name)
        shutil.rmtree(doomed, ignore_errors=True)


def remove_leftovers(folder: Path) -> None:
    """Removes what killed processes left unfinished in a folder; call it only while holding the folder's lock."""
    for leftover in folder.glob(TEMPORARY + "*"):
        shutil.rmtree(leftover, ignore_errors=True)
