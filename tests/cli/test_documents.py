"""translate --format: a document in is a document out."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.shell import CLEAN, Shell
from helpers import save_translator, shifting_weights

SUBTITLES = """1
00:00:01,000 --> 00:00:02,000
<i>hal
{x} hal</i>

2
00:00:02,500 --> 00:00:04,000
- a cat
"""
TRANSLATED = SUBTITLES.replace("hal", "ibm").replace("a cat", "b dbu")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    save_translator(folder / "translator", *shifting_weights(), longest=39)
    return folder


@pytest.fixture
def shell(tmp_path: Path, home: Path) -> Shell:
    return Shell(tmp_path, {**CLEAN, "RNNTEXT_CHECKPOINTS": str(home)})


@pytest.mark.parametrize("arguments", [[], ["--jobs", "2"], ["--engine", "ctranslate2"]], ids=" ".join)
def test_a_document_in_is_a_document_out(shell: Shell, arguments: list[str]) -> None:
    done = shell("translate", "--format", "srt", *arguments, stdin=SUBTITLES)
    assert (done.text, done.err) == (TRANSLATED, "")


def test_bytes_that_are_no_text_stay(shell: Shell) -> None:
    data = b"\xef\xbb\xbf" + SUBTITLES.replace("\n", "\r\n").encode()
    shell.here("translate", "--input-format", "srt", shell.write("a.srt", data), "-o", "b.srt")
    expected = b"\xef\xbb\xbf" + TRANSLATED.replace("\n", "\r\n").encode()
    assert (shell.folder / "b.srt").read_bytes() == expected


def test_a_glossary_and_kept_text_hold_in_documents(shell: Shell) -> None:
    terms = shell.write("terms.tsv", "cat\tKatze\n")
    done = shell.here("translate", "--format", "srt", "--glossary", terms, "--keep", "hal", stdin=SUBTITLES)
    assert done.text == SUBTITLES.replace("a cat", "b Katze")


@pytest.mark.parametrize(
    ("stdin", "message"),
    [
        (b"hal\n", "<stdin>: line 1: no subtitle"),
        (SUBTITLES.encode() + b"\n3\n\xff", "<stdin>: line 11, byte offset"),
        (b"1\r00:00:01,000 --> 00:00:02,000\rhal\r", "<stdin>: lines end with carriage returns alone"),
    ],
)
def test_a_broken_document_is_one_line_and_nothing_is_written(shell: Shell, stdin: bytes, message: str) -> None:
    shell.write("out", "old")
    done = shell.here("translate", "--format", "srt", "-o", "out", stdin=stdin, code=65)
    assert done.message.startswith(message)
    assert (shell.folder / "out").read_text() == "old"


def test_a_document_is_bounded(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnntext.jobs.documents.MAX_BYTES", 10)
    assert "too much for a document" in shell.here("translate", "--format", "srt", stdin=SUBTITLES, code=65).message


@pytest.mark.parametrize(
    "option", [["--n-best", "2"], ["--scores"], ["--json"], ["--alignment", "a.png"]], ids=" ".join
)
def test_what_does_not_go_with_a_document_is_refused(shell: Shell, option: list[str]) -> None:
    done = shell.here("translate", "--format", "srt", *option, stdin=SUBTITLES, code=2)
    assert done.message.startswith("--format srt: a document is written")


def test_one_document_is_read_at_a_time(shell: Shell) -> None:
    names = [shell.write(name, SUBTITLES) for name in ("a.srt", "b.srt")]
    assert "one document at a time, not 2" in shell.here("translate", "--format", "srt", *names, code=2).message


def test_a_missing_package_is_named(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "srt", None)
    done = shell.here("translate", "--format", "srt", stdin=SUBTITLES, code=2)
    assert done.message == "--format srt needs the package srt, which is not installed: pip install 'rnntext[formats]'"


def test_an_unknown_format_is_refused_with_the_nearest(shell: Shell) -> None:
    assert "did you mean srt?" in shell.here("translate", "--format", "str", stdin="", code=2).message
