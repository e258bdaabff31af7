"""The manifest of a version: what the version is, and size and SHA-256 of each of its files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rnntext.errors import CheckpointError, NewerCheckpointError
from rnntext.storage.json_files import parse_json
from rnntext.version import __version__

FORMAT = 1  # of checkpoints that this rnntext writes, and the newest one that it reads
MANIFEST = "manifest.json"  # name of the file
MAX_FILES = 64  # in a version
_MAX_NAME_LENGTH = 100  # characters of a file's name
_FILE_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+")
_KIND_NAME = re.compile(r"[a-z]{1,32}")
_RELEASE = re.compile(r"[0-9A-Za-z.+-]{1,32}")


def digest(data: bytes) -> str:
    """The SHA-256 of a file's content, as manifests write it."""
    return hashlib.sha256(data).hexdigest()


def make_manifest(kind: str, files: Mapping[str, bytes], facts: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest of a new version.

    Args:
        kind: of model, "charlm", ...
        files: the content of each file but the manifest.
        facts: what else the manifest says of the version.
    """
    return {
        "format": FORMAT,
        "rnntext": __version__,
        "kind": kind,
        **facts,
        "files": _entries(files),
    }


def _entries(files: Mapping[str, bytes]) -> dict[str, Any]:
    """What the manifest says of each file."""
    entries: dict[str, Any] = {}
    for name, data in files.items():
        entries[name] = {
            "bytes": len(data),
            "sha256": digest(data),
        }
    return entries


def check_files(files: Mapping[str, bytes], path: Path) -> str:
    """The kind of a model whose files, the manifest among them, are exactly those of one version.

    Args:
        files: the content of each file.
        path: where they come from, for messages.

    Raises:
        CheckpointError: a file is missing, damaged, or not in the manifest, or a newer rnntext has written them.
    """
    # 1. Read the manifest.
    if MANIFEST not in files:
        raise missing(path / MANIFEST)
    manifest = parse_json(files[MANIFEST], path / MANIFEST)
    check_manifest(manifest, path)
    expected = manifest["files"]
    # 2. Compare the other files with it.
    entries = _entries(files)
    del entries[MANIFEST]
    wrong: list[str] = []
    for name in sorted(entries.keys() | expected):
        if entries.get(name) != expected.get(name):
            wrong.append(name)
    if wrong:
        names = ", ".join(wrong)
        raise CheckpointError(f"{path}: {names}: missing, damaged, or not in the manifest")
    return str(manifest["kind"])


def check_manifest(manifest: Any, path: Path) -> None:
    """Checks that a manifest is one that this rnntext can read. The entries of the files are not checked.

    Args:
        manifest: any JSON value.
        path: of the version, for messages.

    Raises:
        NewerCheckpointError: a newer rnntext has written it.
        CheckpointError: it is not a manifest.
    """
    # 1. A manifest has a format.
    not_a_manifest = CheckpointError(f"{path / MANIFEST}: not a manifest of rnntext")
    if not isinstance(manifest, dict):
        raise not_a_manifest
    number = manifest.get("format")
    if type(number) is not int:  # True is an int, too, but no format.
        raise not_a_manifest
    if number > FORMAT:
        raise _newer(manifest, path)
    # 2. A manifest of this format names a kind of model and its files.
    kind = manifest.get("kind")
    if not isinstance(kind, str) or not _KIND_NAME.fullmatch(kind):
        raise not_a_manifest
    files = manifest.get("files")
    if not isinstance(files, dict):
        raise not_a_manifest
    # 3. The files lie in the version's own folder.
    impossible = CheckpointError(f"{path / MANIFEST}: names files that a checkpoint cannot have")
    if len(files) > MAX_FILES:
        raise impossible
    for name, entry in files.items():
        if not _is_file_name(name):
            raise impossible
        if not isinstance(entry, dict):
            raise impossible


def _newer(manifest: dict[str, Any], path: Path) -> NewerCheckpointError:
    number = min(manifest["format"], 10**6)  # Python does not write out numbers of thousands of digits.
    release = str(manifest.get("rnntext"))
    if not _RELEASE.fullmatch(release):
        release = "(unknown)"
    return NewerCheckpointError(
        f"{path}: written in checkpoint format {number} by rnntext {release}; "
        f"this is rnntext {__version__}, which reads up to format {FORMAT}: upgrade it"
    )


def _is_file_name(name: str) -> bool:
    if name == MANIFEST or len(name) > _MAX_NAME_LENGTH:
        return False
    return _FILE_NAME.fullmatch(name) is not None


def missing(path: Path) -> CheckpointError:
    """The error that a file of a version is not there."""
    return CheckpointError(f"{path}: missing; the checkpoint is incomplete")
