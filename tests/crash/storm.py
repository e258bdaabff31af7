"""Promise 9: one writer, many readers."""

from __future__ import annotations

import functools
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from cli.shell import CLEAN, read_until
from crash.disks import read_tree
from crash.resume import LONG, PATIENCE, arguments, prepare, process
from fuzz.sealed import GOLDEN
from helpers import ALPHABET, alphabet_weights, save_charlm
from soak.harness import ROOT, Case, Counts, Promise, check

from rnntext.storage import checkpoint, models
from rnntext.storage.json_files import to_json

# Tells at exit whether TensorFlow was imported, however the process ends by itself.
_WATCHED = """
import sys
from rnntext.__main__ import main
try:
    main()
finally:
    if "tensorflow" in sys.modules:
        print("TENSORFLOW", file=sys.stderr)
"""
# Reads a model again and again until its stdin is closed, and tells what it read.
_READER = """
import collections, json, os, select, sys
from rnntext.settings.charlm import SamplingConfig
from rnntext.jobs.load import load
answers = collections.Counter()
while not answers or not select.select([0], [], [], 0)[0]:
    model = load(sys.argv[1])
    text = "".join(model.generate("h", length=6, seed=1, sampling=SamplingConfig(temperature=0.0)))
    if not answers:
        print("begun", flush=True)
    answers[f"{model.checkpoint.manifest['turn'] % 2} {text}"] += 1
print(json.dumps(answers))
"""


def starts(count: int, folder: Path) -> Counts:
    """Trainings of one model, all started at once; the one that runs is killed, and leaves no lock behind."""
    prepare(folder)
    words = arguments("charlm", folder, "model", LONG)
    running = [process(words, sys.executable, "-c", _WATCHED) for _ in range(count)]
    refused, winner = [], None
    for one in running:
        assert one.stderr is not None
        first = one.stderr.readline()
        if b"another job is training this model" in first:
            with one:
                refused.append((one.wait(PATIENCE), first + one.stderr.read()))
        else:
            check(winner is None, f"two are running: {first!r}")
            winner = one
    assert winner is not None
    codes = {code for code, _ in refused}
    check(len(refused) == count - 1 and codes <= {75}, f"{len(refused)} were refused, with {codes}")
    check(all(err.count(b"\n") == 1 for _, err in refused), "more than one line, or TensorFlow was imported")
    winner.send_signal(signal.SIGKILL)
    winner.communicate(timeout=PATIENCE)
    with process(words) as after:
        assert after.stderr is not None
        read_until(after.stderr.fileno(), b"training ")
        after.terminate()
        after.communicate(timeout=PATIENCE)
        check(after.returncode == 143, f"after a killed holder: {after.returncode}")
    return {"simultaneous starts": count, "exits with 75": len(refused)}


def writes_nothing(count: int, folder: Path) -> Counts:
    """While the lock is held, those that are refused leave everything as it is."""
    from rnntext.files.lock import locked

    prepare(folder)
    shutil.copytree(GOLDEN / "charlm-gru", folder / "model")
    with locked(folder / "model" / "lock"):
        before = _times(folder)
        tree = read_tree(folder / "model")
        running = [process(arguments("charlm", folder, "model", LONG)) for _ in range(count)]
        codes = [one.communicate(timeout=PATIENCE) and one.returncode for one in running]
        check(codes == [75] * count, codes)
        check(read_tree(folder / "model") == tree and _times(folder) == before, "something was written")
    return {"refused, nothing written": count}


def _times(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in sorted(folder.rglob("*"))}


def readers(promotions: int, count: int, folder: Path) -> Counts:
    """Versions that answer differently go into service in turn, while others read."""
    model = folder / "model"
    config, _, arrays = alphabet_weights()
    backward = {**arrays, "logits.kernel": arrays["logits.kernel"].T.copy()}
    answers = {"0": "ijklmn", "1": "gfedcb"}
    files = {
        "config.json": to_json({"model": config.to_json()}),
        "vocabulary.json": to_json(list(ALPHABET)),
    }
    save_charlm(model, config, ALPHABET, arrays)
    shutil.rmtree(model / "versions")

    def promote(turn: int) -> None:
        weights = backward if turn % 2 else arrays
        checkpoint.promote(model, checkpoint.write_version(model, "charlm", files, weights, {"turn": turn}))

    promote(0)
    command = [sys.executable, "-c", _READER, str(model)]
    environment = {**CLEAN, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    running = [subprocess.Popen(command, env=environment, **pipes) for _ in range(count)]
    for one in running:
        assert one.stdout is not None
        check(one.stdout.readline() == b"begun\n", "a reader did not begin")
    for turn in range(1, promotions + 1):
        promote(turn)
        for old in models.versions(model)[:-20]:  # as pruning does, only later
            shutil.rmtree(model / "versions" / old)
    read = 0
    for one in running:
        out, err = one.communicate(timeout=PATIENCE)
        check(one.returncode == 0, err.decode())
        for answer, times in json.loads(out).items():
            turn, text = answer.split()
            check(answers[turn] == text, f"a mixture: {answer}")
            read += times
    check(read > 0, "nothing was read")
    return {"promotions": promotions, "loads meanwhile": read}


def cases(full: bool) -> list[Case]:
    if not full:
        return [
            Case("4 starts", functools.partial(starts, 4)),
            Case("100 promotions", functools.partial(readers, 100, 1)),
        ]
    return [
        Case("50 starts", functools.partial(starts, 50)),
        Case("20 refused", functools.partial(writes_nothing, 20)),
        Case("1000 promotions", functools.partial(readers, 1000, 3)),
    ]


PROMISE_9 = Promise(9, "One writer, many readers", cases)
