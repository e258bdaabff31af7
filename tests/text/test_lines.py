"""Bytes in, text out: encodings, byte order marks, and what ends a line."""

import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from cli.shell import PATIENCE
from helpers import examples
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from rnntext.errors import DataError, InputOutputError
from rnntext.text.decoding import decode
from rnntext.text.lines import Line, LineReader, name_of, read_lines, read_text
from rnntext.text.sources import expanded

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
    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, _: object) -> int:
            raise IsADirectoryError(21, "Is a directory")

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Broken())))
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
        (BOM + b"a\n" + BOM + b"b\n" + BOM + BOM + b"c", ["a", "b", "\ufeffc"]),
        (b"x" * 100_000 + b"\ny", ["x" * 100_000, "y"]),
    ],
)
def test_a_line_ends_at_a_line_feed_and_nowhere_else(tmp_path: Path, content: bytes, expected: list[str]) -> None:
    assert texts_of(tmp_path, content) == expected


def test_a_line_with_invalid_bytes_is_marked_and_shows_replacement_characters(tmp_path: Path) -> None:
    assert lines_of(tmp_path, b"ok\n\xff!\nok") == [("ok", True), ("\ufffd!", False), ("ok", True)]


def test_a_line_with_a_nul_is_marked_and_kept_as_it_came(tmp_path: Path) -> None:
    assert lines_of(tmp_path, b"ok\n\0!\nok") == [("ok", True), ("\0!", False), ("ok", True)]


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
            assert pool.submit(next, lines).result(timeout=PATIENCE) == ("first", True)
        finally:
            os.close(writer)  # also ends a reader that waits for more
        assert next(lines) == ("sec", True)


# Lines in portions ----------------------------------------------------------------------------------------------------


def hang_up(writer: int) -> None:
    """Ends what a pipe's reader gets; the descriptor stays valid."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, writer)
    os.close(nothing)


@contextmanager
def pipe_as_stdin(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A pipe as standard input; gives the end to write to. It ends after some time, lest a reader wait for ever."""
    reader, writer = os.pipe()
    with open(reader) as stdin, open(writer, "wb", buffering=0):
        monkeypatch.setattr(sys, "stdin", stdin)
        rescue = threading.Timer(PATIENCE, hang_up, [writer])
        rescue.start()
        try:
            yield writer
        finally:
            rescue.cancel()


def portions(reader: LineReader) -> list[list[Line]]:
    found = []
    while lines := reader.read():
        found.append(lines)
    return found


def flat(found: list[list[Line]]) -> list[Line]:
    return [line for portion in found for line in portion]


def expected_lines(content: bytes) -> list[Line]:
    """By the rules, without any cleverness."""
    *whole, rest = content.split(b"\n")
    lines = []
    for data in [*whole, rest] if rest.removeprefix(BOM) else whole:
        crlf = data.endswith(b"\r")
        text = data[: len(data) - crlf].removeprefix(BOM).decode("utf-8", "replace")
        valid = "\0" not in text and ("\ufffd" not in text or "\ufffd".encode() in data)
        lines.append(Line(text, valid, crlf))
    return lines


NASTY = [
    b"",
    b"\n",
    b"a",
    b"a\r\n\r\nb\r\r\n c \n\n",
    BOM + b"a\n" + BOM + b"b\n",
    BOM,
    BOM + b"\n",
    "a\u2028b\u2029c\x85d\x0be\x0cf\rg\0h\x1ci\n".encode(),
    b"bad \xff\xfe\nfine\n\xf0\x9f\x98\ncut \xc3",
    b"x" * 100_000 + b"\n" + "é😀".encode() * 20_000,
]


@pytest.mark.parametrize("most", [1, 3, 1000])
@pytest.mark.parametrize("content", NASTY, ids=range(len(NASTY)))
def test_a_file_is_read_line_by_line(tmp_path: Path, content: bytes, most: int) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    found = portions(LineReader([str(tmp_path / "a.txt")], most))
    assert flat(found) == expected_lines(content)
    assert all(1 <= len(portion) <= most for portion in found)


def test_what_is_no_line_end_stays_in_the_line(tmp_path: Path) -> None:
    line = "a\u2028b\u2029c\x85d\x0be\x0cf\rg\x01h\x1c\x1d\x1e"
    (tmp_path / "a.txt").write_bytes(line.encode() + b"\r\n" + line.encode() + b"\n")
    assert flat(portions(LineReader([str(tmp_path / "a.txt")], 10))) == [
        Line(line, True, True),
        Line(line, True, False),
    ]


def test_invalid_bytes_are_replaced_and_told(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xe9\n\xef\xbf\xbd\na\xffb\r\n")
    found = flat(portions(LineReader([str(tmp_path / "a.txt")], 10)))
    assert found == [Line("\ufffd", False), Line("\ufffd", True), Line("a\ufffdb", False, True)]


busy_bytes = st.lists(
    st.binary(max_size=5) | st.sampled_from([b"\n", b"\r\n", b"\r", BOM, "é😀".encode(), b"\x0c", b"\0", b"abc\n"])
).map(b"".join)


@settings(examples, phases=[Phase.explicit, Phase.generate])  # a reader that waits costs seconds: no shrinking
@given(content=st.booleans().flatmap(lambda mark: busy_bytes.map(lambda b: BOM * mark + b)), data=st.data())
def test_in_whatever_pieces_bytes_arrive_the_lines_are_the_same(content: bytes, data: st.DataObject) -> None:
    most = data.draw(st.integers(1, 5))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=8)))
    pieces = [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    found: list[Line] = []
    with pytest.MonkeyPatch.context() as patch, pipe_as_stdin(patch) as writer:
        reader = LineReader(["-"], most)
        for piece in pieces:
            os.write(writer, piece)
            while reader.ready():  # takes in all there is; says no as soon as it would have to wait
                portion = reader.read()
                assert 1 <= len(portion) <= most
                found += portion
        assert len(found) == content.count(b"\n")
        hang_up(writer)
        found += flat(portions(reader))
    assert found == expected_lines(content)


def test_several_files_are_read_one_after_the_other(tmp_path: Path) -> None:
    contents = [BOM + b"a\nb", b"", b"\n", BOM, b"\xff", BOM + b"c\r\n"]
    paths = [tmp_path / str(index) for index in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    found = flat(portions(LineReader([str(path) for path in paths], 100)))
    assert found == [line for content in contents for line in expected_lines(content)]
    assert [line.text for line in found] == ["a", "b", "", "\ufffd", "c"]


def test_nothing_to_read_is_no_line_again_and_again(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for sources in ([], [str(tmp_path / "empty")] * 3):
        reader = LineReader(sources, 5)
        assert reader.ready()
        assert [reader.read(), reader.read()] == [[], []]


def test_a_closed_stdin_has_no_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    reader = LineReader(["-"], 5)
    assert reader.ready()
    assert reader.read() == []


def test_lines_before_a_bad_file_are_handed_out_first(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one\ntwo")
    reader = LineReader([str(tmp_path / "a"), str(tmp_path)], 100)
    assert [line.text for line in reader.read()] == ["one", "two"]
    with pytest.raises(InputOutputError, match=f"^{tmp_path}: Is a directory"):
        reader.read()


def test_reading_does_not_wait_for_a_second_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pipe_as_stdin(monkeypatch) as writer:
        reader = LineReader(["-"], 100)
        assert not reader.ready()
        for text, line in [(b"one\ntw", ["one"]), (b"o\n", ["two"]), (b"\nthree\nfour\nfi", ["", "three", "four"])]:
            os.write(writer, text)
            assert reader.ready()
            assert [found.text for found in reader.read()] == line
            assert not reader.ready()


def test_half_a_line_is_not_ready_and_can_be_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with pipe_as_stdin(monkeypatch) as writer:
        reader = LineReader(["-"], 100)
        os.write(writer, b"half")
        assert not reader.ready()
        assert reader.fileno() == sys.stdin.fileno()
        threading.Timer(0.1, os.write, (writer, b" and half\nmo")).start()
        assert [line.text for line in reader.read()] == ["half and half"]
        assert not reader.ready()


def test_a_portion_is_no_longer_than_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with pipe_as_stdin(monkeypatch) as writer:
        reader = LineReader(["-"], 3)
        os.write(writer, b"1\n2\n3\n4\n5\n")
        assert [[line.text for line in reader.read()] for _ in range(2)] == [["1", "2", "3"], ["4", "5"]]


def test_long_lines_make_short_portions(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes((b"x" * 100_000 + b"\n") * 50 + b"y\n" * 3000)
    found = portions(LineReader([str(tmp_path / "a.txt")], 1024))
    assert max(sum(len(line.text) for line in portion) for portion in found) < 2**21
    assert max(map(len, found)) == 1024
    assert sum(map(len, found)) == 3050


MEMORY = """
import os, sys
from rnntext.text.lines import LineReader
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
reader, count, sizes = LineReader(["-"], 1024), 0, []
while lines := reader.read():
    count += len(lines)
    sizes.append(resident())
print(count, max(sizes[len(sizes) // 2 :]) - max(sizes[: len(sizes) // 4]))
"""


def test_memory_does_not_grow_with_the_stream(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_bytes((b"x" * 200 + b"\n") * 200_000)  # 40 MB
    with open(path, "rb") as stdin:
        done = subprocess.run([sys.executable, "-c", MEMORY], stdin=stdin, capture_output=True, check=True)
    count, growth = map(int, done.stdout.split())
    assert count == 200_000
    assert growth < 2**21


def test_a_line_of_millions_of_bytes_takes_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with pipe_as_stdin(monkeypatch) as writer:
        content = b"x" * 4_000_000
        feeder = threading.Thread(
            target=lambda: [os.write(writer, content[i : i + 4000]) for i in range(0, 4_000_000, 4000)]
        )
        feeder.start()
        began = time.process_time()
        threading.Timer(0.0, lambda: (feeder.join(), os.write(writer, b"\n"))).start()
        (line,) = LineReader(["-"], 10).read()
        assert time.process_time() - began < 3
        assert len(line.text) == len(content)


# Folders and patterns -------------------------------------------------------------------------------------------------


def shelf(root: Path) -> None:
    """A folder of books, with what is no book."""
    for name in ("b.txt", "a.txt", "c.md", ".hidden", "more/d.txt", ".git/config", "more/.e.txt", "[1].txt"):
        path = root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    (root / "more" / "loop").symlink_to(root)


def names(root: Path, *sources: str) -> list[str]:
    return [os.path.relpath(path, root) for path in expanded(f"{root}/{source}" for source in sources)]


def test_a_folder_stands_for_its_files_in_order(tmp_path: Path) -> None:
    shelf(tmp_path)
    assert names(tmp_path, ".") == ["[1].txt", "a.txt", "b.txt", "c.md", "more/d.txt"]
    assert names(tmp_path, "c.md", "more/", "a.txt") == ["c.md", "more/d.txt", "a.txt"]


def test_a_pattern_stands_for_the_files_that_match_it_in_order(tmp_path: Path) -> None:
    shelf(tmp_path)
    assert names(tmp_path, "?.txt") == ["a.txt", "b.txt"]
    assert names(tmp_path, "more*/*.txt") == ["more/d.txt"]
    assert names(tmp_path, "[1].txt") == ["[1].txt"]  # there is a file of this very name


def test_what_is_neither_a_folder_nor_matched_stays_as_it_is(tmp_path: Path) -> None:
    sources = ["-", "valley", "missing.txt", f"{tmp_path}/*.txt"]
    assert expanded(sources) == sources


def test_a_folder_without_files_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty" / ".git").mkdir(parents=True)
    (tmp_path / "empty" / ".git" / "config").touch()
    with pytest.raises(InputOutputError, match=f"^{tmp_path}/empty: this folder has no files"):
        expanded([str(tmp_path / "empty")])


def test_pipes_in_a_folder_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "a.txt").touch()
    assert names(tmp_path, ".") == ["a.txt"]
