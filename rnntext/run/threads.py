"""How many threads a matrix product uses: one, unless the user asks for more, or more are found to be faster.

A thread that waits for a busy core makes small products many times slower, so several threads pay off only on a machine
that nobody else uses.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import ThreadpoolController

from rnntext import system


@functools.cache
def _libraries() -> list[Any]:
    """The BLAS libraries that are loaded."""
    blas = ThreadpoolController().select(user_api="blas")
    return list(blas.lib_controllers)


@contextmanager
def blas_threads(count: int = 1) -> Iterator[None]:
    """A context in which NumPy's matrix products use `count` threads, and afterwards as many as before.

    Entering and leaving it takes 1.4 microseconds.
    """
    changed = []
    for library in _libraries():
        threads = library.get_num_threads()
        if threads != count:
            changed.append((library, threads))
    for library, _ in changed:
        library.set_num_threads(count)
    try:
        yield
    finally:
        for library, threads in changed:
            library.set_num_threads(threads)


MAX_THREADS = 8  # that are tried
ROWS = 16  # OpenBLAS multiplies rows of a matrix by a vector in blocks, of which this is a multiple on every processor
BURST = 8  # steps that are timed in a row, after one that wakes the threads
ROUNDS = 2  # of a trial: bursts with each number of threads, in turns
WATCHED = 32  # steps whose mean time tells whether several threads still pay
GAIN = 0.9  # of the time that fewer threads take: more are chosen where they take less than this
HOPELESS = 3.0  # times what one thread takes: such a burst is broken off
FIRST_WAIT = 0.1  # seconds of steps before the first trial; each wait is twice as long as the one before it
MAX_WAIT = 20.0


class FastestThreads:
    """The number of threads with which the steps of one text are fastest now, found by measurement.

    It begins with one thread. Now and then a few steps are taken with one, two, four threads, in turns, and the fastest
    number is taken from then on. As soon as the steps are slower than with one thread, because others use the machine,
    there is one again.

    Args:
        most: the largest number of threads; it should not be more than what `exact_threads` allows, so that the choice
            changes nothing but the time.
        processors: that the process may use; None: as many as the system says.
        clock: tells seconds.

    Attributes:
        count: the number of threads of the next step.
    """

    def __init__(
        self, most: int, processors: int | None = None, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        most = min(most, system.processors() if processors is None else processors)
        self.count = 1
        self._candidates = [2**power for power in range(most.bit_length())]
        self._clock = clock
        self._alone = 0.0  # seconds of a step with one thread, by the last trial
        self._watched: list[float] = []  # seconds of the last steps
        self._elapsed = 0.0  # seconds of steps since the last trial
        self._wait = FIRST_WAIT
        self._bursts: list[int] = []  # numbers of threads that are to be tried yet
        self._times: dict[int, list[float]] = {}  # seconds of the steps of a trial, by number of threads
        self._burst: list[float] = []  # seconds of the steps of the burst, of which the first one is not counted

    @contextmanager
    def step(self) -> Iterator[None]:
        """A context in which one step is taken."""
        began = self._clock()
        with blas_threads(self.count):
            yield
        if len(self._candidates) > 1:
            self._took(self._clock() - began)

    def _took(self, seconds: float) -> None:
        """Learns how long a step took, and chooses the number of threads of the next one."""
        if self._bursts:
            self._try(seconds)
            return
        self._elapsed += seconds
        if self.count > 1:
            self._watch(seconds)
        if self._elapsed >= self._wait:
            self._bursts = self._candidates * ROUNDS
            self._times = {count: [] for count in self._candidates}
            self._begin_burst()

    def _watch(self, seconds: float) -> None:
        """Gives the other threads back if they do not pay any more."""
        self._watched.append(seconds)
        if len(self._watched) == WATCHED:
            if sum(self._watched) > WATCHED * self._alone:
                self.count = 1
            self._watched.clear()

    def _begin_burst(self) -> None:
        self.count = self._bursts[0]
        self._burst.clear()

    def _try(self, seconds: float) -> None:
        """Counts a step of a trial; after the last one, chooses."""
        self._burst.append(seconds)
        times = self._times[self.count]
        if self.count > 1 and sum(self._burst) > HOPELESS * (BURST + 1) * _mean(self._times[1]):
            times.append(math.inf)
            self._bursts = [count for count in self._bursts if count != self.count]
        elif len(self._burst) > BURST:
            times += self._burst[1:]
            self._bursts.pop(0)
        else:
            return
        if self._bursts:
            self._begin_burst()
        else:
            self._choose()

    def _choose(self) -> None:
        """Takes the number of threads that was fastest in the trial."""
        means = {count: _mean(times) for count, times in self._times.items()}
        self.count = 1
        for count in self._candidates:
            if means[count] < GAIN * means[self.count]:
                self.count = count
        self._alone = means[1]
        self._watched.clear()
        self._elapsed = 0.0
        self._wait = min(2 * self._wait, MAX_WAIT)


def _mean(times: list[float]) -> float:
    return sum(times) / len(times)


def exact_threads(rows: int) -> int:
    """The largest number of threads (1, 2, 4, ... up to MAX_THREADS) with which a matrix of so many rows times a vector
    is the same, to the bit, as with one: each thread gets whole blocks of rows, and does with each what one would."""
    most = MAX_THREADS
    while most > 1 and rows % (most * ROWS):
        most //= 2
    return most
