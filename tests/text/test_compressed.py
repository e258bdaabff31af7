"""Compressed files and UTF-16 are read as if they were plain text, by every reader, and damage is told."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

import pytest
from backports import zstd

from rnntext.errors import DataError
from rnntext.text import compressed
from rnntext.text.lines import LineReader, read_lines, read_pieces, read_text

TEXT = "The miller counts: 1, 2, 3.\nMłynarz śpi.\nМельник спит.\n磨坊主睡了。\n😀\n" * 9
PLAIN = TEXT.encode()
FORMATS = {
    "gzip": gzip.compress(PLAIN),
    "two members": gzip.compress(PLAIN[:100]) + gzip.compress(PLAIN[100:]),
    "xz": lzma.compress(PLAIN),
    "lzma": lzma.compress(PLAIN, lzma.FORMAT_ALONE),
    "bzip2": bz2.compress(PLAIN),
    "zstd": zstd.compress(PLAIN, options={zstd.CompressionParameter.checksum_flag: 1}),
    "two frames": zstd.compress(PLAIN[:100]) + zstd.compress(PLAIN[100:]),
    "a frame without content": b"\x50\x2a\x4d\x18\x04\0\0\0size" + zstd.compress(PLAIN),  # as pzstd writes it
    "UTF-16, little": b"\xff\xfe" + TEXT.encode("utf-16-le"),
    "UTF-16, big": b"\xfe\xff" + TEXT.encode("utf-16-be"),
    "UTF-16 in gzip": gzip.compress(TEXT.encode("utf-16")),
    "UTF-8 with a mark in gzip": gzip.compress(b"\xef\xbb\xbf" + PLAIN),
}
COMPRESSIONS = {"gzip": gzip.compress, "xz": lzma.compress, "bzip2": bz2.compress, "zstd": zstd.compress}
by_format = pytest.mark.parametrize("data", FORMATS.values(), ids=FORMATS.keys())


def lines_of(reader: LineReader) -> list[str]:
    """All lines, and the empty portion at the end."""
    lines = []
    while portion := reader.read():
        lines += [line.text for line in portion]
    return lines


@by_format
def test_every_reader_reads_it_as_plain_text(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    source = str(path)
    assert read_text(source) == TEXT
    assert [line for line, valid in read_lines([source]) if valid] == TEXT.splitlines()
    assert lines_of(LineReader([source, source], 7)) == TEXT.splitlines() * 2


@by_format
def test_standard_input_likewise(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(data))))
    assert read_text("-") == TEXT


def test_the_name_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(PLAIN)
    assert read_text(str(path)) == TEXT


def test_what_the_usual_programs_write_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for program in ("gzip", "bzip2", "xz"):
        path.write_bytes(subprocess.run([program, "-c"], input=PLAIN, capture_output=True, check=True).stdout)
        assert read_text(str(path)) == TEXT


@pytest.mark.parametrize("compress", COMPRESSIONS.values(), ids=COMPRESSIONS.keys())
def test_frames_may_follow_one_another_with_zeros_after_them(tmp_path: Path, compress) -> None:
    path = tmp_path / "a"
    frames = [compress(PLAIN[:100]), b"\0" * 70_000, compress(b""), compress(PLAIN[100:]), b"\0" * 512]
    path.write_bytes(b"".join(frames))
    assert read_text(str(path)) == TEXT


@pytest.mark.parametrize("compress", COMPRESSIONS.values(), ids=COMPRESSIONS.keys())
@pytest.mark.parametrize("damage", ["garbage", "changed", "cut"])
def test_what_follows_a_frame_and_is_none_is_damage(tmp_path: Path, compress, damage: str) -> None:
    """It may be a frame of another million lines."""
    path = tmp_path / "a"
    second = compress(PLAIN)
    tail = {"garbage": b"more text\n", "changed": b"\xff" * 20 + second[20:], "cut": second[:-4]}[damage]
    path.write_bytes(compress(PLAIN) + tail)
    with pytest.raises(DataError, match=rf"^{path}: damaged \(.+\); get the file again$"):
        read_text(str(path))


@pytest.mark.parametrize("compress", COMPRESSIONS.values(), ids=COMPRESSIONS.keys())
def test_nothing_compressed_is_nothing(tmp_path: Path, compress) -> None:
    path = tmp_path / "a"
    path.write_bytes(compress(b""))
    assert read_text(str(path)) == ""
    assert LineReader([str(path)], 9).read() == []


@pytest.mark.parametrize("name", ["gzip", "xz", "bzip2", "zstd", "UTF-16, little"])
@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_what_is_damaged_is_a_data_error_with_the_name(tmp_path: Path, name: str, damage: str) -> None:
    data = FORMATS[name]
    if name == "UTF-16, little" and damage == "changed":
        data = data[:80] + b"\0\xdc" + data[80:]  # half of a surrogate pair
    elif damage == "changed":
        data = data[:14] + bytes(byte ^ 0xFF for byte in data[14:60]) + data[60:]
    else:
        data = data[: len(data) // 2 - (len(data) // 2 + 1) % 2]
    path = tmp_path / "a"
    path.write_bytes(data)
    for read in (
        lambda: list(read_pieces(str(path))),
        lambda: list(read_lines([str(path)])),
        lambda: lines_of(LineReader([str(path)], 9)),
    ):
        with pytest.raises(DataError, match=rf"^{path}: damaged \(.+\); get the file again$"):
            read()


@pytest.mark.parametrize("name", ["gzip", "xz", "bzip2", "zstd", "UTF-16, little"])
def test_lines_arrive_through_a_pipe_whose_writer_waits(name: str) -> None:
    """No more can come before the first lines have been taken."""
    read_end, write_end = os.pipe()
    reader = LineReader([f"/dev/fd/{read_end}"], 99)
    os.write(write_end, FORMATS[name])
    impatient = threading.Timer(60, os.close, [write_end])  # so that a reader that waits fails, and does not hang
    impatient.start()
    assert reader.ready()
    first = [line.text for line in reader.read()]
    assert first
    assert impatient.is_alive()
    impatient.cancel()
    os.close(write_end)
    assert first + lines_of(reader) == TEXT.splitlines()
    os.close(read_end)


def test_a_small_file_with_a_large_content_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "a"
    line = b"a" * 99 + b"\n"
    path.write_bytes(gzip.compress(line * 200_000))  # 20 MB
    tracemalloc.start()
    count = 0
    reader = LineReader([str(path)], 1000)
    while portion := reader.read():
        count += len(portion)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 200_000
    assert peak < 6_000_000


@pytest.mark.parametrize("text", ["BZh9 is no archive\n", "(\xb5/\xfd", "\x1f", "]\0\0", "\ufffe", ""])
def test_a_text_that_begins_alike_is_a_text(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(text.encode())
    with open(path, "rb") as file:
        assert compressed.plain(file, "a") is file


@pytest.mark.parametrize("line", [b"\xff\xfehal\nh\0a\0l\0\n", b"\x1f\x8bhal\n"])
def test_a_damaged_line_that_begins_alike_is_read_as_it_is(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(line)
    with open(path, "rb") as file:
        assert compressed.plain(file, "a") is file
