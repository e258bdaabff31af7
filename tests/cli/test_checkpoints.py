"""The checkpoints commands, in real processes."""

import fcntl
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from cli.conftest import ENGLISH, TINY
from cli.shell import CLEAN, Shell
from helpers import random_arrays, save_charlm

from rnntext.jobs import unfinished
from rnntext.settings.charlm import CharlmTraining
from rnntext.storage import checkpoint, models, service
from rnntext.storage.json_files import to_json
from rnntext.train import state


@pytest.fixture
def home(tmp_path: Path) -> Shell:
    """A folder with two models: m has three versions, 1 and 3 of which were in service; other has one."""
    for seed in range(3):
        save_charlm(tmp_path / "checkpoints" / "m", TINY, ENGLISH, random_arrays(TINY, len(ENGLISH) + 1, seed))
    save_charlm(tmp_path / "checkpoints" / "other", TINY, ENGLISH, random_arrays(TINY, len(ENGLISH) + 1, 9))
    for version in ("000001", "000003"):
        service.put(tmp_path / "checkpoints" / "m", version)
    return Shell(tmp_path, CLEAN)


def serving(home: Shell, name: str = "m") -> str:
    return checkpoint.load(home.folder / "checkpoints" / name).version


def harm(home: Shell, version: int) -> None:
    path = home.folder / "checkpoints" / "m" / "versions" / f"{version:06d}" / "vocabulary.json"
    path.write_bytes(path.read_bytes().replace(b"a", b"\xff", 1))


def test_list_shows_models_with_the_version_in_service_and_versions_of_a_model(home: Shell) -> None:
    rows = [line.split("\t") for line in home.here("checkpoints", "list").lines]
    assert [row[:3] for row in rows] == [["m", "charlm", "000003"], ["other", "charlm", "000001"]]
    rows = [line.split("\t") for line in home.here("checkpoints", "list", "m").lines]
    assert [row[:3] for row in rows] == [
        ["000001", "charlm", "-"],
        ["000002", "charlm", "-"],
        ["000003", "charlm", "in service"],
    ]
    records = home.here("checkpoints", "list", "m", "--json").records
    assert [(r["version"], r["in_service"], r["damage"]) for r in records] == [
        ("000001", False, None),
        ("000002", False, None),
        ("000003", True, None),
    ]


def test_without_any_model_the_list_is_empty(home: Shell) -> None:
    shutil.rmtree(home.folder / "checkpoints")
    done = home.here("checkpoints", "list")
    assert (done.out, done.err) == (b"", "no models in checkpoints/; train one first: rnntext train-charlm\n")


def test_show_tells_what_is_known_about_a_version(home: Shell) -> None:
    shown = dict(line.split(": ", 1) for line in home.here("checkpoints", "show", "m").lines)
    assert (shown["version"], shown["in service"], shown["kind"]) == ("000003", "True", "charlm")
    (record,) = home.here("checkpoints", "show", "m", "1", "--json").records
    assert (record["version"], record["in_service"]) == ("000001", False)


def test_verify_checks_every_version_and_says_which_is_damaged(home: Shell) -> None:
    assert home.here("checkpoints", "verify").lines == [
        "m\t000001\tok",
        "m\t000002\tok",
        "m\t000003\tok",
        "m\tcurrent\tok",
        "other\t000001\tok",
        "other\tcurrent\tok",
    ]
    harm(home, 2)
    done = home.here("checkpoints", "verify", "m", "--json", code=65)
    damage = {record["what"]: record["damage"] for record in done.records}
    assert "vocabulary.json" in damage.pop("000002")
    assert set(damage.values()) == {None}
    assert done.message.startswith("1 damaged")


def test_verify_checks_an_unfinished_training_too(home: Shell) -> None:
    run = home.folder / "checkpoints" / "m" / "run"
    unfinished.write(run, unfinished.Snapshot("charlm", {}, {}, {"ids": np.zeros(3)}, "c0ffee"))
    state.save(run / unfinished.STATE, state.Position(step=3), {"weights": [np.ones(5, np.float32)]})
    assert "m\trun\tok" in home.here("checkpoints", "verify", "m").lines
    data = bytearray((run / unfinished.STATE).read_bytes())
    data[-1] ^= 1
    (run / unfinished.STATE).write_bytes(data)
    assert "SHA-256" in home.here("checkpoints", "verify", "m", code=65).lines[-1]


COMMAND = "rnntext train-charlm 'my text.txt' --pause-after 1s"


def begin(home: Shell, name: str, score: float | None = 4.5, step: int = 7) -> Path:
    """An unfinished training, whose weights differ from those of all versions."""
    path = home.folder / "checkpoints" / name
    data = {"sources": ["my text.txt"], "validation": "0.1", "size": "auto"}
    options = {"model": TINY.to_json(), "training": CharlmTraining(steps=50).to_json(), "data": data}
    files = {"vocabulary.json": to_json(list(ENGLISH)), "held_out.txt": b"The mill turns.\n"}
    nothing = np.zeros(0, np.uint64)
    arrays = {"ids": np.arange(1, 40), "seen": nothing, "inherited": nothing}
    unfinished.write(path / "run", unfinished.Snapshot("charlm", options, files, arrays, "c0ffee", command=COMMAND))
    weights = random_arrays(TINY, len(ENGLISH) + 1, 77)
    best = None if score is None else {"bits_per_character": score}
    places = {name: place for place, name in enumerate(weights)}
    position = state.Position(step, 3.5, None, best, 5, places=places)
    members = list(weights.values())
    state.save(path / "run" / unfinished.STATE, position, {"averages": members, "best": members if best else []})
    return path


def test_an_unfinished_training_is_shown_and_no_model_that_could_be_used(home: Shell) -> None:
    begin(home, "new")
    begin(home, "m", score=None)
    rows = [line.split("\t")[:4] for line in home.here("checkpoints", "list").lines]
    assert rows[1:3] == [
        ["m", "charlm", "unfinished, step 7", "-"],
        ["new", "charlm", "unfinished, step 7", "4.5000 bits_per_character"],
    ]
    assert [line.split("\t")[0] for line in home.here("checkpoints", "list", "m").lines][-1] == "run"
    (record,) = home.here("checkpoints", "list", "new", "--json").records
    assert (record["version"], record["facts"]["step"], record["in_service"]) == ("run", 7, False)
    for arguments in (["show", "new"], ["show", "m", "run"]):
        shown = dict(line.split(": ", 1) for line in home.here("checkpoints", *arguments).lines)
        assert (shown["version"], shown["step"], shown["command"]) == ("run", "7", COMMAND)
    assert "unfinished training, step 7; there is no version yet" in home.here("report", "new").text
    assert home.here("checkpoints", "verify", "new").lines == ["new\tcurrent\tok", "new\trun\tok"]
    assert "new\trun\tok" in home.here("checkpoints", "verify").lines
    for command in (["generate", "-m", "new"], ["checkpoints", "pack", "new", "-o", "x.tar"]):
        message = home.here(*command, code=2).message
        assert (
            "an unfinished training lies in checkpoints/new (step 7, best so far: 4.5000 held-out bits/char)" in message
        )
        assert f"to go on, if it is not running: {COMMAND};" in message
        assert message.endswith("rnntext checkpoints finish new")
    assert "has no version 1" in home.here("checkpoints", "promote", "new", "1", code=2).message


@pytest.mark.parametrize("score", [4.5, None])
def test_an_unfinished_training_can_be_finished_without_tensorflow(home: Shell, score: float | None) -> None:
    path = begin(home, "new", score)
    assert "tensorflow" not in home.modules("checkpoints", "finish", "new", "--keep", "5")
    assert serving(home, "new") == "000001"
    assert not (path / "run").exists()
    shown = dict(line.split(": ", 1) for line in home.here("checkpoints", "show", "new").lines)
    assert (shown["command"], shown["steps"]) == (COMMAND, "7")
    scored = home.here("score", "-m", "new", stdin=b"The mill turns.\n").text.split()[0]
    assert shown["bits_per_character"].startswith("4.5" if score else scored[:5])
    assert home.here("generate", "-m", "new", "-n", "5", "--seed", "1").text
    again = home.here("checkpoints", "finish", "new").err
    assert "nothing to do: there is no unfinished training; the newest version is 000001" in again


def test_what_is_finished_goes_into_service_by_the_rules_of_every_training(home: Shell) -> None:
    begin(home, "m", 9.0)
    assert "is better" in home.here("checkpoints", "finish", "m").err
    assert serving(home) == "000003"
    begin(home, "m", 9.0)
    assert "now in service" in home.here("checkpoints", "finish", "m", "--promote", "always", "--keep", "9").err
    assert serving(home) == "000005"
    begin(home, "m")
    home.here("checkpoints", "finish", "m", "--promote", "sometimes", code=2)
    with open(home.folder / "checkpoints" / "m" / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another job" in home.here("checkpoints", "finish", "m", code=75).message


def test_a_version_that_is_not_in_service_can_be_used_everywhere(home: Shell) -> None:
    first = home.here("generate", "-m", "m", "-n", "30", "--seed", "1", "--version", "1").out
    assert first != home.here("generate", "-m", "m", "-n", "30", "--seed", "1").out
    home.here("checkpoints", "promote", "m", "1")
    assert home.here("generate", "-m", "m", "-n", "30", "--seed", "1").out == first
    score = home.here("score", "-m", "m", "--version", "000002", stdin=b"The mill\n").out
    assert score != home.here("score", "-m", "m", stdin=b"The mill\n").out
    commands = [["translate"], ["evaluate", "x", "y"], ["forecast", "x"], ["score"], ["generate"]]
    for command in commands:
        assert "has no version 9; there are: 000001" in home.here(*command, "-m", "m", "--version", "9", code=2).message
    (home.folder / "checkpoints" / "m" / "current").unlink()
    message = home.here("generate", "-m", "m", code=2).message
    assert "no version is in service; there are: 000001, 000002, 000003" in message
    assert message.endswith("rnntext checkpoints promote m 000003")
    assert home.here("generate", "-m", "m", "-n", "30", "--seed", "1", "--version", "1").out == first


def test_promote_and_rollback_change_what_is_in_service(home: Shell) -> None:
    assert "version 000002 is in service" in home.here("checkpoints", "promote", "m", "2").err
    assert serving(home) == "000002"
    assert "version 000003 is in service" in home.here("checkpoints", "rollback", "m").err
    assert "version 000001 is in service" in home.here("checkpoints", "rollback", "m").err
    assert serving(home) == "000001"
    assert "no version was in service before" in home.here("checkpoints", "rollback", "m", code=2).message


def test_a_damaged_version_is_not_promoted_and_the_one_before_it_can_be_rolled_back_to(home: Shell) -> None:
    harm(home, 2)
    assert "vocabulary.json" in home.here("checkpoints", "promote", "m", "2", code=65).message
    harm(home, 3)
    home.here("generate", "-m", "m", code=65)
    home.here("checkpoints", "rollback", "m")
    assert home.here("generate", "-m", "m", "-n", "5", "--seed", "1").text
    (home.folder / "checkpoints" / "m" / "current").write_bytes(b"torn")
    assert "m\t-" not in home.here("checkpoints", "list").text
    assert "current\t" in home.here("checkpoints", "verify", "m", code=65).text
    assert "damaged" in home.here("checkpoints", "prune", "m", code=65).message
    home.here("checkpoints", "promote", "m", "1")
    assert serving(home) == "000001"


def test_prune_removes_old_versions_but_none_that_is_needed(home: Shell) -> None:
    assert "removed 000002" in home.here("checkpoints", "prune", "m", "--keep", "1").err
    assert models.versions(home.folder / "checkpoints" / "m") == ["000001", "000003"]
    assert "removed nothing" in home.here("checkpoints", "prune", "m").err


@pytest.mark.parametrize(
    ("arguments", "code", "parts"),
    [
        (["show", "zebra"], 2, ["zebra", "m, other"]),
        (["show", "m", "7"], 2, ["no version 7", "000001, 000002, 000003"]),
        (["promote", "m", "../../other/versions/000001"], 2, ["no version"]),
        (["promote", "m"], 2, ["VERSION"]),
        (["prune", "m", "--keep", "0"], 2, ["--keep 0"]),
        (["rollback", "othr"], 2, ["did you mean other?"]),
    ],
)
def test_mistakes_get_one_line(home: Shell, arguments: list[str], code: int, parts: list[str]) -> None:
    message = home.here("checkpoints", *arguments, code=code).message
    assert [part for part in parts if part not in message] == [], message


def test_nothing_is_changed_while_a_job_trains_the_model(home: Shell) -> None:
    with open(home.folder / "checkpoints" / "m" / "lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in (["promote", "m", "1"], ["rollback", "m"], ["prune", "m", "--keep", "1"]):
            assert "another job" in home.here("checkpoints", *command, code=75).message
        assert len(home.here("checkpoints", "list", "m").lines) == 3  # readers do not care
    assert serving(home) == "000003"


def test_versions_know_their_score_and_command(home: Shell) -> None:
    root = home.folder / "checkpoints" / "scored"
    files = {"config.json": b"{}", "metrics.json": json.dumps({"bits_per_character": 2.0, "seconds": 7.5}).encode()}
    about = {
        "command": "rnntext train-charlm x.txt",
        "parent": None,
        "score": {"name": "bits_per_character", "value": 2.0, "champion": 2.5},
    }
    checkpoint.promote(root, checkpoint.write_version(root, "charlm", files, {}, about))
    assert "2.0000 bits_per_character" in home.here("checkpoints", "list").text
    shown = home.here("checkpoints", "show", "scored").lines
    assert {"command: rnntext train-charlm x.txt", "parent: -", "seconds: 7.5", "bits_per_character: 2.0"} <= set(shown)


def test_a_version_is_carried_elsewhere_in_one_file(home: Shell) -> None:
    done = home.here("checkpoints", "pack", "m", "1", "-o", "m.tar")
    assert done.err == "try, elsewhere: rnntext checkpoints unpack m.tar m\n"
    assert "000001 is in service" in home.here("checkpoints", "unpack", "m.tar", "new").err
    sample = ["-n", "20", "--seed", "1"]
    home.here("checkpoints", "promote", "m", "1")
    assert home.here("generate", "-m", "new", *sample).out == home.here("generate", "-m", "m", *sample).out
    taken = home.here("checkpoints", "unpack", "m.tar", "m").err
    assert "000004 is not in service yet" in taken
    assert serving(home) == "000001"
    assert "missing.tar" in home.here("checkpoints", "unpack", "missing.tar", "new", code=74).message
    home.write("garbage.tar", b"garbage" * 100)
    assert "garbage.tar" in home.here("checkpoints", "unpack", "garbage.tar", "new", code=65).message
    assert "-o" in home.here("checkpoints", "pack", "m", code=2).message


def test_a_version_goes_through_a_pipe(home: Shell) -> None:
    done = home.here("checkpoints", "pack", "m", "1", "-o", "-")
    assert done.err == "try, elsewhere: rnntext checkpoints unpack - m\n"
    assert "000001 is in service" in home.here("checkpoints", "unpack", "-", "new", stdin=done.out).err
    home.here("checkpoints", "pack", "m", "1", "-o", "m.tar")
    assert (home.folder / "m.tar").read_bytes() == done.out
    assert sorted(path.name for path in home.folder.iterdir()) == ["checkpoints", "m.tar"]


@pytest.mark.parametrize("size", [0, 700, 3000])
def test_a_refused_archive_leaves_no_folder(home: Shell, size: int) -> None:
    archive = home.here("checkpoints", "pack", "m", "-o", "-").out[:size]
    message = home.here("checkpoints", "unpack", "-", "new", stdin=archive, code=65).message
    assert message.startswith("<stdin>: ")
    assert sorted(path.name for path in (home.folder / "checkpoints").iterdir()) == ["m", "other"]


def test_a_folder_is_no_archive(home: Shell) -> None:
    message = home.here("checkpoints", "unpack", "checkpoints/m", "new", code=2).message
    assert message == "checkpoints/m: a folder; give a file that rnntext checkpoints pack wrote"


def test_a_version_is_removed_but_never_the_one_in_service(home: Shell) -> None:
    harm(home, 2)  # a damaged one, too
    assert home.here("checkpoints", "remove", "m", "2").err == "checkpoints/m: removed 000002\n"
    assert "000003 is in service" in home.here("checkpoints", "remove", "m", "3", code=2).message
    assert "no version 2; there are: 000001, 000003" in home.here("checkpoints", "remove", "m", "2", code=2).message
    home.here("checkpoints", "rollback", "m")
    home.here("checkpoints", "remove", "m", "000003")
    root = home.folder / "checkpoints" / "m"
    assert (models.versions(root), serving(home)) == (["000001"], "000001")
    assert checkpoint.next_name(root) == "000004"  # the log names a 000003 already
    (root / "current").write_bytes(b"{}")
    assert "damaged" in home.here("checkpoints", "remove", "m", "1", code=65).message
    assert models.versions(root) == ["000001"]


def test_nothing_is_removed_while_a_job_trains(home: Shell) -> None:
    with open(home.folder / "checkpoints" / "m" / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        home.here("checkpoints", "remove", "m", "1", code=75)
    assert len(models.versions(home.folder / "checkpoints" / "m")) == 3


def test_hints_name_models_of_the_folder_that_was_asked_and_are_quoted(home: Shell) -> None:
    shutil.move(home.folder / "checkpoints", home.folder / "some where")
    message = home.here("checkpoints", "list", "some where/othr", code=2).message
    assert message == "no model 'some where/othr' in some where/; did you mean some where/other?"
    message = home.here("checkpoints", "show", "some where/x", code=2).message
    assert message == "no model 'some where/x' in some where/; there are: m, other"
    message = home.here("checkpoints", "rollback", "some where/other", code=2).message
    assert message.endswith("see: rnntext checkpoints list 'some where/other'")
