"""A simulated week with the files of examples/: a first training, growing data, a kill, a full disk, garbage, and a
model that is worse; all the while somebody translates."""

from __future__ import annotations

import configparser
import dataclasses
import fcntl
import json
import os
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from cli.shell import CLEAN, Done, Shell

from rnntext.storage import models, service

EXAMPLES = Path(__file__).parents[2] / "examples"
PATH = f"{Path(sys.executable).parent}:/usr/bin:/bin"
ALWAYS = "good morning to you all"
COMPUTING = {
    *("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "OPENBLAS_CORETYPE", "ONEDNN_MAX_CPU_ISA"),
    *("KERNELS_AUTO", "PYTHONPATH"),  # see tests/sitecustomize.py
}
WORSE = ["--quiet", "--from-scratch", "--steps", "1", "--learning-rate", "0"]
TINY = """
architecture = "gru"
tokens = "word"
columns = "1,2"
units = 16
embedding = 16
layers = 1
batch-tokens = 100
learning-rate = 0.02
warmup = 5
dropout = 0
steps = 60
"""


def pairs(day: int) -> str:
    """New pairs of a day; nearly all have the same target, which is learnt whatever the rounding."""
    lines = [f"day {day} number {n} of the week\t{ALWAYS}\n" for n in range(40)]
    return "".join(lines) + f"bye {day}\tgood night\n"


@dataclasses.dataclass
class Week:
    """What happened, day by day."""

    shell: Shell
    days: dict[str, Done] = dataclasses.field(default_factory=dict)
    serving: dict[str, str | None] = dataclasses.field(default_factory=dict)
    answers: list[subprocess.CompletedProcess[str]] = dataclasses.field(default_factory=list)

    @property
    def model(self) -> Path:
        return self.shell.folder / "checkpoints" / "en-es"

    def events(self) -> list[str]:
        log = self.shell.folder / "train.jsonl"
        return [json.loads(line)["event"] for line in log.read_text().splitlines()] if log.exists() else []


def cron_command(folder: Path, program: Path = Path(sys.executable).parent / "rnntext") -> list[str]:
    """The command of the crontab, for a folder and a program of ours; started as cron does it, which knows few
    programs by their names."""
    text = (EXAMPLES / "crontab").read_text()
    assert text.endswith("\n")  # cron does not see a last line without an end
    (line,) = [line for line in text.splitlines() if line and not line.startswith("#")]
    *times, command = line.split(maxsplit=5)
    assert times == ["30", "1", "*", "*", "*"]
    assert "%" not in command  # cron makes a line break of it
    command = command.replace("/usr/local/bin/rnntext", shlex.quote(str(program)))
    command = command.replace("/srv/rnntext", shlex.quote(str(folder)))
    return ["env", "PATH=/usr/bin:/bin", "/bin/sh", "-c", command]


def unit(name: str) -> configparser.ConfigParser:
    found = configparser.ConfigParser(strict=True, interpolation=None)
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read(EXAMPLES / name)
    return found


def service_command() -> list[str]:
    program, *rest = shlex.split(unit("rnntext-train.service")["Service"]["ExecStart"])
    assert program == "/usr/local/bin/rnntext"
    return ["rnntext", *rest]


def reading(week: Week, stop: threading.Event) -> None:
    """Asks for translations again and again, each time with a new process."""
    while True:
        command = ["rnntext", "translate", "--model", "en-es", "--beam", "1"]
        lines = "day 1 number 2 of the week\n\nsomething else\n"
        week.answers.append(
            subprocess.run(
                command,
                input=lines,
                capture_output=True,
                text=True,
                check=False,
                env=week.shell.environment,
                cwd=week.shell.folder,
            )
        )
        if stop.wait(6.0):  # who asks all the time leaves the trainings little of the machine
            return


def small_files() -> None:
    """As on a disk that is nearly full: no file may grow beyond 8 KB."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))


# Python imports this at its start, where it is on the path: the process dies when it has saved its state after a step.
_KILL = """
import os, signal
replace, saved = os.replace, []
def replace_and_die(source, target, **options):
    replace(source, target, **options)
    if os.path.basename(target) == "state.safetensors":
        saved.append(target)
    if len(saved) == 2:  # the first one was saved before the first step, with the score of what the run begins with
        os.kill(os.getpid(), signal.SIGKILL)
os.replace = replace_and_die
"""


def killed(week: Week, command: list[str]) -> None:
    """Starts a training, which is killed when it has saved a step."""
    (week.shell.folder / "deadly").mkdir()
    (week.shell.folder / "deadly" / "sitecustomize.py").write_text(_KILL)
    week.shell.run(command, code=-signal.SIGKILL, PYTHONPATH="deadly")


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Week:
    folder = tmp_path_factory.mktemp("week")
    (folder / "incoming").mkdir()
    (folder / "pairs.tsv").write_text(pairs(0))
    (folder / "held-out.tsv").write_text("".join(f"day 0 number {n} of the week\t{ALWAYS}\n" for n in (50, 60)))
    (folder / "waiting.txt").write_text("day  1   number 3  of the week\n\nwhat now\n")
    settings = (EXAMPLES / "train.toml").read_text().replace("nice = 19", "nice = 1")  # tests have no night to wait for
    (folder / "train.toml").write_text(settings + TINY)
    bare = {name: value for name, value in CLEAN.items() if name in COMPUTING}
    week = Week(Shell(folder, {**bare, "PATH": PATH, "HOME": "/nonexistent", "LC_ALL": "C"}))  # as in cron

    def grow(day: int) -> None:
        with open(folder / "pairs.tsv", "a") as file:
            file.write(pairs(day))

    def day(name: str, command: list[str], code: int = 0, **others: Callable[[], None]) -> None:
        week.days[name] = week.shell.run(command, code=code, **others)
        week.serving[name] = service.serving(week.model)

    cron = cron_command(folder)
    nightly = ["bash", str(EXAMPLES / "nightly.sh")]
    day("monday", cron)
    stop = threading.Event()
    reader = threading.Thread(target=reading, args=(week, stop))
    reader.start()
    try:
        (folder / "incoming" / "tuesday.tsv").write_text(pairs(1))
        day("tuesday", nightly)
        grow(2)
        killed(week, [*service_command(), "--save-every", "0s"])
        week.serving["killed"] = service.serving(week.model)
        day("wednesday", service_command())
        (folder / "log-until-wednesday").write_bytes((folder / "train.jsonl").read_bytes())
        (folder / "train.jsonl").unlink()
        grow(3)
        day("thursday", cron, code=74, preexec_fn=small_files)
        good = (folder / "pairs.tsv").read_bytes()
        (folder / "pairs.tsv").write_bytes(b"\x00\xff\xfe no pairs at all\n" * 20)
        day("friday", cron, code=65)
        (folder / "pairs.tsv").write_bytes(good)
        day("saturday", [*service_command(), *WORSE], code=3)
        (folder / "incoming" / "sunday.tsv").write_text(pairs(4))
        day("sunday", nightly)
    finally:
        stop.set()
        reader.join()
    return week


def test_the_first_night_makes_a_model_and_says_nothing_to_cron(week: Week) -> None:
    assert (week.days["monday"].out, week.days["monday"].err) == (b"", "")
    assert week.serving["monday"] == "000001"


def test_new_pairs_make_a_new_version_that_begins_with_the_last_one(week: Week) -> None:
    (record,) = week.days["tuesday"].records
    assert (record["version"], record["promoted"], record["parent"]) == ("000002", True, "000001")


def test_a_killed_night_leaves_the_old_version_and_the_same_command_goes_on(week: Week) -> None:
    assert week.serving["killed"] == "000002"
    assert week.serving["wednesday"] == "000003"
    events = (week.shell.folder / "log-until-wednesday").read_text().splitlines()
    resumed = [json.loads(line) for line in events if json.loads(line)["event"] == "resume"]
    assert [event["step"] > 0 for event in resumed] == [True]


def test_a_full_disk_is_one_line_and_changes_nothing(week: Week) -> None:
    assert "File too large" in week.days["thursday"].message
    assert week.serving["thursday"] == "000003"


def test_garbage_is_one_line_and_changes_nothing(week: Week) -> None:
    assert "pairs.tsv" in week.days["friday"].message
    assert week.serving["friday"] == "000003"


def test_a_worse_model_stays_out_of_service(week: Week) -> None:
    assert "the version in service is better" in week.days["saturday"].message
    assert week.serving["saturday"] == "000003"


def test_at_the_end_of_the_week_the_best_model_is_in_service(week: Week) -> None:
    (record,) = week.days["sunday"].records
    assert record["promoted"]
    assert record["parent"] == "000003"
    listed = week.shell.run(["rnntext", "checkpoints", "list", "en-es", "--json"]).records
    scores = {entry["version"]: entry["facts"]["score"]["value"] for entry in listed}
    (best,) = [entry["version"] for entry in listed if entry["in_service"]]
    assert best == record["version"]
    assert scores[best] == max(scores.values()) > 50
    assert min(scores.values()) < 10  # Saturday's


def test_every_line_that_was_asked_meanwhile_was_answered(week: Week) -> None:
    assert week.answers
    for done in week.answers:
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.count("\n") == 3


def test_waiting_lines_are_translated_one_by_one(week: Week) -> None:
    first, second, _third = (week.shell.folder / "translated.txt").read_text().split("\n")[:-1]
    assert (first, second) == (ALWAYS, "")


def test_nothing_half_written_is_left(week: Week) -> None:
    left = {path.name for path in week.model.rglob("*")} - set(models.versions(week.model))
    assert not [name for name in left if name.startswith(".tmp-")]
    assert not (week.model / "run").exists()
    assert len(models.versions(week.model)) <= 5  # the three newest, the one in service, the one before it


def test_prometheus_is_told_of_the_last_success(week: Week) -> None:
    metrics = (week.shell.folder / "rnntext.prom").read_text()
    assert 'rnntext_failed{model="en-es"} 0\n' in metrics
    assert "rnntext_last_success_timestamp_seconds" in metrics
    assert 'rnntext_score{model="en-es",metric="bleu"}' in metrics


def test_another_night_without_news_has_nothing_to_do(week: Week) -> None:
    done = week.shell.run(service_command())
    assert "nothing to do" in done.err


def test_the_service_takes_for_success_what_is_no_failure(week: Week) -> None:
    accepted = {int(code) for code in unit("rnntext-train.service")["Service"]["SuccessExitStatus"].split()}
    assert accepted == {3, 75, 143}
    with open(week.model / "lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        week.shell.run([*service_command(), "--wait", "0.5s"], code=75)


def test_cron_finds_the_program_in_its_poor_surroundings(tmp_path: Path) -> None:
    program, folder = tmp_path / "a program", tmp_path / "a folder"
    program.write_text('#!/bin/sh\npwd\necho "$*"\nenv\n')
    program.chmod(0o755)
    folder.mkdir()
    bare = {"HOME": "/nonexistent", "LOGNAME": "nobody", "SHELL": "/bin/sh"}
    done = Shell(folder, bare).run(cron_command(folder, program))
    assert done.lines[:2] == [str(folder), "train-translate pairs.tsv --config train.toml --quiet"]
    assert "PATH=/usr/bin:/bin" in done.lines


def test_the_timer_starts_the_service_every_night() -> None:
    timer = unit("rnntext-train.timer")
    assert timer["Timer"]["Persistent"] == "true"
    assert timer["Install"]["WantedBy"] == "timers.target"
    assert unit("rnntext-train.service")["Service"]["Type"] == "oneshot"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    for name in ("rnntext-train.service", "rnntext-train.timer"):
        text = (EXAMPLES / name).read_text().replace("/usr/local/bin/rnntext", "/bin/true")
        (tmp_path / name).write_text(text)
    command = ["systemd-analyze", "verify", *map(str, sorted(tmp_path.iterdir()))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.stderr == ""
