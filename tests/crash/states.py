"""Promise 3: no crash state is unreadable. A whole job is written down, operation by operation; whatever of it the disk
had when the power went, the model loads, as the old version or as the new one."""

from __future__ import annotations

import functools
import random
import shutil
from pathlib import Path

from crash.disks import Files, Operation, Recording, crashed, read_tree, used, write_tree
from crash.job import check_readable, clean, digests, signal_at, train
from soak.harness import Case, Counts, Promise, check


def record(folder: Path, old: bool) -> tuple[Files, list[Operation], dict[str, str]]:
    """What was there, what a training did that was stopped once and continued, and all versions at the end."""
    model = folder / "home" / "model"
    model.parent.mkdir()
    if old:
        check(train(model, 1)[0] == 0, "the first version was not trained")
    before = read_tree(model.parent)
    with used(Recording(model.parent)) as disk:
        with signal_at(lambda step: step == 2):
            check(train(model, 2)[0] == 143, "the training did not stop")
        check(train(model, 2)[0] == 0, "the training did not go on")
    return before, disk.operations, digests(model)


def states(old: bool, draws: int, folder: Path) -> Counts:
    """Every prefix of a job's operations, some states that it may leave of each."""
    before, operations, known = record(folder, old)
    newest, seen, tried = max(known), set(), 0
    for end in range(len(operations) + 1):
        for draw in range(draws):
            files = crashed(before, operations[:end], random.Random(f"{old} {end} {draw}"))
            home = folder / "crashed"
            write_tree(home, files)
            try:
                version = check_readable(home / "model", known, old)
                clean(home / "model")
            except Exception as error:
                done = [f"{o.name} {o.path} {o.target}" for o in operations[:end]]
                raise AssertionError(f"prefix {end}, draw {draw}: {error!r}\n{done}\n{sorted(files)}") from error
            seen.add(version)
            tried += 1
            shutil.rmtree(home)
    check(seen == {"000001" if old else "", newest}, f"versions seen in service: {seen}")
    return {"operations": len(operations), "crash states": tried, "readable": tried}


def cases(full: bool) -> list[Case]:
    draws = 200 if full else 6
    return [
        Case(f"{'another' if old else 'the first'} version, {draws} states", functools.partial(states, old, draws))
        for old in (False, True)
    ]


PROMISE_3 = Promise(3, "No crash state is unreadable", cases)
