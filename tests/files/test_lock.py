"""One holder at a time, in this process and in others, and no stale locks."""

import math
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rnntext.errors import BusyError
from rnntext.files.lock import locked

HOLDER = """
import sys
from pathlib import Path
from rnntext.files.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def other_holder(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that holds the lock until its stdin is closed."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"held\n"
            yield process
        finally:
            process.kill()


def test_the_second_holder_is_told_that_the_model_is_busy(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "lock"),
        pytest.raises(BusyError, match=f"{tmp_path}: another job"),
        locked(tmp_path / "lock"),
    ):
        pass


def test_a_refused_holder_does_not_end_the_first_ones_lock(tmp_path: Path) -> None:
    with locked(tmp_path / "lock"):
        for _ in range(2):
            with pytest.raises(BusyError), locked(tmp_path / "lock"):
                pass


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_the_lock_is_free_after_an_error(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), locked(tmp_path / "lock"):
        raise error
    with locked(tmp_path / "lock"):
        pass


def test_a_lock_needs_no_folder_and_stands_for_one_model(tmp_path: Path) -> None:
    with locked(tmp_path / "new" / "a" / "lock"), locked(tmp_path / "new" / "b" / "lock"):
        assert (tmp_path / "new" / "a").is_dir()


def test_another_process_is_noticed(tmp_path: Path) -> None:
    with other_holder(tmp_path / "lock") as process:
        with pytest.raises(BusyError), locked(tmp_path / "lock"):
            pass
        process.communicate()
        with locked(tmp_path / "lock"):
            pass


def test_a_killed_holder_leaves_no_stale_lock(tmp_path: Path) -> None:
    with other_holder(tmp_path / "lock") as process:
        process.kill()
        process.wait()
    assert (tmp_path / "lock").exists()
    with locked(tmp_path / "lock"):
        pass


def test_who_waits_gets_the_lock_as_soon_as_it_is_free(tmp_path: Path) -> None:
    with other_holder(tmp_path / "lock") as process:
        ended = threading.Event()

        def end() -> None:
            ended.set()
            process.kill()

        timer = threading.Timer(0.3, end)
        timer.start()
        with locked(tmp_path / "lock", wait=math.inf):
            assert ended.is_set()
        timer.join()


def test_who_has_waited_long_enough_is_told_so(tmp_path: Path) -> None:
    began = time.monotonic()
    with (
        locked(tmp_path / "lock"),
        pytest.raises(BusyError, match=r"another job is training this model; waited 0\.3 s; "),
        locked(tmp_path / "lock", wait=0.3),
    ):
        pass
    assert time.monotonic() - began >= 0.3


def test_a_program_started_meanwhile_does_not_inherit_the_lock(tmp_path: Path) -> None:
    with locked(tmp_path / "lock"):
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=False, bufsize=0)
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b"up")
        assert child.stdout.read(2) == b"up"
    with child, locked(tmp_path / "lock"):
        child.kill()
