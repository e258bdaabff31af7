"""Promise 7: a worse model never replaces a better one, whatever happens to the training of the worse one."""

from __future__ import annotations

import functools
import math
import random
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

from cli.shell import CLEAN
from crash.job import CHARLM, command, text
from crash.resume import PATIENCE
from soak.harness import ROOT, Case, Counts, Promise, check

from rnntext.jobs.characters import CharacterModel
from rnntext.storage import checkpoint

EVENTS = ("better", "worse", "planted", "nan", "empty", "crash")
_SCORE = "rnntext.jobs.characters.CharacterModel.score"
_LOSS = "rnntext.train.charlm_task.tf.nn.sparse_softmax_cross_entropy_with_logits"


def _words(folder: Path, seed: int, steps: int, rate: float) -> list[str]:
    (folder / "text.txt").write_text(text(seed, 40))
    sources = [str(folder / "text.txt"), "--validation", str(folder / "held.txt"), "-m", str(folder / "model")]
    budget = ["--steps", str(steps), "--learning-rate", str(rate), "--seed", str(seed), "--keep", "100"]
    return ["train-charlm", *sources, *CHARLM, *budget, "--quiet", "--fresh"]


def _bits(folder: Path, version: str) -> float:
    """Bits of the held-out text, by the version itself."""
    model = CharacterModel(checkpoint.load_version(folder / "model" / "versions" / version))
    return float(model.score((folder / "held.txt").read_text())[0])


def _happen(event: str, folder: Path, seed: int) -> tuple[int, bool | None]:
    """One training; its exit code, and whether it must (not) replace what was there, if that is known beforehand."""
    good, bad = _words(folder, seed, 25, 0.03), [*_words(folder, seed, 1, 0.0), "--from-scratch"]
    if event == "crash":
        before = [sys.executable, "-m", "crash.victim", f"disk:{1 + seed % 60}"]
        environment = {**CLEAN, "PYTHONPATH": f"{ROOT / 'tests'}:{ROOT}"}
        done = subprocess.run([*before, *good], env=environment, capture_output=True, timeout=PATIENCE)
        return done.returncode, None
    if event == "empty":
        (folder / "text.txt").write_text("")
        return command(*good)[0], False
    with ExitStack() as planted:
        if event == "nan":
            planted.enter_context(patch(_LOSS, lambda labels, logits: math.nan * logits))
        if event == "planted":  # the version in service counts as unbeatable
            planted.enter_context(patch(_SCORE, return_value=(-1.0, 1)))
        code, _ = command(*(bad if event == "worse" else good))
    return code, None if event == "better" else False


def guarded(restarts: int, seed: int, folder: Path) -> Counts:
    """A model in service lives through many trainings."""
    (folder / "held.txt").write_text(text(999, 30))
    check(command(*_words(folder, 1, 25, 0.03))[0] == 0, "the first version was not trained")
    chance = random.Random(seed)
    events = [EVENTS[index % len(EVENTS)] for index in range(restarts)]
    chance.shuffle(events)
    counts = dict.fromkeys(("restarts", "replaced by one that is not worse", "kept"), 0)
    allowed = {"better": {0}, "worse": {0}, "planted": {0}, "nan": {1}, "empty": {65}, "crash": {0, -signal.SIGKILL}}
    for number, event in enumerate(events, 2):
        before = checkpoint.load(folder / "model")
        code, replaced = _happen(event, folder, number)
        check(code in allowed[event], f"restart {number}, {event}: exit code {code}")
        after = checkpoint.load(folder / "model")
        changed = after.version != before.version
        check(replaced is None or changed == replaced, f"restart {number}, {event}: replaced: {changed}")
        if changed:
            old, new = _bits(folder, before.version), _bits(folder, after.version)
            check(new <= old + 1e-9 * old, f"restart {number}, {event}: {old} bits were replaced by {new}")
        else:
            check(after == before, f"restart {number}, {event}: the version in service was changed")
        counts["restarts"] += 1
        counts["replaced by one that is not worse" if changed else "kept"] += 1
    return counts


def cases_7(full: bool) -> list[Case]:
    if not full:
        return [Case("worse, planted, nan, empty", functools.partial(guarded, 5, 3))]
    return [Case(f"restarts {seed}", functools.partial(guarded, 25, seed)) for seed in range(2)]


PROMISE_7 = Promise(7, "A worse model never replaces a better one", cases_7)
