"""Promise 5: damage is noticed. Every byte of a small checkpoint is exchanged, and every file cut at every length."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path

from fuzz.sealed import GOLDEN
from soak.harness import Case, Counts, Promise, check

from rnntext.errors import CheckpointError
from rnntext.storage import checkpoint

MODELS = ("charlm-gru", "transformer-subword")
PORTION = 10_000  # cases in one go


def _is_noticed(model: Path, path: Path) -> bool:
    try:
        checkpoint.load(model)
    except CheckpointError:
        return path.name in ("current", "manifest.json") or _version_is_noticed(path.parent)
    return False


def _version_is_noticed(version: Path) -> bool:
    """Whether one version, looked at by itself, is found to be damaged."""
    try:
        checkpoint.load_version(version)
    except CheckpointError:
        return True
    return False


def damage(name: str, part: str, begin: int, end: int, every: int, folder: Path) -> Counts:
    """Exchanges the bytes of a file and cuts it off before each of them; the version before it stays usable."""
    model = folder / "model"
    shutil.copytree(GOLDEN / name, model)
    shutil.copytree(model / "versions" / "000001", model / "versions" / "000002")
    checkpoint.promote(model, "000002")
    path = model / part
    good = path.read_bytes()
    checked = 0
    for at in range(begin, min(end, len(good)), every):
        exchanged = good[:at] + bytes([good[at] ^ (0xFF if at % 2 else 1 << at // 2 % 8)]) + good[at + 1 :]
        # `current` says the same without its last line break
        cut = good[:at] if at < len(good) - 1 or part != "current" else b""
        for how, data in (("exchanged", exchanged), ("cut off", cut)):
            path.write_bytes(data)
            check(_is_noticed(model, path), f"{name}: {part}: {how} at {at}")
            checked += 1
    pointer = (model / "current").read_bytes()
    checkpoint.promote(model, "000001")
    check(checkpoint.load(model).version == "000001", "the version before cannot be used")
    (model / "current").write_bytes(pointer)
    return {"cases": checked, "noticed": checked}


def cases(full: bool) -> list[Case]:
    found = []
    for name in MODELS if full else MODELS[:1]:
        version = "versions/000002"
        parts = ["current", *(f"{version}/{p.name}" for p in sorted((GOLDEN / name / "versions/000001").iterdir()))]
        for part in parts if name == MODELS[0] else [p for p in parts if not p.endswith(".safetensors")]:
            real = GOLDEN / name / part.replace("000002", "000001")
            size = real.stat().st_size
            portion = PORTION if full else size
            every = 1 if full else max(1, size // 60)
            found += [
                Case(f"{name} {part} {begin}", functools.partial(damage, name, part, begin, begin + portion, every))
                for begin in range(0, size, portion)
            ]
    return found if full else [Case("some bytes of every file", functools.partial(_together, found))]


def _together(cases: list[Case], folder: Path) -> Counts:
    total = 0.0
    for index, case in enumerate(cases):
        (folder / str(index)).mkdir()
        total += case.run(folder / str(index))["cases"]
    return {"cases": total, "noticed": total}


PROMISE_5 = Promise(5, "Damage is noticed", cases)
