"""train-charlm in real processes; each test that says so in its fixture costs seconds of TensorFlow."""

import fcntl
import json
import os
import re
import shlex
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cli.shell import CLEAN, PATIENCE, PROGRAM, Done, Shell, read_until

TEXT = (Path(__file__).parents[2] / "corpora" / "valley.txt").read_bytes()[:6000]
SMALL = ["--units", "8", "--embedding", "8", "--layers", "1", "--window", "16", "--batch-size", "4"]
LONG = ["train-charlm", "text.txt", "-m", "long", *SMALL, "--steps", "500"]
TENSORFLOW = {"tensorflow", "keras"}


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A folder with a text and no models, which lie in its `checkpoints`."""
    folder = tmp_path_factory.mktemp("training")
    (folder / "text.txt").write_bytes(TEXT)
    return Shell(folder, CLEAN)


# A first run ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def first(shell: Shell) -> Done:
    return shell("train-charlm", "text.txt", *SMALL, "--steps", "3")


def test_a_first_run_makes_the_default_model_and_prints_no_result(first: Done, shell: Shell) -> None:
    assert first.out == b""
    assert (shell.folder / "checkpoints" / "charlm" / "current").is_file()
    assert not (shell.folder / "checkpoints" / "charlm" / "run").exists()


def test_without_a_terminal_stderr_has_one_line_per_evaluation_the_path_and_the_next_command(first: Done) -> None:
    size, start, evaluation, path, following = first.err.splitlines()
    assert size.startswith("size ")
    assert start.startswith("training ")
    assert re.match(r"step 3/3 .* held-out \d+\.\d{4} bits/char", evaluation)
    assert "checkpoints/charlm" in path
    assert "now in service" in path
    assert following == "try: rnntext generate"


def test_the_next_command_that_is_proposed_works(first: Done, shell: Shell) -> None:
    words = shlex.split(first.err.splitlines()[-1].removeprefix("try: rnntext "))
    assert shell(*words, "-n", "20").text.strip()


def test_every_evaluation_is_kept_in_the_history(first: Done, shell: Shell) -> None:
    (line,) = (shell.folder / "checkpoints" / "charlm" / "history.jsonl").read_text().splitlines()
    entry = json.loads(line)
    assert entry["step"] == 3
    assert f"{entry['bits_per_character']:.4f} bits/char" in first.err


# From a pipe, with a configuration file, for a script -----------------------------------------------------------------


@pytest.fixture(scope="module")
def scripted(shell: Shell) -> Done:
    shell.write("held.txt", TEXT[:500])
    sizes = "units = 8\nembedding = 8\nlayers = 1\nwindow = 16\nbatch-size = 4\n"
    shell.write("train.toml", sizes + 'steps = 1000\nvalidation = "held.txt"\nencoding-errors = "replace"\n')
    options = ["-m", "scripted", "--config", "train.toml", "--steps", "3", "--json", "-q"]
    return shell("train-charlm", "-", *options, stdin=TEXT + b"\xff\xfe\n")


def test_quiet_and_json_leave_one_object_on_stdout_and_nothing_on_stderr(scripted: Done) -> None:
    assert scripted.err == ""
    (record,) = scripted.records
    assert record["model"] == "checkpoints/scripted"
    assert (record["version"], record["promoted"], record["steps"], record["champion"]) == ("000001", True, 3, None)


def test_the_score_of_training_is_the_score_of_the_score_command(scripted: Done, shell: Shell) -> None:
    (record,) = shell("score", "-m", "scripted", "--json", "held.txt").records
    assert record["bits_per_character"] == pytest.approx(scripted.records[0]["score"], rel=1e-5)


# Stopped and repeated -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stopped(shell: Shell) -> tuple[int, str, Done]:
    """Exit code and stderr of a training that was asked to stop, and what a second one said meanwhile."""
    with shell.started(*LONG) as process:
        begun = read_until(process.stderr.fileno(), b"training ")
        time.sleep(0.2)  # for its first step to begin, which takes longer; it may also be stopped before that
        process.send_signal(signal.SIGSTOP)  # so that it cannot have ended before the second one has asked
        busy = shell(*LONG, code=75)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)
        rest = process.stderr.read()
        return process.wait(PATIENCE), (begun + rest).decode(), busy


def test_sigterm_saves_says_so_and_exits_143(stopped: tuple[int, str, Done], shell: Shell) -> None:
    code, err, _ = stopped
    assert code == 143
    assert re.fullmatch(r"rnntext: stopped and saved at step \d+; .*", err.splitlines()[-1])
    assert (shell.folder / "checkpoints" / "long" / "run").is_dir()
    assert not (shell.folder / "checkpoints" / "long" / "current").exists()


def test_a_second_training_of_the_same_model_is_turned_away(stopped: tuple[int, str, Done]) -> None:
    busy = stopped[2]
    assert busy.out == b""
    assert "checkpoints/long" in busy.message
    assert "another job" in busy.message


def test_other_options_do_not_go_on_with_an_unfinished_training(stopped: tuple[int, str, Done], shell: Shell) -> None:
    message = shell(*LONG[:-1], "501", "--cell", "gru", code=2).message
    for part in ("--steps 500 -> 501", "--cell lstm -> gru", "--fresh"):
        assert part in message


def test_the_same_command_goes_on_and_finishes(stopped: tuple[int, str, Done], shell: Shell) -> None:
    step = int(re.search(r"at step (\d+)", stopped[1])[1])
    done = shell(*LONG)
    assert done.out == b""
    assert done.err.splitlines()[0].endswith(f"going on at step {step}" if step else "parameters")
    evaluated = [int(number) for number in re.findall(r"^step (\d+)/500 ", stopped[1] + done.err, re.MULTILINE)]
    assert evaluated == list(range(100, 501, 100))
    assert (shell.folder / "checkpoints" / "long" / "current").is_file()
    assert not (shell.folder / "checkpoints" / "long" / "run").exists()


def test_a_locked_model_is_refused_before_tensorflow_is_loaded(shell: Shell) -> None:
    folder = shell.folder / "checkpoints" / "locked"
    folder.mkdir(parents=True)
    with open(folder / "lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        loaded = shell.modules("train-charlm", "text.txt", "-m", "locked", code=75)
    assert loaded & TENSORFLOW == set()
    assert [path.name for path in folder.iterdir()] == ["lock"]


def test_ctrl_c_while_tensorflow_starts_is_silent_and_leaves_no_unfinished_training(shell: Shell) -> None:
    done = shell.interrupted("keras", "train-charlm", "text.txt", "-m", "interrupted", *SMALL, "--steps", "3")
    assert (done.out, done.err) == (b"", "")
    assert not (shell.folder / "checkpoints" / "interrupted" / "run").exists()


# On a terminal --------------------------------------------------------------------------------------------------------


def read_all(terminal: int) -> bytes:
    screen = b""
    while True:
        try:
            screen += os.read(terminal, 65536)
        except OSError:  # the last writer has gone
            return screen


def test_on_a_terminal_a_bar_is_drawn_on_stderr_and_nothing_on_stdout(shell: Shell) -> None:
    leader, follower = os.openpty()
    arguments = ["train-charlm", "text.txt", "-m", "seen", *SMALL, "--steps", "200"]
    with ThreadPoolExecutor() as threads:  # who draws on a terminal that nobody reads must wait, sooner or later
        reading = threads.submit(read_all, leader)
        try:
            done = shell.run([*PROGRAM, *arguments], stderr=follower, TERM="xterm", COLUMNS="100")
        finally:
            os.close(follower)
        screen = reading.result()
    os.close(leader)
    assert done.out == b""
    assert "/200" in screen.decode()
    assert b"\x1b[?25l" not in screen  # the cursor is never hidden
    assert screen.count(b"held-out") >= 2
    assert b"try: rnntext generate -m seen" in screen
