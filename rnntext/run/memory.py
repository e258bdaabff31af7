"""What is freed is kept: the next step wants as much again."""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD, _M_TOP_PAD = -1, -2  # <malloc.h>


def keep_freed_memory() -> None:
    """Tells glibc's malloc not to give freed memory back at once. A training step frees and takes the same hundreds of
    megabytes again, a step of a search some; giving them back costs page faults: 740 ms a training step instead of 450
    (two layers of 512), 7 % of the lines translated in a second."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # another C library: nothing to set
        return
    mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
    mallopt(_M_TOP_PAD, 2**28)
