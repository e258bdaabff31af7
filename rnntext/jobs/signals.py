"""Being asked to stop: the first signal is noted, for the loop to end at its next step; a second one ends at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequest:
    """Whether, and by which signal, we were asked to stop."""

    def __init__(self) -> None:
        self.number: int | None = None

    def __call__(self) -> bool:
        """Whether a signal came."""
        return self.number is not None

    def note(self, number: int, frame: FrameType | None) -> None:
        """The signal handler."""
        if self.number is not None:
            os._exit(128 + number)
        self.number = number


@contextmanager
def stop_on_signal() -> Iterator[StopRequest]:
    """Handles SIGINT, SIGTERM and SIGHUP inside the block; one that is ignored (nohup) stays ignored. Signals reach a
    process's main thread only; in another one the request never comes."""
    request = StopRequest()
    before = {}
    for number in SIGNALS if threading.current_thread() is threading.main_thread() else ():
        if signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, request.note)
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
