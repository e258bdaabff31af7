"""The unfinished training in a model's folder `run/`: what it began with, so that the same command goes on with it."""

from __future__ import annotations

import dataclasses
import hashlib
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from rnntext.errors import CheckpointError, UsageError
from rnntext.files.atomic import read_bytes, write_folder
from rnntext.storage.checkpoint import parse_json, to_json

STATE = "state.safetensors"
SETTINGS, ARRAYS = "settings.json", "arrays.safetensors"
Options = Mapping[str, Mapping[str, Any]]


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """What a run trains on until its end, however its sources change meanwhile.

    Attributes:
        kind: "charlm", "translator".
        options: of the command, by group ("model", "training", "data") and name.
        files: vocabulary and held-out text, by file name.
        arrays: the training text as ids.
        corpus: SHA-256 of training text and held-out text.
        run: a name of this run that no other has.
    """

    kind: str
    options: Options
    files: dict[str, bytes]
    arrays: dict[str, np.ndarray]
    corpus: str
    run: str = dataclasses.field(default_factory=lambda: secrets.token_hex(8))


def write(folder: Path, snapshot: Snapshot) -> None:
    """Begins an unfinished training, atomically."""
    files = {**snapshot.files, ARRAYS: safetensors.numpy.save(snapshot.arrays)}
    settings = {
        "kind": snapshot.kind,
        "options": snapshot.options,
        "corpus": snapshot.corpus,
        "run": snapshot.run,
        "files": {name: _digest(data) for name, data in files.items()},
    }
    write_folder(folder, {**files, SETTINGS: to_json(settings)}, last=SETTINGS)


def read(folder: Path) -> Snapshot | None:
    """The unfinished training in a folder, or None."""
    if not folder.is_dir():
        return None
    try:
        return _read(folder)
    except FileNotFoundError as error:
        reason = f"{Path(error.filename).name} is missing"
    except (CheckpointError, safetensors.SafetensorError, KeyError, TypeError, AttributeError) as error:
        reason = str(error)
    raise CheckpointError(f"{folder}: the unfinished training is damaged ({reason}); drop it with --fresh")


def _read(folder: Path) -> Snapshot:
    settings = parse_json(read_bytes(folder / SETTINGS), folder / SETTINGS)
    files = {}
    for name, digest in settings["files"].items():
        files[name] = read_bytes(folder / Path(name).name)
        if _digest(files[name]) != digest:
            raise CheckpointError(f"{name}: its SHA-256 is not the one in {SETTINGS}")
    arrays = safetensors.numpy.load(files.pop(ARRAYS))
    return Snapshot(settings["kind"], settings["options"], files, arrays, settings["corpus"], settings["run"])


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def check_same(snapshot: Snapshot, kind: str, options: Options) -> None:
    """Raises UsageError, naming the options, if a command differs from the one that began the training. The texts
    themselves may have changed: a run ends on what it began with."""
    if snapshot.kind != kind:
        raise UsageError(f"an unfinished {snapshot.kind} training lies here: train under another name, or add --fresh")
    before, now = (
        {name: value for group in found.values() for name, value in group.items()}
        for found in (snapshot.options, options)
    )
    names = dict.fromkeys([*now, *before])
    changed = [
        f"{_named(n)} {_shown(before.get(n))} -> {_shown(now.get(n))}" for n in names if before.get(n) != now.get(n)
    ]
    if changed:
        raise UsageError(
            f"an unfinished training began with other options ({', '.join(changed)}): "
            "repeat its command to go on with it, or add --fresh to drop it"
        )


_NAMES = {"sources": "text", "tied": "not --untied", "joint": "not --separate"}


def _named(name: str) -> str:
    return _NAMES.get(name, f"--{name.replace('_', '-')}")


def _shown(value: object) -> str:
    return "none" if value is None else " ".join(value) if isinstance(value, list) else str(value)
