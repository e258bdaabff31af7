"""Worker processes for the portions of a stream; the results come in the order of the portions."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from itertools import accumulate, pairwise
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, Protocol, TypeVar

from rnntext.errors import RnntextError, UsageError
from rnntext.system import can_fork, die_with_parent

Item = TypeVar("Item")
Result = TypeVar("Result")
AHEAD = 2  # maximum number of shares that a worker has, so that it need not wait for the next one


class Source(Protocol[Item]):
    """The source of portions; see `text.lines.LineReader`."""

    def read(self) -> list[Item]:
        """The items that are there, at least one; an empty list at the end."""
        ...

    def ready(self) -> bool:
        """Whether `read` returns without waiting."""
        ...

    def fileno(self) -> int:
        """The file descriptor to wait for while the source is not ready."""
        ...


class Workers(Generic[Item, Result]):
    """Worker processes. They are forked, so that a loaded model is in their memory, too, and end with their parent,
    however it ends.

    Args:
        count: number of processes.
        work: computes the results of a portion, one for each item.
        size: the cost of an item, at least 1; shares are of equal cost.

    Raises:
        UsageError: the system has no fork.
    """

    def __init__(
        self, count: int, work: Callable[[list[Item]], list[Result]], size: Callable[[Item], int] = lambda _: 1
    ) -> None:
        self._size = size
        self._ends: list[Connection] = []  # our end of the pipe to each worker
        self._processes = []
        if not can_fork():
            raise UsageError(f"--jobs {count}: this system cannot fork processes; leave the option out")
        context: Any = multiprocessing.get_context("fork")
        for _ in range(count):
            ours, theirs = context.Pipe()
            inherited = [*self._ends, ours]
            process = context.Process(target=_serve, args=(theirs, inherited, work), daemon=True)
            process.start()
            theirs.close()
            self._ends.append(ours)
            self._processes.append(process)

    def run(self, source: Source[Item]) -> Iterator[tuple[list[Item], list[Result]]]:
        """Yields the shares of all portions with their results, in order, as soon as they are ready.

        A portion is cut into one share for each worker. The generator never waits for input while there are results to
        yield.

        Args:
            source: read in the parent, portion by portion.

        Raises:
            RnntextError: the source failed, after all that came before has been yielded; or a worker failed.
        """
        pending: deque[tuple[Connection, list[Item]]] = deque()  # shares that are being worked on, in order
        sent = 0
        ended = False
        failure: RnntextError | None = None
        while pending or not ended:
            # 1. Read a portion, unless the workers have enough to do or a result may come first.
            full = len(pending) > (AHEAD - 1) * len(self._ends)
            items: list[Item] | None = None
            try:
                if not ended and not full and (not pending or source.ready()):
                    items = source.read()
            except RnntextError as error:
                items = []
                failure = error
            if items is not None:
                # 2. Send a share of it to each worker; an empty portion is the end of the source.
                ended = not items
                for share in _shares(items, len(self._ends), self._size):
                    end = self._ends[sent % len(self._ends)]
                    _send(end, share)
                    pending.append((end, share))
                    sent += 1
                continue
            # 3. Wait for the oldest result, or for input; yield the result if it has come.
            end, share = pending[0]
            wait([end] if full or ended else [end, source.fileno()])
            if end.poll():
                pending.popleft()
                yield share, _received(end)
        if failure is not None:
            raise failure

    def close(self) -> None:
        """Ends the workers."""
        for end in self._ends:
            end.close()
        for process in self._processes:
            process.terminate()
            process.join()


def _shares(items: list[Item], count: int, size: Callable[[Item], int]) -> list[list[Item]]:
    """Items in at most `count` shares of nearly equal size, none of them empty, so that all workers end together.

    Share k holds the items whose middle lies between the fractions k / count and (k + 1) / count of the total size.
    """
    if not items:
        return []
    sizes = [size(item) for item in items]
    ends = list(accumulate(sizes))
    middles = [end - own / 2 for end, own in zip(ends, sizes, strict=True)]
    total = ends[-1]
    bounds = [bisect_left(middles, total * number / count) for number in range(count + 1)]
    return [items[begin:end] for begin, end in pairwise(bounds) if begin < end]


def _died() -> RnntextError:
    """The error that a worker has ended unexpectedly."""
    return RnntextError("a worker process has died; is there enough memory for --jobs?")


def _send(end: Connection, items: list[Item]) -> None:
    """Sends a share to a worker."""
    try:
        end.send(items)
    except OSError as error:
        raise _died() from error


def _received(end: Connection) -> list[Result]:
    """The results that a worker has sent; raises the exception that it has sent instead."""
    try:
        message = end.recv()
    except (EOFError, OSError) as error:
        raise _died() from error
    if isinstance(message, BaseException):
        raise message
    return message  # type: ignore[no-any-return]


def _serve(end: Connection, inherited: list[Connection], work: Callable[[list[Item]], list[Result]]) -> None:
    """The main function of a worker process.

    Args:
        end: its end of the pipe.
        inherited: the parent's ends of all pipes, which the fork has copied.
        work: computes the results of a share.
    """
    # 1. Let the parent decide when to end: Ctrl-C is ignored, and the death of the parent kills the worker.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent()
    parent = multiprocessing.parent_process()
    if parent is not None and os.getppid() != parent.pid:  # the parent died before that
        return
    # 2. Close the copies: a pipe ends only when all its copies are closed.
    for other in inherited:
        other.close()
    # 3. Answer each share with its results, or with the exception.
    inbox: queue.SimpleQueue[list[Item] | None] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(end, inbox), daemon=True).start()
    while (items := inbox.get()) is not None:
        try:
            end.send(work(items))
        except BrokenPipeError:
            return
        except Exception as error:
            end.send(error)


def _receive(end: Connection, inbox: queue.SimpleQueue[list[Item] | None]) -> None:
    """Receives shares while the worker works or sends; puts None into the inbox at the end.

    Without it there could be a deadlock: parent and worker would each wait for the other to read, when both have more
    to send than a pipe holds.
    """
    try:
        while True:
            inbox.put(end.recv())
    except (EOFError, OSError):
        inbox.put(None)
