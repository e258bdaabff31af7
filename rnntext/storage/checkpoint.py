"""Trained models on disk: versions that are written once and never changed, and a pointer to the one in service.

    NAME/
      current             JSON: the version in service and the SHA-256 of its manifest
      versions/000007/    manifest.json  config.json  vocabulary.json  weights.safetensors  metrics.json
      run/                an unfinished training
      history.jsonl       one line per evaluation, of every run
      promotions.jsonl    one line per version that was put into service, or removed by name (service.py)
      lock

The files hold arrays and JSON, and nothing that could be executed. A reader opens `current` once and then sees one
whole version, whatever a writer does meanwhile. Digests are checked before any byte of a file is interpreted.
"""

from __future__ import annotations

import dataclasses
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnntext.errors import CheckpointError
from rnntext.files.atomic import read_bytes, write_file, write_folder
from rnntext.storage import weights
from rnntext.storage.json_files import MAX_JSON_SIZE, parse_json, to_json
from rnntext.storage.manifest import MANIFEST, check_manifest, digest, make_manifest, missing
from rnntext.storage.models import VERSION_NAME, versions
from rnntext.storage.weights import WEIGHTS

LOG = "promotions.jsonl"
_REMOVED = re.compile(rb'"removed": "([0-9]{6})"')
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """One version of a model, its digests checked.

    Attributes:
        path: the version's folder.
        kind: of model, "charlm", ...
        manifest: see manifest.py.
        files: the content of each file but the manifest, by name.
    """

    path: Path
    kind: str
    manifest: dict[str, Any]
    files: dict[str, bytes]

    @property
    def version(self) -> str:
        """The name of the version, six digits."""
        return self.path.name

    def json(self, name: str) -> Any:
        """The value in a JSON file.

        Raises:
            CheckpointError: the file is missing, or not readable as JSON.
        """
        if name not in self.files:
            raise CheckpointError(f"{self.path}: {name} is missing")
        return parse_json(self.files[name], self.path / name)

    def arrays(self, expected: Mapping[str, tuple[int, ...]], name: str = WEIGHTS) -> dict[str, np.ndarray]:
        """The weights, float32, by name.

        Args:
            expected: the shape of each array that the model has.
            name: of the file.

        Raises:
            CheckpointError: the names, types or shapes are not exactly the expected ones (nothing is allocated then),
                or a weight is not a number or far too large.
        """
        data = self.files.get(name, b"")
        return weights.from_bytes(data, expected, self.path / name)

    def strings(self, name: str) -> list[str]:
        """The texts in a JSON file that is a list of them, as a vocabulary is.

        Raises:
            CheckpointError: it is something else, or a text has half a character (a lone surrogate) in it.
        """
        path = self.path / name
        strings = self.json(name)
        if not isinstance(strings, list) or not all(isinstance(entry, str) for entry in strings):
            raise CheckpointError(f"{path}: the vocabulary is damaged; it should be a list of texts")
        text = "".join(strings)
        if _SURROGATE.search(text):
            raise CheckpointError(f"{path}: the vocabulary is damaged; it has half characters in it")
        return strings


# Writing --------------------------------------------------------------------------------------------------------------


def write_version(
    root: Path, kind: str, files: Mapping[str, bytes], arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]
) -> str:
    """Writes a new version, which is not in service yet, and returns its name. The caller holds the lock.

    Args:
        root: the model's folder.
        kind: of model, "charlm", ...
        files: JSON and vocabulary files by name.
        arrays: the weights by name, float32.
        facts: what else the manifest says (digest of the corpus, command, ...).

    Raises:
        OSError: the disk is full, or not writable; then nothing is left behind.
    """
    version = next_name(root)
    contents = {**files, WEIGHTS: weights.to_bytes(arrays)}
    manifest = make_manifest(kind, contents, facts)
    contents[MANIFEST] = to_json(manifest)
    write_folder(root / "versions" / version, contents, last=MANIFEST)
    return version


def next_name(root: Path) -> str:
    """The name of the next version; that of a removed one is never given again, since the log may name it."""
    log = root / LOG
    removed = _REMOVED.findall(read_bytes(log)) if log.is_file() else []
    numbers = [int(version) for version in (*versions(root), *removed)]
    newest = max(numbers, default=0)
    return f"{newest + 1:06d}"


def promote(root: Path, version: str) -> None:
    """Puts a version into service."""
    manifest = read_bytes(root / "versions" / version / MANIFEST)
    pointer = {"version": version, "manifest": digest(manifest)}
    write_file(root / "current", to_json(pointer))


# Reading --------------------------------------------------------------------------------------------------------------


def load(root: Path) -> Checkpoint:
    """The version in service.

    Raises:
        CheckpointError: something is missing or damaged.
        NewerCheckpointError: a newer rnntext has written it.
    """
    data = _read(root / "current")
    path, manifest_digest = pointed(root, data)
    try:
        return load_version(path, manifest_digest)
    except CheckpointError:
        if path.exists() or _read(root / "current") == data:
            raise
    # Another version was put into service meanwhile, and this one was removed.
    return load(root)


def pointed(root: Path, data: bytes) -> tuple[Path, str]:
    """The folder of the version that `data`, the content of `current`, names, and the SHA-256 of its manifest.

    Raises:
        CheckpointError: `current` is damaged.
    """
    path = root / "current"
    damaged = CheckpointError(f"{path}: damaged; it should name a version and its manifest's SHA-256")
    pointer = parse_json(data, path)
    if not isinstance(pointer, dict):
        raise damaged
    version = pointer.get("version")
    if not isinstance(version, str) or not VERSION_NAME.fullmatch(version):
        raise damaged
    manifest_digest = pointer.get("manifest")
    if not isinstance(manifest_digest, str):
        raise damaged
    folder = root / "versions"
    _check_folder(folder)
    return folder / version, manifest_digest


def load_version(path: Path, manifest_digest: str | None = None) -> Checkpoint:
    """One version; every file has been checked against the manifest.

    Args:
        path: the version's folder.
        manifest_digest: the SHA-256 that the manifest must have; None: it is not checked.

    Raises:
        CheckpointError: something is missing or damaged.
        NewerCheckpointError: a newer rnntext has written it.
    """
    # 1. Read the manifest.
    _check_folder(path)
    manifest_path = path / MANIFEST
    data = _read(manifest_path)
    if manifest_digest is not None and digest(data) != manifest_digest:
        raise CheckpointError(f"{manifest_path}: damaged, its SHA-256 is not the one in 'current'")
    manifest = parse_json(data, manifest_path)
    check_manifest(manifest, path)
    # 2. Read the files that it names.
    files: dict[str, bytes] = {}
    for name, entry in manifest["files"].items():
        files[name] = _read_checked(path / name, entry)
    return Checkpoint(path, manifest["kind"], manifest, files)


def _read_checked(path: Path, entry: dict[str, Any]) -> bytes:
    """The content of a file that the manifest has an entry for."""
    data = _read(path, entry.get("bytes", -1))
    if digest(data) != entry.get("sha256"):
        raise CheckpointError(f"{path}: damaged, its SHA-256 is not the one in the manifest")
    return data


def _read(path: Path, size: object = None) -> bytes:
    """The content of a file that must exist and be a plain file: no link, and no pipe to wait for.

    Args:
        path: the file.
        size: that it must have in bytes; None: any size that a JSON file may have.
    """
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            raise CheckpointError(f"{path}: not a plain file; a checkpoint consists of files of its own")
        actual_size = status.st_size
        if size is None and actual_size > MAX_JSON_SIZE:
            raise CheckpointError(f"{path}: {actual_size} bytes of JSON are too many")
        if size is not None and actual_size != size:
            raise CheckpointError(f"{path}: damaged, its size is not the one in the manifest")
        return read_bytes(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise missing(path) from error


def _check_folder(path: Path) -> None:
    """Checks that a folder is no link, which could lead elsewhere. It may be missing; then its files are."""
    if path.is_symlink():
        raise CheckpointError(f"{path}: a link; a checkpoint consists of files of its own")
