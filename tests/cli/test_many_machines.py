"""The contract of docs/many-machines.md: a process may be given any part of a stream."""

from pathlib import Path

import pytest
from cli.shell import CLEAN, Shell
from helpers import alphabet_weights, save_charlm, save_translator, shifting_weights

from rnntext.cli.console import INVALID

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path for path in (ROOT / "examples" / "many-machines").iterdir() if path.suffix in (".py", ".sh"))
BOM = b"\xef\xbb\xbf"
ODD = [
    b"hal\tibm\n",
    BOM + b"hal\tibm\n",
    b"hal\r\n",
    b"\n",
    b"\xff\xfehal\n",  # as UTF-16 begins
    b"h\0a\0l\0\n",  # as UTF-16 is without a mark
    b"\x1f\x8bhal\n",  # as gzip begins
    b"%PDF-1.7\n",
    b"<tmx>\n",
    b"h\xffl\tibm\n",
    b'{"id": 1, "text": "hal"}\n',
    BOM + b'{"id": 2, "text": "hal"}\r\n',
    b'{"id": 3, "text": "h\xffl"}\n',
    b'{"id": 4}\n',
    b'{"id": 5\n',
    b"last",
]
COMMANDS = [
    "translate -m translator",
    "translate -m translator --scores",
    "translate -m translator --json",
    "translate -m translator --input-format jsonl",
    "score -m translator",
    "score -m translator --per-token",
    "score -m charlm --per-line",
]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    home = tmp_path_factory.mktemp("home")
    save_translator(home / "translator", *shifting_weights(), longest=39)
    save_charlm(home / "charlm", *alphabet_weights())
    return Shell(home, {**CLEAN, "RNNTEXT_CHECKPOINTS": str(home)})


@pytest.mark.parametrize("command", COMMANDS)
def test_a_stream_gives_the_same_bytes_however_it_is_cut(shell: Shell, command: str) -> None:
    whole = shell.here(*command.split(), stdin=b"".join(ODD)).out
    assert whole.count(b"\n") == len(ODD)
    assert b"".join(shell.here(*command.split(), stdin=line).out for line in ODD) == whole


@pytest.mark.parametrize("command", [COMMANDS[0], COMMANDS[4], COMMANDS[6]])
def test_stdin_in_another_format_is_told_and_answered_all_the_same(shell: Shell, command: str) -> None:
    done = shell.here(*command.split(), stdin=b"%PDF-1.7\nb\n")
    assert len(done.out.splitlines()) == 2
    assert "<stdin>: PDF, not text in UTF-8; read it so: pdftotext" in done.err.splitlines()[0]
    assert shell.here(*command.split(), "--quiet", stdin=b"%PDF-1.7\n").err == ""


@pytest.mark.parametrize("command", [COMMANDS[0], COMMANDS[4], COMMANDS[6]])
def test_a_file_in_another_format_is_refused(shell: Shell, command: str, tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"%PDF-1.7\n")
    assert "PDF, not text in UTF-8" in shell.here(*command.split(), str(path), code=65).message


@pytest.mark.parametrize("command", ["score -m translator --json", "score -m charlm --per-line --json"])
def test_the_record_of_a_line_that_could_not_be_read_says_so(shell: Shell, command: str) -> None:
    good, bad = shell.here(*command.split(), stdin=b"hal\tibm\nh\xffl\tibm\n").records
    assert (good.get("error"), bad["error"]) == (None, INVALID)


def test_the_record_of_a_line_without_a_pair_says_so(shell: Shell) -> None:
    (record,) = shell.here("score", "-m", "translator", "--json", stdin=b"h\xffl\n").records
    assert (record["log_probability"], record["error"]) == (None, "without a source, a TAB and a target")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_examples_are_short_and_explained(path: Path) -> None:
    assert len([line for line in path.read_text().split("\n") if line.strip()]) <= 30
    assert f"examples/many-machines/{path.name}" in (ROOT / "docs" / "many-machines.md").read_text()
