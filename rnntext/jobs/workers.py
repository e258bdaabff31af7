"""Several processes that work on portions of a stream side by side, their results in the order of the portions."""

from __future__ import annotations

import ctypes
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
from typing import Generic, Protocol, TypeVar

from rnntext.errors import RnntextError

Item = TypeVar("Item")
Result = TypeVar("Result")
AHEAD = 2  # portions that a worker has at the most, so that it need not wait for the next one
_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>


class Source(Protocol[Item]):
    """Where portions come from; see `text.lines.LineReader`."""

    def read(self) -> list[Item]:
        """What is there, at least one item; an empty list at the end."""
        ...

    def ready(self) -> bool:
        """Whether `read` would not have to wait."""
        ...

    def fileno(self) -> int:
        """The descriptor to wait for when not `ready`."""
        ...


class Workers(Generic[Item, Result]):
    """Worker processes, forked: what they need is in memory already. They end with their parent, however it ends.

    Args:
        count: number of processes.
        work: what is done to a portion; returns as many results as there are items.
        size: how much work an item is, at least 1.
    """

    def __init__(
        self, count: int, work: Callable[[list[Item]], list[Result]], size: Callable[[Item], int] = lambda _: 1
    ) -> None:
        self._size = size
        context = multiprocessing.get_context("fork")
        self._ends: list[Connection] = []
        self._processes = []
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, [*self._ends, ours], work), daemon=True)
            process.start()
            theirs.close()
            self._ends.append(ours)
            self._processes.append(process)

    def run(self, source: Source[Item]) -> Iterator[tuple[list[Item], list[Result]]]:
        """Yields portions, each cut into equal shares for all workers, and their results, in order, as soon as they are
        ready; never waits for more input while there are results to give. When the source fails, what came before is
        answered first."""
        pending: deque[tuple[Connection, list[Item]]] = deque()
        turn, ended = 0, False
        failure: RnntextError | None = None
        while pending or not ended:
            full = len(pending) > (AHEAD - 1) * len(self._ends)  # no room for one more share each
            try:
                items = source.read() if not ended and not full and (not pending or source.ready()) else None
            except RnntextError as error:
                items, failure = [], error
            if items:
                for share in _shares(items, len(self._ends), self._size):
                    end = self._ends[turn % len(self._ends)]
                    _send(end, share)
                    pending.append((end, share))
                    turn += 1
            elif items is not None:
                ended = True
            else:
                end, items = pending[0]
                wait([end] if full or ended else [end, source.fileno()])
                if end.poll():
                    pending.popleft()
                    yield items, _received(end)
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
    """Items in `count` parts, as equal in size as can be, so that all workers end together; none of them is empty. An
    item belongs where its middle is."""
    sizes = list(map(size, items))
    ends = list(accumulate(sizes))
    middles = [end - own / 2 for end, own in zip(ends, sizes, strict=True)]
    bounds = [bisect_left(middles, ends[-1] * number / count) for number in range(count + 1)]
    return [items[begin:end] for begin, end in pairwise(bounds) if begin < end]


def _died() -> RnntextError:
    return RnntextError("a worker process has died; is there enough memory for --jobs?")


def _send(end: Connection, items: list[Item]) -> None:
    try:
        end.send(items)
    except OSError as error:
        raise _died() from error


def _received(end: Connection) -> list[Result]:
    try:
        found = end.recv()
    except (EOFError, OSError) as error:
        raise _died() from error
    if isinstance(found, BaseException):
        raise found
    return found  # type: ignore[no-any-return]


def _serve(end: Connection, others: list[Connection], work: Callable[[list[Item]], list[Result]]) -> None:
    """The life of a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = multiprocessing.parent_process()
    if parent is not None and os.getppid() != parent.pid:  # it has died before we asked
        return
    for other in others:  # inherited; a pipe ends only when all its copies are closed
        other.close()
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
    """Takes in portions while the worker works or sends: the parent must not have to wait, for it might wait for the
    worker, which waits for the parent, both with more to say than a pipe holds."""
    try:
        while True:
            inbox.put(end.recv())
    except (EOFError, OSError):
        inbox.put(None)
