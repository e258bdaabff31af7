"""The unfinished training in a model's folder `run/`: what it began with, so that the same command goes on with it."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib.metadata
import secrets
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from rnntext import __version__
from rnntext.errors import CheckpointError, UsageError
from rnntext.files.atomic import read_bytes, write_folder
from rnntext.storage.checkpoint import parse_json, to_json

STATE = "state.safetensors"
SETTINGS, ARRAYS = "settings.json", "arrays.safetensors"
Options = Mapping[str, Mapping[str, Any]]


def software() -> dict[str, str]:
    """Versions of what a training computes with; only among equal ones does it repeat itself bit by bit."""
    found = {"rnntext": __version__}
    for name in ("tensorflow", "keras", "numpy"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """What a run trains on until its end, however its sources change meanwhile.

    Attributes:
        kind: "charlm", "translator".
        options: those of the command that must match to go on, by group ("model", "training", "data", "job") and name.
        files: vocabulary and held-out text, by file name.
        arrays: the training text as ids.
        corpus: SHA-256 of training text and held-out text.
        chosen: values of the options that the command left open; None in a run of rnntext 0.1, which left none open.
        parent: the version whose weights the run began with, if any.
        run: a name of this run that no other has.
        software: versions of what computes, by name.
    """

    kind: str
    options: Options
    files: dict[str, bytes]
    arrays: dict[str, np.ndarray]
    corpus: str
    chosen: Mapping[str, Any] | None = dataclasses.field(default_factory=dict)
    parent: str | None = None
    run: str = dataclasses.field(default_factory=lambda: secrets.token_hex(8))
    software: Mapping[str, str] = dataclasses.field(default_factory=software)


def write(folder: Path, snapshot: Snapshot) -> None:
    """Begins an unfinished training, atomically."""
    files = {**snapshot.files, ARRAYS: safetensors.numpy.save(snapshot.arrays)}
    settings = {name: getattr(snapshot, name) for name in _SETTINGS}
    settings["files"] = {name: _digest(data) for name, data in files.items()}
    settings["sha256"] = _digest(to_json(settings))
    write_folder(folder, {**files, SETTINGS: to_json(settings)}, last=SETTINGS)


_SETTINGS = ("kind", "options", "corpus", "chosen", "parent", "run", "software")


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
    if settings.pop("sha256") != _digest(to_json(settings)):
        raise CheckpointError(f"{SETTINGS}: its SHA-256 is not the one that was stored with it")
    files = {}
    for name, digest in settings["files"].items():
        files[name] = read_bytes(folder / Path(name).name)
        if _digest(files[name]) != digest:
            raise CheckpointError(f"{name}: its SHA-256 is not the one in {SETTINGS}")
    arrays = safetensors.numpy.load(files.pop(ARRAYS))
    settings.setdefault("chosen", None)
    rest = {name: settings[name] for name in _SETTINGS}
    return Snapshot(files=files, arrays=arrays, **rest)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def check_same(
    snapshot: Snapshot, kind: str, options: Options, defaults: Mapping[str, Any], free: Collection[str] = ()
) -> None:
    """Raises UsageError, naming the options, if a command differs from the one that began the training. The texts
    themselves may have changed: a run ends on what it began with.

    Args:
        options: those that must match.
        defaults: of options that an older rnntext, which began the training, may not have had.
        free: options that the command leaves open: so did the one that began the training, if its rnntext could.
    """
    if snapshot.kind != kind:
        raise UsageError(f"an unfinished {snapshot.kind} training lies here: train under another name, or add --fresh")
    before, now = (
        {name: value for group in found.values() for name, value in group.items()}
        for found in (snapshot.options, options)
    )
    before = {**defaults, **before}
    skipped = free if snapshot.chosen is None else ()
    other = [n for n, value in now.items() if n in before and n not in skipped and before[n] != value]
    changed = [f"{_named(name)} {_shown(before[name])} -> {_shown(now[name])}" for name in other]
    if changed:
        raise UsageError(
            f"an unfinished training began with other options ({', '.join(changed)}): "
            "repeat its command to go on with it, or add --fresh to drop it"
        )


def upgraded(snapshot: Snapshot) -> str | None:
    """What has been upgraded since the training began, in a sentence; None if nothing has."""
    now = software()
    names = [n for n in now if snapshot.software.get(n) != now[n]]
    if not names:
        return None
    changed = ", ".join(f"{name} {snapshot.software.get(name, 'unknown')} -> {now[name]}" for name in names)
    return f"since this training began something was upgraded ({changed}): it goes on, but may not repeat bit by bit"


_NAMES = {"sources": "text", "tied": "not --untied", "joint": "not --separate", "warm_start": "not --from-scratch"}


def _named(name: str) -> str:
    return _NAMES.get(name, f"--{name.replace('_', '-')}")


def _shown(value: object) -> str:
    return "none" if value is None else " ".join(value) if isinstance(value, list) else str(value)
