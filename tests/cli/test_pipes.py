"""Pipes, terminals and signals: text appears while it is made, and every way to break off is a quiet one."""

import contextlib
import fcntl
import os
import signal
import subprocess
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cli.shell import PATIENCE, PROGRAM, Shell, read_some

from rnntext.cli.console import results

FOREVER = ["generate", "The ", "-n", "100000000", "--seed", "1"]  # an hour and more
STDIN = "The miller\n"
PRINTING = [
    ["--help"],
    ["--version"],
    ["score", "--help"],
    ["generate", "--print-config"],
    ["generate", "x", "-n", "3", "--seed", "1"],
    ["generate", "x", "-n", "3", "--seed", "1", "--count", "2", "--json"],
    ["score"],
    ["score", "--per-line"],
    ["corpora", "list"],
    ["corpora", "show", "valley"],
    ["corpora", "path", "valley"],
]
every_printing_command = pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)

# Results that nobody can receive --------------------------------------------------------------------------------------


@every_printing_command
def test_a_reader_that_has_gone_ends_the_command_by_sigpipe_silently(shell: Shell, arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = shell.run([*PROGRAM, *arguments], stdin=STDIN, code=-signal.SIGPIPE, stdout=writer)
    os.close(writer)
    assert done.err == ""


@every_printing_command
def test_a_full_disk_gives_one_line_and_74(shell: Shell, arguments: list[str]) -> None:
    with open("/dev/full", "r+b", buffering=0) as full:
        done = shell.run([*PROGRAM, *arguments], stdin=STDIN, code=74, stdout=full)
    assert "No space left on device" in done.message


@pytest.mark.parametrize("arguments", [PRINTING[4], PRINTING[6], PRINTING[8]], ids=" ".join)
def test_a_closed_stdout_gives_one_line_and_74(shell: Shell, arguments: list[str]) -> None:
    done = shell.run(["sh", "-c", 'exec "$@" >&-', "sh", *PROGRAM, *arguments], stdin=STDIN, code=74)
    assert "standard output is closed" in done.message


@pytest.mark.parametrize(
    ("arguments", "unbuffered"),
    [
        (FOREVER, ""),
        (["generate", "The ", "-n", "10000", "--seed", "1", "--count", "50"], ""),
        (["score", "--per-line"], ""),
        (["corpora", "show", "valley"], ""),
        (["corpora", "show", "valley"], "1"),
    ],
    ids=["generate", "generate --count", "score --per-line", "corpora show", "corpora show, PYTHONUNBUFFERED=1"],
)
def test_head_ends_a_long_output_by_sigpipe_silently(shell: Shell, arguments: list[str], unbuffered: str) -> None:
    lines = shell.folder / shell.write("lines.txt", "x\n" * 20_000)
    shell = Shell(shell.folder, {**shell.environment, "PYTHONUNBUFFERED": unbuffered})
    with open(lines, "rb") as stdin, shell.started(*arguments, stdin=stdin) as process:
        read_some(process.stdout.fileno(), 10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(PATIENCE) == -signal.SIGPIPE


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_results_come_even_if_nobody_can_be_told_about_the_seed(shell: Shell, redirection: str) -> None:
    done = shell.run(["sh", "-c", f'exec "$@" {redirection}', "sh", *PROGRAM, "generate", "The ", "-n", "5"])
    drawn = done.text.removeprefix("The ")
    assert drawn.endswith("\n")
    assert len(drawn) in (5, 6)  # 5 if the last one drawn was a line break


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", ">&- 2>&-"])
def test_a_mistake_keeps_its_exit_code_if_nobody_can_be_told(shell: Shell, redirection: str) -> None:
    shell.run(["sh", "-c", f'exec "$@" {redirection}', "sh", *PROGRAM, "generate", "-m", "zebra"], code=2)


@pytest.mark.parametrize("redirection", ["<&-", "</dev/null"])
@pytest.mark.parametrize(
    ("arguments", "code", "out"),
    [
        ("generate -n 3 -m alphabet --temperature 0 --seed 1", 0, b"abc\n"),
        ("score --per-line", 0, b""),
        ("score", 65, b""),
    ],
)
def test_a_missing_stdin_is_an_empty_one(shell: Shell, arguments: str, code: int, out: bytes, redirection: str) -> None:
    command = ["sh", "-c", f'exec "$@" {redirection}', "sh", *PROGRAM, *arguments.split()]
    done = shell.run(command, code=code)
    assert done.out == out
    assert done.err == "" or "<stdin>: empty" in done.message


# Streaming ------------------------------------------------------------------------------------------------------------


def test_in_a_pipe_text_arrives_long_before_its_end(shell: Shell) -> None:
    with shell.started(*FOREVER) as process:
        assert read_some(process.stdout.fileno(), 50).startswith(b"The ")
        assert process.poll() is None


def test_on_a_terminal_text_arrives_a_few_characters_at_a_time(shell: Shell) -> None:
    leader, follower = os.openpty()
    with shell.started(*FOREVER, stdin=follower, stdout=follower, stderr=follower) as process:
        os.close(follower)
        pieces = [read_some(leader) for _ in range(5)]
        assert b"".join(pieces).startswith(b"The ")
        assert len(pieces[0]) < 100
        assert process.poll() is None
    os.close(leader)


def test_memory_does_not_grow_with_what_was_generated(shell: Shell) -> None:
    def resident(process: subprocess.Popen[bytes]) -> int:
        with open(f"/proc/{process.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    with shell.started(*FOREVER) as process:
        read_some(process.stdout.fileno(), 1_000)
        before = resident(process)
        read_some(process.stdout.fileno(), 30_000)
        assert resident(process) - before < 2**20


# Ctrl-C ---------------------------------------------------------------------------------------------------------------


def generating(process: subprocess.Popen[bytes]) -> None:
    read_some(process.stdout.fileno(), 10)


def reading(process: subprocess.Popen[bytes]) -> None:
    """Gives the process one character and waits until it has taken it: it must be waiting for more then."""
    process.stdin.write(b"x")
    until = time.monotonic() + PATIENCE
    while fcntl.ioctl(process.stdin, termios.FIONREAD, bytes(4)) != bytes(4):
        assert process.poll() is None
        assert time.monotonic() < until, "stdin is not read"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("arguments", "wait"),
    [(FOREVER, generating), (["generate", "-"], reading), (["score"], reading), (["score", "--per-line"], reading)],
    ids=["generating", "generate -", "score", "score --per-line"],
)
def test_ctrl_c_ends_with_130_and_silence(
    shell: Shell, arguments: list[str], wait: Callable[[subprocess.Popen[bytes]], None]
) -> None:
    with shell.started(*arguments) as process:
        wait(process)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 130
        assert process.stderr.read() == b""


@pytest.mark.parametrize("module", ["typer", "rnntext.cli.app", "numpy", "safetensors"])
def test_ctrl_c_while_starting_is_silent_too(shell: Shell, module: str) -> None:
    assert shell.interrupted(module, "generate", "x", "-n", "1", "--seed", "1").err == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_no_half_written_file(shell: Shell, number: int) -> None:
    with shell.started(*FOREVER, "-o", "answer.txt") as process:
        until = time.monotonic() + PATIENCE
        while not list(shell.folder.iterdir()) and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(number)
        assert process.wait(PATIENCE) in (128 + number, -number)
    assert list(shell.folder.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_whose_exception_was_lost_is_noticed_by_the_next_who_writes(tmp_path: Path, number: int) -> None:
    def lose_one_and_write() -> None:
        with results(tmp_path / "answer.txt") as out:
            with contextlib.suppress(SystemExit):  # as a library does whose C code calls back
                os.kill(os.getpid(), number)
            out.write("text")

    with pytest.raises(SystemExit) as left:
        lose_one_and_write()
    assert left.value.code == 128 + number
    assert list(tmp_path.iterdir()) == []
