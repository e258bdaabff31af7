"""Promises whose full proof is a part of the test suite already: soaking them runs that part."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
from pathlib import Path

from cli.shell import CLEAN
from soak.harness import ROOT, Case, Counts, Promise, check


def passed(suite: str, folder: Path) -> Counts:
    """Runs a file of tests."""
    words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--basetemp", str(folder / "tests"), suite]
    done = subprocess.run(words, cwd=ROOT, env=CLEAN, capture_output=True, text=True)
    found = re.search(r"(\d+) passed", done.stdout)
    check(done.returncode == 0 and found is not None, done.stdout[-2000:])
    return {"tests passed": int(found[1]) if found else 0}


def _promise(number: int, title: str, *suites: str) -> Promise:
    """A promise shown by files of tests; in the suite itself there is nothing left to do."""
    cases = [Case(suite, functools.partial(passed, suite)) for suite in suites]
    return Promise(number, title, lambda full: cases if full else [])


PROMISE_8 = _promise(8, "A wrong resume is refused", "tests/jobs/test_resume_options.py")
PROMISE_16 = _promise(16, "Mistakes get one line", "tests/cli/test_mistakes.py")
PROMISE_17 = _promise(17, "Start-up is light", "tests/cli/test_startup.py", "tests/cli/test_without_tensorflow.py")
