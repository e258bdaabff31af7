"""What not every operating system has is taken away, one by one: its stand-in does what can be done without it."""

from __future__ import annotations

import ast
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from rnntext import system
from rnntext.errors import BusyError, UsageError
from rnntext.files.atomic import Disk, output_file
from rnntext.files.lock import locked
from rnntext.jobs.rehearsal import Rehearsal
from rnntext.jobs.signals import stop_on_signal
from rnntext.jobs.workers import Workers

PACKAGE = Path(system.__file__).parent
# Names that Windows or macOS lack, which are used in one file alone.
ELSEWHERE_MISSING = {
    *("sched_getaffinity", "nice", "fchmod", "O_DIRECTORY", "O_CLOEXEC", "set_blocking", "uname", "fork", "getrusage"),
    *("SIGHUP", "SIGPIPE", "SIGKILL", "flock", "prctl", "mallopt", "CDLL"),
}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_what_others_lack_is_used_in_one_file(path: Path) -> None:
    used = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    assert path.name == "system.py" or not used & ELSEWHERE_MISSING


def test_processors_are_those_of_this_process_or_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 7})
    assert system.processors() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert system.processors() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert system.processors() == 1


def test_without_fork_jobs_are_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fork")
    with pytest.raises(UsageError, match="--jobs 2: this system cannot fork processes; leave the option out"):
        Workers(2, lambda items: items)


def test_without_fork_a_teacher_translates_in_the_process_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    from rnntext.jobs import taught_pairs

    class Teacher:
        def translate(self, lines: list[str], **_: object) -> Iterator[str]:
            return (line.upper() for line in lines)

    monkeypatch.delattr(os, "fork")
    monkeypatch.setattr(taught_pairs, "PORTION", 2)
    portions = taught_pairs._translated(Teacher(), ["a", "b", "c"], float("inf"))  # type: ignore[arg-type]
    assert list(portions) == [(["a", "b"], ["A", "B"]), (["c"], ["C"])]
    assert not multiprocessing.active_children()


def test_without_priorities_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "nice")
    system.be_nice(19)


def test_memory_is_told_where_the_system_tells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    found = system.peak_memory()
    assert found is not None
    assert peak <= found < 2 * peak
    monkeypatch.setattr(sys, "platform", "win32")
    assert system.peak_memory() is None
    assert "memory" not in Rehearsal("rehearsed", memory=None).sentence("m")
    assert "memory" in Rehearsal("rehearsed", memory=10**8).sentence("m")


def test_where_folders_cannot_be_opened_files_are_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("O_DIRECTORY", "fchmod"):
        monkeypatch.delattr(os, name)
    (tmp_path / "out").write_text("old")
    Disk().sync_folder(tmp_path)
    with output_file(tmp_path / "out", "--output") as file:
        file.write(b"new")
    assert (tmp_path / "out").read_text() == "new"


def test_a_lock_of_windows_is_held_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its functions lock a byte of a file; here they are made of those of this system."""
    import fcntl

    def locking(descriptor: int, mode: int, count: int) -> None:
        assert (mode, count) == (2, 1)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PermissionError(13, "Permission denied") from error  # what Windows says

    windows = types.ModuleType("msvcrt")
    windows.locking, windows.LK_NBLCK = locking, 2  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "msvcrt", windows)
    monkeypatch.setattr(sys, "platform", "win32")
    with locked(tmp_path / "lock"), pytest.raises(BusyError), locked(tmp_path / "lock"):
        pass
    with locked(tmp_path / "lock"):
        pass


def test_without_such_a_pipe_a_signal_is_noted_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "set_blocking")
    announced: list[int] = []
    with stop_on_signal(lambda: announced.append(1)) as request:
        signal.raise_signal(signal.SIGTERM)
        assert request()
    assert not announced


@pytest.mark.parametrize("library", ["None", "object()"])
def test_without_such_a_c_library_nothing_is_asked_of_it(library: str) -> None:
    """In a process of its own: what ctypes has loaded stays. A library without these functions, and none at all."""
    code = f"""
import ctypes, os, signal
def load(name):
    if {library} is None:
        raise TypeError("Windows wants a name")
    return {library}
ctypes.CDLL = load
from rnntext import system
system.keep_freed_memory()
system.die_with_parent()
del signal.SIGPIPE
system.end_by_closed_pipe()
print("alive")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "alive\n"


def test_signals_that_a_system_lacks_are_not_waited_for() -> None:
    code = "import signal; del signal.SIGHUP; from rnntext import system; print(*map(int, system.STOP_SIGNALS))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(int(number)) for number in (signal.SIGINT, signal.SIGTERM)]
