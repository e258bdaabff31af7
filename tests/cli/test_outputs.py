"""Every file that an option names and a command writes: what is there already, if it is no file, is left as it is."""

from __future__ import annotations

import errno
import fcntl
import inspect
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from cli.shell import Shell
from helpers import alphabet_weights, save_charlm, save_forecaster, save_translator, shifting_weights
from typer.models import OptionInfo

from rnntext.__main__ import _run
from rnntext.cli.app import program
from rnntext.jobs import train_charlm, train_forecast, train_translate
from rnntext.jobs.promotion import Outcome
from rnntext.settings.forecaster import ForecastConfig
from rnntext.watch.observer import Observer

READ = {"--config"}  # the only option that names a file to be read
NULL, FULL = os.makedev(1, 3), os.makedev(1, 7)


def outputs() -> list[tuple[str, str]]:
    """All options of all commands that name a file or a folder to be written, as they are declared."""
    app = program()
    commands = [("", app.registered_commands)]
    commands += [(f"{group.name} ", group.typer_instance.registered_commands) for group in app.registered_groups]
    found = []
    for group, members in commands:
        for member in members:
            for name, parameter in inspect.signature(member.callback, eval_str=True).parameters.items():
                kind, *about = get_args(parameter.annotation) or (parameter.annotation,)
                if Path in (kind, *get_args(kind)) and isinstance(about[0], OptionInfo):
                    option = max(about[0].param_decls or (f"--{name.replace('_', '-')}",), key=len)
                    found.append((f"{group}{member.name}", option))
    return [(command, option) for command, option in found if option not in READ]


OUTPUTS = outputs()
FOLDERS = [found for found in OUTPUTS if found[1] == "--tensorboard" or found[0] == "checkpoints export"]
FILES = [found for found in OUTPUTS if found not in FOLDERS]

# What a command needs beside the option, and how what it writes begins.
WRITTEN: dict[tuple[str, str], tuple[list[str], bytes]] = {
    ("generate", "--output"): (["a", "-n", "2", "--temperature", "0"], b"abc\n"),
    ("score", "--output"): (["ab.txt"], b"9.6180 bits/char, "),
    ("translate", "--output"): (["hal.txt"], b"ibm\n"),
    ("translate", "--alignment"): (["hal.txt"], b"\x89PNG"),
    ("evaluate", "--save"): (["hal.txt", "hal.txt"], b"ibm\n"),
    ("forecast", "--output"): (["week.csv"], b"time,value,lower,upper\n"),
    ("forecast", "--plot"): (["week.csv"], b"\x89PNG"),
    ("report", "--output"): (["charlm"], b"<!DOCTYPE html>\n"),
    ("corpora show", "--output"): (["grammar-heldout"], b""),
    ("checkpoints pack", "--output"): (["charlm"], b""),
    **{
        (command, option): (given, begin)
        for command, given in [
            ("train-charlm", ["ab.txt"]),
            ("train-translate", ["pairs.tsv"]),
            ("train-forecast", ["week.csv"]),
        ]
        for option, begin in [("--log-json", b'{"time": "'), ("--metrics-file", b"# HELP rnntext_running")]
    },
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    save_charlm(folder / "charlm", *alphabet_weights())
    save_translator(folder / "translator", *shifting_weights(), longest=39)
    week = np.tile([10.0, 20.0, 30.0, 25.0, 15.0, 5.0, 0.0], 20)[:, None]
    config = ForecastConfig(architecture="seasonal-naive", window=7, horizon=3)
    save_forecaster(folder / "forecaster", config, week + np.random.default_rng(0).normal(0, 1, week.shape), season=7)
    return folder


@pytest.fixture
def here(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to work in. Trainings do nothing there but tell what happens."""

    def train(*arguments: Any, observer: Observer, **others: Any) -> Outcome:
        observer.start(1, 0)
        observer.save(1)
        observer.end("finished")
        return Outcome("unchanged", "000001")

    for module, name in [
        (train_charlm, "train_charlm"),
        (train_translate, "train_translate"),
        (train_forecast, "train_forecast"),
    ]:
        monkeypatch.setattr(module, name, train)
    monkeypatch.setenv("RNNTEXT_CHECKPOINTS", str(home))
    monkeypatch.chdir(tmp_path)
    Path("ab.txt").write_text("ab\n")
    Path("hal.txt").write_text("hal\n")
    Path("pairs.tsv").write_text("hal\tibm\n")
    Path("week.csv").write_text("x\n" + "".join(f"{n % 7}\n" for n in range(14)))
    return tmp_path


def run(command: str, option: str, place: str) -> int:
    given, _ = WRITTEN[command, option]
    return _run([*command.split(), *given, option, place])


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def device(number: int) -> Path:
    """A device of our own: the machine's must not be at risk."""
    path = Path("device.png")
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, number)
        path.open("wb").close()
    except PermissionError:
        pytest.skip("only root may make devices")
    return path


def reader(path: Path) -> int:
    """A named pipe is made, and somebody reads it."""
    os.mkfifo(path)
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK)


def named(found: tuple[str, str]) -> str:
    return " ".join(found)


each_output = pytest.mark.parametrize("output", WRITTEN, ids=named)
each_file = pytest.mark.parametrize("output", FILES, ids=named)


def test_no_output_is_forgotten_here() -> None:
    assert ("generate", "--output") in OUTPUTS
    assert set(WRITTEN) < set(FILES)
    elsewhere = {"evaluate --output", "ladder --output", "ladder --plot"}  # only refused: they take long
    assert {named(found) for found in set(FILES) - set(WRITTEN)} == elsewhere
    trainings = {"train-charlm", "train-translate", "train-forecast"}
    assert {command for command, _ in FOLDERS} == {*trainings, "checkpoints export"}


# Not written to -------------------------------------------------------------------------------------------------------

# (place, exit code, what the message says)
WRONG = [
    ("", 2, "give the name of a file"),
    (".", 2, "give the name of a file"),
    ("..", 74, "Is a directory; give a file that can be written"),
    ("folder.png", 74, "Is a directory; give a file that can be written"),
    ("to-folder.png", 74, "Is a directory; give a file that can be written"),
    ("missing/x.png", 74, "there is no folder"),
    ("to-missing.png", 74, "there is no folder"),
    ("file/x.png", 74, "Not a directory; give a file that can be written"),
    ("loop.png", 74, "symbolic links; give a file that can be written"),
]


def refused(output: tuple[str, str], place: str, code: int, what: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The command ends before it finds out that there is nothing to work on."""
    command, option = output
    given = {"evaluate": ["none", "none"], "checkpoints pack": ["none"], "corpora show": ["none"]}
    given["checkpoints export"] = ["none", "--to", "text"]
    before = names(Path())
    assert _run([*command.split(), *given.get(command, ["none"]), option, place]) == code
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"rnntext: {option} {place}" if place not in ("", ".") else f"rnntext: {option} '.'")
    assert what in err
    assert names(Path()) == before


@each_file
@pytest.mark.parametrize(("place", "code", "what"), WRONG, ids=[place or "''" for place, _, _ in WRONG])
def test_a_wrong_place_is_named_before_anything_is_read(
    here: Path, output: tuple[str, str], place: str, code: int, what: str, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("folder.png").mkdir()
    Path("file").touch()
    Path("to-folder.png").symlink_to("folder.png")
    Path("to-missing.png").symlink_to("missing/x.png")
    Path("loop.png").symlink_to("loop.png")
    refused(output, place, code, what, capfd)


@pytest.mark.parametrize("output", FOLDERS, ids=named)
@pytest.mark.parametrize(
    ("place", "code", "what"),
    [
        ("", 2, "give the name of a folder"),
        (".", 2, "give the name of a folder"),
        ("file", 74, "file is no folder; give a folder that can be written"),
        ("file/below/it", 74, "file is no folder; give a folder that can be written"),
        ("to-missing", 74, "to-missing is no folder; give a folder that can be written"),
        ("pipe", 74, "pipe is no folder; give a folder that can be written"),
    ],
)
def test_a_wrong_folder_is_named_before_anything_is_read(
    here: Path, output: tuple[str, str], place: str, code: int, what: str, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("file").touch()
    os.mkfifo("pipe")
    Path("to-missing").symlink_to("missing")
    refused(output, place, code, what, capfd)


# Written to -----------------------------------------------------------------------------------------------------------


@each_output
@pytest.mark.parametrize("exists", [True, False], ids=["link to a file", "dangling link"])
def test_a_link_stays_and_what_it_leads_to_is_written(here: Path, output: tuple[str, str], exists: bool) -> None:
    Path("behind").mkdir()
    Path("link.png").symlink_to("behind/real")
    if exists:
        Path("behind/real").touch()
    assert run(*output, "link.png") == 0
    assert os.readlink("link.png") == "behind/real"
    assert names(Path("behind")) == ["real"]
    assert not Path("behind/real").is_symlink()
    written = Path("behind/real").read_bytes()
    assert written
    assert written.startswith(WRITTEN[output][1])


@each_output
def test_a_named_pipe_is_written_to_and_stays(here: Path, output: tuple[str, str]) -> None:
    descriptor = reader(Path("pipe.png"))
    os.set_blocking(descriptor, True)
    size = fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, 1 << 20)  # nobody reads before the command has ended
    assert run(*output, "pipe.png") == 0
    assert Path("pipe.png").is_fifo()
    assert "pipe.png" in names(Path())
    written = os.read(descriptor, size)
    os.close(descriptor)
    assert written
    assert written.startswith(WRITTEN[output][1])


@each_output
@pytest.mark.parametrize("linked", [False, True], ids=["device", "link to a device"])
def test_a_device_is_written_to_and_stays(here: Path, output: tuple[str, str], linked: bool) -> None:
    path = device(NULL)
    Path("link.png").symlink_to(path)
    before = names(Path())
    assert run(*output, "link.png" if linked else str(path)) == 0
    assert (stat.S_ISCHR(path.stat().st_mode), path.stat().st_rdev) == (True, NULL)
    assert Path("link.png").is_symlink()
    assert names(Path()) == before


@each_output
def test_a_full_device_is_one_line_that_names_the_option(
    here: Path, output: tuple[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    path = device(FULL)
    assert run(*output, str(path)) == 74
    assert path.stat().st_rdev == FULL
    *notes, message = capfd.readouterr().err.splitlines()
    assert not [line for line in notes if line.startswith("rnntext: ")]
    assert message.startswith(f"rnntext: {output[1]} {path}: {os.strerror(errno.ENOSPC)}; ")


def test_a_dash_is_standard_output_for_results_and_no_file_for_anything_else(shell: Shell) -> None:
    assert shell.here("generate", "abc", "-m", "alphabet", "--seed", "1", "-n", "2", "-o", "-").text == "abcde\n"
    for option in ("--log-json", "--metrics-file", "--tensorboard"):
        message = shell.here("train-charlm", option, "-", code=2).message
        assert message == f"{option} -: give the name of a file, such as /dev/stdout"
    assert list(shell.folder.iterdir()) == []


@pytest.mark.parametrize(("steps", "words"), [(1, "after 1 step;"), (2, "after 2 steps;")])
def test_an_outcome_counts_its_steps_in_words(steps: int, words: str) -> None:
    outcome = Outcome("finished", "000001", promoted=True, score=2.5, steps=steps, label="BLEU")
    assert words in outcome.sentence("m")
