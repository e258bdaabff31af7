"""A version in one file: what is packed comes out elsewhere, and nothing else does."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from rnntext.errors import CheckpointError, UsageError
from rnntext.storage import checkpoint, models, package
from rnntext.storage.checkpoint import Checkpoint
from rnntext.storage.models import versions

ARRAYS = {"a": np.array([[1.0, -2.0, 0.5]], np.float32)}
FILES = {"config.json": b'{"units": 1}\n', "tokens.model": bytes(range(256))}


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    name = checkpoint.write_version(tmp_path / "m", "charlm", FILES, ARRAYS, {"corpus": "c0ffee"})
    (tmp_path / "m.tar").write_bytes(package.pack(tmp_path / "m" / "versions" / name))
    return tmp_path / "m.tar"


def archive(path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    with tarfile.open(path, "w") as found:
        for member, data in members:
            member.size = len(data)
            found.addfile(member, io.BytesIO(data))
    return path


def unpack(packed: Path, root: Path) -> Checkpoint:
    with open(packed, "rb") as file:
        return package.add(package.read(file, str(packed)), root)


def members(packed: Path) -> list[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(packed) as found:
        return [(tarfile.TarInfo(m.name), found.extractfile(m).read()) for m in found]  # type: ignore[union-attr]


def test_what_was_packed_comes_out_elsewhere_byte_by_byte(packed: Path, tmp_path: Path) -> None:
    found = unpack(packed, tmp_path / "n")
    before = checkpoint.load_version(tmp_path / "m" / "versions" / "000001")
    assert (found.version, found.manifest, found.files) == ("000001", before.manifest, before.files)
    assert not models.in_service(tmp_path / "n")
    assert unpack(packed, tmp_path / "n").version == "000002"


def test_the_same_version_gives_the_same_archive(packed: Path, tmp_path: Path) -> None:
    assert package.pack(tmp_path / "m" / "versions" / "000001") == packed.read_bytes()


def test_a_damaged_version_is_not_packed(packed: Path, tmp_path: Path) -> None:
    (tmp_path / "m" / "versions" / "000001" / "config.json").write_bytes(b"{}")
    with pytest.raises(CheckpointError, match=r"config\.json"):
        package.pack(tmp_path / "m" / "versions" / "000001")


def test_a_model_of_another_kind_is_not_mixed_in(packed: Path, tmp_path: Path) -> None:
    checkpoint.write_version(tmp_path / "t", "translator", FILES, ARRAYS, {})
    with pytest.raises(UsageError, match="this is a translator model"):
        unpack(packed, tmp_path / "t")
    (tmp_path / "t" / "versions" / "000001" / "config.json").unlink()
    unpack(packed, tmp_path / "t")  # of a damaged one nothing is known


def test_every_change_is_noticed_or_changes_nothing(packed: Path, tmp_path: Path) -> None:
    data, good = packed.read_bytes(), checkpoint.load_version(tmp_path / "m" / "versions" / "000001")
    for at in range(0, len(data), 11):
        packed.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
        try:
            found = unpack(packed, tmp_path / "n")
        except CheckpointError:
            continue
        assert found.files == good.files  # a byte of tar's own filling


@pytest.mark.parametrize("length", [0, 100, 512, 1000, 2000])
def test_a_truncated_archive_is_refused(packed: Path, tmp_path: Path, length: int) -> None:
    packed.write_bytes(packed.read_bytes()[:length])
    with pytest.raises(CheckpointError):
        unpack(packed, tmp_path / "n")
    assert versions(tmp_path / "n") == []


def special(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member, b""


@pytest.mark.parametrize(
    "extra",
    [
        (tarfile.TarInfo("../evil.json"), b"x"),
        (tarfile.TarInfo("/tmp/evil.json"), b"x"),
        (tarfile.TarInfo("evil.json"), b"x"),
        (tarfile.TarInfo("config.json"), b"x"),
        special("evil", tarfile.SYMTYPE, "/etc/passwd"),
        special("evil", tarfile.LNKTYPE, "config.json"),
        special("evil", tarfile.FIFOTYPE),
        special("evil", tarfile.DIRTYPE),
    ],
    ids=lambda extra: f"{extra[0].name} {extra[0].type!r}",
)
def test_anything_that_is_no_file_of_the_version_is_refused(packed: Path, tmp_path: Path, extra) -> None:
    bad = archive(tmp_path / "bad.tar", [*members(packed), extra])
    with pytest.raises(CheckpointError):
        unpack(bad, tmp_path / "n")
    assert not (tmp_path / "n").exists()
    assert not list(tmp_path.rglob("evil*"))


@pytest.mark.parametrize("missing", ["manifest.sha256", "manifest.json", "weights.safetensors", "tokens.model"])
def test_a_missing_file_is_named(packed: Path, tmp_path: Path, missing: str) -> None:
    bad = archive(tmp_path / "bad.tar", [(m, data) for m, data in members(packed) if m.name != missing])
    with pytest.raises(CheckpointError, match=missing):
        unpack(bad, tmp_path / "n")


def sealed(manifest: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
    """A manifest and its SHA-256: what an attacker would write."""
    digest = hashlib.sha256(manifest).hexdigest().encode()
    return [(tarfile.TarInfo("manifest.sha256"), digest), (tarfile.TarInfo("manifest.json"), manifest)]


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"[]",
        b'{"format": 1}',
        b'{"format": 99, "kind": "x", "files": {}}',
        b'{"format": 1, "kind": "x", "files": {}}',
        b'{"format": 1, "kind": "x", "files": {"../a": {}}}',
    ],
)
def test_an_odd_manifest_is_refused(packed: Path, tmp_path: Path, manifest: bytes) -> None:
    with pytest.raises(CheckpointError):
        unpack(archive(tmp_path / "bad.tar", [*sealed(manifest), *members(packed)[2:]]), tmp_path / "n")


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    many = {f"f{n}.json": b"{}" for n in range(100)}
    entries = {name: {"bytes": 2, "sha256": hashlib.sha256(data).hexdigest()} for name, data in many.items()}
    manifest = json.dumps({"format": 1, "kind": "x", "files": entries}).encode()
    listed = [(tarfile.TarInfo(name), data) for name, data in many.items()]
    with pytest.raises(CheckpointError, match="no file of a checkpoint"):
        unpack(archive(tmp_path / "bad.tar", [*sealed(manifest), *listed]), tmp_path / "n")
