"""Processes side by side: results in order, as soon as they are there, and nobody left behind."""

import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from rnntext.errors import DataError, InputOutputError, RnntextError
from rnntext.jobs.workers import AHEAD, Workers
from rnntext.text.lines import Line, LineReader

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # OpenBLAS has threads (Python >= 3.12)
PATIENCE = 240.0  # seconds after which something hangs


@dataclasses.dataclass
class Portions:
    """A source that has everything at once, and fails at its end if told to."""

    portions: list[list[object]]
    failure: Exception | None = None
    taken: int = 0

    def read(self) -> list[object]:
        if self.taken < len(self.portions):
            self.taken += 1
            return self.portions[self.taken - 1]
        if self.failure:
            raise self.failure
        return []

    def ready(self) -> bool:
        return True

    def fileno(self) -> int:
        raise AssertionError("there is nothing to wait for")


@contextmanager
def working(count: int, work: Callable[[list], list], *size: Callable[[Any], int]) -> Iterator[Workers]:
    """Workers for a block; a test that hangs is ended by an alarm, which raises."""

    def give_up(number: int, frame: object) -> None:
        raise AssertionError(f"still at work after {PATIENCE} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    workers: Workers = Workers(count, work, *size)
    try:
        yield workers
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        workers.close()


def numbers(portions: int, size: int = 3) -> list[list[object]]:
    return [[size * p + i for i in range(size)] for p in range(portions)]


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("portions", [0, 1, 2, 5, 20])
def test_results_come_in_the_order_of_the_items(count: int, portions: int) -> None:
    def work(items: list[int]) -> list[int]:
        time.sleep(0.02 if items[0] % 2 else 0.0)  # every other portion takes longer
        return [10 * item for item in items]

    with working(count, work) as workers:
        found = list(workers.run(Portions(numbers(portions))))
    assert [item for items, _ in found for item in items] == list(range(3 * portions))
    assert all(results == [10 * item for item in items] for items, results in found)  # type: ignore[operator]


@pytest.mark.parametrize(("items", "shares"), [(1, [1]), (2, [1, 1]), (3, [1, 1, 1]), (8, [3, 2, 3]), (30, [10] * 3)])
def test_a_portion_is_shared_by_all_workers(items: int, shares: list[int]) -> None:
    with working(3, lambda items: [os.getpid()] * len(items)) as workers:
        found = [results for _, results in workers.run(Portions(numbers(1, items)))]
    assert [len(results) for results in found] == shares
    pids = [set(results) for results in found]
    assert len(set.union(*pids)) == len(shares)  # each in a process of its own
    assert os.getpid() not in set.union(*pids)


@pytest.mark.parametrize(
    ("sizes", "shares"),
    [([1, 1, 1, 3], [3, 1]), ([3, 1, 1, 1], [1, 3]), ([9, 1], [1, 1]), ([1, 9], [1, 1]), ([2, 2, 2, 2], [2, 2])],
)
def test_shares_are_of_about_equal_size(sizes: list[int], shares: list[int]) -> None:
    with working(2, lambda items: items, lambda size: size) as workers:
        found = [results for _, results in workers.run(Portions([sizes]))]
    assert [len(results) for results in found] == shares
    assert [size for results in found for size in results] == sizes


def test_no_more_is_read_ahead_than_the_workers_can_use() -> None:
    source = Portions(numbers(100))
    with working(2, lambda items: items) as workers:
        running = workers.run(source)
        next(running)
        assert source.taken <= 2 * AHEAD + 1
        list(running)
    assert source.taken == 100


def test_large_portions_and_large_results_do_not_wait_for_one_another() -> None:
    portions: list[list[object]] = [[f"{p}-{i}-" * 60 for i in range(2000)] for p in range(6)]  # more than a pipe holds
    with working(2, lambda items: [item + "!" for item in items]) as workers:
        found = [results for _, results in workers.run(Portions(portions))]
    assert [result for results in found for result in results] == [f"{item}!" for items in portions for item in items]


# Failures -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [DataError("bad line"), ValueError("boom"), MemoryError()], ids=repr)
def test_what_goes_wrong_in_a_worker_goes_wrong_here(error: Exception) -> None:
    def work(items: list[int]) -> list[int]:
        if 6 in items:
            raise error
        return items

    with working(2, work) as workers:
        running = workers.run(Portions(numbers(5)))
        assert [item for _ in range(4) for item in next(running)[1]] == list(range(6))
        with pytest.raises(type(error)) as caught:
            next(running)
        assert str(caught.value) == str(error)


@pytest.mark.parametrize("portions", [1, 3, 50])
def test_a_worker_that_dies_is_told_about(portions: int) -> None:
    def work(items: list[int]) -> list[int]:
        os.kill(os.getpid(), signal.SIGKILL)
        return items

    with working(1, work) as workers, pytest.raises(RnntextError, match="a worker process has died"):
        list(workers.run(Portions(numbers(portions))))


def test_a_worker_that_is_dead_already_is_told_about() -> None:
    class Slow(Portions):
        def ready(self) -> bool:
            os.waitid(os.P_PID, workers._processes[0].pid, os.WEXITED | os.WNOWAIT)  # it is dead now
            return True

    with (
        working(1, lambda items: os._exit(1)) as workers,
        pytest.raises(RnntextError, match="a worker process has died"),
    ):
        list(workers.run(Slow(numbers(3))))


def test_a_result_that_cannot_be_sent_is_a_failure_and_no_silence() -> None:
    with (
        working(1, lambda items: [lambda: None for _ in items]) as workers,
        pytest.raises(Exception, match=r"pickle|died"),
    ):
        list(workers.run(Portions(numbers(1))))


@pytest.mark.parametrize("count", [1, 2])
def test_what_came_before_a_failing_source_is_answered(count: int) -> None:
    source = Portions(numbers(3), InputOutputError("missing.txt: No such file"))
    with working(count, lambda items: items) as workers:
        running = workers.run(source)
        assert [item for _ in range(3 * count) for item in next(running)[1]] == list(range(9))
        with pytest.raises(InputOutputError, match=r"missing\.txt"):
            next(running)


# Slow input -----------------------------------------------------------------------------------------------------------


@contextmanager
def answering(count: int, work: Callable[[list[Line]], list[str]]) -> Iterator[tuple[BinaryIO, Iterator[list[str]]]]:
    """Workers that read standard input; gives what writes to it, and their results. The pipe is made after the workers,
    so that they do not keep it open."""
    with working(count, work) as workers, pytest.MonkeyPatch.context() as patch:
        reader, writer = os.pipe()
        with open(reader) as stdin, open(writer, "wb", buffering=0) as feeder:
            patch.setattr(sys, "stdin", stdin)
            yield feeder, (results for _, results in workers.run(LineReader(["-"], 10)))


@pytest.mark.parametrize("count", [1, 2])
def test_a_line_is_answered_before_the_next_one_comes(count: int) -> None:
    with answering(count, lambda lines: [line.text.upper() for line in lines]) as (feeder, answers):
        for said, answered in [(b"a\n", ["A"]), (b"b\nha", ["B"]), (b"lf\n", ["HALF"]), (b"\nd\n", ["", "D"])]:
            feeder.write(said)
            found: list[str] = []
            while len(found) < len(answered):
                found += next(answers)
            assert found == answered
        feeder.close()
        assert list(answers) == []


def test_an_answer_does_not_wait_for_the_rest_of_a_line() -> None:
    """The beginning of a line comes while an answer is made: the answer is given all the same."""
    (begun, begin), (wait, go_on) = os.pipe(), os.pipe()

    def work(lines: list[Line]) -> list[str]:
        os.write(begin, b".")
        os.read(wait, 1)
        return [line.text for line in lines]

    def interrupt(feeder: BinaryIO) -> None:
        os.read(begun, 1)
        feeder.write(b"tw")
        os.write(go_on, b"..")  # for both lines

    with answering(2, work) as (feeder, answers):
        feeder.write(b"one\n")
        thread = threading.Thread(target=interrupt, args=(feeder,))
        thread.start()
        assert next(answers) == ["one"]
        thread.join()
        feeder.write(b"o\n")
        assert next(answers) == ["two"]


# Afterwards -----------------------------------------------------------------------------------------------------------


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except FileNotFoundError:
        return False


def gone(pids: list[int]) -> bool:
    until = time.monotonic() + PATIENCE
    while any(map(alive, pids)) and time.monotonic() < until:
        time.sleep(0.02)
    return not any(map(alive, pids))


def test_closing_ends_the_workers() -> None:
    with working(3, lambda items: [os.getpid()]) as workers:
        pids = [results[0] for _, results in workers.run(Portions(numbers(6)))]
        assert all(map(alive, pids))
    assert gone(pids)


def test_closing_ends_workers_that_are_busy() -> None:
    def work(items: list[int]) -> list[int]:
        if items[0]:
            time.sleep(1000)
        return [os.getpid()]

    with working(2, work) as workers:
        running = workers.run(Portions(numbers(6)))
        pids = [process.pid for process in workers._processes]
        assert next(running)[1][0] in pids
        assert all(map(alive, pids))
    assert gone(pids)


PARENT = """
import os, sys, time
from rnntext.jobs.workers import Workers
class Source:
    count = 0
    def read(self):
        self.count += 1
        return [self.count] if self.count < 3 else time.sleep(1000)
    def ready(self): return self.count < 2
    def fileno(self): return os.pipe()[0]
def work(items):
    if items == [2] and sys.argv[1] == "busy":
        time.sleep(1000)
    return [os.getpid()]
for _, results in Workers(2, work).run(Source()):
    print(results[0], flush=True)
"""


@pytest.mark.parametrize("how", ["busy", "idle"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_their_parent_however_it_ends(how: str, number: int) -> None:
    command = [sys.executable, "-c", PARENT, how]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = int(process.stdout.readline())
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        pids = [int(child) for child in children]
        assert first in pids
        assert len(pids) == 2
        process.send_signal(number)
        process.wait(PATIENCE)
    assert gone(pids)
