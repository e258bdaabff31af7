"""Ray Data: the answers of one process, whatever is killed."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from engines.cluster import EXAMPLES, KILLS, Work, loads, run, watched

PARTS = 12


@pytest.fixture(scope="module")
def source(work: Work) -> Path:
    """The lines as the column of Parquet files, with their numbers as another one."""
    folder = work.folder / "parquet"
    folder.mkdir()
    texts = b"".join(work.lines).decode("utf-8", "replace").split("\n")[:-1]
    size = -(-len(texts) // PARTS)
    for number in range(PARTS):
        rows = range(number * size, min((number + 1) * size, len(texts)))
        part = pa.table({"number": list(rows), "text": texts[rows.start : rows.stop]})
        pq.write_table(part, folder / f"{number:03}.parquet")
    return folder


def written(target: Path) -> bytes:
    """The translations in the order of their numbers, a line each."""
    table = pa.concat_tables(pq.read_table(path) for path in target.glob("*.parquet")).sort_by("number")
    return "".join(f"{text}\n" for text in table["translation"].to_pylist()).encode()


def busy_worker(arguments: list[bytes]) -> bool:
    """Whether this is how Ray names a worker that is at work."""
    return any(argument.startswith(b"ray::MapWorker") and b".submit" in argument for argument in arguments)


@pytest.mark.parametrize("victim", [None, busy_worker], ids=["undisturbed", "killed"])
def test_the_answers_are_those_of_one_process(work: Work, source: Path, target: Path, tmp_path: Path, victim) -> None:
    command = ["python", EXAMPLES / "ray_data.py", work.model, source, target]
    watch = watched(tmp_path / "watch")
    done = run(command, tmp_path / "log", victim=victim, busy=0.4, **watch)
    assert done == (0, KILLS if victim else 0), (tmp_path / "log").read_text()[-2000:]
    assert written(target) == work.texts
    assert len(set(loads(watch))) == len(loads(watch))  # a worker loads the model once
