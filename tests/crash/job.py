"""Training jobs on tiny data in this process, for disks that record or fail; what must be true of their folders."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

from soak.harness import check

from rnntext.__main__ import main
from rnntext.files.atomic import TEMPORARY, remove_leftovers
from rnntext.jobs import unfinished
from rnntext.storage import checkpoint, models

COMMON = ["--steps", "4", "--seed", "3", "--quiet", "--promote", "always"]
CHARLM = ["--cell", "gru", "--layers", "1", "--units", "4", "--embedding", "2", "--batch-size", "2", "--window", "4"]
WORDS = ["the", "mill", "by", "the", "river", "turns", "in", "May", "and", "rests", "in", "June"]


def text(seed: int, lines: int = 12) -> str:
    """A little text; another seed gives another one."""
    chance = random.Random(seed)
    return "".join(" ".join(chance.choices(WORDS, k=4)) + "\n" for _ in range(lines))


def command(*arguments: str) -> tuple[int, str]:
    """Runs rnntext in this process: its exit code, and what it wrote to stderr."""
    err, out = io.StringIO(), os.dup(1)
    with patch.object(sys, "argv", ["rnntext", *arguments]), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            return int(end.code or 0), err.getvalue()
        finally:
            os.dup2(out, 1)  # after an error of its own, main sends stdout nowhere
            os.close(out)
    raise AssertionError("main came back")


def train(model: Path, seed: int, *options: str) -> tuple[int, str]:
    """Trains a character model on the text of a seed."""
    source = model.parent / "text.txt"
    source.write_text(text(seed))
    return command("train-charlm", str(source), "-m", str(model), *CHARLM, *COMMON, *options)


@contextlib.contextmanager
def signal_at(stop: Callable[[int], bool]):
    """This process gets SIGTERM after the steps that `stop` chooses."""
    from rnntext.train.loop import Loop

    step = Loop.step

    def then_stop(loop):
        progress = step(loop)
        if stop(progress.step):
            os.kill(os.getpid(), signal.SIGTERM)
        return progress

    with patch.object(Loop, "step", then_stop):
        yield


def digests(model: Path) -> dict[str, str]:
    """The versions of a model, each with the SHA-256 of its manifest, which lists those of all other files."""
    return {
        name: hashlib.sha256((model / "versions" / name / "manifest.json").read_bytes()).hexdigest()
        for name in models.versions(model)
    }


def check_readable(model: Path, known: dict[str, str], old: bool) -> str:
    """Everything in a model's folder can be read; which version is in service, or "".

    Args:
        known: all versions that there may be, as `digests` gives them.
        old: whether a version was in service before, so that one must be now.
    """
    found = digests(model)
    check(found.items() <= known.items(), f"versions {found}")
    for name in found:
        checkpoint.load_version(model / "versions" / name)
    if unfinished.read(model / "run") is not None and (model / "run" / unfinished.STATE).exists():
        from rnntext.train import state

        state.load(model / "run" / unfinished.STATE)
    if not old and not models.in_service(model):
        return ""
    version = checkpoint.load(model).version
    check(json.loads((model / "current").read_bytes())["manifest"] == known[version], "another manifest")
    return version


def clean(model: Path) -> None:
    """What the next start does first; nothing is left then of what was not finished."""
    for folder in (model, model / "versions", model / "run"):
        remove_leftovers(folder)
    left = [path.name for path in model.rglob(TEMPORARY + "*")]
    check(not left, f"left over: {left}")
