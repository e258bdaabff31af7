"""What a contender is, and the process it lives in.

    python -m benchmarks.contender MODULE:CLASS '{"keyword": "arguments"}'

A contender sets up when it is made; after that it speaks one JSON line per turn on stdin and stdout, and does nothing
while others have theirs: so several of them can be measured in turn on one machine, without starting again each time.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any


class Contender:
    """One who is measured. The constructor sets up, and is not timed; nor are `before` and `after`."""

    def clock(self) -> float:
        """What its seconds are told by."""
        return time.perf_counter()

    def before(self) -> None:
        """Before each turn."""

    def run(self) -> float:
        """Does a piece of work; returns of how many units (characters, tokens, lines, ...) it consisted."""
        raise NotImplementedError

    def after(self) -> None:
        """After each turn."""

    def close(self) -> None:
        """At the end of its life."""


def turn(contender: Contender, atleast: float) -> dict[str, float]:
    """Lets a contender work for `atleast` seconds.

    Returns:
        seconds, units and the most memory in use meanwhile, in megabytes.
    """
    contender.before()
    _forget_peak()
    seconds = units = 0.0
    while not seconds or seconds < atleast:
        started = contender.clock()
        units += contender.run()
        seconds += contender.clock() - started
    peak = max(_peak_megabytes(), getattr(contender, "megabytes", 0.0))
    contender.after()
    return {"seconds": seconds, "units": units, "megabytes": peak}


def _forget_peak() -> None:
    """Begins a new measurement of the most memory in use (Linux: man 5 proc, clear_refs)."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:  # where that is not allowed, the peak is that of the process's whole life
        return


def _peak_megabytes() -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(float(line.split()[1]) / 1000 for line in lines if line.startswith("VmHWM:"))


def made(name: str, given: dict[str, Any]) -> Contender:
    """The contender of a name, `module:class`."""
    module, _, cls = name.partition(":")
    return getattr(importlib.import_module(module), cls)(**given)


def main() -> None:
    """The life of a contender's process: sets up, says so, then takes a turn whenever it is told how long."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    sys.stdout = sys.stderr

    def say(answer: dict[str, Any]) -> None:
        print(json.dumps(answer), file=answers, flush=True)

    contender = made(sys.argv[1], json.loads(sys.argv[2]))
    say({"ready": True})
    try:
        for line in sys.stdin:
            say(turn(contender, json.loads(line)["atleast"]))
    finally:
        contender.close()


if __name__ == "__main__":
    main()
