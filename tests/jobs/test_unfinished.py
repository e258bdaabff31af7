"""The unfinished training: what it began with comes back, and another command is told apart."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from rnntext.config import CharlmConfig, TrainingConfig
from rnntext.errors import CheckpointError, UsageError
from rnntext.jobs import unfinished
from rnntext.jobs.unfinished import Snapshot
from rnntext.text.vocabulary import CharVocabulary

MODEL = CharlmConfig(cell="gru", layers=1, units=8)
TRAINING = TrainingConfig(steps=100, time_limit=90.0)


def snapshot(**changes: object) -> Snapshot:
    """An unfinished training."""
    values = {
        "model": MODEL,
        "training": TRAINING,
        "sources": ["a.txt", "-"],
        "validation": "0.1",
        "vocabulary": CharVocabulary(list("\né😀")),
        "ids": np.array([1, 2, 3, 0], np.uint8),
        "held_out": "é\r\u2028\n",
        "corpus": "c0ffee",
    }
    return Snapshot(**{**values, **changes})  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    unfinished.write(tmp_path / "run", snapshot())
    return tmp_path / "run"


def test_what_a_training_began_with_comes_back(folder: Path) -> None:
    found = unfinished.read(folder)
    assert found is not None
    same = ("model", "training", "sources", "validation", "held_out", "corpus")
    assert {name: getattr(found, name) for name in same} == {name: getattr(snapshot(), name) for name in same}
    assert found.vocabulary.characters == ["\n", "é", "😀"]
    assert found.ids.tolist() == [1, 2, 3, 0]


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32])
def test_ids_keep_their_type(tmp_path: Path, kind: type) -> None:
    unfinished.write(tmp_path / "run", snapshot(ids=np.array([0, 200], kind)))
    found = unfinished.read(tmp_path / "run")
    assert found is not None
    assert found.ids.dtype == kind


def test_without_a_folder_there_is_none(tmp_path: Path) -> None:
    assert unfinished.read(tmp_path / "run") is None


def test_an_unfinished_training_is_never_overwritten(folder: Path) -> None:
    with pytest.raises(OSError, match=r"not empty|exists"):
        unfinished.write(folder, snapshot(corpus="other"))


def test_file_names_that_are_not_utf_8_come_back(tmp_path: Path) -> None:
    odd = "caf\udce9.txt"  # how Python hands on the Latin-1 name caf\xe9.txt
    unfinished.write(tmp_path / "run", snapshot(sources=[odd], validation=odd))
    found = unfinished.read(tmp_path / "run")
    assert found is not None
    assert (found.sources, found.validation) == ([odd], odd)


FILES = ["settings.json", "vocabulary.json", "ids.safetensors", "held_out.txt"]


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=name):
        unfinished.read(folder)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("settings.json", b"{}"),
        ("settings.json", b"[1]"),
        ("settings.json", b'{"model": {'),
        ("vocabulary.json", b"[1]"),
        ("vocabulary.json", b""),
        ("ids.safetensors", b""),
        ("ids.safetensors", b"\x02\0\0\0\0\0\0\0{}"),  # well-formed, but without ids
        ("held_out.txt", b"caf\xe9"),
    ],
)
def test_what_is_damaged_is_refused_and_named(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=str(folder)):
        unfinished.read(folder)


# The same command -----------------------------------------------------------------------------------------------------


def check(
    model: CharlmConfig = MODEL,
    training: TrainingConfig = TRAINING,
    sources: tuple[str, ...] = ("a.txt", "-"),
    validation: str = "0.1",
) -> None:
    unfinished.check_same(snapshot(), model, training, sources, validation)


def test_the_same_command_goes_on() -> None:
    check()
    check(training=dataclasses.replace(TRAINING, time_limit=90))


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(CharlmConfig)])
def test_every_changed_option_of_the_model_is_named(field: str) -> None:
    values = {"cell": "lstm", "layers": 2, "units": 9, "embedding": 7, "lowercase": True}
    expected = f"--{field} {getattr(MODEL, field)} -> {values[field]}"
    with pytest.raises(UsageError, match=rf"\({expected}\)"):
        check(model=dataclasses.replace(MODEL, **{field: values[field]}))


OTHER_TRAINING = {
    "epochs": 3,
    "steps": None,
    "time_limit": 91.0,
    "batch_size": 63,
    "window": 127,
    "vocabulary_size": 50,
    "learning_rate": 0.1,
    "dropout": 0.1,
    "recurrent_dropout": 0.1,
    "average": 0.1,
    "precision": "float32",
    "seed": 5,
}


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(TrainingConfig)])
def test_every_changed_option_of_the_training_is_named(field: str) -> None:
    before, now = ("none" if v is None else v for v in (getattr(TRAINING, field), OTHER_TRAINING[field]))
    with pytest.raises(UsageError, match=rf"\(--{field.replace('_', '-')} {before} -> {now}\)"):
        check(training=dataclasses.replace(TRAINING, **{field: OTHER_TRAINING[field]}))


def test_other_texts_and_other_held_out_texts_are_named() -> None:
    with pytest.raises(UsageError, match=r"\(text a\.txt - -> b\.txt\)"):
        check(sources=("b.txt",))
    with pytest.raises(UsageError, match=r"\(--validation 0\.1 -> held\.txt\)"):
        check(validation="held.txt")


def test_the_message_says_what_to_do() -> None:
    expected = (
        r"^an unfinished training began with other options \(--layers 1 -> 2, --seed 1 -> 2\): "
        r"repeat its command to go on with it, or add --fresh to drop it$"
    )
    with pytest.raises(UsageError, match=expected):
        check(dataclasses.replace(MODEL, layers=2), dataclasses.replace(TRAINING, seed=2))
