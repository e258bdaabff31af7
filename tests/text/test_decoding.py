"""What is no text in UTF-8 is recognised, and what becomes of single odd bytes is told."""

import gzip
import io
import itertools
import lzma
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from rnntext.errors import DataError
from rnntext.text import lines
from rnntext.text.decoding import MAX_NULS, decode
from rnntext.text.lines import LineReader, read_lines, read_pieces, read_text

TEXT = "The miller counts: 1, 2, 3.\nMłynarz śpi.\nМельник спит.\n磨坊主睡了。\n😀\n" * 9


def zipped(*names: str) -> bytes:
    """A ZIP archive of files."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as out:
        for name in names:
            out.writestr(zipfile.ZipInfo(name), TEXT)
    return archive.getvalue()


def tarred(name: str) -> bytes:
    """A tar archive of a file."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as out:
        out.addfile(tarfile.TarInfo(name))
    return archive.getvalue()


FORMATS = [
    (b"PK\x03\x04\x14\0\0\0", "unzip -p"),
    (zipped("a.txt"), "unzip -p"),
    (zipped(), "unzip -p"),
    (zipped("[Content_Types].xml", "word/document.xml"), "soffice --cat"),
    (zipped("mimetype", "content.xml"), "soffice --cat"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), "soffice --cat"),
    (b"{\\rtf1\\ansi Hello}", "soffice --cat"),
    (b"\x04\x22\x4d\x18\x64\x40\xa7\x0b\0\0\x80hello world", "lz4cat"),
    (b"\x02\x21\x4c\x18\x0b\0\0\0", "lz4cat"),
    (b"\x1f\x9d\x90h\xca\xb0a\xf3\x06\x9d7rd", "zcat"),
    (b"LZIP\x01\x0c\0\x34\x19", "lzip -dc"),
    (b"7z\xbc\xaf\x27\x1c\0\x04", "7z x -so"),
    (b"Rar!\x1a\x07\x01\0", "unrar p -inul"),
    (tarred("a.txt"), "tar -xOf"),
    (gzip.compress(tarred("a.txt"), mtime=0), "tar -xOf"),
    (lzma.compress(b"%PDF-1.7\n"), "pdftotext"),
    (b"PAR1\x15\x04\x15\x20", "parquet-tools csv"),
    (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "pdftotext"),
    (TEXT.encode("utf-32"), "iconv -f UTF-32 -t UTF-8"),
]


@pytest.mark.parametrize(("data", "command"), FORMATS)
def test_other_formats_are_refused_with_the_command_that_reads_them(tmp_path: Path, data: bytes, command: str) -> None:
    path = tmp_path / "a text"
    path.write_bytes(data)
    refusal = f"^{path}: .*not text in UTF-8; read it so: {command} '{path}'( -)? [|] rnntext ... -$"
    for read in (
        lambda: read_text(str(path)),
        lambda: read_text(str(path), "replace"),
        lambda: list(read_lines([str(path)])),
        lambda: LineReader([str(path)], 9).read(),
        lambda: LineReader([str(path)], 9).ready(),
    ):
        with pytest.raises(DataError, match=refusal):
            read()


@pytest.mark.parametrize(
    ("data", "command"),
    [
        (b"\x1f\x9d\x90h", "zcat"),
        (zipped("a.txt"), "funzip"),
        (tarred("a.txt"), "tar -xO"),
        (b"%PDF-1.7\n", "pdftotext - -"),
        (b"7z\xbc\xaf\x27\x1c\0\x04", "7z x -so FILE"),
        ("Hello. Hello.".encode("utf-16-le"), "iconv -f UTF-16LE -t UTF-8"),
    ],
)
def test_standard_input_of_another_format_is_piped_through_its_command(
    monkeypatch: pytest.MonkeyPatch, data: bytes, command: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    with pytest.raises(DataError, match=f"^<stdin>: .* read it so: {command} [|] rnntext ... -$"):
        read_text("-")


@pytest.mark.parametrize(
    "text",
    ["BZh9 is no archive\n", "PKO\n", "(\xb5/\xfd", "%PDF\n", "\x1f", "]\0\0", "7z", "Rar!", "LZIP", "PAR1 a", "{\\r"],
)
def test_a_text_that_begins_alike_is_a_text(text: str) -> None:
    assert decode(text.encode(), "x") == text


@pytest.mark.parametrize("text", [TEXT, "磨坊主睡了。\n" * 20])
@pytest.mark.parametrize("encoding", ["UTF-16LE", "UTF-16BE"])
def test_utf_16_without_a_mark_is_recognised_by_its_nuls(text: str, encoding: str) -> None:
    with pytest.raises(DataError, match=rf"^x: .*{encoding} without.*iconv -f {encoding} -t UTF-8 x [|]"):
        decode(text.encode(encoding), "x", "replace")


@pytest.mark.parametrize("encoding", ["UTF-16LE", "UTF-16BE"])
def test_utf_16_without_a_mark_is_recognised_by_its_first_line(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "x"
    path.write_bytes("Adiós.\nSí — no.\n".encode(encoding))  # no UTF-8, and few NULs
    for read in (lambda: read_text(str(path)), lambda: LineReader([str(path)], 9).read()):
        with pytest.raises(DataError, match=rf"x: full of NULs.*iconv -f {encoding} -t UTF-8"):
            read()


@pytest.mark.parametrize("text", ["a\0", "a\0b\0", "\0\0\0\0", "\0a\0b\0\0", "a" * 90 + "\0b" * 3])
def test_a_few_nuls_are_slips(text: str) -> None:
    assert decode(text.encode(), "x") == text


@pytest.mark.parametrize("data", [b"\0" * 10_000, b"abc\0\0d\n" * 9])
def test_many_nuls_are_no_text(data: bytes) -> None:
    with pytest.raises(DataError, match=r"^x: full of NULs.*tr -d '\\0' < x [|] rnntext"):
        decode(data, "x")
    assert decode(data[:3], "x") == data[:3].decode()


@pytest.mark.parametrize(
    ("data", "remark"),
    [
        (b"plain \xef\xbf\xbd", None),
        (b"a\0b", "1 NUL read as U+FFFD"),
        (b"a\xffb", "1 invalid byte read as U+FFFD"),
        (b"\xef\xbf\xbd\xf0\x9f\x98 \xc3\xef\xbf\xbd\0\0", "4 invalid bytes and 2 NULs read as U+FFFD"),
        (b"\0" * MAX_NULS, f"{MAX_NULS} NULs read as U+FFFD"),
    ],
)
def test_how_many_bytes_were_replaced_is_told(tmp_path: Path, data: bytes, remark: str | None) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    remarks: list[str] = []
    read_text(str(path), "replace", report=remarks.append)
    assert remarks == ([] if remark is None else [f"{path}: {remark}"])


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b"a\rb\r\rc", "a\nb\n\nc"), (b"a\rb\nc", "a\rb\nc"), (b"a\r\nb\r", "a\r\nb\r"), (b"\r", "\n")],
)
def test_carriage_returns_end_lines_where_nothing_else_does(data: bytes, expected: str) -> None:
    assert decode(data, "x") == expected


@pytest.mark.parametrize("size", [1, 2, 7, 50, 1000, 10_000])
@pytest.mark.parametrize("text", [TEXT, "\ufeff" + TEXT, "no break " * 99, "磨坊主" * 99, "a\r\nb\r\n" * 9, ""])
def test_pieces_make_the_whole_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, text: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode())
    monkeypatch.setattr(lines, "_PIECE_SIZE", size)
    pieces = list(read_pieces(str(path)))
    assert "".join(pieces) == text.removeprefix("\ufeff")
    assert all(piece.endswith("\n") or after.startswith(" ") for piece, after in itertools.pairwise(pieces))


def test_an_invalid_byte_in_a_later_piece_has_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfab\ncd ef\n" * 3 + b"x\xe9")
    monkeypatch.setattr(lines, "_PIECE_SIZE", 4)
    with pytest.raises(DataError, match=r"line 7, byte offset 37: invalid UTF-8 \(0xe9\)"):
        read_text(str(path))
