"""Promise 19: a time limit is kept and used, whatever else the machine has to do meanwhile."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.shell import CLEAN, PROGRAM
from soak.harness import Case, Counts, Promise, check

LIMITS = (30, 30, 30, 30, 45, 45, 45, 60, 60, 60, 60, 90, 90, 90, 120, 120, 180, 180, 240, 360)  # seconds
COMMANDS = {
    "charlm": "train-charlm valley",
    "transformer": "train-translate grammar",
    "gru": "train-translate grammar --architecture gru",
}
LOADS = (None, "on", None, "off")  # a second load: none, switched on or off in the middle
MAX_LATE, MAX_LATE_SHARE, MIN_USED = 5.0, 0.03, 0.92


@contextmanager
def load(working: bool) -> Iterator[list[subprocess.Popen[bytes]]]:
    """As many busy processes as there are processors, working or stopped."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in os.sched_getaffinity(0)]
    try:
        switch(busy, working)
        yield busy
    finally:
        for process in busy:
            process.kill()
            process.wait()


def switch(busy: list[subprocess.Popen[bytes]], working: bool) -> None:
    for process in busy:
        process.send_signal(signal.SIGCONT if working else signal.SIGSTOP)


def limited(kind: str, seconds: int, option: str, other: str | None, folder: Path) -> Counts:
    """Trains with a limit, from the start of the process to its end."""
    words = [*COMMANDS[kind].split(), option, f"{seconds}s", "-m", str(folder / "model"), "--quiet"]
    if option == "--pause-after":
        words += ["--time-limit", "30m"]
    with load(working=other == "off") as busy:
        began = time.monotonic()
        with subprocess.Popen([*PROGRAM, *words], env=CLEAN, stderr=subprocess.PIPE) as process:
            time.sleep(seconds / 2)
            if other:
                switch(busy, working=other == "on")
            _, err = process.communicate()
        took = time.monotonic() - began
    check(process.returncode == 0, err.decode())
    check(took <= seconds + max(MAX_LATE, MAX_LATE_SHARE * seconds), f"{took:.1f} of {seconds} s")
    check(took >= MIN_USED * seconds, f"{took:.1f} of {seconds} s")
    late, used = round(max(0.0, took - seconds), 2), round(100 * took / seconds, 1)
    return {
        "runs": 1,
        "most seconds late": late,
        "most percent used": used,
        "most percent unused": round(100 - used, 1),
    }


def cases_19(full: bool) -> list[Case]:
    """All of it takes real time; in the tests a clock is told what to show (tests/train/test_loop.py)."""
    if not full:
        return []
    kinds = list(COMMANDS)
    found = []
    for number, seconds in enumerate(LIMITS):
        kind, other = kinds[number % len(kinds)], LOADS[number % len(LOADS)]
        option = "--pause-after" if number % 5 == 4 else "--time-limit"
        name = f"{number}: {kind}, {option} {seconds}s, load {other}"
        found.append(Case(name, functools.partial(limited, kind, seconds, option, other)))
    return found


PROMISE_19 = Promise(19, "A time limit is kept, and used", cases_19)
