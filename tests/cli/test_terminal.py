"""What a terminal gets to see, and what becomes of a training when its keys are pressed or it goes away."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from cli.shell import PATIENCE, PROGRAM, Shell, read_some, read_until
from cli.terminal import on_terminal, to_the_end
from helpers import save_charlm

from rnntext.cli.console import Results, note, visible
from rnntext.run.charlm import shapes
from rnntext.settings.charlm import CharlmConfig

EVIL = "\x1b]0;owned\x07\u202etxt"  # gives a terminal's window another title, and turns the rest of the line round
SEEN = "\\u001b]0;owned\\u0007\\u202etxt"
# A training without TensorFlow: its steps are computed by native code that no signal interrupts.
TRAINING = """
import hashlib, sys
from rnntext.cli.watching import watching
from rnntext.jobs.signals import stop_on_signal
from rnntext.watch.observer import Progress

with watching(False, "chars", "score", "score") as observer, stop_on_signal(observer.stopping) as stopped:
    observer.start(10, 0)
    for step in range(1, 1_000_000):
        observer.step(Progress(step, None, 0, 0.0, 1.0, 1.0, 0.1))
        hashlib.pbkdf2_hmac("sha256", b"native", b"code", int(sys.argv[1]))
        if len(sys.argv) > 2 and not sys.stderr.isatty():  # the terminal has gone
            observer.note("nobody sees this")
            open(sys.argv[2], "a").write("x")
        if stopped():
            break
    raise SystemExit(128 + stopped.number)
"""
SHORT, FOR_EVER = "1000", str(2**31 - 1)  # steps


# Control characters ---------------------------------------------------------------------------------------------------


def test_control_characters_are_shown_as_json_writes_them_and_all_else_stays() -> None:
    assert visible(EVIL) == SEEN
    assert visible("\r\x9b1m\x7f\0") == "\\u000d\\u009b1m\\u007f\\u0000"
    turned = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    assert visible(turned) == "".join(f"\\u{ord(character):04x}" for character in turned)
    harmless = "\u200e\u200f\u061c zażółć\tПривет\n你好 👍🏽 \u200f שלום \u00a0"
    assert visible(harmless) == harmless


@pytest.fixture
def evil(shell: Shell) -> str:
    """A character model that knows what terminals obey; it answers with one such character after another."""
    characters = sorted({*EVIL, "\n"})
    config = CharlmConfig(cell="rnn", layers=1, units=2, embedding=2)
    arrays = {name: np.zeros(shape, np.float32) for name, shape in shapes(config, len(characters) + 1).items()}
    arrays["logits.bias"][1 + characters.index("\x1b")] = 50.0
    return str(save_charlm(shell.folder / "evil", config, characters, arrays))


@pytest.mark.parametrize("others", [[], ["--count", "2"], ["--json"]])
def test_what_a_model_says_does_not_rule_a_terminal_and_a_pipe_gets_it_unchanged(
    shell: Shell, evil: str, others: list[str]
) -> None:
    arguments = ["generate", EVIL, "-m", evil, "-n", "3", "--seed", "1", *others]
    with on_terminal([*PROGRAM, *arguments], shell) as (_, terminal):
        shown = to_the_end(terminal)
    assert SEEN.encode() in shown
    assert b"\\u001b\\u001b\\u001b" in shown
    assert not {0x1B, 0x07} & set(shown)
    assert "\u202e".encode() not in shown
    piped = shell.here(*arguments).text
    assert ("\x1b\x1b\x1b" in piped) == ("--json" not in others)


def test_an_error_message_does_not_rule_a_terminal_either(shell: Shell, evil: str) -> None:
    shell.write(EVIL + ".txt", b"\xff")
    with on_terminal([*PROGRAM, "score", EVIL + ".txt", "-m", evil], shell) as (process, terminal):
        shown = to_the_end(terminal)
        assert process.wait(PATIENCE) == 65
    assert f"rnntext: {SEEN}.txt".encode() in shown
    assert b"\x1b" not in shown
    assert "\u202e".encode() not in shown


def test_notes_and_results_look_at_their_own_stream(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    with open(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        note(EVIL)
        with open(os.dup(theirs), "wb") as stream:
            Results(stream, "tty").write(EVIL)
        expected = f"{SEEN}\r\n{SEEN}".encode()
        shown = b""
        while len(shown) < len(expected):
            shown += read_some(ours)
        assert shown == expected
    os.close(ours)
    with open(tmp_path / "file", "w+") as file:
        monkeypatch.setattr(sys, "stderr", file)
        note(EVIL)
        assert (tmp_path / "file").read_text() == EVIL + "\n"


# Keys, and the end of a terminal --------------------------------------------------------------------------------------


def training(steps: str) -> list[str]:
    return [sys.executable, "-c", TRAINING, steps]


def test_the_first_ctrl_c_is_answered_within_a_step_and_the_second_ends_it_at_once(shell: Shell) -> None:
    with on_terminal(training(FOR_EVER), shell) as (process, terminal):
        shown = read_until(terminal, b"chars/s")
        os.write(terminal, b"\x03")
        shown += read_until(terminal, b"stopping after this step")
        os.write(terminal, b"\x03")
        assert process.wait(PATIENCE) == 130
        shown += to_the_end(terminal)
    assert b"\x1b[?25l" not in shown  # The cursor is never hidden, so nothing need show it again.


def test_a_single_ctrl_c_waits_for_the_step(shell: Shell) -> None:
    with on_terminal(training(SHORT), shell) as (process, terminal):
        read_until(terminal, b"chars/s")
        os.write(terminal, b"\x03")
        read_until(terminal, b"stopping after this step")
        assert process.wait(PATIENCE) == 130


def test_a_training_that_ignores_the_end_of_its_terminal_goes_on_without_it(shell: Shell) -> None:
    ignoring = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *training(SHORT), "seen"]
    with on_terminal(ignoring, shell) as (process, terminal):
        read_until(terminal, b"chars/s")
        os.close(terminal)
        seen = shell.folder / "seen"
        wait_for(seen, b"x" * 20)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 143


def wait_for(path: Path, content: bytes) -> None:
    """Waits until a file begins with this, or fails."""
    until = time.monotonic() + PATIENCE
    while not (path.exists() and path.read_bytes().startswith(content)):
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_terminal_that_goes_away_ends_a_training_with_129(shell: Shell) -> None:
    with on_terminal(training(SHORT), shell) as (process, terminal):
        read_until(terminal, b"chars/s")
        os.close(terminal)
        assert process.wait(PATIENCE) == 129
