"""Which version is in service, which ones were before, and which ones may go.

NAME/
  current             see checkpoint.py
  promotions.jsonl    one line per version that was put into service, oldest first
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from rnntext.errors import CheckpointError, UsageError
from rnntext.files.atomic import append_line, read_bytes, remove_folder
from rnntext.storage import checkpoint

LOG = "promotions.jsonl"


def timestamp() -> str:
    """Now, as manifests and logs write it: UTC, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def put(root: Path, version: str) -> None:
    """Puts a version into service, and takes down that it was. The caller holds the lock."""
    if version != serving(root) or version not in _before(root)[-1:]:
        entry = {"time": timestamp(), "version": version}
        append_line(root / LOG, json.dumps(entry))  # first: a line too many does no harm
    checkpoint.promote(root, version)


def serving(root: Path) -> str | None:
    """The version in service, whether it can be loaded or not; None if there is none or `current` is damaged."""
    try:
        path, _ = checkpoint.pointed(root, read_bytes(root / "current"))
    except (OSError, CheckpointError):
        return None
    return path.name if path.name in checkpoint.versions(root) else None


def predecessor(root: Path) -> str | None:
    """The version that was in service before the one there now, and can be loaded; None if there is none.

    Coming back to a version undoes what was promoted after it: after 1, 2, 3 and a return to 2, the predecessor is 1.
    """
    path: list[str] = []
    for version in _before(root):
        path = [*path[: path.index(version)], version] if version in path else [*path, version]
    now = serving(root) or (path[-1] if path else None)
    older = path[: path.index(now)] if now in path else path
    if not older:  # a model that was made before there was a log
        older = [v for v in checkpoint.versions(root) if now is not None and v < now]
    return next((version for version in reversed(older) if _usable(root, version)), None)


def rollback(root: Path) -> str:
    """Puts the version back into service that was there before. The caller holds the lock.

    Raises:
        UsageError: there is none.
    """
    version = predecessor(root)
    if version is None:
        raise UsageError(f"{root}: no version was in service before this one; see rnntext checkpoints list {root.name}")
    put(root, version)
    return version


def prune(root: Path, keep: int) -> list[str]:
    """Removes all versions but the `keep` newest, the one in service and the one before it; returns their names. The
    caller holds the lock.

    Nothing is removed while `current` is damaged, so that it is not clear which version is in service.
    """
    now = serving(root)
    if now is None and checkpoint.in_service(root):
        return []
    kept = {now, predecessor(root), *checkpoint.versions(root)[-keep:]}
    doomed = [version for version in checkpoint.versions(root) if version not in kept]
    for version in doomed:
        remove_folder(root / "versions" / version)
    return doomed


def _before(root: Path) -> list[str]:
    """What the log says, oldest first; a line that a crash cut short says nothing."""
    try:
        lines = read_bytes(root / LOG).splitlines()
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        try:
            entry = checkpoint.parse_json(line, root / LOG)
        except CheckpointError:
            continue
        if isinstance(entry, dict) and isinstance(entry.get("version"), str):
            found.append(entry["version"])
    return found


def _usable(root: Path, version: str) -> bool:
    try:
        checkpoint.load_version(root / "versions" / version)
    except CheckpointError:
        return False
    return True
