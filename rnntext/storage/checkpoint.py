"""Trained models on disk: versions that are written once and never changed, and a pointer to the one in service.

    NAME/
      current             JSON: the version in service and the SHA-256 of its manifest
      versions/000007/    manifest.json  config.json  vocabulary.json  weights.safetensors  metrics.json
      run/                an unfinished training
      history.jsonl       one line per evaluation, of every run
      promotions.jsonl    one line per version that was put into service (service.py)
      lock

Arrays, JSON and nothing that could be executed. A reader opens `current` once and then sees one version, whole,
whatever a writer does meanwhile. Digests are checked before any byte of a file is interpreted.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnntext import __version__
from rnntext.errors import CheckpointError, NewerCheckpointError
from rnntext.files.atomic import read_bytes, write_file, write_folder

FORMAT = 1
MANIFEST, WEIGHTS = "manifest.json", "weights.safetensors"
MOST_JSON = 64 * 2**20  # bytes
ROOM = 64 * 2**20  # bytes that reading a file may take beside twice its size
MOST_HEADER = 2**20  # bytes of the list of arrays
MOST_FILES = 64
MOST_WEIGHT = 1e6  # absolute value; what is computed from such weights stays within float32
_VERSION_NAME = re.compile(r"[0-9]{6}")
_FILE_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+")
_KIND_NAME = re.compile(r"[a-z]{1,32}")
_RELEASE = re.compile(r"[0-9A-Za-z.+-]{1,32}")
LONGEST_NAME = 100  # bytes of a file's name
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """One version of a model, its digests checked. `files` holds the content of every file but the manifest."""

    path: Path  # of the version's folder
    kind: str
    manifest: dict[str, Any]
    files: dict[str, bytes]

    @property
    def version(self) -> str:
        """Its name, six digits."""
        return self.path.name

    def json(self, name: str) -> Any:
        """The content of a JSON file."""
        if name not in self.files:
            raise CheckpointError(f"{self.path}: {name} is missing")
        return parse_json(self.files[name], self.path / name)

    def arrays(self, expected: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
        """The weights, float32.

        Raises:
            CheckpointError: their names, types or shapes are not exactly the expected ones (nothing is allocated then),
                or they are not numbers that can be computed with.
        """
        data = self.files.get(WEIGHTS, b"")
        size = int.from_bytes(data[:8], "little")
        if size > MOST_HEADER:
            raise CheckpointError(f"{self.path / WEIGHTS}: a header of {size} bytes is too long")
        try:
            header = parse_json(data[8 : 8 + size], self.path / WEIGHTS)
            found = {name: (e["dtype"], tuple(e["shape"])) for name, e in header.items() if name != "__metadata__"}
        except (AttributeError, KeyError, TypeError) as error:
            raise CheckpointError(f"{self.path / WEIGHTS}: not a safetensors file") from error
        if found != {name: ("F32", tuple(shape)) for name, shape in expected.items()}:
            raise CheckpointError(f"{self.path / WEIGHTS}: the arrays are not those of the model in config.json")
        import safetensors.numpy

        try:
            arrays = safetensors.numpy.load(data)
        except safetensors.SafetensorError as error:
            raise CheckpointError(f"{self.path / WEIGHTS}: {error}") from error
        # The comparison is false for NaN, too; minimum and maximum need no memory.
        if not all(a.min(initial=0) >= -MOST_WEIGHT and a.max(initial=0) <= MOST_WEIGHT for a in arrays.values()):
            raise CheckpointError(f"{self.path / WEIGHTS}: some weights are not numbers, or far too large")
        return arrays

    def strings(self, name: str) -> list[str]:
        """The content of a JSON file that is a list of texts, as a vocabulary is.

        Raises:
            CheckpointError: it is something else, or has half a character (a lone surrogate) in it.
        """
        found = self.json(name)
        if not isinstance(found, list) or not all(isinstance(entry, str) for entry in found):
            raise CheckpointError(f"{self.path / name}: the vocabulary is damaged; it should be a list of texts")
        if _SURROGATE.search("".join(found)):
            raise CheckpointError(f"{self.path / name}: the vocabulary is damaged; it has half characters in it")
        return found


def parse_json(data: bytes, where: Path) -> Any:
    """Reads JSON from a file that may come from a stranger.

    Raises:
        CheckpointError: not JSON, too large, too deep, or a key occurs twice.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise CheckpointError(f"{where}: a key occurs twice")
        return dict(pairs)

    def refuse(constant: str) -> None:
        raise CheckpointError(f"{where}: {constant} is not a number")

    if len(data) > MOST_JSON or _parsed_size(data) > 2 * len(data) + ROOM:
        raise CheckpointError(f"{where}: {len(data)} bytes of JSON are too many")
    try:
        # Decoded here: from bytes, json would guess at UTF-16 and others, and import their codecs.
        return json.loads(data.decode(), object_pairs_hook=unique, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{where}: not readable as JSON; the checkpoint is damaged") from error


def _parsed_size(data: bytes) -> int:
    """Bytes that JSON takes while it is read, at the most: the text, strings of up to four bytes a character, and
    Python's objects, of which a few bytes can make big ones."""
    text = len(data) * (1 if data.isascii() else 4)
    strings = len(data) * (1 if data.isascii() and b"\\u" not in data else 4)
    objects = 250 * data.count(b"{") + 64 * data.count(b"[") + 100 * data.count(b",") + 130 * data.count(b":")
    return text + strings + objects


def to_json(value: Any) -> bytes:
    """The one way in which JSON files are written."""
    return json.dumps(value, indent=1).encode() + b"\n"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# Writing --------------------------------------------------------------------------------------------------------------


def write_version(
    root: Path, kind: str, files: Mapping[str, bytes], arrays: Mapping[str, np.ndarray], about: Mapping[str, Any]
) -> str:
    """Writes a new version, not yet in service, and returns its name. The caller holds the lock.

    Args:
        root: the model's folder.
        kind: "charlm", ...
        files: JSON and vocabulary files by name.
        arrays: the weights, float32.
        about: further facts for the manifest (corpus digest, command, ...).
    """
    import safetensors.numpy

    name = next_name(root)
    contents = {
        **files,
        WEIGHTS: safetensors.numpy.save({n: np.ascontiguousarray(a, np.float32) for n, a in arrays.items()}),
    }
    manifest = {
        "format": FORMAT,
        "rnntext": __version__,
        "kind": kind,
        **about,
        "files": {file: {"bytes": len(data), "sha256": _digest(data)} for file, data in contents.items()},
    }
    write_folder(root / "versions" / name, {**contents, MANIFEST: to_json(manifest)}, last=MANIFEST)
    return name


def next_name(root: Path) -> str:
    """What the next version will be called."""
    return f"{max((int(v) for v in versions(root)), default=0) + 1:06d}"


def promote(root: Path, version: str) -> None:
    """Puts a version into service."""
    data = read_bytes(root / "versions" / version / MANIFEST)
    write_file(root / "current", to_json({"version": version, "manifest": _digest(data)}))


# Reading --------------------------------------------------------------------------------------------------------------


def versions(root: Path) -> list[str]:
    """Names of all versions, oldest first."""
    folder = root / "versions"
    return sorted(p.name for p in folder.iterdir() if _VERSION_NAME.fullmatch(p.name)) if folder.is_dir() else []


def in_service(root: Path) -> bool:
    """Whether the folder holds a model that can be used."""
    return (root / "current").is_file()


def load(root: Path) -> Checkpoint:
    """Loads the version in service.

    Raises:
        CheckpointError: something is missing, damaged, or written by a newer rnntext.
    """
    data = _read(root / "current")
    path, manifest_digest = pointed(root, data)
    try:
        return load_version(path, manifest_digest)
    except CheckpointError:
        if path.exists() or _read(root / "current") == data:
            raise
    return load(root)  # another version went into service meanwhile, and this one was pruned


def pointed(root: Path, data: bytes) -> tuple[Path, str]:
    """The folder of the version that `data`, the content of `current`, names, and its manifest's SHA-256.

    Raises:
        CheckpointError: it is damaged.
    """
    pointer = parse_json(data, root / "current")
    version, digest = (pointer.get(k) if isinstance(pointer, dict) else None for k in ("version", "manifest"))
    if not isinstance(version, str) or not _VERSION_NAME.fullmatch(version) or not isinstance(digest, str):
        raise CheckpointError(f"{root / 'current'}: damaged; it should name a version and its manifest's SHA-256")
    _check_folder(root / "versions")
    return root / "versions" / version, digest


def load_version(path: Path, manifest_digest: str | None = None) -> Checkpoint:
    """Loads one version and checks every file against the manifest.

    Args:
        path: its folder.
        manifest_digest: SHA-256 that the manifest must have; None: not checked.
    """
    _check_folder(path)
    data = _read(path / MANIFEST)
    if manifest_digest is not None and _digest(data) != manifest_digest:
        raise CheckpointError(f"{path / MANIFEST}: damaged, its SHA-256 is not the one in 'current'")
    manifest = parse_json(data, path / MANIFEST)
    _check_manifest(manifest, path)
    files = {name: _checked_file(path / name, entry) for name, entry in manifest["files"].items()}
    return Checkpoint(path, manifest["kind"], manifest, files)


def check_files(files: Mapping[str, bytes], where: Path) -> str:
    """Checks that files, its manifest among them, are exactly those of one version; returns the model's kind.

    Raises:
        CheckpointError: something is missing, damaged, too much, or written by a newer rnntext.
    """
    if MANIFEST not in files:
        raise _missing(where / MANIFEST)
    manifest = parse_json(files[MANIFEST], where / MANIFEST)
    _check_manifest(manifest, where)
    found = {name: {"bytes": len(d), "sha256": _digest(d)} for name, d in files.items() if name != MANIFEST}
    wrong = sorted(name for name in found.keys() | manifest["files"] if found.get(name) != manifest["files"].get(name))
    if wrong:
        raise CheckpointError(f"{where}: {', '.join(wrong)}: missing, damaged, or not in the manifest")
    return str(manifest["kind"])


def _check_manifest(manifest: Any, path: Path) -> None:
    where = path / MANIFEST
    if not isinstance(manifest, dict) or type(manifest.get("format")) is not int:
        raise CheckpointError(f"{where}: not a manifest of rnntext")
    if manifest["format"] > FORMAT:
        release = str(manifest.get("rnntext"))
        raise NewerCheckpointError(
            f"{path}: written in checkpoint format {min(manifest['format'], 10**6)} by rnntext "
            f"{release if _RELEASE.fullmatch(release) else '(unknown)'}; "
            f"this is rnntext {__version__}, which reads up to format {FORMAT}: upgrade it"
        )
    files = manifest.get("files")
    kind = manifest.get("kind")
    if not isinstance(kind, str) or not _KIND_NAME.fullmatch(kind) or not isinstance(files, dict):
        raise CheckpointError(f"{where}: not a manifest of rnntext")
    good = all(_is_file_name(name) and isinstance(entry, dict) for name, entry in files.items())
    if not good or len(files) > MOST_FILES:
        raise CheckpointError(f"{where}: names files that a checkpoint cannot have")


def _is_file_name(name: str) -> bool:
    return len(name) <= LONGEST_NAME and name != MANIFEST and _FILE_NAME.fullmatch(name) is not None


def _check_folder(path: Path) -> None:
    """A folder may be missing (its files will be), but it must not lead elsewhere."""
    if path.is_symlink():
        raise CheckpointError(f"{path}: a link; a checkpoint consists of files of its own")


def _missing(path: Path) -> CheckpointError:
    return CheckpointError(f"{path}: missing; the checkpoint is incomplete")


def _read(path: Path, size: object = None) -> bytes:
    """The content of a file that must be there, and be a file of its own: no link, and no pipe to wait for.

    Args:
        size: that it must have in bytes; None: any, up to that of the largest JSON.
    """
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            raise CheckpointError(f"{path}: not a plain file; a checkpoint consists of files of its own")
        if size is None and found.st_size > MOST_JSON:
            raise CheckpointError(f"{path}: {found.st_size} bytes of JSON are too many")
        if size is not None and found.st_size != size:
            raise CheckpointError(f"{path}: damaged, its size is not the one in the manifest")
        return read_bytes(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _missing(path) from error


def _checked_file(path: Path, entry: dict[str, Any]) -> bytes:
    data = _read(path, entry.get("bytes", -1))
    if _digest(data) != entry.get("sha256"):
        raise CheckpointError(f"{path}: damaged, its SHA-256 is not the one in the manifest")
    return data
