"""One version of a model as one file, to be carried to another machine.

The file is a plain tar archive. Its first member is the SHA-256 of the manifest, the second one is the manifest, which
has the SHA-256 of all others.
"""

from __future__ import annotations

import io
import tarfile
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from rnntext.errors import CheckpointError, UsageError
from rnntext.files.atomic import read_bytes, write_folder
from rnntext.storage import checkpoint, models
from rnntext.storage.checkpoint import Checkpoint
from rnntext.storage.manifest import MANIFEST, MAX_FILES, check_files, digest

SEAL = "manifest.sha256"
MAX_MEMBERS = MAX_FILES + 2  # with manifest and seal


def pack(version: Path) -> bytes:
    """An archive of a version. The same version always gives the same bytes.

    Args:
        version: its folder.

    Raises:
        CheckpointError: the version is damaged.
    """
    loaded = checkpoint.load_version(version)
    manifest = read_bytes(version / MANIFEST)
    files = {SEAL: digest(manifest).encode()}
    files[MANIFEST] = manifest
    for name in sorted(loaded.files):
        files[name] = loaded.files[name]
    archive = io.BytesIO()
    with tarfile.TarFile(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.mode = 0o644
            tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


Packed = tuple[str, dict[str, bytes]]  # the kind of a model, and the files of a version by name


def read(archive: BinaryIO, name: str) -> Packed:
    """The version in an archive, after a check of every byte.

    Args:
        archive: the file that `pack` gave.
        name: what messages call it.

    Raises:
        CheckpointError: the archive is damaged, or holds anything but the files of one version.
    """
    files = _members(archive, name)
    seal = files.pop(SEAL, b"")
    manifest = files.get(MANIFEST, b"")
    expected_seal = digest(manifest).encode()
    if seal != expected_seal:
        raise CheckpointError(f"{name}: damaged, the SHA-256 of {MANIFEST} is not the one in {SEAL}")
    return check_files(files, Path(name)), files


def add(packed: Packed, root: Path) -> Checkpoint:
    """Makes a version that was read the newest one of a model, not yet in service. The caller holds the lock.

    Args:
        root: the model's folder, which need not exist.

    Raises:
        UsageError: the folder holds a model of another kind.
    """
    # 1. Check that the model's newest version is of the same kind. The kind of a damaged version is not known.
    kind, files = packed
    for newest in models.versions(root)[-1:]:
        with suppress(CheckpointError):
            present = checkpoint.load_version(root / "versions" / newest)
            if present.kind != kind:
                raise UsageError(f"{root}: this is a {present.kind} model; unpack a {kind} under another name")
    # 2. Write the version.
    path = root / "versions" / checkpoint.next_name(root)
    write_folder(path, files, last=MANIFEST)
    return checkpoint.load_version(path)


def _members(archive: BinaryIO, archive_name: str) -> dict[str, bytes]:
    """The files in an archive, by name.

    Nothing is extracted to disk, so links and paths lead nowhere. Nothing is compressed, so no file is larger than the
    archive.
    """
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=archive, mode="r|") as tar:
            for member in tar:
                name = member.name
                is_plain = member.isreg() and not member.issparse()
                content = tar.extractfile(member) if is_plain else None
                if content is None or name in files or len(files) >= MAX_MEMBERS:
                    raise CheckpointError(f"{archive_name}: {name!r} is no file of a checkpoint")
                files[name] = content.read()
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise CheckpointError(f"{archive_name}: not an archive of rnntext checkpoints pack ({error})") from error
    return files
