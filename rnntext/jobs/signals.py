"""Stopping on a signal: the first one is noted, so that the training ends before its next step; a second one ends the
process at once.

Python calls a signal's handler between two of its own instructions, which may be seconds later when TensorFlow
computes. So a thread waits for the byte that Python writes as soon as a signal comes, to answer the user meanwhile.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from rnntext.system import STOP_SIGNALS, wakeup_pipe


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
def stop_on_signal(announce: Callable[[], None]) -> Iterator[StopRequest]:
    """A request that SIGINT, SIGTERM and SIGHUP set inside the block. A signal that is ignored, as SIGHUP under nohup,
    stays ignored. Only the main thread of a process can handle signals; in another one the request is never set.

    Args:
        announce: is called in another thread as soon as the first signal comes.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    with _answered(announce):
        previous_handlers = {}
        for number in STOP_SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                previous_handlers[number] = signal.signal(number, request.note)
        try:
            yield request
        finally:
            for number, handler in previous_handlers.items():
                signal.signal(number, handler)


@contextmanager
def _answered(announce: Callable[[], None]) -> Iterator[None]:
    """Answers the signals that handlers are set for inside the block, in a thread."""
    pipe = wakeup_pipe()
    if pipe is None:
        yield  # The signal is noted all the same.
        return
    reader, writer = pipe
    previous = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    thread = threading.Thread(target=_answer, args=(reader, announce), daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(previous)
        os.close(writer)
        thread.join()
        os.close(reader)


def _answer(reader: int, announce: Callable[[], None]) -> None:
    """Announces the first signal whose number comes from a pipe; ends the process at the second one."""
    announced = False
    while number := os.read(reader, 1):
        if number[0] not in STOP_SIGNALS:
            continue
        if announced:
            os._exit(128 + number[0])
        announced = True
        announce()
