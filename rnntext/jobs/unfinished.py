"""The unfinished training in the folder `run/` of a model: all that it began with.

The same command goes on with it, even if the source files have changed meanwhile.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib.metadata
import secrets
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnntext.errors import CheckpointError, UsageError
from rnntext.files.atomic import Content, read_bytes, write_folder
from rnntext.settings.base import Config, Option, flag
from rnntext.storage import mapped
from rnntext.storage.json_files import parse_json, to_json
from rnntext.version import __version__

STATE = "state.safetensors"
SETTINGS = "settings.json"
ARRAYS = "arrays.safetensors"
Options = Mapping[str, Mapping[str, Any]]  # values by group and name

_FILE = "file."  # what the names of files begin with among arrays
_IN_SETTINGS = ("kind", "options", "corpus", "chosen", "parent", "run", "software", "command")  # fields of a Snapshot


def software() -> dict[str, str]:
    """Versions of the packages that a training computes with. Only with equal versions does it repeat itself bit for
    bit."""
    versions = {"rnntext": __version__}
    for name in ("tensorflow", "keras", "numpy"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """Everything that a run trains on until its end, even if the source files change meanwhile.

    Attributes:
        kind: of the model, see `families.Family`.
        options: those of the command that must match to go on, by group ("model", "training", "data", "job") and name.
        files: vocabulary and held-out data, by file name.
        arrays: training data, for a text its ids; sketches of the data; with a parent, its weights (`train.warm`).
        corpus: SHA-256 of training data and held-out data.
        chosen: values of the options that the command left open; None in a run of rnntext 0.1, which left none open.
        parent: the version whose weights the run began with, if any.
        run: a random name, unique to this run.
        software: see `software`.
        command: the command line that began the run; empty if Python did, or an older rnntext.
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
    command: str = ""


def write(folder: Path, snapshot: Snapshot) -> None:
    """Writes the snapshot of a new run into its folder, atomically."""
    files: dict[str, Content] = {**snapshot.files, ARRAYS: mapped.to_pieces(snapshot.arrays)}
    settings = {name: getattr(snapshot, name) for name in _IN_SETTINGS}
    settings["files"] = {name: _digest(content) for name, content in files.items()}
    settings["sha256"] = _digest(to_json(settings))
    files[SETTINGS] = to_json(settings)
    write_folder(folder, files, last=SETTINGS)


def to_pieces(snapshot: Snapshot) -> list[memoryview]:
    """The snapshot as bytes for another process; they share the memory of its arrays."""
    settings = {name: getattr(snapshot, name) for name in _IN_SETTINGS}
    files = {SETTINGS: to_json(settings), **snapshot.files}
    arrays = {_FILE + name: np.frombuffer(content, np.uint8) for name, content in files.items()}
    return mapped.to_pieces({**snapshot.arrays, **arrays})


def from_bytes(content: memoryview) -> Snapshot:
    """What `to_pieces` was given; its arrays share the memory of the bytes."""
    arrays = mapped.parsed(content, Path(ARRAYS))
    files = {name: arrays.pop(name).tobytes() for name in list(arrays) if name.startswith(_FILE)}
    files = {name.removeprefix(_FILE): content for name, content in files.items()}
    settings = parse_json(files.pop(SETTINGS), Path(SETTINGS))
    return Snapshot(files=files, arrays=arrays, **settings)


def read(folder: Path) -> Snapshot | None:
    """The unfinished training in a folder, or None.

    Raises:
        CheckpointError: it is damaged.
    """
    if not folder.is_dir():
        return None
    try:
        return _read(folder)
    except FileNotFoundError as error:
        reason = f"{Path(error.filename).name} is missing"
    except (CheckpointError, KeyError, TypeError, AttributeError) as error:
        reason = str(error)
    raise CheckpointError(f"{folder}: the unfinished training is damaged ({reason}); drop it with --fresh")


def _read(folder: Path) -> Snapshot:
    settings = parse_json(read_bytes(folder / SETTINGS), folder / SETTINGS)
    if settings.pop("sha256") != _digest(to_json(settings)):
        raise CheckpointError(f"{SETTINGS}: its SHA-256 is not the one that was stored with it")
    arrays, bytes_of_arrays = mapped.mapped(folder / ARRAYS)
    files = {}
    for name in settings["files"]:
        if name != ARRAYS:
            file_name = Path(name).name  # Without a folder: the settings cannot lead elsewhere.
            files[name] = read_bytes(folder / file_name)
    contents: dict[str, bytes | memoryview] = {**files, ARRAYS: bytes_of_arrays}
    for name, content in contents.items():
        if _digest(content) != settings["files"][name]:
            raise CheckpointError(f"{name}: its SHA-256 is not the one in {SETTINGS}")
    settings.setdefault("chosen", None)
    settings.setdefault("command", "")
    fields = {name: settings[name] for name in _IN_SETTINGS}
    return Snapshot(files=files, arrays=arrays, **fields)


def _digest(content: Content | memoryview) -> str:
    sha = hashlib.sha256()
    for piece in content if isinstance(content, list) else [content]:
        sha.update(piece)
    return sha.hexdigest()


def check_same(
    snapshot: Snapshot, kind: str, options: Options, configs: Sequence[Config], free: Collection[str] = ()
) -> None:
    """Raises UsageError, which names the options, if a command differs from the one that began the training. The data
    themselves may have changed: a run ends on the data that it began with.

    Args:
        options: those of the command that must match.
        configs: that the options belong to. If an older rnntext began the training and had no such option, it counts as
            given with its default.
        free: names of the options that the command leaves open. They are not compared with a training that rnntext 0.1
            began, which could not leave them open.
    """
    if snapshot.kind != kind:
        raise UsageError(f"an unfinished {snapshot.kind} training lies here: train under another name, or add --fresh")

    differences = changes(snapshot.options, options, configs, free if snapshot.chosen is None else ())
    if differences:
        raise UsageError(
            f"an unfinished training began with other options ({', '.join(differences)}): "
            "repeat its command to go on with it, or add --fresh to drop it"
        )


def changes(before: Options, now: Options, configs: Sequence[Config], skipped: Collection[str] = ()) -> list[str]:
    """The options that differ between two commands, each with both of its values, as the user types them.

    Args:
        configs: that the options belong to. An option that the first command does not have counts as its default.
        skipped: names of options that may differ.
    """
    # 1. Put the options of both commands side by side.
    first = {**defaults(configs), **_by_name(before)}
    second = _by_name(now)

    # 2. Describe the options that differ.
    declared: dict[str, Option] = {}
    for config in configs:
        declared |= config.options()
    differences = []
    for name, value in second.items():
        if name in first and name not in skipped and first[name] != value:
            differences.append(_change(name, first[name], value, declared.get(name)))
    return differences


def upgraded(snapshot: Snapshot) -> str | None:
    """A sentence that names the packages that have been upgraded since the training began; None if there are none."""
    changes = []
    for name, version in software().items():
        before = snapshot.software.get(name, "unknown")
        if before != version:
            changes.append(f"{name} {before} -> {version}")
    if not changes:
        return None
    return (
        f"since this training began something was upgraded ({', '.join(changes)}): "
        "it goes on, but may not repeat bit by bit"
    )


def defaults(configs: Sequence[Config]) -> dict[str, Any]:
    """The defaults of all fields of the configs' types, by name."""
    values: dict[str, Any] = {}
    for config in configs:
        values |= type(config)().to_json()
    return values


def _by_name(options: Options) -> dict[str, Any]:
    """The options of all groups together."""
    values: dict[str, Any] = {}
    for group in options.values():
        values |= group
    return values


def _change(name: str, before: Any, now: Any, declared: Option | None) -> str:
    """An option with its value before and now, as the user types them."""
    if declared is not None and declared.negative:
        flags = [flag(name) if value else declared.negative for value in (before, now)]
        return " -> ".join(flags)
    title = "text" if name == "sources" else flag(name)
    return f"{title} {_shown(before)} -> {_shown(now)}"


def _shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, list):
        return " ".join(value)
    return str(value)
