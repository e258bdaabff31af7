"""Files and folders appear whole or not at all."""

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rnntext.files.atomic import (
    Disk,
    append_line,
    output_file,
    remove_folder,
    remove_leftovers,
    write_file,
    write_folder,
)


def names(folder: Path) -> list[str]:
    """Everything in a folder, hidden names too."""
    return sorted(os.listdir(folder))


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was forced to the disk and what was renamed, in order."""
    seen: list[str] = []
    fsync, replace = os.fsync, os.replace

    def spy_fsync(descriptor: int) -> None:
        seen.append("sync " + Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)
        fsync(descriptor)

    def spy_replace(source: Path, target: Path) -> None:
        seen.append(f"rename {Path(target).name}")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(os, "replace", spy_replace)
    return seen


def fail_at(monkeypatch: pytest.MonkeyPatch, function: str, call: int) -> None:
    """Makes the n-th call of an `os` function find the disk full."""
    real, calls = getattr(os, function), []

    def failing(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == call:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*arguments)

    monkeypatch.setattr(os, function, failing)


# One file -------------------------------------------------------------------------------------------------------------


def test_a_file_is_written_and_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "data"
    write_file(path, b"old")
    write_file(path, b"new\0\n")
    assert path.read_bytes() == b"new\0\n"
    assert names(path.parent) == ["data"]


def test_a_file_is_on_the_disk_before_its_name_is_and_its_name_before_we_go_on(
    tmp_path: Path, events: list[str]
) -> None:
    write_file(tmp_path / "data", b"x")
    assert events == ["sync data", "rename data", f"sync {tmp_path.name}"]


def test_a_file_gets_the_permissions_that_any_new_file_gets(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    write_file(tmp_path / "atomic", b"")
    write_folder(tmp_path / "folder", {"a": b""}, last="a")
    (tmp_path / "plain folder").mkdir()
    mode = {name: (tmp_path / name).stat().st_mode for name in names(tmp_path)}
    assert mode["atomic"] == mode["plain"]
    assert mode["folder"] == mode["plain folder"]


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    write_file(tmp_path / "data", b"old")
    fail_at(monkeypatch, function, call=1)
    with pytest.raises(OSError, match="No space left"):
        write_file(tmp_path / "data", b"new")
    assert (tmp_path / "data").read_bytes() == b"old"
    assert names(tmp_path) == ["data"]


# One file, piece by piece ---------------------------------------------------------------------------------------------


def test_an_output_file_takes_its_place_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old")
    with output_file(path, "-o") as file:
        file.write(b"one ")
        file.flush()
        assert path.read_bytes() == b"old"
        file.write(b"two")
    assert path.read_bytes() == b"one two"
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_output_file_is_dropped_after_an_error(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), output_file(tmp_path / "out", "-o") as file:  # noqa: PT012
        file.write(b"half")
        raise error
    assert names(tmp_path) == []


def test_an_output_file_in_the_current_folder_needs_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with output_file(Path("out"), "-o") as file:
        file.write(b"x")
    assert names(tmp_path) == ["out"]


def test_a_pipe_or_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"  # stands for /dev/null, which root could replace by a file, and for /dev/stdout
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with output_file(pipe, "-o") as file:
        file.write(b"result")
    assert pipe.is_fifo()
    assert os.read(reader, 100) == b"result"


def test_a_link_stays_a_link_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    with output_file(tmp_path / "link", "-o") as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


# A folder -------------------------------------------------------------------------------------------------------------

FILES = {"a.json": b"A", "manifest.json": b"M", "z.json": b"Z"}


def test_a_folder_gets_its_files(tmp_path: Path) -> None:
    write_folder(tmp_path / "versions" / "1", FILES, last="manifest.json")
    assert {p.name: p.read_bytes() for p in (tmp_path / "versions" / "1").iterdir()} == FILES
    assert names(tmp_path / "versions") == ["1"]


def test_a_folders_manifest_is_written_last_and_all_is_on_the_disk_before_its_name(
    tmp_path: Path, events: list[str]
) -> None:
    write_folder(tmp_path / "1", FILES, last="manifest.json")
    assert events[:3] == ["sync a.json", "sync z.json", "sync manifest.json"]
    assert events[3:] == ["sync 1", "rename 1", f"sync {tmp_path.name}"]


@pytest.mark.parametrize(("function", "call"), [("fsync", 1), ("fsync", 2), ("fsync", 3), ("fsync", 4), ("replace", 1)])
def test_a_folder_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, call: int
) -> None:
    fail_at(monkeypatch, function, call)
    with pytest.raises(OSError, match="No space left"):
        write_folder(tmp_path / "1", FILES, last="manifest.json")
    assert names(tmp_path) == []


def test_a_folder_is_never_overwritten(tmp_path: Path) -> None:
    write_folder(tmp_path / "1", FILES, last="manifest.json")
    with pytest.raises(OSError, match=r"not empty|exists"):
        write_folder(tmp_path / "1", {"a.json": b"other"}, last="a.json")
    assert (tmp_path / "1" / "a.json").read_bytes() == b"A"
    assert names(tmp_path) == ["1"]


def test_a_folder_is_removed_with_all_that_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "run" / "deep").mkdir(parents=True)
    (tmp_path / "run" / "deep" / "file").touch()
    remove_folder(tmp_path / "run")
    remove_folder(tmp_path / "run")  # there is none any more: nothing to do
    assert names(tmp_path) == []


# Killed processes -----------------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
from rnntext.files.atomic import output_file
with output_file(Path(sys.argv[1]), "-o") as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_writer_leaves_the_old_file_and_what_it_left_can_be_removed(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"old")
    (tmp_path / ".hidden").mkdir()
    ended = subprocess.run([sys.executable, "-c", KILLED, tmp_path / "out"], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert len(names(tmp_path)) == 3
    remove_leftovers(tmp_path)
    assert names(tmp_path) == [".hidden", "out"]
    assert (tmp_path / "out").read_bytes() == b"old"


def test_a_folder_that_does_not_exist_has_no_leftovers(tmp_path: Path) -> None:
    remove_leftovers(tmp_path / "missing")
    assert names(tmp_path) == []


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    path, seen, done = tmp_path / "data", set(), threading.Event()
    write_file(path, b"a" * 10_000)

    def read() -> None:
        while not done.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for index in range(20):
        write_file(path, (b"b" if index % 2 else b"a") * 10_000)
    done.set()
    reader.join()
    assert seen <= {b"a" * 10_000, b"b" * 10_000}


# Logs -----------------------------------------------------------------------------------------------------------------


def test_lines_are_added_to_a_log(tmp_path: Path) -> None:
    for line in ("one", "zwölf"):
        append_line(tmp_path / "log", line)
    assert (tmp_path / "log").read_bytes() == "one\nzwölf\n".encode()


def test_a_line_that_a_crash_cut_short_does_not_spoil_the_next(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"one\ntw")
    append_line(tmp_path / "log", "three")
    assert (tmp_path / "log").read_bytes().split(b"\n")[-2:] == [b"three", b""]


def test_a_signal_right_after_the_first_step_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_folder = Disk.make_folder

    def then_leave(self: Disk, path: Path) -> None:
        make_folder(self, path)
        raise SystemExit(143)

    monkeypatch.setattr(Disk, "make_folder", then_leave)
    with pytest.raises(SystemExit), output_file(tmp_path / "answer.txt", "-o"):
        pass
    assert names(tmp_path) == []
