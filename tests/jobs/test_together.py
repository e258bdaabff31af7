"""Trainings of several processes that TF_CONFIG connects, in real processes."""

from __future__ import annotations

import json
import signal
import socket
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from cli.shell import CLEAN, PATIENCE, Shell
from crash.resume import arguments, end_of, prepare, process
from together import Ended, run, tf_config

from rnntext.train import state

STEPS = 24
LOST = "rnntext: another process of this training has ended or cannot be reached; the same commands go on from the"
EXACT = ["--precision", "float32", "--dropout", "0"]
OPTIONS = {
    "charlm": [*EXACT, "--recurrent-dropout", "0", "--batch-size", "5"],  # which two cannot share equally
    "gru": [*EXACT, "--accumulate", "2"],
}
SECONDS = 60  # within which a process notices that another one has gone


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts, and the models of the trainings in here."""
    path = tmp_path_factory.mktemp("together")
    prepare(path)
    return path


def command(kind: str, folder: Path, model: str, *options: str) -> list[str]:
    """A training; the last one of an option counts."""
    return [*arguments(kind, folder, model, STEPS), *OPTIONS[kind], *options]


def together(words: list[str], folder: Path, count: int = 2, **victims: str) -> list[Ended]:
    """Trains in several processes; `victims` are how number `p0`, `p1`, ... die."""
    return run([words] * count, folder, {int(name[1:]): way for name, way in victims.items()})


def weights(model: Path) -> dict[str, np.ndarray]:
    return safetensors.numpy.load_file(model / "versions" / "000001" / "weights.safetensors")


def check_silent(follower: Ended, count: int = 2, *, error: str = "") -> None:
    """A process that follows has said what it takes part in, and how that has ended if not well; no more."""
    told, *rest = follower.err.splitlines()
    assert told.startswith(f"process 2 of {count} of one training; its chief is 127.0.0.1:")
    assert follower.out == ""
    assert "".join(rest).startswith(error) if error else not rest
    assert len(rest) == bool(error)


@pytest.mark.slow
@pytest.mark.parametrize("kind", OPTIONS)
def test_two_processes_learn_what_one_learns(kind: str, folder: Path) -> None:
    with process(command(kind, folder, f"{kind}-alone")) as alone:
        _, err = alone.communicate(timeout=PATIENCE)
        assert alone.returncode == 0, err
    files = ["--log-json", f"{kind}.log", "--metrics-file", f"{kind}.prom", "--json"]
    chief, follower = together([*command(kind, folder, f"{kind}-both"), *files], folder)
    assert (chief.code, follower.code) == (0, 0), chief.err + follower.err
    assert "now in service" in chief.err
    assert json.loads(chief.out)["promoted"]
    assert (folder / f"{kind}.log").exists()
    assert (folder / f"{kind}.prom").exists()
    check_silent(follower)
    expected = weights(folder / f"{kind}-alone")
    for name, array in weights(folder / f"{kind}-both").items():
        assert np.abs(array - expected[name]).max() <= 1e-5 * np.abs(expected[name]).max(), name
    assert not any((folder / "follower1").iterdir())


@pytest.fixture(scope="module")
def unbroken(folder: Path) -> Path:
    """The model that two processes make without being disturbed, with dropout."""
    ended = together(command("charlm", folder, "unbroken", "--dropout", "0.3"), folder)
    assert [each.code for each in ended] == [0, 0], ended
    return folder / "unbroken"


@pytest.mark.slow
def test_killed_or_stopped_at_any_process_they_go_on_to_the_same_bits(folder: Path, unbroken: Path) -> None:
    words = command("charlm", folder, "broken", "--dropout", "0.3")
    # 1. One who follows is killed: the chief notices.
    chief, follower = together(words, folder, p0="never", p1="step:8")
    assert follower.code == -signal.SIGKILL
    assert chief.code == 75
    assert chief.time - follower.time < SECONDS
    assert chief.err.splitlines()[-1].startswith(LOST)
    assert "Traceback" not in chief.err
    # 2. The chief is killed: the other one notices.
    chief, follower = together(words, folder, p0="step:6")
    assert chief.code == -signal.SIGKILL
    assert "going on at step 6" in chief.err
    assert follower.code == 75
    assert follower.time - chief.time < SECONDS
    check_silent(follower, error=LOST)
    # 3. One who follows is asked to stop: all stop, and the state is saved.
    chief, follower = together(words, folder, p1="term:4")
    assert (chief.code, follower.code) == (143, 143), chief.err
    position, _ = state.from_bytes((folder / "broken" / "run" / "state.safetensors").read_bytes())
    assert f"stopped and saved at step {position.step}; the same command goes on" in chief.err
    assert position.step > 9
    check_silent(follower, error=f"rnntext: the chief has ended: stopped and saved at step {position.step}")
    # 4. The chief is asked to stop.
    chief, follower = together(words, folder, p0="term:2")
    assert (chief.code, follower.code) == (143, 143), chief.err
    # 5. They end as if nothing had happened.
    chief, follower = together(words, folder)
    assert (chief.code, follower.code) == (0, 0), chief.err
    assert end_of(folder / "broken") == end_of(unbroken)


@pytest.mark.slow
def test_a_pause_and_a_divergence_end_all(folder: Path) -> None:
    chief, follower = together(command("charlm", folder, "paused", "--pause-after", "0s"), folder)
    assert (chief.code, follower.code) == (0, 0), chief.err
    assert "paused and saved at step 1" in chief.err
    check_silent(follower)
    # What the other one has computed is no number: the chief sees it in the sum of that very step.
    chief, follower = together(command("charlm", folder, "paused"), folder, p1="nan:4")
    assert (chief.code, follower.code) == (1, 1), chief.err
    assert chief.err.splitlines()[-1].startswith("rnntext: training diverged at step 6 (loss nan")
    check_silent(follower, error="rnntext: the chief has ended: training diverged at step 6 ")


@pytest.mark.slow
def test_three_processes_keep_a_time_limit(folder: Path) -> None:
    words = [*command("charlm", folder, "limited"), "--time-limit", "8s", "--steps", "1000000"]
    ended = together(words, folder, count=3)
    assert [each.code for each in ended] == [0, 0, 0], ended
    assert "now in service" in ended[0].err
    check_silent(ended[1], 3)


@pytest.mark.slow
def test_a_process_with_another_command_is_named_and_all_end(folder: Path) -> None:
    words = command("charlm", folder, "refused")
    chief, follower = run([words, [*words, "--units", "7"]], folder)
    assert (chief.code, follower.code) == (2, 2), chief.err + follower.err
    for line in (chief.err.splitlines()[-1], follower.err.splitlines()[-1]):
        assert line.startswith("rnntext: TF_CONFIG: process 2 (127.0.0.1:")
        assert "is not like the chief (--units 6 -> 7); start all with the same command" in line
    assert not (folder / "refused").exists()


@pytest.mark.slow
def test_a_chief_that_cannot_begin_tells_the_others_why(folder: Path) -> None:
    words = command("charlm", folder, "unreadable", "--validation", str(folder / "missing.txt"))
    chief, follower = together(words, folder)
    assert chief.code == follower.code != 0
    message = chief.err.removeprefix("rnntext: ")
    check_silent(follower, error=f"rnntext: the chief has ended: {message[:40]}")


def test_a_port_that_is_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        shell = Shell(tmp_path, {**CLEAN, "TF_CONFIG": tf_config([address, "127.0.0.1:2"], 0)})
        done = shell("train-charlm", "--steps", "1", code=75)
    assert done.message.startswith(f"TF_CONFIG: {address} cannot take part (")


@pytest.mark.parametrize("options", [["train-forecast", "x.csv", "--column", "y"], ["train-charlm", "--dry-run"]])
def test_what_one_process_does_alone_is_refused(options: list[str], tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("y\n1\n")
    done = Shell(tmp_path, {**CLEAN, "TF_CONFIG": tf_config(["127.0.0.1:1", "127.0.0.1:2"], 1)})(*options, code=2)
    assert "unset TF_CONFIG" in done.message


def test_a_malformed_tf_config_is_refused(tmp_path: Path) -> None:
    shell = Shell(tmp_path, {**CLEAN, "TF_CONFIG": '{"cluster": '})
    done = shell("train-charlm", "--steps", "1", "--metrics-file", "m.prom", code=2)
    assert done.message.startswith('TF_CONFIG: not {"cluster": ')
