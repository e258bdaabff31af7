"""Bytes in, text out: encodings, byte order marks, and what ends a line."""

import io
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers import examples
from hypothesis import given
from hypothesis import strategies as st

from rnntext.errors import DataError, InputOutputError
from rnntext.text.lines import decode, name_of, read_lines, read_text

BOM = b"\xef\xbb\xbf"


def lines_of(folder: Path, *contents: bytes) -> list[tuple[str, bool]]:
    """What `read_lines` makes of files with these contents."""
    paths = [folder / f"{index}.txt" for index in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return list(read_lines([str(path) for path in paths]))


def texts_of(folder: Path, content: bytes) -> list[str]:
    return [line for line, _ in lines_of(folder, content)]


# Decoding -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", ""),
        (b"plain\r\n", "plain\r\n"),
        ("é😀\0".encode(), "é😀\0"),
        (BOM + b"a", "a"),
        (BOM, ""),
        (b"a" + BOM, "a\ufeff"),  # only the first one is a mark
        (BOM + BOM, "\ufeff"),
    ],
)
def test_utf_8_is_decoded_without_its_byte_order_mark(data: bytes, expected: str) -> None:
    assert decode(data, "x") == expected


@pytest.mark.parametrize(
    ("data", "line", "offset", "byte"),
    [
        (b"\xff", 1, 0, "0xff"),
        (b"ab\ncd\xe9\n", 2, 5, "0xe9"),  # Latin-1
        (BOM + b"a\n\x80", 2, 5, "0x80"),  # the mark counts: it is in the file
        ("é\n".encode() + b"\n\xc3", 3, 4, "0xc3"),  # cut in a character
        (b"\r\x0c\xe2\x80\xa8\xed\xa0\x80", 1, 5, "0xed"),  # an encoded surrogate; only \n counts as a line
        (b"\xc0\xaf", 1, 0, "0xc0"),  # overlong
    ],
)
def test_invalid_utf_8_is_named_with_line_and_byte_offset(data: bytes, line: int, offset: int, byte: str) -> None:
    with pytest.raises(DataError, match=rf"^x\.txt: line {line}, byte offset {offset}: invalid UTF-8 \({byte}\)"):
        decode(data, "x.txt")


def test_invalid_utf_8_can_be_replaced() -> None:
    assert decode(BOM + b"a\xffb\xe2\x82", "x", "replace") == "a\ufffdb\ufffd"


# Files and standard input ---------------------------------------------------------------------------------------------


def test_a_file_is_read_byte_by_byte(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(BOM + b"a\r\nb\rc\x0c")
    assert read_text(str(tmp_path / "a.txt")) == "a\r\nb\rc\x0c"


@pytest.mark.parametrize("read", [read_text, lambda source: list(read_lines([source]))])
@pytest.mark.parametrize("name", ["missing.txt", "."])
def test_what_cannot_be_read_is_an_input_error_with_its_name(tmp_path: Path, read, name: str) -> None:
    with pytest.raises(InputOutputError, match=f"{tmp_path / name}: (No such file|Is a directory)"):
        read(str(tmp_path / name))


def test_a_name_that_no_file_can_have_is_an_input_error() -> None:
    with pytest.raises(InputOutputError):
        read_text("a\0b")


def test_a_dash_reads_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("é\n".encode()), encoding="ascii"))
    assert read_text("-") == "é\n"


def test_a_closed_standard_input_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert read_text("-") == ""
    assert list(read_lines(["-"])) == []


def test_standard_input_is_called_so_in_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"ok\n\xff")))
    with pytest.raises(DataError, match=r"^<stdin>: line 2, byte offset 3"):
        read_text("-")
    assert (name_of("-"), name_of("a.txt")) == ("<stdin>", "a.txt")


def test_an_unreadable_standard_input_is_called_so_in_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise IsADirectoryError(21, "Is a directory")

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(Broken()))
    with pytest.raises(InputOutputError, match=r"^<stdin>: Is a directory"):
        read_text("-")


# Lines ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"a", ["a"]),
        (b"a\nb\n", ["a", "b"]),
        (b"\n\na\n\n", ["", "", "a", ""]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\r\r\nb\r", ["a\r", "b\r"]),  # one \r belongs to the line break, a lone one to the line
        ("a\u2028b\u2029c\x85d\n".encode(), ["a\u2028b\u2029c\x85d"]),
        (b"a\x0bb\x0cc\rd\x1ce\0f\n", ["a\x0bb\x0cc\rd\x1ce\0f"]),
        (BOM + b"a\n" + BOM + b"b\n", ["a", "\ufeffb"]),
        (b"x" * 100_000 + b"\ny", ["x" * 100_000, "y"]),
    ],
)
def test_a_line_ends_at_a_line_feed_and_nowhere_else(tmp_path: Path, content: bytes, expected: list[str]) -> None:
    assert texts_of(tmp_path, content) == expected


def test_a_line_with_invalid_bytes_is_marked_and_shows_replacement_characters(tmp_path: Path) -> None:
    assert lines_of(tmp_path, b"ok\n\xff!\nok") == [("ok", True), ("\ufffd!", False), ("ok", True)]


def test_files_follow_one_another_each_with_its_own_byte_order_mark(tmp_path: Path) -> None:
    assert lines_of(tmp_path, BOM + b"a", b"", BOM + b"b\n") == [("a", True), ("b", True)]


@examples
@given(
    st.lists(st.binary() | st.text().map(str.encode) | st.sampled_from([b"\r\n", b"\n", b"\r", b"\x0c"])).map(b"".join)
)
def test_there_are_as_many_lines_as_line_feeds(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    lines = texts_of(tmp_path_factory.getbasetemp(), content)
    assert len(lines) == content.count(b"\n") + (content != b"" and not content.endswith(b"\n"))
    assert not any("\n" in line for line in lines)


def test_lines_before_a_missing_file_are_still_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one\n")
    lines = read_lines([str(tmp_path / "a.txt"), str(tmp_path / "missing.txt")])
    assert next(lines) == ("one", True)
    with pytest.raises(InputOutputError, match=r"missing\.txt"):
        next(lines)


def test_a_line_is_handed_on_while_the_writer_is_still_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    with open(reader) as stdin, ThreadPoolExecutor() as pool:
        monkeypatch.setattr(sys, "stdin", stdin)
        try:
            lines = read_lines(["-"])
            os.write(writer, b"first\nsec")
            assert pool.submit(next, lines).result(timeout=10) == ("first", True)
        finally:
            os.close(writer)  # also ends a reader that waits for more
        assert next(lines) == ("sec", True)
