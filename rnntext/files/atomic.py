"""The only code that opens a file for writing.

A file or a folder appears under its name whole or not at all, whenever the process is killed: it is written beside its
place, forced to the disk, then renamed, and the rename is forced to the disk too.

What that comes to are calls of a `Disk`; tests put another one in its place, which records them, or fails.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from rnntext.errors import UsageError

TEMPORARY = ".tmp-"  # what the names of unfinished files and folders begin with


def read_bytes(path: Path) -> bytes:
    """The content of a file."""
    return path.read_bytes()


class Disk:
    """Everything that changes a disk, one operation at a time."""

    def make_folder(self, path: Path) -> None:
        """A new folder; there may be one already."""
        path.mkdir(exist_ok=True)

    def write(self, path: Path, data: bytes) -> None:
        """A new file, its content forced to the disk."""
        with open(path, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def append(self, path: Path, data: bytes) -> None:
        """Bytes at the end of a file, which need not exist; nothing is forced to the disk."""
        with open(path, "ab") as file:
            file.write(data)

    def sync_folder(self, path: Path) -> None:
        """Forces a folder's list of names to the disk."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        """Renames; a file in place of the target is gone in the same moment."""
        os.replace(source, target)

    def remove(self, folder: Path) -> None:
        """Removes a folder and what is in it, as far as that is possible."""
        shutil.rmtree(folder, ignore_errors=True)


disk = Disk()


def make_folder(path: Path) -> None:
    """Makes a folder and those above it, as far as they are missing, durably."""
    if path.is_dir():
        return
    make_folder(path.parent)
    disk.make_folder(path)
    disk.sync_folder(path.parent)


def write_file(path: Path, data: bytes) -> None:
    """Writes or replaces a file, atomically and durably."""
    make_folder(path.parent)
    with atomic_path(path) as temporary:
        disk.write(temporary, data)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Gives a name beside `path` to write to; renames it to `path` at the end, or removes it after an error."""
    folder = _temporary(path.parent)
    try:
        disk.make_folder(folder)
        yield folder / path.name
        disk.replace(folder / path.name, path)
        disk.sync_folder(path.parent)
    finally:
        disk.remove(folder)


def _temporary(folder: Path) -> Path:
    """A new name in a folder. It is known before anything has it, so that a signal that comes right after the making
    of it leaves nothing behind."""
    return folder / f"{TEMPORARY}{os.urandom(8).hex()}"


def standard_output() -> IO[bytes]:
    """stdout as bytes, buffered; with PYTHONUNBUFFERED `sys.stdout.buffer` is raw, and its writes may fall short."""
    return open(1, "wb", closefd=False)


# What a user names ----------------------------------------------------------------------------------------------------


def check_output(path: Path, option: str) -> None:
    """Says before any work is done that a file which an option names cannot be written.

    Raises:
        UsageError: there is no name.
        OSError: a folder, no folder for it, or no permission; the message names the option.
    """
    _check_name(path, option, "file")
    with named(path, option):
        target = _replaced(path)
        _check_permission(path if target is None else target.parent)


def check_log(path: Path, option: str) -> None:
    """`check_output`, for a file that lines are added to."""
    _check_name(path, option, "file")
    with named(path, option):
        target = _replaced(path)
        _check_permission(path if target is None or target.exists() else target.parent)


def check_output_folder(path: Path, option: str) -> None:
    """`check_output`, for a folder, which need not exist."""
    _check_name(path, option, "folder")
    with named(path, option, "folder"):
        existing = next(p for p in (path, *path.parents) if os.path.lexists(p))
        if not existing.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, f"{existing} is no folder")
        _check_permission(existing)


@contextmanager
def output_file(path: Path, option: str) -> Iterator[IO[bytes]]:
    """A file that an option names, to write to piece by piece; it takes its place when the block ends without an error.
    A link stays, and what it leads to is replaced; a pipe or device, such as /dev/stdout, is written to as it is."""
    with named(path, option):
        target = _replaced(path)
        if target is None:
            with open(path, "wb") as device:
                yield device
            return
        with atomic_path(target) as temporary, open(temporary, "xb") as file:
            if target.exists():
                os.fchmod(file.fileno(), stat.S_IMODE(target.stat().st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())


@contextmanager
def named(path: Path, option: str, what: str = "file") -> Iterator[None]:
    """Blames the file that the user named for whatever goes wrong with it."""
    try:
        yield
    except OSError as error:
        reason = f"{error.strerror or error}; give a {what} that can be written"
        raise OSError(error.errno, reason, f"{option} {path}") from error


def _check_name(path: Path, option: str, what: str) -> None:
    if path == Path() or "\0" in str(path):  # Path() is what becomes of "" and of "."
        raise UsageError(f"{option} {str(path)!r}: give the name of a {what}")


def _replaced(path: Path) -> Path | None:
    """The file that is replaced, or made, where a path leads to; None for a pipe or a device, which never is."""
    target = Path(os.path.realpath(path))
    try:
        mode = os.stat(path).st_mode  # not of `target`: links in /proc lead to pipes that have no path
    except FileNotFoundError as error:
        if not target.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, f"there is no folder {target.parent}") from error
        return target
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if stat.S_ISSOCK(mode):
        raise OSError(errno.ENXIO, "a socket")
    return target if stat.S_ISREG(mode) else None


def _check_permission(path: Path) -> None:
    if not os.access(path, os.W_OK, effective_ids=True):
        raise PermissionError(errno.EACCES, f"no permission to write to {path}")


# Folders and logs -----------------------------------------------------------------------------------------------------


def write_folder(path: Path, files: Mapping[str, bytes], last: str) -> None:
    """Makes a new folder with these files; the one named `last` is written after all others.

    Raises:
        OSError: the folder exists already, or the disk is full; then nothing is left behind.
    """
    make_folder(path.parent)
    with atomic_path(path) as temporary:
        disk.make_folder(temporary)
        for name in sorted(files, key=lambda n: n == last):
            disk.write(temporary / name, files[name])
        disk.sync_folder(temporary)


def append_line(path: Path, line: str) -> None:
    """Adds a line to a log. A crash may cut the last line short, never an earlier one or a later one. A pipe or device
    is written to as it is."""
    begin = b"" if _ends_with_line(path) else b"\n"
    disk.append(path, begin + line.encode() + b"\n")


def _ends_with_line(path: Path) -> bool:
    if not path.is_file():
        return True
    with open(path, "rb") as file:
        if not file.seek(0, os.SEEK_END):
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def remove_folder(path: Path) -> None:
    """Removes a folder and what is in it: first its name, at once and durably, then its files."""
    if path.exists():
        doomed = _temporary(path.parent)
        disk.make_folder(doomed)
        disk.replace(path, doomed / path.name)
        disk.sync_folder(path.parent)
        disk.remove(doomed)


def remove_leftovers(folder: Path) -> None:
    """Removes what killed processes left unfinished in a folder; call it only while holding the folder's lock."""
    for leftover in folder.glob(TEMPORARY + "*"):
        disk.remove(leftover)
