"""Where pairs come from: the columns that are chosen are those of training pairs and of held-out pairs."""

import hashlib
import json
from pathlib import Path

import pytest

from rnntext.errors import DataError, UsageError
from rnntext.jobs import pairs
from rnntext.jobs.pairs import Files, PairSource
from rnntext.text.columns import Columns

ROWS = [(str(1000 + n), f"there go {n} boats", str(2000 + n), f"allí van {n} barcos") for n in range(200)]


@pytest.fixture
def table(tmp_path: Path) -> str:
    path = tmp_path / "exported.tsv"
    path.write_text("".join("\t".join(row) + "\n" for row in ROWS), encoding="utf-8")
    return str(path)


def test_numbers_are_not_learnt(table: str) -> None:
    with pytest.raises(DataError, match=r"column 1 has hardly any words.*--columns 2,4"):
        PairSource(table, "0.1", False, "strict").split(False, None, print)


def test_chosen_columns_are_those_of_all_files_of_pairs(table: str, tmp_path: Path) -> None:
    training, held_out = PairSource(table, "0.1", False, "strict", (2, 4)).split(False, None, print)
    assert sorted(training + held_out) == sorted((row[1], row[3]) for row in ROWS)
    sources = tmp_path / "text"
    sources.write_text("one\ntwo\n", encoding="utf-8")
    training, held_out = PairSource((str(sources), str(sources)), table, True, "strict", (2, 4)).split(
        False, None, print
    )
    assert training == [("one", "one"), ("two", "two")]
    assert held_out[3] == (ROWS[3][3], ROWS[3][1])


@pytest.mark.parametrize(
    ("files", "columns", "message"),
    [
        ("a.tsv", (1, 2, 3), "--columns 1,2,3: name two columns"),
        ("a.tsv", (0, 1), "--columns 0,1: name the column"),
        (("a", "b"), (2, 4), "--columns 2,4: goes with a file of pairs"),
    ],
)
def test_other_columns_are_refused(files: Files, columns: Columns, message: str) -> None:
    with pytest.raises(UsageError, match=f"^{message}"):
        PairSource(files, "0.1", False, "strict", columns)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5])
def test_pairs_are_stored_and_counted_in_parts_as_in_one(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(pairs, "CHUNK", 2)
    some = [(row[1], f"ż😀 {row[3]}") for row in ROWS[:count]]
    stored = json.dumps(some).encode()
    assert pairs.to_bytes(some) == stored
    assert pairs.from_bytes(stored) == some
    assert pairs.digest(some, some[1:]) == hashlib.sha256(stored + b"\0" + json.dumps(some[1:]).encode()).hexdigest()
