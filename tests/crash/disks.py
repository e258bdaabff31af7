"""Disks for tests: one that writes down what is done to it, one that fails, and what a crash may leave of the first."""

from __future__ import annotations

import dataclasses
import errno
import os
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rnntext.files import atomic
from rnntext.files.atomic import Content, Disk


def as_bytes(data: Content) -> bytes:
    """The content of a file that is written in one operation."""
    return data if isinstance(data, bytes) else b"".join(data)


@contextmanager
def used(disk: Disk) -> Iterator[Disk]:
    """Puts a disk in the place of the real one."""
    before, atomic.disk = atomic.disk, disk
    try:
        yield disk
    finally:
        atomic.disk = before


# Failing --------------------------------------------------------------------------------------------------------------

ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES)


class Failing(Disk):
    """Does what it is asked to until the n-th operation, which fails: once, or from then on for ever. A write fails
    with half of the content written, so that what is left of it must be noticed. Removing is ignored when it fails.

    Attributes:
        calls: number of operations so far.
        failed: whether one of them failed.
    """

    def __init__(self, at: int, error: int, for_ever: bool) -> None:
        self.at, self.error, self.for_ever = at, error, for_ever
        self.calls, self.failed = 0, False

    def _may_fail(self) -> None:
        self.calls += 1
        if self.calls == self.at or (self.for_ever and self.calls > self.at):
            self.failed = True
            raise OSError(self.error, os.strerror(self.error))

    def make_folder(self, path: Path) -> None:
        self._may_fail()
        super().make_folder(path)

    def write(self, path: Path, data: Content) -> None:
        data = as_bytes(data)
        try:
            self._may_fail()
        except OSError:
            path.write_bytes(data[: len(data) // 2])
            raise
        super().write(path, data)

    def append(self, path: Path, data: bytes) -> None:
        try:
            self._may_fail()
        except OSError:
            super().append(path, data[: len(data) // 2])
            raise
        super().append(path, data)

    def sync_folder(self, path: Path) -> None:
        self._may_fail()
        super().sync_folder(path)

    def replace(self, source: Path, target: Path) -> None:
        self._may_fail()
        super().replace(source, target)

    def remove(self, folder: Path) -> None:
        try:
            self._may_fail()
        except OSError:
            return
        super().remove(folder)


class Killed(BaseException):
    """The end of a process."""


class Deadly(Failing):
    """Ends the process, as it were, instead of its n-th operation: nothing is done any more."""

    def __init__(self, at: int) -> None:
        super().__init__(at, 0, for_ever=True)

    def _may_fail(self) -> None:
        try:
            super()._may_fail()
        except OSError:
            raise Killed from None


# Recording ------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Operation:
    """One thing that was done: folder, write, sync, append, names, rename or remove; paths are relative."""

    name: str
    path: str
    data: bytes = b""
    target: str = ""


class Recording(Disk):
    """Writes down what is done below a folder. Writing a file and forcing it to the disk are two operations."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.operations: list[Operation] = []

    def _note(self, name: str, path: Path, data: bytes = b"", target: Path | None = None) -> None:
        where = os.path.relpath(path, self.root)
        self.operations.append(Operation(name, where, data, os.path.relpath(target, self.root) if target else ""))

    def make_folder(self, path: Path) -> None:
        super().make_folder(path)
        self._note("folder", path)

    def write(self, path: Path, data: Content) -> None:
        data = as_bytes(data)
        super().write(path, data)
        self._note("write", path, data)
        self._note("sync", path)

    def append(self, path: Path, data: bytes) -> None:
        super().append(path, data)
        self._note("append", path, data)

    def sync_folder(self, path: Path) -> None:
        super().sync_folder(path)
        self._note("names", path)

    def replace(self, source: Path, target: Path) -> None:
        super().replace(source, target)
        self._note("rename", source, target=target)

    def remove(self, folder: Path) -> None:
        super().remove(folder)
        self._note("remove", folder)


# Crashing -------------------------------------------------------------------------------------------------------------

Files = dict[str, bytes | None]  # by path; None: a folder


def _parent(path: str) -> str:
    return os.path.dirname(path) or "."


def _kept(operations: Sequence[Operation]) -> list[bool]:
    """Which operations a crash after the last one cannot undo.

    A name is kept once its folder's names were forced to the disk after it. What a kept rename moved is kept as well.
    """
    kept = [False] * len(operations)
    needed: set[str] = set()  # paths whose making is kept, as what they became is
    forced: set[str] = set()
    for index in reversed(range(len(operations))):
        operation = operations[index]
        path = operation.path
        if operation.name == "names":
            forced.add(path)
        elif operation.name == "rename":
            folders = {_parent(path), _parent(operation.target)}  # a renaming reaches both of them, or neither
            kept[index] = bool(folders & forced) or _inside(operation.target, needed)
            if kept[index]:
                needed.add(path)
        elif operation.name == "remove":
            kept[index] = _parent(path) in forced
        else:
            kept[index] = _parent(path) in forced or _inside(path, needed)
    return kept


def _inside(path: str, folders: set[str]) -> bool:
    return any(path == folder or path.startswith(folder + "/") for folder in folders)


def crashed(before: Files, operations: Sequence[Operation], chance: random.Random) -> Files:
    """A state in which a crash may leave a disk after some operations: those that are not kept may be undone, each by
    itself, so that a later one may have reached the disk before an earlier one; files that were never forced may be
    empty, cut short, or full of zeros."""
    files = dict(before)
    kept = _kept(operations)
    share = chance.choice([0.0, 0.3, 0.7, 1.0])  # of what is not kept that is lost
    synced = {o.path for o in operations if o.name == "sync"}
    still: dict[str, str] = {}  # where what was renamed still is, if the renaming is lost
    for operation, certain in zip(operations, kept, strict=True):
        if operation.name in ("sync", "names"):
            continue
        if certain or chance.random() >= share:
            _apply(files, operation, operation.path in synced, chance)
            for new, old in still.items() if operation.name == "remove" else ():
                if _inside(new, {operation.path}):  # files are removed from the folder that they are in
                    _apply(files, Operation("remove", old), False, chance)
        elif operation.name == "rename":
            still[operation.target] = operation.path
    return files


def _apply(files: Files, operation: Operation, synced: bool, chance: random.Random) -> None:
    path = operation.path
    if operation.name == "remove":
        gone = [name for name in files if _inside(name, {path})]
        some = gone if chance.random() < 0.5 else chance.sample(gone, len(gone) // 2)
        for name in some:
            if files[name] is not None or some is gone:
                del files[name]
    elif operation.name == "rename":
        if path in files and (_parent(operation.target) == "." or _parent(operation.target) in files):
            for name in [name for name in files if _inside(name, {operation.target})]:
                del files[name]
            for name in [name for name in files if _inside(name, {path})]:
                files[operation.target + name[len(path) :]] = files.pop(name)
    elif _parent(path) != "." and _parent(path) not in files:
        return  # what it lies in was undone
    elif operation.name == "folder":
        files.setdefault(path, None)
    elif operation.name == "append":
        old = files.get(path) or b""
        files[path] = old + operation.data[: chance.choice([0, len(operation.data) // 2, len(operation.data)])]
    else:
        data = operation.data
        lost = [data, data[: len(data) // 2], b"", bytes(len(data))]
        files[path] = data if synced else chance.choice(lost)


def read_tree(root: Path) -> Files:
    """A folder and all that is in it."""
    found = sorted(root.rglob("*"))
    return {str(path.relative_to(root)): None if path.is_dir() else path.read_bytes() for path in found}


def write_tree(root: Path, files: Files) -> None:
    """Makes a folder of that content."""
    root.mkdir()
    for name, data in sorted(files.items()):
        if data is None:
            (root / name).mkdir(parents=True)
        else:
            (root / name).write_bytes(data)
