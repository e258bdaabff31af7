"""Stopping on a signal: the first one is noted, so that the training ends before its next step; a second one ends the
process at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequest:
    """Whether a signal has asked the process to stop.

    Attributes:
        number: of the first signal; None if there was none.
    """

    def __init__(self) -> None:
        self.number: int | None = None

    def __call__(self) -> bool:
        """Whether there was a signal."""
        return self.number is not None

    def note(self, number: int, frame: FrameType | None) -> None:
        """Handles a signal; ends the process if it is the second one."""
        if self.number is not None:
            os._exit(128 + number)
        self.number = number


@contextmanager
def stop_on_signal() -> Iterator[StopRequest]:
    """A request that SIGINT, SIGTERM and SIGHUP set inside the block. A signal that is ignored, as SIGHUP under nohup,
    stays ignored. Only the main thread of a process can handle signals; in another one the request is never set."""
    request = StopRequest()
    previous_handlers = {}
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                previous_handlers[number] = signal.signal(number, request.note)
    try:
        yield request
    finally:
        for number, handler in previous_handlers.items():
            signal.signal(number, handler)
