"""One writer at a time: an advisory lock that the kernel releases when its holder dies."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rnntext.errors import BusyError
from rnntext.files.atomic import make_folder
from rnntext.system import lock

POLL_SECONDS = 0.2  # between two attempts to get the lock


@contextmanager
def locked(path: Path, wait: float = 0.0) -> Iterator[None]:
    """Holds a lock while the block runs.

    Args:
        path: the lock file; it is made if it does not exist, and is never removed.
        wait: seconds to wait for another holder.

    Raises:
        BusyError: another process still holds the lock.
    """
    make_folder(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _take(descriptor, path, wait)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path, wait: float) -> None:
    deadline = time.monotonic() + wait
    while True:
        try:
            return lock(descriptor)
        except BlockingIOError:
            remaining = deadline - time.monotonic()
        if remaining <= 0:
            waited = f"waited {wait:g} s; " if wait else ""
            raise BusyError(f"{path.parent}: another job is training this model; {waited}try again when it has ended")
        time.sleep(min(POLL_SECONDS, remaining))
