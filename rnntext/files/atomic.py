"""The only code that opens a file for writing.

A file or a folder appears under its name whole or not at all, whenever the process is killed: it is written beside its
place, forced to the disk, and renamed, and then the new name is forced to the disk, too.

Every change of the disk is a call of a `Disk`. Tests replace it by one that records the calls, or fails.
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

from rnntext import system
from rnntext.errors import UsageError

TEMPORARY = ".tmp-"  # prefix of the names of unfinished files and folders
Content = bytes | list[memoryview]  # of a file; a list for one that is not to be put together in memory


def read_bytes(path: Path) -> bytes:
    """The content of a file."""
    return path.read_bytes()


class Disk:
    """All operations that change a disk."""

    def make_folder(self, path: Path) -> None:
        """Makes a folder, unless it exists."""
        path.mkdir(exist_ok=True)

    def write(self, path: Path, data: Content | Iterator[bytes]) -> None:
        """Writes a new file and forces its content to the disk."""
        with open(path, "xb") as file:
            file.writelines([data] if isinstance(data, bytes) else data)
            file.flush()
            os.fsync(file.fileno())

    def append(self, path: Path, data: bytes) -> None:
        """Adds bytes to a file, which need not exist. Nothing is forced to the disk."""
        with open(path, "ab") as file:
            file.write(data)

    def sync_folder(self, path: Path) -> None:
        """Forces the names in a folder to the disk."""
        system.sync_folder(path)

    def replace(self, source: Path, target: Path) -> None:
        """Renames a file or folder. A file with the new name is replaced in the same moment."""
        os.replace(source, target)

    def remove(self, folder: Path) -> None:
        """Removes a folder and its content, as far as that is possible."""
        shutil.rmtree(folder, ignore_errors=True)


disk = Disk()


def make_folder(path: Path) -> None:
    """Makes a folder and those above it, unless they exist, durably."""
    if path.is_dir():
        return
    make_folder(path.parent)
    disk.make_folder(path)
    disk.sync_folder(path.parent)


def write_file(path: Path, data: Content | Iterator[bytes]) -> None:
    """Writes or replaces a file, whole or in pieces, atomically and durably."""
    make_folder(path.parent)
    with atomic_path(path) as temporary:
        disk.write(temporary, data)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A path to write to. At the end of the block it is renamed to `path`, or removed after an error."""
    folder = _temporary(path.parent)
    temporary = folder / path.name
    try:
        disk.make_folder(folder)
        yield temporary
        disk.replace(temporary, path)
        disk.sync_folder(path.parent)
    finally:
        disk.remove(folder)


def _temporary(folder: Path) -> Path:
    """A new name in a folder. The caller knows it before anything has it, so that it can remove what it makes even if a
    signal comes right after the making."""
    suffix = os.urandom(8).hex()
    return folder / f"{TEMPORARY}{suffix}"


def standard_output() -> IO[bytes]:
    """Standard output as bytes, buffered. With PYTHONUNBUFFERED `sys.stdout.buffer` is not, and may write in part."""
    return open(1, "wb", closefd=False)


# Outputs that the user names ------------------------------------------------------------------------------------------


def check_output(path: Path, option: str) -> None:
    """Checks, before any work is done, that the file which an option names can be written.

    Args:
        path: the file, which need not exist.
        option: its name, for messages.

    Raises:
        UsageError: the path is empty, or has NUL in it.
        OSError: it is a folder, its folder is missing, or writing is not permitted; the message names the option.
    """
    _check_name(path, option, "file")
    with named(path, option):
        target = _replaced_file(path)
        _check_permission(path if target is None else target.parent)


def check_log(path: Path, option: str) -> None:
    """`check_output` for a file that lines are added to."""
    _check_name(path, option, "file")
    with named(path, option):
        target = _replaced_file(path)
        if target is None or target.exists():
            _check_permission(path)
        else:
            _check_permission(target.parent)


def check_output_folder(path: Path, option: str) -> None:
    """`check_output` for a folder."""
    _check_name(path, option, "folder")
    with named(path, option, "folder"):
        for existing in (path, *path.parents):
            if os.path.lexists(existing):
                break
        if not existing.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, f"{existing} is no folder")
        _check_permission(existing)


def check_new_folder(path: Path, option: str) -> None:
    """`check_output_folder` for a folder that must not exist yet."""
    check_output_folder(path, option)
    if os.path.lexists(path):
        raise UsageError(f"{option} {path}: exists already; give the name of a new folder")


@contextmanager
def output_file(path: Path, option: str) -> Iterator[IO[bytes]]:
    """An open file that an option names, to be written piece by piece; it takes its place when the block ends without
    an error.

    A symbolic link stays, and the file that it leads to is replaced.

    Args:
        path: the file; a pipe or a device, such as /dev/stdout, is written to directly.
        option: its name, for messages.

    Raises:
        OSError: the file cannot be written; the message names the option.
    """
    with named(path, option):
        target = _replaced_file(path)
        if target is None:
            with open(path, "wb") as device:
                yield device
            return
        with atomic_path(target) as temporary, open(temporary, "xb") as file:
            if target.exists():
                system.set_mode(file.fileno(), stat.S_IMODE(target.stat().st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())


@contextmanager
def named(path: Path, option: str, kind: str = "file") -> Iterator[None]:
    """Puts option and path into the message of any OSError in the block.

    Args:
        path: a file or folder that the user named.
        option: the option that named it.
        kind: "file" or "folder".
    """
    try:
        yield
    except OSError as error:
        reason = f"{error.strerror or error}; give a {kind} that can be written"
        place = f"{option} {path}"
        raise OSError(error.errno, reason, place) from error


def _check_name(path: Path, option: str, kind: str) -> None:
    is_empty = path == Path()  # "" and "." both become this path.
    if is_empty or "\0" in str(path):
        raise UsageError(f"{option} {str(path)!r}: give the name of a {kind}")


def _replaced_file(path: Path) -> Path | None:
    """The file that writing to a path replaces or makes, with links followed; None for a pipe or a device."""
    target = Path(os.path.realpath(path))
    try:
        # The status is not that of `target`, because links in /proc may lead to a pipe that has no path.
        mode = os.stat(path).st_mode
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


def write_folder(path: Path, files: Mapping[str, Content], last: str) -> None:
    """Makes a new folder with files, atomically and durably.

    Args:
        path: the folder.
        files: content by name.
        last: name of the file that is written after all others.

    Raises:
        OSError: the folder exists already, or the disk is full; then nothing is left behind.
    """
    make_folder(path.parent)
    with atomic_path(path) as temporary:
        disk.make_folder(temporary)
        for name in sorted(files, key=lambda name: name == last):
            disk.write(temporary / name, files[name])
        disk.sync_folder(temporary)


def append_line(path: Path, line: str) -> None:
    """Adds a line to a log. A crash may cut the last line short, but no earlier or later one. A pipe or a device is
    written to directly."""
    data = line.encode() + b"\n"
    if not _ends_with_line_break(path):
        data = b"\n" + data
    disk.append(path, data)


def append_bytes(path: Path, data: bytes) -> None:
    """Adds bytes to a file, which need not exist, nor its folder. A crash may cut them short."""
    make_folder(path.parent)
    disk.append(path, data)


def _ends_with_line_break(path: Path) -> bool:
    """Whether a file is empty, missing, no plain file, or complete to the end of its last line."""
    if not path.is_file():
        return True
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        if size == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def remove_folder(path: Path) -> None:
    """Removes a folder and its content: first its name, at once and durably, then its files."""
    if path.exists():
        removed = _temporary(path.parent)
        disk.make_folder(removed)
        disk.replace(path, removed / path.name)
        disk.sync_folder(path.parent)
        disk.remove(removed)


def remove_leftovers(folder: Path) -> None:
    """Removes what killed processes have left unfinished in a folder. The caller holds the folder's lock."""
    for leftover in folder.glob(TEMPORARY + "*"):
        disk.remove(leftover)
