"""Promise 4: a full or failing disk costs nothing. Every operation of a job fails once, and from there on for ever."""

from __future__ import annotations

import errno
import functools
import itertools
import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import numpy as np
from cli.shell import CLEAN, PROGRAM
from crash.disks import ERRORS, Failing, read_tree, used
from crash.job import CHARLM, COMMON, check_readable, clean, command, digests, text, train
from soak.harness import ROOT, Case, Counts, Promise, check

from rnntext.files import atomic
from rnntext.jobs import unfinished
from rnntext.jobs.unfinished import Snapshot
from rnntext.storage import checkpoint


def _champion(folder: Path) -> Path:
    """A model that is in service."""
    model = folder / "before"
    check(train(model, 1)[0] == 0, "the first version was not trained")
    return model


def _one(before: Path, folder: Path, at: int, error: int, for_ever: bool) -> bool:
    """A training whose n-th operation fails; whether there was an n-th."""
    model = folder / "model"
    shutil.copytree(before, model)
    old, known = read_tree(before), digests(before)
    with used(Failing(at, error, for_ever)) as disk:
        code, err = train(model, 2)
    if not disk.failed:
        check(code == 0, err)
        shutil.rmtree(model)
        return False
    where = f"operation {at}, {errno.errorcode[error]}, {'for ever' if for_ever else 'once'}: {code} {err!r}"
    new = digests(model)
    check(known.items() <= new.items() and len(new) <= 2, where)
    now = read_tree(model)
    kept = {name for name in old if name.startswith("versions/")}
    check(all(now[name] == old[name] for name in kept), where)
    version = check_readable(model, new, old=True)
    check(version == "000001" or code == 0 or now["current"] != old["current"], where)
    check(code in (0, 74), where)
    if code:  # what fails when all is done (removing what is not needed any more) is no error
        check(err.count("\n") == 1 and os.strerror(error) in err, where)
    check(train(model, 2)[0] == 0, f"{where}; the next start failed")
    clean(model)
    check(not (model / "run").exists() and len(digests(model)) >= 2, where)
    shutil.rmtree(model)
    return True


def faults(error: int, for_ever: bool, every: int, folder: Path) -> Counts:
    """Fails at the n-th operation for every n (or every `every`-th, beginning at another one for each error)."""
    before = _champion(folder)
    at, tried = 1 + error % every, 0
    while _one(before, folder, at, error, for_ever):
        at, tried = at + every, tried + 1
    check(tried > 0, "nothing failed")
    return {"operations that failed": tried}


def _publish(model: Path) -> None:
    """What a job does to the disk, in its order, without a training."""
    arrays = {"a": np.arange(6, dtype=np.float32)}
    snapshot = Snapshot("charlm", {"model": {"units": 1}}, {"held_out.txt": b"x" * 50}, arrays, "c0ffee")
    for folder in (model, model / "versions", model / "run"):
        atomic.remove_leftovers(folder)
    atomic.remove_folder(model / "run")
    unfinished.write(model / "run", snapshot)
    for step in (b"one" * 20, b"two" * 20):
        atomic.append_line(model / "history.jsonl", "{}")
        atomic.write_file(model / "run" / unfinished.STATE, step)
    version = checkpoint.write_version(model, "charlm", {"config.json": b"{}"}, arrays, {})
    checkpoint.promote(model, version)
    atomic.remove_folder(model / "run")


def publishing(errors: tuple[int, ...], folder: Path) -> Counts:
    """All operations fail, once and for ever, of what a job writes."""
    _publish(folder / "before")
    old, tried = read_tree(folder / "before"), 0
    for error, for_ever in itertools.product(errors, (False, True)):
        for at in itertools.count(1):
            model = folder / "model"
            shutil.copytree(folder / "before", model)
            where = f"operation {at}, {errno.errorcode[error]}, for ever: {for_ever}"
            with used(Failing(at, error, for_ever)) as disk, suppress(OSError):
                _publish(model)
            now = read_tree(model)
            kept = {name for name in old if name.startswith("versions/")}
            check(all(now.get(name) == old[name] for name in kept), f"{where}: the old version was changed")
            check(checkpoint.load(model).version in ("000001", "000002"), where)
            unfinished.read(model / "run")
            _publish(model)
            clean(model)
            check(checkpoint.load(model).version > "000001", f"{where}: nothing new after the next start")
            shutil.rmtree(model)
            if not disk.failed:
                break
            tried += 1
    return {"operations that failed": tried}


# Without a Disk of ours -----------------------------------------------------------------------------------------------


def limited(folder: Path) -> Counts:
    """A process that may not write files of more than 2 KB: the kernel refuses (RLIMIT_FSIZE)."""
    return _real(folder, folder / "home", ["prlimit", "--fsize=2048"], "File too large")


def _real(folder: Path, home: Path, before: list[str], message: str) -> Counts:
    model = home / "model"
    home.mkdir(exist_ok=True)
    check(train(model, 1)[0] == 0, "the first version was not trained")
    old = read_tree(model)
    ended = _process(before, model, folder / "text.txt")
    err = ended.stderr.decode()
    check(ended.returncode == 74 and err.count("\n") == 1 and message in err, f"{ended.returncode} {err!r}")
    now = read_tree(model)
    check(all(now[name] == data for name, data in old.items() if name != "history.jsonl"), "something changed")
    check(command("train-charlm", *_words(model, folder / "text.txt"))[0] == 0, "the next start failed")
    check_readable(model, digests(model), old=True)
    return {"real processes on a full disk": 1}


def _process(before: list[str], model: Path, source: Path) -> subprocess.CompletedProcess[bytes]:
    words = [*before, *PROGRAM, "train-charlm", *_words(model, source)]
    # Python would leave compiled modules behind that are cut off at the limit, too, and fail to read them for ever.
    environment = {**CLEAN, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(words, capture_output=True, env=environment, check=False)


def _words(model: Path, source: Path) -> list[str]:
    source.write_text(text(2))
    return [str(source), "-m", str(model), *CHARLM, *COMMON]


def cases(full_form: bool) -> list[Case]:
    if not full_form:
        return [
            Case("publishing", functools.partial(publishing, ERRORS[:1])),
            Case("some operations", functools.partial(faults, errno.ENOSPC, False, 20)),
            Case("a limit on the size of files", limited),
        ]
    every = [
        Case(f"{errno.errorcode[error]} {'for ever' if ever else 'once'}", functools.partial(faults, error, ever, 1))
        for error in ERRORS
        for ever in (False, True)
    ]
    return [
        Case("publishing", functools.partial(publishing, ERRORS)),
        *every,
        Case("a limit on the size of files", limited),
    ]


PROMISE_4 = Promise(4, "A full or failing disk costs nothing", cases)
