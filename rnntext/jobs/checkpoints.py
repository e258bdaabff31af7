"""The versions of trained models: a list of them, checks for damage, and which one is in service."""

from __future__ import annotations

import dataclasses
import os
import shlex
from pathlib import Path
from typing import Any

from rnntext.errors import CheckpointError, UsageError
from rnntext.files.lock import locked
from rnntext.jobs.load import absence
from rnntext.storage import checkpoint, models, service
from rnntext.text.lines import name_of, opened

RUN = "run"  # what stands in the place of a version for an unfinished training


@dataclasses.dataclass(frozen=True)
class Entry:
    """One version of a model, or its unfinished training.

    Attributes:
        version: its name; RUN for an unfinished training.
        facts: its manifest without the list of files; empty if the version is damaged.
        metrics: its scores and durations; of an unfinished training, the best scores so far.
        size: of all its files, in bytes.
        damage: what is wrong with it, or None.
    """

    model: str
    version: str
    in_service: bool
    facts: dict[str, Any]
    metrics: dict[str, Any]
    size: int
    damage: str | None = None

    @property
    def score(self) -> tuple[str, float] | None:
        """Name and value of the score that decides about service; None if it is not known."""
        score = self.facts.get("score")
        if not isinstance(score, dict):
            return None
        name = score.get("name")
        value = score.get("value")
        if not isinstance(name, str) or not isinstance(value, (int, float)):
            return None
        return name, float(value)

    def to_json(self) -> dict[str, Any]:
        """All fields by name, for --json."""
        return dataclasses.asdict(self)


def find(name: str) -> Path:
    """The folder of a model that has versions, whether one of them is in service or not, or an unfinished training.

    Raises:
        UsageError: there is no model of this name.
    """
    path = models.folder(name)
    if models.versions(path) or models.begun(path):
        return path
    return models.find(name, "train-charlm")


def entries(path: Path) -> list[Entry]:
    """All versions of a model, oldest first, then its unfinished training. The digests of all files are checked."""
    return _versions(path) + _running(path)


def _versions(path: Path) -> list[Entry]:
    """All versions of a model, oldest first."""
    current = service.serving(path)
    return [_entry(path, version, version == current) for version in models.versions(path)]


def overview(path: Path) -> list[Entry]:
    """What a model has in service, though it may be damaged (or else its newest version), and its unfinished
    training."""
    current = service.serving(path)
    versions = models.versions(path)
    if current is not None:
        shown = [_entry(path, current, True)]
    elif models.in_service(path):
        shown = [Entry(path.name, "-", True, {}, {}, 0, pointer_damage(path))]
    else:
        shown = [_entry(path, version, False) for version in versions[-1:]]
    return shown + _running(path)


def _running(path: Path) -> list[Entry]:
    """The unfinished training of a model, if it has one."""
    if not models.begun(path):
        return []
    from rnntext.jobs import finishing

    run = path / "run"
    try:
        begun = finishing.read(path)
        if begun is None:
            return []
        facts = {
            "kind": begun.snapshot.kind,
            "run": begun.snapshot.run,
            "parent": begun.snapshot.parent,
            "corpus": begun.snapshot.corpus,
            "command": begun.snapshot.command,
            "step": begun.position.step,
            "score": {"name": begun.family.metric, "value": begun.score},
        }
        return [Entry(path.name, RUN, False, facts, begun.position.best or {}, _size(run))]
    except (CheckpointError, UsageError, FileNotFoundError) as error:
        if not run.exists():  # A job may have finished, and removed it, just now.
            return []
        return [Entry(path.name, RUN, False, {}, {}, _size(run), str(error))]


def entry(path: Path, version: str | None) -> Entry:
    """One version.

    Args:
        version: its name, leading zeros or not, or RUN; None: the version in service, and if there is none, but an
            unfinished training, this one.

    Raises:
        UsageError: there is no such version.
        CheckpointError: it is damaged.
    """
    current = service.serving(path)
    if (version is None and not models.in_service(path)) or version == RUN:
        for running in _running(path):
            if running.damage is not None:
                raise CheckpointError(running.damage)
            return running
    name = _full_name(path, version)
    checked = _entry(path, name, name == current)
    if checked.damage is not None:
        raise CheckpointError(checked.damage)
    return checked


def pointer_damage(path: Path) -> str | None:
    """What is wrong with the file `current`, or None. A model without a version in service has no such file, which is
    no damage."""
    if not models.in_service(path):
        return None
    try:
        checkpoint.load(path)
    except CheckpointError as error:
        return str(error)
    return None


def verify(path: Path) -> dict[str, str | None]:
    """What is wrong with each part of a model; None for a part that is whole. The parts are its versions, the file
    "current", and the unfinished training "run", if there is one."""
    versions = {entry.version: entry.damage for entry in _versions(path)}
    running = {entry.version: entry.damage for entry in _running(path)}
    return {**versions, "current": pointer_damage(path), **running}


def promote(path: Path, version: str) -> str:
    """Puts a version into service if it is not damaged, and returns its full name.

    Raises:
        UsageError: there is no such version.
        CheckpointError: it is damaged; the version in service stays.
        BusyError: a job is training this model.
    """
    with locked(path / "lock"):
        name = _full_name(path, version)
        checkpoint.load_version(path / "versions" / name)
        service.put(path, name)
        return name


def rollback(path: Path) -> str:
    """Puts the version back into service that was in service before the current one, and returns its name.

    Raises:
        UsageError: there is no such version.
        BusyError: a job is training this model.
    """
    with locked(path / "lock"):
        return service.rollback(path)


def prune(path: Path, keep: int) -> list[str]:
    """Removes old versions, see `storage.service.prune`, and returns their names.

    Raises:
        CheckpointError: `current` is damaged; nothing was removed.
        BusyError: a job is training this model.
    """
    with locked(path / "lock"):
        _check_pointer(path)
        return service.prune(path, keep)


def remove(path: Path, version: str) -> str:
    """Removes a version that is not in service, damaged or not, and returns its full name.

    Raises:
        UsageError: there is no such version, or it is in service.
        CheckpointError: `current` is damaged; nothing was removed.
        BusyError: a job is training this model.
    """
    with locked(path / "lock"):
        _check_pointer(path)
        name = _full_name(path, version)
        service.remove(path, name)
        return name


def _check_pointer(path: Path) -> None:
    """Raises CheckpointError if it is not clear which version is in service."""
    if service.serving(path) is None and models.in_service(path):
        command = f"rnntext checkpoints promote {shlex.quote(str(path))}"
        raise CheckpointError(f"{path / 'current'}: damaged; first put a version into service: {command}")


def pack(path: Path, version: str | None) -> bytes:
    """The content of an archive of one version, see `storage.package`.

    Args:
        version: its name, leading zeros or not; None: the version in service.
    """
    from rnntext.storage import package

    name = _full_name(path, version)
    return package.pack(path / "versions" / name)


def unpack(archive: str, path: Path) -> tuple[str, bool]:
    """Makes the version in an archive the newest one of a model, and puts it into service if no other one is. Returns
    its name and whether it is in service.

    Args:
        archive: a file, or `-` for standard input.

    Raises:
        CheckpointError: see `storage.package.read`; nothing is written.
        UsageError: the archive is a folder, or the model is of another kind.
        InputOutputError: the archive cannot be read.
        BusyError: a job is training this model.
    """
    from rnntext.storage import package

    if os.path.isdir(archive):
        raise UsageError(f"{archive}: a folder; give a file that rnntext checkpoints pack wrote")
    with opened(archive) as file:
        packed = package.read(file, name_of(archive))
    with locked(path / "lock"):
        version = package.add(packed, path).version
        is_first = not models.in_service(path)
        if is_first:
            service.put(path, version)
        return version, is_first


def _full_name(path: Path, version: str | None) -> str:
    """The name of a version, with all its zeros.

    Args:
        version: the name, leading zeros or not; None: the version in service.
    """
    if version is not None:
        return models.full_name(path, version)
    if not models.in_service(path):
        raise UsageError(absence(path))
    return checkpoint.load(path).version


def _entry(path: Path, version: str, in_service: bool) -> Entry:
    folder = path / "versions" / version
    size = _size(folder)
    try:
        loaded = checkpoint.load_version(folder)
        metrics = loaded.json("metrics.json") if "metrics.json" in loaded.files else {}
    except CheckpointError as error:
        return Entry(path.name, version, in_service, {}, {}, size, str(error))
    facts = {name: value for name, value in loaded.manifest.items() if name != "files"}
    if not isinstance(metrics, dict):
        metrics = {}
    return Entry(path.name, version, in_service, facts, metrics, size)


def _size(folder: Path) -> int:
    """Bytes of all files in a folder; 0 if it does not exist."""
    if not folder.is_dir():
        return 0
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
