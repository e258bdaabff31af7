"""One version of a model as one file, to be carried elsewhere: a plain tar archive of its files. The first one
is the SHA-256 of the manifest, the second one the manifest with those of all others."""

from __future__ import annotations

import hashlib
import io
import tarfile
from contextlib import suppress
from pathlib import Path

from rnntext.errors import CheckpointError, UsageError
from rnntext.files.atomic import read_bytes, write_folder
from rnntext.storage import checkpoint
from rnntext.storage.checkpoint import MANIFEST, Checkpoint

SEAL = "manifest.sha256"
MOST_FILES = checkpoint.MOST_FILES + 2  # with manifest and seal


def pack(version: Path) -> bytes:
    """A version, checked, as an archive; the same version always gives the same bytes.

    Raises:
        CheckpointError: it is damaged.
    """
    found = checkpoint.load_version(version)
    manifest = read_bytes(version / MANIFEST)
    files = {SEAL: hashlib.sha256(manifest).hexdigest().encode(), MANIFEST: manifest}
    files |= dict(sorted(found.files.items()))
    data = io.BytesIO()
    with tarfile.TarFile(fileobj=data, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            archive.addfile(member, io.BytesIO(content))
    return data.getvalue()


def unpack(archive: Path, root: Path) -> Checkpoint:
    """Makes the archive's version the newest one of a model, not yet in service. The caller holds the lock.

    Raises:
        CheckpointError: the archive is damaged, or holds anything but the files of one version; nothing was written.
        UsageError: the model that lies there is of another kind.
    """
    files = _members(archive)
    if files.pop(SEAL, b"") != hashlib.sha256(files.get(MANIFEST, b"")).hexdigest().encode():
        raise CheckpointError(f"{archive}: damaged, the SHA-256 of {MANIFEST} is not the one in {SEAL}")
    kind = checkpoint.check_files(files, archive)
    for other in checkpoint.versions(root)[-1:]:
        with suppress(CheckpointError):  # of a damaged version no kind is known
            known = checkpoint.load_version(root / "versions" / other).kind
            if known != kind:
                raise UsageError(f"{root}: this is a {known} model; unpack a {kind} under another name")
    path = root / "versions" / checkpoint.next_name(root)
    write_folder(path, files, last=MANIFEST)
    return checkpoint.load_version(path)


def _members(archive: Path) -> dict[str, bytes]:
    """The archive's files. Nothing is extracted, so links and paths lead nowhere; nothing is compressed, so no file is
    larger than the archive."""
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(archive, mode="r:") as opened:
            for member in opened:
                content = opened.extractfile(member) if member.isreg() and not member.issparse() else None
                if content is None or member.name in found or len(found) >= MOST_FILES:
                    raise CheckpointError(f"{archive}: {member.name!r} is no file of a checkpoint")
                found[member.name] = content.read()
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise CheckpointError(f"{archive}: not an archive of rnntext checkpoints pack ({error})") from error
    return found
