"""What not every operating system has, each with what stands in for it elsewhere.

rnntext is built and tried on Linux. Elsewhere these functions do what they can, and nothing where there is nothing to
be done; everything else is Python's own, which is the same everywhere.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import Any

# Signals that ask a process to end; Windows has no SIGHUP.
STOP_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

# Numbers and units of <malloc.h> and <sys/prctl.h>.
_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_MAX_BYTES = 2**31 - 1
_TOP_PAD_BYTES = 2**28
_PR_SET_PDEATHSIG = 1


def processors() -> int:
    """The number of processors that this process may use; where the system does not say it, of all there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def can_fork() -> bool:
    """Whether processes can be forked, so that what is in memory need not be loaded again."""
    return hasattr(os, "fork")


def be_nice(value: int) -> None:
    """Lowers the priority of this process by as much; elsewhere it stays as it is."""
    if hasattr(os, "nice"):
        os.nice(value)


def peak_memory() -> int | None:
    """The largest amount of memory that this process has had so far, in bytes; None where the system does not say."""
    peak: int | None = None
    if sys.platform != "win32":
        import resource

        unit = 1 if sys.platform == "darwin" else 1024  # bytes
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return peak


# Files ----------------------------------------------------------------------------------------------------------------


def sync_folder(path: Path) -> None:
    """Forces the names in a folder to the disk. Where folders cannot be opened, the system keeps its own order."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def set_mode(descriptor: int, mode: int) -> None:
    """Sets the permissions of an open file; elsewhere it keeps those of a new one."""
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, mode)


def lock(descriptor: int) -> None:
    """Locks an open file until it is closed, or the process ends; on Windows its first byte, which need not exist.

    Raises:
        BlockingIOError: another process holds the lock.
    """
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError(*error.args) from error
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


# Processes ------------------------------------------------------------------------------------------------------------


def wakeup_pipe() -> tuple[int, int] | None:
    """The reader and the writer of a pipe that signals can be written to, as writing never waits; None elsewhere."""
    if not hasattr(os, "set_blocking"):
        return None
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    return reader, writer


def end_by_closed_pipe() -> None:
    """Ends the process by SIGPIPE, as programs do that write into a closed pipe; elsewhere nothing happens."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGPIPE)


def die_with_parent() -> None:
    """Has the kernel kill this process when its parent ends. Elsewhere the end of its pipe has to tell it."""
    library = _c_library()
    if sys.platform == "linux" and hasattr(library, "prctl"):
        library.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def keep_freed_memory() -> None:
    """Tells glibc's malloc to keep freed memory for the next step instead of giving it back to the system at once.

    A training step frees and takes the same hundreds of megabytes again, a step of a search some of them. Giving them
    back costs page faults: 740 ms a training step instead of 450 (two layers of 512), and 7 % of the lines that are
    translated in a second. With another C library nothing is changed.
    """
    library = _c_library()
    if hasattr(library, "mallopt"):
        library.mallopt(_M_TRIM_THRESHOLD, _MAX_BYTES)
        library.mallopt(_M_TOP_PAD, _TOP_PAD_BYTES)


def _c_library() -> Any:
    """The C library that this process runs on; None where it cannot be had, as on Windows."""
    import ctypes

    with contextlib.suppress(OSError, TypeError):
        return ctypes.CDLL(None)
    return None
