"""corpora: list, show, get, path."""

import dataclasses
import io
import os
import resource
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest
from cli.shell import PROGRAM, Shell
from cli.terminal import on_terminal, to_the_end
from files.web import Server, serving

from rnntext.files.lock import locked
from rnntext.jobs import corpora
from rnntext.text import catalogue

VALLEY = Path(__file__).parents[2] / "corpora" / "valley.txt"


def test_list_names_licence_and_content_of_each_corpus(shell: Shell) -> None:
    rows = [line.split("\t") for line in shell.here("corpora", "list").lines]
    assert {len(row) for row in rows} == {4}
    assert {row[0]: row[1] for row in rows[:4]} == {
        "valley": "CC0-1.0",
        "python-docs": "PSF-2.0",
        "grammar": "CC0-1.0",
        "grammar-heldout": "CC0-1.0",
    }
    assert {row[3] for row in rows[:4]} == {"here"}
    assert rows[4][3] == "to get, 1.1 MB, address not tried yet"
    records = shell.here("corpora", "list", "--json").records
    assert [[record["name"], record["licence"], record["about"]] for record in records] == [row[:3] for row in rows]
    assert [record["here"] for record in records] == [row[3] == "here" for row in rows]


def test_show_prints_the_file_byte_for_byte(shell: Shell) -> None:
    assert shell.here("corpora", "show", "valley").out == VALLEY.read_bytes()
    shell.here("corpora", "show", "valley", "-o", "copy.txt")
    assert (shell.folder / "copy.txt").read_bytes() == VALLEY.read_bytes()


def test_path_leads_to_the_file(shell: Shell) -> None:
    assert Path(shell.here("corpora", "path", "valley").text.removesuffix("\n")).read_bytes() == VALLEY.read_bytes()


def test_the_built_in_corpus_is_text_in_english(shell: Shell) -> None:
    text = shell.here("corpora", "show", "python-docs").text
    assert len(text) > 100_000
    assert "The for statement" in text or 'The "for" statement' in text


def test_a_corpus_can_be_piped_into_score(shell: Shell) -> None:
    text = shell.here("corpora", "show", "valley").text[:3000]
    assert " bits/char, " in shell.here("score", stdin=text).text


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as started:
        yield started


BOOK = "hong-lou-meng"
TEXT = "第一回\n甄士隱\n" * 500


def served(server: Server, name: str, body: bytes) -> None:
    """The server is a mirror that has the file of a corpus."""
    origin = catalogue.get(name).origin
    assert origin is not None
    server.answers[origin.address.removeprefix("https:/")] = lambda request: request.send_range(body)


def book() -> bytes:
    head = "\ufeffThe Project Gutenberg eBook\n*** START OF THE PROJECT GUTENBERG EBOOK 紅樓夢 ***\n"
    return (head + TEXT + "*** END OF THE PROJECT GUTENBERG EBOOK 紅樓夢 ***\nlicence\n").encode()


def test_a_public_text_is_fetched_once_and_then_known_to_every_command(shell: Shell, server: Server) -> None:
    served(server, BOOK, book())
    for arguments in (["corpora", "show", BOOK], ["corpora", "path", BOOK], ["score", BOOK]):
        message = shell.here(*arguments, code=74).message
        assert f"corpus {BOOK}: not on this machine yet; get it with: rnntext corpora get {BOOK}" in message
    assert server.requests == []

    done = shell.here("corpora", "get", BOOK, "--mirror", server.address + "/")
    assert (
        f"not verified, as the catalogue has no SHA-256 of it; this file's is {sha256(book()).hexdigest()}" in done.err
    )
    assert done.text == shell.here("corpora", "path", BOOK).text
    path = Path(done.lines[0])
    assert path == shell.folder / "cache" / "corpora" / BOOK / f"{BOOK}.txt"
    assert path.read_text(encoding="utf-8") == TEXT
    assert sorted(file.name for file in path.parent.iterdir()) == [f"{BOOK}.txt", "lock"]

    assert shell.here("corpora", "show", BOOK).text == TEXT
    assert " bits/char, " in shell.here("score", BOOK).text
    again = shell.here("corpora", "get", BOOK)
    assert (again.text, again.err) == (done.text, "")
    assert len(server.requests) == 1


def test_a_file_is_taken_out_of_its_archive(shell: Shell, server: Server) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("_about.txt", "about\n")
        archive.writestr("pol.txt", "Go.\tIdź.\tCC-BY 2.0\n")
    served(server, "tatoeba-pol", packed.getvalue())
    path = shell.here("corpora", "get", "tatoeba-pol", "--mirror", server.address, "-q").lines[0]
    assert Path(path).read_text(encoding="utf-8") == "Go.\tIdź.\tCC-BY 2.0\n"


def test_a_wrong_file_is_not_kept(shell: Shell, server: Server) -> None:
    served(server, "tiny-shakespeare", b"x" * 1_115_394)
    served(server, "tatoeba-fra", b"<html>")
    served(server, BOOK, b"another book\n")
    for name, words in [
        ("tiny-shakespeare", "another file, or a damaged one"),
        ("tatoeba-fra", "fra.txt cannot be taken out of the archive"),
        (BOOK, "no line begins with '*** START OF THE PROJECT GUTENBERG EBOOK'"),
    ]:
        done = shell.here("corpora", "get", name, "--mirror", server.address, "-q", code=65)
        assert words in done.message
        assert shell.here("corpora", "path", name, code=74).out == b""


def test_what_follows_the_text_is_kept_if_its_end_is_not_found(shell: Shell, server: Server) -> None:
    served(server, "pan-tadeusz", b"Litwo!\n")
    done = shell.here("corpora", "get", "pan-tadeusz", "--mirror", server.address)
    assert "what follows the text was kept" in done.err
    assert shell.here("corpora", "show", "pan-tadeusz").text == "Litwo!\n"


def test_nothing_is_left_of_what_cannot_be_gone_on_with(shell: Shell, server: Server) -> None:
    served(server, BOOK, b"another book\n")
    shell.here("corpora", "get", BOOK, "--mirror", server.address, code=65)
    assert os.listdir(shell.folder / "cache" / "corpora" / BOOK) == ["lock"]


@pytest.mark.parametrize("name", [BOOK, "karamazov"])
def test_a_full_disk_is_told_with_the_cache_and_leaves_nothing(shell: Shell, server: Server, name: str) -> None:
    served(server, name, book() * 10)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))  # Writing more fails, as on a full disk.

    command = [*PROGRAM, "corpora", "get", name, "--mirror", server.address]
    done = shell.run(command, code=74, preexec_fn=limit)
    cache = shell.folder / "cache"
    assert done.message == f"RNNTEXT_CACHE {cache}: File too large; give a folder that can be written"
    assert os.listdir(cache / "corpora" / name) == ["lock"]


def test_a_cache_that_cannot_be_written_is_named(shell: Shell) -> None:
    (shell.folder / "cache").touch()
    message = shell.here("corpora", "get", BOOK, code=74).err
    assert f"RNNTEXT_CACHE {shell.folder / 'cache'}: File exists; give a folder that can be written" in message
    assert shell.here("corpora", "list").lines[-1].startswith(f"{BOOK}\t")


def test_a_text_that_another_process_has_just_fetched_is_not_fetched_again(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shell.folder / "cache" / "corpora" / BOOK / f"{BOOK}.txt"

    @contextmanager
    def late(lock: Path) -> Iterator[None]:
        """The lock, as soon as the other process has released it."""
        path.parent.mkdir(parents=True)
        path.write_text(TEXT, encoding="utf-8")
        yield

    monkeypatch.setattr(corpora, "locked", late)
    assert shell.here("corpora", "get", BOOK, "-q").text == f"{path}\n"
    assert path.read_text(encoding="utf-8") == TEXT


def test_a_path_is_printed_byte_for_byte(shell: Shell, server: Server) -> None:
    served(server, BOOK, book())
    cache = os.fsencode(shell.folder) + b"/\xff"
    shell = dataclasses.replace(shell, environment={**shell.environment, "RNNTEXT_CACHE": os.fsdecode(cache)})
    path = shell.here("corpora", "get", BOOK, "--mirror", server.address, "-q").out.removesuffix(b"\n")
    assert path.startswith(cache)
    assert os.path.isfile(path)
    assert shell.here("corpora", "path", BOOK).out == path + b"\n"


def test_two_processes_do_not_fetch_the_same_corpus(shell: Shell) -> None:
    with locked(shell.folder / "cache" / "corpora" / BOOK / "lock"):
        done = shell.here("corpora", "get", BOOK, code=75)
    assert f"corpus {BOOK}: another process is getting it; try again when it has ended" in done.err


def test_a_bundled_corpus_need_not_be_fetched(shell: Shell) -> None:
    assert shell.here("corpora", "get", "valley").text == shell.here("corpora", "path", "valley").text


@pytest.mark.parametrize("mirror", ["example.org", "file:///srv", ""])
def test_a_mirror_is_an_address(shell: Shell, mirror: str) -> None:
    assert "write an address" in shell.here("corpora", "get", BOOK, "--mirror", mirror, code=2).message


def test_a_terminal_shows_a_bar_with_the_bytes(shell: Shell, server: Server) -> None:
    served(server, BOOK, book())
    command = [*PROGRAM, "corpora", "get", BOOK, "--mirror", server.address]
    with on_terminal(command, shell) as (_, terminal):
        shown = to_the_end(terminal).decode()
    assert f"{len(book()) / 1000:.1f}/{len(book()) / 1000:.1f} kB" in shown
    assert "not verified" in shown


def test_without_a_terminal_a_line_tells_how_far_it_is(
    shell: Shell, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    served(server, BOOK, book())
    monkeypatch.setattr("rnntext.cli.corpora.NOTE_SECONDS", 0.0)
    done = shell.here("corpora", "get", BOOK, "--mirror", server.address)
    assert f"{len(book()):,} of {len(book()):,} bytes received\n" in done.err
