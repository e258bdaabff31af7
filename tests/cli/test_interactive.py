"""Conversations on a terminal: what is typed, keys included, and what is shown."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator

import pytest
from cli.shell import PATIENCE, PROGRAM, Shell, read_some
from cli.terminal import on_terminal
from helpers import alphabet_weights, save_charlm, save_translator, shifting_weights

from rnntext.cli.conversation import number, settings
from rnntext.errors import UsageError
from rnntext.settings.charlm import SamplingConfig
from rnntext.settings.search import SearchConfig

CTRL_C, CTRL_D, UP = b"\x03", b"\x04", b"\x1b[A"


class Terminal:
    """A conversation with a command.

    Args:
        process: that holds it.
        descriptor: our end of the terminal.
    """

    def __init__(self, process: object, descriptor: int) -> None:
        self.process = process
        self.descriptor = descriptor

    def type(self, keys: str | bytes | None = None, until: str = "\n>") -> str:
        """Types keys; returns what is then shown, without what only moves the cursor, until these words are: by default
        those of the next prompt."""
        if keys is not None:
            os.write(self.descriptor, keys if isinstance(keys, bytes) else keys.encode() + b"\r")
        shown = ""
        while until not in shown:
            shown += plain(read_some(self.descriptor))
        return shown


def plain(shown: bytes) -> str:
    """What a terminal shows, without escape sequences and carriage returns."""
    text = shown.decode("utf-8", "replace")
    return re.sub(r"\x1b(\[[\d;?]*[a-zA-Z]|[=>])", "", text).replace("\r", "")


@contextlib.contextmanager
def conversation(shell: Shell, *arguments: str, **environment: str) -> Iterator[Terminal]:
    other = Shell(shell.folder, {**shell.environment, "XDG_STATE_HOME": str(shell.folder / "state"), **environment})
    with on_terminal([*PROGRAM, *arguments, "--interactive"], other) as (process, descriptor):
        yield Terminal(process, descriptor)


@pytest.fixture(scope="module")
def alphabet(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a character model that continues the alphabet."""
    return str(save_charlm(tmp_path_factory.mktemp("alphabet"), *alphabet_weights()))


@pytest.fixture(scope="module")
def hal(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a translation model that expects "ibm" for "hal"."""
    return str(save_translator(tmp_path_factory.mktemp("hal"), *shifting_weights(), longest=39))


def test_a_text_is_written_together(shell: Shell, alphabet: str) -> None:
    with conversation(shell, "generate", "-m", alphabet, "-n", "4", "--seed", "1") as terminal:
        assert "/help" in terminal.type()
        assert "abcdef\n" in terminal.type("ab")
        assert "abcdefghij\n" in terminal.type("")  # Enter alone
        assert "/length 2" in terminal.type("/length 2")
        assert "abcdefghijxyz\n" in terminal.type("xy")
        assert "abcdefghijxy\n" in terminal.type("/undo")
        assert "no continuation" in terminal.type("/again")
        assert "  1  z  100.0 %" in terminal.type("/pick 2", until="number:")
        assert "abcdefghijxyz\n" in terminal.type("1")
        assert "no such command" in terminal.type("/tempo 3")
        assert "never seen" in terminal.type("ŁŁ")
        assert "/temperature VALUE" in terminal.type("/help")
        assert "/temperature 0.5" in terminal.type("/temperature 0.5")
        assert "must be a number" in terminal.type("/temperature warm")
        assert "must be between" in terminal.type("/temperature 1000")
        assert "/top-k off" in terminal.type("/top-k off")
        terminal.type("/new")
        assert "empty" in terminal.type("/undo")
        os.write(terminal.descriptor, CTRL_D)
        assert terminal.process.wait(PATIENCE) == 0
    typed = (shell.folder / "state" / "rnntext" / "generate-history").read_text(encoding="utf-8")
    assert "+ab\n" in typed
    assert "+/tempo 3\n" in typed


def test_ctrl_c_ends_an_answer_and_keeps_what_was_shown(shell: Shell, alphabet: str) -> None:
    with conversation(shell, "generate", "-m", alphabet, "-n", str(10**9)) as terminal:
        terminal.type()
        terminal.type("ab", until="abcdefghijklmnopqrstuvwxyz\nabc")
        terminal.type(CTRL_C)
        shown = terminal.type("/text").rpartition("/text")[2]
        assert shown.replace("\n", "").startswith("abcdefghijklmnopqrstuvwxyzabc")
        os.write(terminal.descriptor, b"half a line" + CTRL_C)
        os.write(terminal.descriptor, CTRL_D)
        assert terminal.process.wait(PATIENCE) == 0


def test_lines_of_earlier_conversations_come_back(shell: Shell, alphabet: str) -> None:
    for keys, expected in ((b"ab\r", "abcd\n"), (UP + b"\r", "abcd\n")):
        with conversation(shell, "generate", "-m", alphabet, "-n", "2") as terminal:
            terminal.type()
            assert expected in terminal.type(keys)


def test_without_a_place_for_it_there_is_no_history(shell: Shell, alphabet: str) -> None:
    name = shell.write("file", "")
    with conversation(
        shell, "generate", "-m", alphabet, "-n", "2", XDG_STATE_HOME=f"{shell.folder}/{name}"
    ) as terminal:
        terminal.type()
        assert "abcd\n" in terminal.type("ab")


def test_sentences_are_translated_as_they_are_typed(shell: Shell, hal: str) -> None:
    with conversation(shell, "translate", "-m", hal) as terminal:
        terminal.type()
        assert "ibm\n" in terminal.type("hal")
        assert "/n-best 2" in terminal.type("/n-best 2")
        assert re.search(r"-\d\.\d+  ibm\n", terminal.type("hal"))
        assert terminal.type("  ").count("\n") <= 2
        assert "must not be more" in terminal.type("/beam 1")
        assert "/split off" in terminal.type("/split off")
        assert "/split off" in terminal.type("/split")
        assert "on or off" in terminal.type("/split 1")
        assert "on or off" in terminal.type("/alignment 1")
        assert "alignment on" in terminal.type("/alignment on")
        assert "█" in terminal.type("hal")
        os.write(terminal.descriptor, CTRL_D)
        assert terminal.process.wait(PATIENCE) == 0


def test_a_conversation_has_a_glossary(shell: Shell, hal: str) -> None:
    shell.write("terms.tsv", "hal\tHAL 9000\n")
    with conversation(shell, "translate", "-m", hal, "--glossary", "terms.tsv") as terminal:
        terminal.type()
        assert "b HAL 9000\n" in terminal.type("a hal")


@pytest.mark.parametrize("command", ["generate", "translate"])
def test_without_a_terminal_there_is_no_conversation(shell: Shell, alphabet: str, hal: str, command: str) -> None:
    model = {"generate": alphabet, "translate": hal}[command]
    done = shell.here(command, "-m", model, "--interactive", stdin="ab", code=2)
    assert done.message.startswith("--interactive: needs a terminal")
    assert done.out == b""


@pytest.mark.parametrize(
    "arguments", [["generate", "--count", "2"], ["generate", "--json"], ["translate", "--json"], ["translate", "file"]]
)
def test_what_does_not_go_with_a_conversation_is_refused(
    shell: Shell, alphabet: str, hal: str, arguments: list[str]
) -> None:
    model = {"generate": alphabet, "translate": hal}[arguments[0]]
    done = shell.here(*arguments, "-m", model, "--interactive", "-q", stdin="ab", code=2)
    assert done.message.startswith("--interactive: ")
    assert "leave out" in done.message


def test_settings_are_checked_as_options_are() -> None:
    kept = {"sampling": SamplingConfig(), "search": SearchConfig()}
    sampling = settings(lambda: kept["sampling"], lambda new: kept.update(sampling=new), ["temperature", "top_k"])
    sampling["temperature"].run("0.3")
    sampling["top-k"].run("7")
    assert kept["sampling"] == SamplingConfig(temperature=0.3, top_k=7)
    sampling["top-k"].run("off")
    assert kept["sampling"].top_k is None
    search = settings(lambda: kept["search"], lambda new: kept.update(search=new), ["split", "beam"])
    search["split"].run("off")
    assert kept["search"] == SearchConfig(split=False)
    for command, value in [(sampling["temperature"], "off"), (search["beam"], "2.5"), (search["beam"], "0")]:
        with pytest.raises(UsageError):
            command.run(value)
    assert kept["search"] == SearchConfig(split=False)


@pytest.mark.parametrize("value", ["", "0", "-1", "two", "1.5"])
def test_a_number_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(UsageError, match="must be a whole number, 1 or more"):
        number("pick", value, low=1)
