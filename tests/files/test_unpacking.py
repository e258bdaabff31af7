"""One file out of an archive that may be hostile."""

import errno
import io
import random
import tarfile
import zipfile
from pathlib import Path

import pytest

from rnntext.errors import DataError
from rnntext.files.unpacking import member

RANDOM = random.Random(1).randbytes(2000)


def zipped(path: Path, name: str, content: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("other.txt", b"other\n")
        archive.writestr(name, content)
    return path


def tarred(path: Path, name: str, content: bytes) -> Path:
    with tarfile.open(path, "w:xz") as archive:
        about = tarfile.TarInfo(name)
        about.size = len(content)
        archive.addfile(about, io.BytesIO(content))
        link = tarfile.TarInfo("link")
        link.type = tarfile.SYMTYPE
        link.linkname = "/etc/passwd"
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo("fifo"))
    return path


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize("name", ["a/b.txt", "../../escaped.txt", "/escaped.txt"])
def test_a_file_is_read_and_nothing_is_written(tmp_path: Path, pack: type, name: str) -> None:
    archive = pack(tmp_path / "archive", name, b"text\n")
    with member(archive, name) as file:
        assert file.read() == b"text\n"
    assert list(tmp_path.iterdir()) == [archive]


def refused(archive: Path, name: str, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught, member(archive, name) as file:
        file.read()
    assert "\n" not in str(caught.value)


def test_what_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    refused(zipped(tmp_path / "zip", "a", b"x"), "b", "^b cannot be taken out of the archive: There is no item named")
    refused(tarred(tmp_path / "tar", "a", b"x"), "b", "^b cannot be taken out of the archive: filename 'b' not found")
    refused(tmp_path / "tar", "link", "link is no plain file$")


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "zip", "a", b"some text " * 100)
    archive.write_bytes(archive.read_bytes().replace(b"some text", b"other one", 1))
    refused(archive, "a", "^a cannot be taken out of the archive: Bad CRC-32")
    archive.write_bytes(tarred(tmp_path / "tar", "a", RANDOM).read_bytes()[:1000])
    refused(archive, "a", "^a cannot be taken out of the archive: Compressed file ended")
    archive.write_bytes(b"<html>no archive</html>")
    refused(archive, "a", "^a cannot be taken out of the archive: file could not be opened successfully$")
    with zipfile.ZipFile(tmp_path / "zip", "w", zipfile.ZIP_BZIP2) as packed:
        packed.writestr("a", RANDOM)
    whole = (tmp_path / "zip").read_bytes()
    archive.write_bytes(whole[:200] + b"\0" * 20 + whole[220:])
    refused(archive, "a", "^a cannot be taken out of the archive: Invalid data stream$")


def test_a_disk_that_is_full_is_no_fault_of_the_archive(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "zip", "a", b"x")
    with pytest.raises(OSError, match="No space left"), member(archive, "a"):
        raise OSError(errno.ENOSPC, "No space left on device")
