"""examples/nightly.sh with another program in place of rnntext: no pair is lost, and no bad file spoils a night."""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "nightly.sh"
# Keeps what it is called with and trained on, and "translates" into capitals.
RNNTEXT = """#!/bin/sh
echo "$*" >> calls
case $1 in
    train-translate) cp "$2" trained-on && echo '{"state": "paused"}' && exit "${TRAINING_ENDS_WITH:-0}" ;;
    translate) tr a-z A-Z > "$5" ;;
esac
"""
# Merges as always; meanwhile new pairs arrive, in files of a new and of a known name.
SORT = """#!/bin/sh
/usr/bin/sort "$@"
printf 'late\\tspät\\n' > incoming/new.tsv
printf 'later\\tspäter\\n' > incoming/known.tsv
"""


class Night:
    """A folder with what the script needs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.programs = folder / "work", folder / "programs"
        (self.folder / "incoming").mkdir(parents=True)
        self.programs.mkdir()
        self.program("rnntext", RNNTEXT)
        self.write("pairs.tsv", "one\teins\n")
        self.write("waiting.txt", "wait  a   bit\n")
        (self.folder / "checkpoints" / "en-es").mkdir(parents=True)
        self.write("checkpoints/en-es/current", "{}")

    def program(self, name: str, text: str) -> None:
        (self.programs / name).write_text(text)
        (self.programs / name).chmod(0o755)

    def write(self, name: str, text: str | bytes) -> Path:
        (self.folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
        return self.folder / name

    def read(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")

    def left(self) -> list[str]:
        """In incoming/."""
        return sorted(os.listdir(self.folder / "incoming"))

    def __call__(self, code: int = 0, **environment: str) -> str:
        """Runs the script, as cron does; returns what stderr got."""
        environment = {"PATH": f"{self.programs}:/usr/bin:/bin", **environment}
        command = ["bash", str(SCRIPT), str(self.folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=100)
        assert done.returncode == code, done.stderr
        return done.stderr


@pytest.fixture
def night(tmp_path: Path) -> Night:
    return Night(tmp_path)


def test_new_pairs_are_learnt_and_removed_and_waiting_lines_translated(night: Night) -> None:
    night.write("incoming/a.tsv", "two\tzwei\n\nthree\tdrei\tCC-BY\n")
    night.write("incoming/b.tsv", "two\tzwei\n")
    assert night() == ""
    assert set(night.read("pairs.tsv").splitlines()) == {"", "one\teins", "two\tzwei", "three\tdrei\tCC-BY"}
    assert night.read("trained-on") == night.read("pairs.tsv")
    assert night.read("translated.txt") == "WAIT A BIT\n"
    assert night.read("results.jsonl") == '{"state": "paused"}\n'
    assert night.left() == []


def test_without_news_training_goes_on_and_waiting_lines_are_translated(night: Night) -> None:
    for _ in range(2):
        assert night() == ""
    assert night.read("pairs.tsv") == "one\teins\n"
    assert [call.split()[0] for call in night.read("calls").splitlines()] == ["train-translate", "translate"] * 2


def test_without_waiting_lines_only_training_goes_on(night: Night) -> None:
    (night.folder / "waiting.txt").unlink()
    assert night() == ""
    assert night.read("calls").splitlines() == ["train-translate pairs.tsv --config train.toml --json --quiet"]


def test_before_the_first_model_waiting_lines_wait(night: Night) -> None:
    (night.folder / "checkpoints/en-es/current").unlink()
    assert night() == ""
    assert night.read("calls").splitlines() == ["train-translate pairs.tsv --config train.toml --json --quiet"]


def test_a_last_line_without_an_end_is_a_line_of_its_own(night: Night) -> None:
    night.write("pairs.tsv", "one\teins")
    night.write("incoming/a.tsv", "two\tzwei")
    night.write("incoming/b.tsv", "three\tdrei")
    night()
    assert night.read("pairs.tsv") == "one\teins\nthree\tdrei\ntwo\tzwei\n"


def test_what_arrives_meanwhile_waits_for_the_next_night(night: Night) -> None:
    night.write("incoming/known.tsv", "two\tzwei\n")
    night.program("sort", SORT)
    night()
    assert night.read("pairs.tsv") == "one\teins\ntwo\tzwei\n"
    assert night.left() == ["known.tsv", "new.tsv"]
    (night.programs / "sort").unlink()
    night()
    assert night.read("pairs.tsv") == "late\tspät\nlater\tspäter\none\teins\ntwo\tzwei\n"
    assert night.left() == []


def test_what_a_killed_night_had_taken_is_learnt_on_the_next_one(night: Night) -> None:
    night.write("incoming/a.tsv", "two\tzwei\n")
    night.program("sync", "#!/bin/sh\nkill -9 $PPID\n")
    night(code=-9)
    assert night.read("pairs.tsv") == "one\teins\n"
    (night.programs / "sync").unlink()
    night.write("incoming/a.tsv", "three\tdrei\n")  # of the same name
    night()
    assert night.read("pairs.tsv") == "one\teins\nthree\tdrei\ntwo\tzwei\n"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("fine\tgut\nno tab here\n", "line 2: no TAB between source and target"),
        ("no tab and no end", "line 1: no TAB between source and target"),
        (b"caf\xe9\tKaffee\n", "not valid UTF-8"),
        (b"\x00\xff\xfe no pairs at all\n", "not valid UTF-8"),
    ],
)
def test_a_bad_file_is_named_and_stays_and_all_else_is_done(night: Night, content: str | bytes, what: str) -> None:
    bad = night.write("incoming/bad file.tsv", content)
    night.write("incoming/good.tsv", "two\tzwei\n")
    message = night(code=65)
    assert message.startswith("nightly.sh: incoming/bad file.tsv: ")
    assert what in message
    assert message.count("\n") == 1
    assert night.left() == ["bad file.tsv"]
    assert bad.read_bytes() == (content.encode() if isinstance(content, str) else content)
    assert night.read("trained-on") == night.read("pairs.tsv") == "one\teins\ntwo\tzwei\n"
    assert night.read("translated.txt") == "WAIT A BIT\n"


def test_odd_names_are_names_like_others(night: Night) -> None:
    odd = ["-rf.tsv", "two words.tsv", "line\nbreak.tsv", "*.tsv", "a=b.tsv", "'.tsv"]
    for number, name in enumerate(odd):
        night.write(f"incoming/{name}", f"{number}\tx\n")
    night()
    assert night.read("pairs.tsv") == "".join(f"{number}\tx\n" for number in range(6)) + "one\teins\n"
    assert night.left() == []


@pytest.mark.parametrize("code", [1, 74, 75, 143])
def test_a_training_that_fails_ends_the_script_with_its_code(night: Night, code: int) -> None:
    night.write("incoming/a.tsv", "two\tzwei\n")
    night(code=code, TRAINING_ENDS_WITH=str(code))
    assert night.read("pairs.tsv") == "one\teins\ntwo\tzwei\n"
    assert not (night.folder / "translated.txt").exists()


def test_two_nights_at_once_take_turns(night: Night) -> None:
    night.program("flock", '#!/bin/sh\nexec /usr/bin/flock --nonblock "$3"\n')  # does not wait ten minutes
    night.write("incoming/a.tsv", "two\tzwei\n")
    folder = os.open(night.folder, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        assert night(code=75) == f"nightly.sh: another one is still at work in {night.folder}\n"
        assert night.left() == ["a.tsv"]
    finally:
        os.close(folder)
    assert night() == ""
