"""Promise 10: a hostile checkpoint runs nothing. Promise 11: known attacks are refused before anything is allocated."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from fuzz.attacks import write_all
from soak.harness import Case, Counts, Promise, check

TESTS = Path(__file__).parents[1]
MUTANTS, PORTION = 10_000, 250
ROOM = 64 * 2**20  # bytes of memory that a checkpoint may take beside twice its size
STRACE = ("strace", "-f", "-qq", "-e", "trace=open,openat,openat2,creat,execve,fork,vfork,clone,clone3,socket,connect")


def work(folder: Path, *numbers: int, before: tuple[str, ...] = ()) -> Iterator[dict]:
    """Yields what the worker tells of each checkpoint; one that ends the process has the outcome "crashed"."""
    command = [*before, sys.executable, "-m", "fuzz.worker", str(folder), *map(str, numbers)]
    environment = {**os.environ, "PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent}", "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        comes, found = numbers[0] if numbers else None, None
        for line in process.stdout:
            told = {"comes": comes} if line == b"armed\n" else json.loads(line)
            if "comes" in told:
                comes, found = told["comes"], None
            else:
                found = told
                yield {"number": comes, **told}
    if found is None or process.returncode:
        yield {
            "number": comes,
            "outcome": f"crashed ({process.returncode})",
            "seen": [],
            "peak": 0,
            "size": 0,
            "done": "",
        }


def wrong(found: dict) -> str:
    """What is wrong with what became of a checkpoint; empty if nothing is."""
    if found["outcome"] not in ("refused", "loaded"):
        return found["outcome"]
    if found["seen"]:
        return f"did {found['seen'][:3]}"
    most = 2 * found["size"] + ROOM
    return f"took {found['peak']} bytes of memory, more than {most}" if found["peak"] > most else ""


def mutants(first: int, end: int, folder: Path) -> Counts:
    """Loads mutants by number."""
    found = list(work(folder, first, end))
    bad = [f"mutant {f['number']} ({f['done']}): {reason}" for f in found if (reason := wrong(f))]
    check(not bad, "\n".join(bad))
    check(len(found) == end - first, f"{len(found)} of {end - first} were loaded")
    refused = sum(f["outcome"] == "refused" for f in found)
    peak = max(f["peak"] - 2 * f["size"] for f in found) / 2**20
    return {
        "mutants": len(found),
        "refused": refused,
        "usable": len(found) - refused,
        "most MB beside twice the file": round(max(0, peak), 1),
    }


def native(first: int, end: int, folder: Path) -> Counts:
    """The same, watched from outside: strace sees what native code opens, too."""
    log, model = folder / "log", folder / "model"
    found = list(work(folder, first, end, before=(*STRACE, "-o", str(log))))
    check(len(found) == end - first, f"{len(found)} of {end - first} were loaded")
    lines = log.read_text(errors="replace").splitlines()
    armed = next(n for n, line in enumerate(lines) if str(model) in line)  # the first mutant is written after arming
    ours = re.compile(rf'"({re.escape(str(model))}(/[^"]*)?|/proc/self/(status|clear_refs)|.*/tests/golden/.*)"')
    bad = [line for line in lines[armed:] if not ours.search(line) and "+++" not in line and "---" not in line]
    bad = [line for line in bad if not re.search(r'AT_FDCWD, "(versions|model|\d{6})"|openat\(\d+, ', line)]
    check(not bad, "\n".join(bad[:10]))
    return {"mutants under strace": len(found), "calls seen": len(lines) - armed}


def cases(full: bool) -> list[Case]:
    if not full:
        return [Case("mutants 0", functools.partial(mutants, 0, 400))]
    portions = range(0, MUTANTS, PORTION)
    found = [Case(f"mutants {first}", functools.partial(mutants, first, first + PORTION)) for first in portions]
    return [*found, Case("strace", functools.partial(native, MUTANTS, MUTANTS + 300))]


PROMISE_10 = Promise(10, "A hostile checkpoint runs nothing", cases)


def attacks(folder: Path) -> Counts:
    """Loads every known attack."""
    names = list(write_all(folder))
    found = {f["done"]: f for f in work(folder)}
    bad = [f"{name}: {wrong(f) or f['outcome']}" for name, f in found.items() if wrong(f) or f["outcome"] != "refused"]
    check(not bad, "\n".join(bad))
    check(sorted(found) == names, f"{len(found)} of {len(names)} were tried")
    peak = max(f["peak"] - 2 * f["size"] for f in found.values()) / 2**20
    return {"attacks refused": len(found), "most MB beside twice the file": round(max(0, peak), 1)}


PROMISE_11 = Promise(11, "Known attacks are refused before allocation", lambda full: [Case("all attacks", attacks)])
