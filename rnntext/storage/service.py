"""Which version is in service, which ones were before it, and which ones may be removed.

NAME/
  current             see checkpoint.py
  promotions.jsonl    one line per version that was put into service, or removed by name; oldest first
"""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rnntext.errors import CheckpointError, UsageError
from rnntext.files.atomic import append_line, read_bytes, remove_folder
from rnntext.storage import checkpoint, models
from rnntext.storage.checkpoint import LOG
from rnntext.storage.json_files import parse_json


def timestamp() -> str:
    """The present time as manifests and logs write it: UTC, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def put(root: Path, version: str) -> None:
    """Puts a version into service and adds it to the log. The caller holds the lock."""
    is_last = _promoted(root)[-1:] == [version]
    if version != serving(root) or not is_last:
        entry = {"time": timestamp(), "version": version}
        # The log comes first, because a line too many does no harm.
        append_line(root / LOG, json.dumps(entry))
    checkpoint.promote(root, version)


def serving(root: Path) -> str | None:
    """The version in service, whether it can be loaded or not; None if there is none, or `current` is damaged."""
    try:
        data = read_bytes(root / "current")
        path, _ = checkpoint.pointed(root, data)
    except (OSError, CheckpointError):
        return None
    if path.name not in models.versions(root):
        return None
    return path.name


def predecessor(root: Path) -> str | None:
    """The version that was in service before the present one and can be loaded; None if there is none.

    A return to a version undoes what was promoted after it: after 1, 2, 3 and a return to 2, the predecessor is 1.
    """
    # 1. Undo what returns have undone.
    history: list[str] = []
    for version in _promoted(root):
        if version in history:
            history = history[: history.index(version)]
        history.append(version)
    # 2. Take what comes before the present version.
    present = serving(root)
    if present is None and history:
        present = history[-1]
    older = history
    if present in history:
        older = history[: history.index(present)]
    if not older and present is not None:  # The model is older than the log.
        older = [version for version in models.versions(root) if version < present]
    # 3. Take the newest one that can be used.
    for version in reversed(older):
        if _usable(root, version):
            return version
    return None


def rollback(root: Path) -> str:
    """Puts the version back into service that was there before, and returns its name. The caller holds the lock.

    Raises:
        UsageError: there is none.
    """
    version = predecessor(root)
    if version is None:
        raise UsageError(
            f"{root}: no version was in service before this one; see: rnntext checkpoints list {shlex.quote(str(root))}"
        )
    put(root, version)
    return version


def prune(root: Path, keep: int) -> list[str]:
    """Removes all versions but the `keep` newest, the one in service and the one before it; returns the removed names.

    The caller holds the lock. Nothing is removed while `current` is damaged, because it is not clear then which version
    is in service.
    """
    present = serving(root)
    if present is None and models.in_service(root):
        return []
    versions = models.versions(root)
    kept = {present, predecessor(root), *versions[-keep:]}
    removed = [version for version in versions if version not in kept]
    for version in removed:
        remove_folder(root / "versions" / version)
    return removed


def remove(root: Path, version: str) -> None:
    """Removes a version that is not in service. The caller holds the lock.

    Raises:
        UsageError: it is in service.
    """
    if version == serving(root):
        raise UsageError(f"{root}: version {version} is in service; put another one there before it is removed")
    entry = {"time": timestamp(), "removed": version}
    append_line(root / LOG, json.dumps(entry))  # The log comes first: a line too many does no harm.
    remove_folder(root / "versions" / version)


def log_entries(path: Path) -> Iterator[dict[str, Any]]:
    """Yields the objects in a file of JSON lines, which need not exist. A line that a crash cut short is left out."""
    if not path.is_file():
        return
    for line in read_bytes(path).splitlines():
        try:
            entry = parse_json(line, path)
        except CheckpointError:
            continue
        if isinstance(entry, dict):
            yield entry


def _promoted(root: Path) -> list[str]:
    """The versions in the log, oldest first."""
    versions = (entry.get("version") for entry in log_entries(root / LOG))
    return [version for version in versions if isinstance(version, str)]


def _usable(root: Path, version: str) -> bool:
    try:
        checkpoint.load_version(root / "versions" / version)
    except CheckpointError:
        return False
    return True
