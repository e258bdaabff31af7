"""Promises whose full proof is a part of the test suite already: soaking them runs that part."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
from pathlib import Path

from cli.shell import CLEAN
from soak.harness import ROOT, Case, Counts, Promise, check

SUITES = {
    8: ("A wrong resume is refused", ["tests/jobs/test_resume_options.py"]),
    16: ("Mistakes get one line", ["tests/cli/test_mistakes.py"]),
    17: ("Start-up is light", ["tests/cli/test_startup.py", "tests/cli/test_without_tensorflow.py"]),
}


def passed(suite: str, folder: Path) -> Counts:
    """Runs a file of tests."""
    words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--basetemp", str(folder / "tests"), suite]
    done = subprocess.run(words, cwd=ROOT, env=CLEAN, capture_output=True, text=True)
    found = re.search(r"(\d+) passed", done.stdout)
    check(done.returncode == 0 and found is not None, done.stdout[-2000:])
    return {"tests passed": int(found[1]) if found else 0}


def cases(number: int, full: bool) -> list[Case]:
    """The files of a promise; in the suite itself there is nothing left to do."""
    return [Case(name, functools.partial(passed, name)) for name in SUITES[number][1]] if full else []


PROMISE_8, PROMISE_16, PROMISE_17 = (
    Promise(number, SUITES[number][0], functools.partial(cases, number)) for number in (8, 16, 17)
)
