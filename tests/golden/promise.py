"""Promise 18: a checkpoint of every released format answers the same bytes; a newer format is refused by name."""

from __future__ import annotations

import functools
import json
import math
import re
import shutil
from pathlib import Path

from cli.shell import CLEAN, Shell
from fuzz.sealed import VERSION, point
from golden.answers import HERE, NAMES, answer
from soak.harness import Case, Counts, Promise, check

from rnntext.storage.manifest import FORMAT


def answers(name: str, folder: Path) -> Counts:
    """One golden checkpoint."""
    found, expected = answer(name), (HERE / name / "expected.txt").read_bytes()
    if name.startswith("forecaster"):
        check(_same_numbers(found, expected), f"{name} answered {found!r}, not {expected!r}")
        return {"golden checkpoints": 1}
    check(found == expected, f"{name} answered {found!r}, not {expected!r}")
    return {"golden checkpoints": 1, "bytes identical": len(found)}


def _same_numbers(found: bytes, expected: bytes) -> bool:
    """Whether two tables are equal but for rounding, which is the processor's."""
    rows, wanted = ([line.split(",") for line in table.decode().splitlines()] for table in (found, expected))
    if [row[0] for row in rows] != [row[0] for row in wanted] or rows[0] != wanted[0]:
        return False
    pairs = zip(rows[1:], wanted[1:], strict=True)
    return all(
        math.isclose(float(a), float(b), rel_tol=1e-4) for x, y in pairs for a, b in zip(x[1:], y[1:], strict=True)
    )


def newer_formats(folder: Path) -> Counts:
    """Every command that reads a model, with a model of the next format."""
    for name, commands in {
        "charlm-gru": ["generate", "score"],
        "gru-word": ["translate", "score"],
        "forecaster-gru": ["forecast input.csv"],
    }.items():
        shutil.copytree(HERE / name, folder / name)
        path = folder / name / VERSION / "manifest.json"
        manifest = {**json.loads(path.read_bytes()), "format": FORMAT + 1, "rnntext": "9.8.7"}
        path.write_text(json.dumps(manifest))
        (folder / name / "current").write_bytes(point(path.read_bytes()))
        for command in commands:
            message = Shell(folder, CLEAN)(*command.split(), "-m", str(folder / name), code=65).message
            wanted = rf"checkpoint format {FORMAT + 1} by rnntext 9\.8\.7; .* upgrade"
            check(re.search(wanted, message), f"{command}: {message}")
    return {"refusals of a newer format": 5}


PROMISE_18 = Promise(
    18,
    "Old checkpoints stay good",
    lambda full: [
        *(Case(name, functools.partial(answers, name)) for name in NAMES),
        Case("newer formats", newer_formats),
    ],
)
