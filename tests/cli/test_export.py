"""The command `checkpoints export`."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from cli.shell import Shell

from rnntext.errors import UsageError
from rnntext.jobs.export import export


def test_a_model_becomes_a_folder_whole_or_not_at_all(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    done = shell.here("checkpoints", "export", "alphabet", "--to", "text", "-o", "out/there")
    assert done.err == "read out/there/README.md\n"
    there = shell.folder / "out" / "there"
    assert sorted(os.listdir(there)) == ["README.md", "check.json", "model.json", "weights.txt"]
    assert os.listdir(there.parent) == ["there"]
    message = shell.here("checkpoints", "export", "alphabet", "--to", "text", "-o", "out/there", code=2).message
    assert message == "--output out/there: exists already; give the name of a new folder"

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rnntext.files.atomic.disk.write", full)
    message = shell.here("checkpoints", "export", "alphabet", "--to", "text", "-o", "out/new", code=74).message
    assert message.startswith("--output out/new: No space left on device")
    assert os.listdir(there.parent) == ["there"]


def test_an_existing_folder_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"^--output {tmp_path}: exists already"):
        export(tmp_path / "no model", "text", tmp_path)


def test_a_signal_leaves_nothing_behind(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("rnntext.files.atomic.disk.write", stopped)
    shell.here("checkpoints", "export", "alphabet", "--to", "text", "-o", "new", code=143)
    assert os.listdir(shell.folder) == []


def test_any_version_can_be_exported(shell: Shell) -> None:
    shell.here("checkpoints", "export", "alphabet", "1", "--to", "text", "-o", "one", "-q")
    assert '"version": "000001"' in (shell.folder / "one" / "model.json").read_text()
    message = shell.here("checkpoints", "export", "alphabet", "7", "--to", "text", "-o", "seven", code=2).message
    assert "has no version 7; there are: 000001" in message


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["-o", "new"], "--to"),
        (["--to", "text"], "--output"),
        (["--to", "txt", "-o", "new"], "--to txt: must be one of"),
    ],
)
def test_mistakes_get_one_line(shell: Shell, options: list[str], says: str) -> None:
    assert says in shell.here("checkpoints", "export", "alphabet", *options, code=2).message
    assert not (shell.folder / "new").exists()
