"""Looking after trained models: what there is, whether it is whole, and which version is in service."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from rnntext.errors import CheckpointError, InputOutputError, UsageError
from rnntext.files.lock import locked
from rnntext.storage import checkpoint, models, service


@dataclasses.dataclass(frozen=True)
class Entry:
    """One version of a model.

    Attributes:
        facts: its manifest, without the list of files; empty if it is damaged.
        metrics: its scores and durations.
        size: bytes of all its files.
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
        """Name and value of the score that decides, if it is known."""
        found = self.facts.get("score")
        name, value = (found.get(key) if isinstance(found, dict) else None for key in ("name", "value"))
        return (name, float(value)) if isinstance(name, str) and isinstance(value, (int, float)) else None

    def to_json(self) -> dict[str, Any]:
        """Everything, for --json."""
        return dataclasses.asdict(self)


def find(name: str) -> Path:
    """The folder of a model that has versions, in service or not.

    Raises:
        UsageError: there is none of this name.
    """
    path = models.folder(name)
    return path if checkpoint.versions(path) else models.find(name, "train-charlm")


def entries(path: Path) -> list[Entry]:
    """All versions of a model, oldest first, all their digests checked."""
    now = service.serving(path)
    return [_entry(path, version, version == now) for version in checkpoint.versions(path)]


def serving(path: Path) -> Entry:
    """The version in service of a model that has one, though it may be damaged."""
    now = service.serving(path)
    if now is None:
        return Entry(path.name, "-", True, {}, {}, 0, pointer_damage(path))
    return _entry(path, now, True)


def entry(path: Path, version: str | None) -> Entry:
    """One version, or the one in service.

    Raises:
        UsageError: there is no such version.
        CheckpointError: it is damaged.
    """
    now = service.serving(path)
    name = _named(path, version) if version is not None else checkpoint.load(path).version
    found = _entry(path, name, name == now)
    if found.damage is not None:
        raise CheckpointError(found.damage)
    return found


def pointer_damage(path: Path) -> str | None:
    """What is wrong with `current`, or None; without any version in service nothing is."""
    if not checkpoint.in_service(path):
        return None
    try:
        checkpoint.load(path)
    except CheckpointError as error:
        return str(error)
    return None


def verify(path: Path) -> dict[str, str | None]:
    """What is wrong, or None, with every version, with `current`, and with an unfinished training if there is one."""
    from rnntext.jobs import unfinished
    from rnntext.train import state

    found = {entry.version: entry.damage for entry in entries(path)}
    found["current"] = pointer_damage(path)
    run = path / "run"
    try:
        if unfinished.read(run) is not None:
            found["run"] = None
            state.load(run / unfinished.STATE)
    except CheckpointError as error:
        if run.exists():  # and was not finished just now
            found["run"] = str(error)
    return found


def promote(path: Path, version: str) -> str:
    """Puts a version into service that is whole; returns its name.

    Raises:
        UsageError: there is no such version.
        CheckpointError: it is damaged; nothing has changed.
        BusyError: a job is training this model.
    """
    with locked(path / "lock"):
        name = _named(path, version)
        checkpoint.load_version(path / "versions" / name)
        service.put(path, name)
        return name


def rollback(path: Path) -> str:
    """Puts the version back into service that was there before; returns its name.

    Raises:
        UsageError: there is none.
        BusyError: a job is training this model.
    """
    with locked(path / "lock"):
        return service.rollback(path)


def prune(path: Path, keep: int) -> list[str]:
    """Removes old versions, see `storage.service.prune`; returns their names.

    Raises:
        CheckpointError: `current` is damaged; nothing was removed.
        BusyError: a job is training this model.
    """
    with locked(path / "lock"):
        if service.serving(path) is None and checkpoint.in_service(path):
            raise CheckpointError(
                f"{path / 'current'}: damaged; first put a version into service: rnntext checkpoints promote {path}"
            )
        return service.prune(path, keep)


def pack(path: Path, version: str | None) -> bytes:
    """A version, or the one in service, as one file: see `storage.package`."""
    from rnntext.storage import package

    name = _named(path, version) if version is not None else checkpoint.load(path).version
    return package.pack(path / "versions" / name)


def unpack(archive: Path, path: Path) -> tuple[str, bool]:
    """Makes the version in an archive the newest one of a model, and puts it into service if none is; returns its name
    and whether it is in service.

    Raises:
        CheckpointError, UsageError: see `storage.package.unpack`.
        BusyError: a job is training this model.
    """
    from rnntext.storage import package

    if not archive.is_file():
        raise InputOutputError(f"{archive}: No such file")
    with locked(path / "lock"):
        name = package.unpack(archive, path).version
        free = not checkpoint.in_service(path)
        if free:
            service.put(path, name)
        return name, free


def _named(path: Path, version: str) -> str:
    """The name of a version that may be given without its zeros."""
    name, known = version.zfill(6), checkpoint.versions(path)
    if name not in known:
        raise UsageError(f"{path} has no version {version}; there are: {', '.join(known)}")
    return name


def _entry(path: Path, version: str, in_service: bool) -> Entry:
    folder = path / "versions" / version
    size = sum(file.stat().st_size for file in folder.iterdir() if file.is_file()) if folder.is_dir() else 0
    try:
        found = checkpoint.load_version(folder)
        facts = {name: value for name, value in found.manifest.items() if name != "files"}
        metrics = found.json("metrics.json") if "metrics.json" in found.files else {}
    except CheckpointError as error:
        return Entry(path.name, version, in_service, {}, {}, size, str(error))
    return Entry(path.name, version, in_service, facts, metrics if isinstance(metrics, dict) else {}, size)
