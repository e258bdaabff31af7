"""What the promises have in common: each consists of cases, a few of which are tests, and all of which are the soak.

    make soak PROMISE=5                 runs every case of promise 5 that this code has not passed yet
    make soak PROMISE=5 RESULTS=x.jsonl the same, with another file of results
    make soak                           prints the table of what was measured, for docs/reliability.md

Every case appends a line of JSON when it has ended, so that a run may be stopped and continued at any time.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import hashlib
import json
import platform
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / ".soak" / "results.jsonl"  # not in git
Counts = dict[str, float]


@dataclasses.dataclass(frozen=True)
class Case:
    """A part of a promise's proof.

    Attributes:
        name: the same every time.
        run: given an empty folder; raises AssertionError if the promise is broken. What it counted is added up over
            all cases, or, where its name begins with "most", the largest is kept.
    """

    name: str
    run: Callable[[Path], Counts]


@dataclasses.dataclass(frozen=True)
class Promise:
    """One of the promises. `cases` gives all cases, or the few that a test run has time for."""

    number: int
    title: str
    cases: Callable[[bool], Sequence[Case]]


def check(kept: bool, message: object) -> None:
    """An assertion that also holds where assert statements are switched off."""
    if not kept:
        raise AssertionError(message)


def code() -> str:
    """A name for the code that a result belongs to."""
    digest = hashlib.sha256()
    for path in sorted([*(ROOT / "rnntext").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def read(results: Path) -> list[dict]:
    """All lines of a file of results; one that a crash cut short is left out."""
    found = []
    for line in results.read_bytes().split(b"\n") if results.exists() else []:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def soak(promise: Promise, results: Path) -> bool:
    """Runs what has not been passed yet; whether the promise is kept."""
    version = code()
    passed = {r["case"] for r in read(results) if (r["promise"], r["code"], r["kept"]) == (promise.number, version, 1)}
    cases = promise.cases(True)
    kept = True
    for index, case in enumerate(cases, 1):
        if case.name in passed:
            continue
        line = _run(case) | {"promise": promise.number, "case": case.name, "code": version, "of": len(cases)}
        kept &= line["kept"]
        results.parent.mkdir(parents=True, exist_ok=True)
        with open(results, "a") as file:
            file.write(json.dumps(line) + "\n")
        print(f"{index}/{len(cases)} {case.name}: {line['counts'] if line['kept'] else line['error']}", flush=True)
    return kept


def _run(case: Case) -> dict:
    began, counts, error = time.monotonic(), {}, ""
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        try:
            counts = case.run(Path(folder))
        except Exception:
            error = traceback.format_exc()
    return {
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": platform.machine(),
        "kept": not error,
        "counts": counts,
        "seconds": round(time.monotonic() - began, 2),
        "error": error,
    }


def table(promises: dict[int, Promise], results: Path) -> str:
    """The newest result of every case, added up, as Markdown."""
    newest = {(r["promise"], r["case"]): r for r in read(results)}
    lines = ["| promise | what was measured | cases | kept | time |", "|---|---|---|---|---|"]
    for number, promise in sorted(promises.items()):
        found = [r for (of, _), r in newest.items() if of == number]
        if found:
            counts = add([r["counts"] for r in found])
            measured = ", ".join(f"{value:,.10g} {name}" for name, value in counts.items())
            kept, minutes = sum(r["kept"] for r in found), sum(r["seconds"] for r in found) / 60
            cells = [f"{number}. {promise.title}", measured, f"{len(found)} of {found[-1]['of']}", str(kept)]
            lines.append(f"| {' | '.join(cells)} | {minutes:.1f} min |")
    return "\n".join(lines)


def add(counts: Sequence[Counts]) -> Counts:
    """What several cases counted, together."""
    total: Counts = {}
    for found in counts:
        for name, value in found.items():
            before = total.get(name, 0)
            total[name] = max(before, value) if name.startswith("most") else before + value
    return total


def main() -> int:
    """The command line."""
    from soak.promises import PROMISES

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("promise", type=int, nargs="?", choices=sorted(PROMISES))
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.promise is None:
        print(table(PROMISES, options.results))
        return 0
    return 0 if soak(PROMISES[options.promise], options.results) else 1


if __name__ == "__main__":
    sys.exit(main())
