"""Promise 20: of several processes that train one model, one that is killed ends all, and all go on to the same end."""

from __future__ import annotations

import functools
import random
import signal
from pathlib import Path

from crash.resume import arguments, end_of, prepare
from soak.harness import Case, Counts, Promise, check
from together import run

STEPS = 250
SECONDS = 60.0  # within which a process notices that another one has gone
LONGEST = 8.0  # seconds from the meeting of all until one is killed


def killed_together(kind: str, count: int, kills: int, folder: Path) -> Counts:
    """Kills one of some processes, again and again, at any time after all have met; then lets them end."""
    prepare(folder)
    batch = ["--batch-size", "5"] if kind == "charlm" else []
    unbroken = run([[*arguments(kind, folder, "unbroken", STEPS), *batch]] * count, folder)
    check({each.code for each in unbroken} == {0}, str(unbroken))
    chance = random.Random(f"{kind} {count}")
    words = [*arguments(kind, folder, "model", STEPS), *batch, "--save-every", "0s"]
    died, slowest = 0, 0.0
    for _ in range(kills):
        if (folder / "model" / "current").exists():
            break
        victim = chance.randrange(count)
        ended = run([words] * count, folder, {victim: f"late:{chance.uniform(0, LONGEST):.2f}"})
        dead = ended.pop(victim)
        if dead.code != -signal.SIGKILL:
            check({dead.code, *(each.code for each in ended)} == {0}, f"{dead} {ended}")
            continue
        died += 1
        for each in ended:
            # Who has already been told of the end does not miss anybody.
            check(each.code == 75 or (folder / "model" / "current").exists(), f"{each.code} {each.err}")
            check("Traceback" not in each.err and each.err.count("rnntext: ") == (each.code == 75), each.err)
            slowest = max(slowest, each.time - dead.time)
        check(slowest < SECONDS, f"{slowest} s")
    last = run([words] * count, folder)
    check({each.code for each in last} == {0}, str(last))
    check(end_of(folder / "model") == end_of(folder / "unbroken"), "another end")
    return {"kills": died, "most seconds until all had ended": round(slowest, 1), "identical ends": 1}


def cases_20(full: bool) -> list[Case]:
    if not full:
        return []  # tests/jobs/test_together.py
    return [
        Case("charlm, 2 processes", functools.partial(killed_together, "charlm", 2, 10)),
        Case("charlm, 3 processes", functools.partial(killed_together, "charlm", 3, 5)),
        Case("gru, 2 processes", functools.partial(killed_together, "gru", 2, 5)),
    ]


PROMISE_20 = Promise(20, "One that is killed ends all, and all go on", cases_20)
