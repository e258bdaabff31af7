"""Where pairs come from: the columns that are chosen are those of training pairs and of held-out pairs."""

import hashlib
import json
import tracemalloc
from pathlib import Path

import pytest

from rnntext.errors import DataError, UsageError
from rnntext.jobs import pairs, progress
from rnntext.jobs.pairs import Files, PairSource
from rnntext.text import bitext, lines, overlap
from rnntext.text.columns import Columns
from rnntext.text.stored_pairs import Sentences

ROWS = [(str(1000 + n), f"there go {n} boats", str(2000 + n), f"allí van {n} barcos") for n in range(200)]


@pytest.fixture
def table(tmp_path: Path) -> str:
    path = tmp_path / "exported.tsv"
    path.write_text("".join("\t".join(row) + "\n" for row in ROWS), encoding="utf-8")
    return str(path)


def test_numbers_are_not_learnt(table: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"column 1 has hardly any words.*--columns 2,4"):
        PairSource(table, "0.1", False, "strict").split(False, None, print, tmp_path)


def test_chosen_columns_are_those_of_all_files_of_pairs(table: str, tmp_path: Path) -> None:
    training, held_out = PairSource(table, "0.1", False, "strict", (2, 4)).split(False, None, print, tmp_path)
    assert sorted([*training, *held_out]) == sorted((row[1], row[3]) for row in ROWS)
    sources = tmp_path / "text"
    sources.write_text("one\ntwo\n", encoding="utf-8")
    training, held_out = PairSource((str(sources), str(sources)), table, True, "strict", (2, 4)).split(
        False, None, print, tmp_path
    )
    assert list(training) == [("one", "one"), ("two", "two")]
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


# Large corpora --------------------------------------------------------------------------------------------------------


def peak_bytes(folder: Path, count: int) -> int:
    """The most memory that Python takes at once to read and split so many pairs of 100 characters."""
    path = folder / f"{count}.tsv"
    path.write_text("".join(f"{n} {'source ' * 6}\t{n} {'target ' * 6}\n" for n in range(count)))
    tracemalloc.start()
    training, held_out = PairSource(str(path), "0.1", False, "strict").split(False, None, print, folder)
    pairs.digest(training, held_out)
    overlap.of_sentences(Sentences(training, 0), overlap.MAX_HASHES)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(training) + len(held_out) == count
    return peak


def test_a_pair_that_is_learnt_from_takes_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "_PIECE_SIZE", 2**16)
    monkeypatch.setattr(bitext, "MAX_ROWS", 100)
    monkeypatch.setattr(pairs, "CHUNK", 1000)
    monkeypatch.setattr(overlap, "CHUNK", 1000)
    few, many = 5000, 25_000
    growth = peak_bytes(tmp_path, many) - peak_bytes(tmp_path, few)
    assert growth / (many - few) < 64


def test_how_far_a_long_preparation_has_come_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SECONDS", 0.0)
    messages: list[str] = []
    assert list(progress.told(["ab", "c", ""], "characters read", messages.append, len)) == ["ab", "c", ""]
    assert messages == [f"preparing: {count} characters read" for count in (2, 3, 3)]
    path, other = tmp_path / "p.tsv", tmp_path / "v.tsv"
    path.write_text("".join(f"a house {n}\tein Haus {n}\n" for n in range(3)))
    other.write_text("a mill\teine Mühle\n")
    PairSource(str(path), str(other), False, "strict").split(False, None, messages.append, tmp_path)
    assert messages[3:] == ["preparing: 1 pairs read", "preparing: 2 pairs read", "preparing: 3 pairs read"]
