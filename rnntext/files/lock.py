"""One writer at a time: an advisory lock that the kernel releases when its holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rnntext.errors import BusyError
from rnntext.files.atomic import make_folder


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the lock file `path` while the block runs.

    Raises:
        BusyError: another process holds it.
    """
    make_folder(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(f"{path.parent}: another job is training this model; try again when it has ended") from None
        yield
    finally:
        os.close(descriptor)
