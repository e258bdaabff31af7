"""Dask: the answers of one process, whatever is killed."""

from pathlib import Path

import pytest
from engines.cluster import EXAMPLES, KILLS, Work, loads, run, watched

PARTS = 12


@pytest.fixture(scope="module")
def source(work: Work) -> Path:
    """A pattern for files that hold the lines."""
    folder = work.folder / "texts"
    folder.mkdir()
    size = -(-len(work.lines) // PARTS)
    for number in range(PARTS):
        part = work.lines[number * size : (number + 1) * size]
        (folder / f"{number:03}.txt").write_bytes(b"".join(part))
    return folder / "*.txt"


def worker(arguments: list[bytes]) -> bool:
    """Whether these are the arguments of Dask's workers."""
    return any(b"spawn_main" in argument for argument in arguments)


@pytest.mark.parametrize("victim", [None, worker], ids=["undisturbed", "killed"])
def test_the_answers_are_those_of_one_process(work: Work, source: Path, target: Path, tmp_path: Path, victim) -> None:
    command = ["python", EXAMPLES / "dask_bag.py", work.model, source, target]
    watch = watched(tmp_path / "watch")
    done = run(command, tmp_path / "log", victim=victim, busy=3.0, **watch)
    assert done == (0, KILLS if victim else 0), (tmp_path / "log").read_text()[-2000:]
    parts = sorted(target.glob("*.txt"))
    assert len(parts) == PARTS
    assert b"".join(part.read_bytes() for part in parts) == work.texts
    assert len(set(loads(watch))) == len(loads(watch))  # a worker loads the model once
