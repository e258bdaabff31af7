"""The unfinished training: what it began with comes back, and another command is told apart."""

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from rnntext.errors import CheckpointError, UsageError
from rnntext.jobs import unfinished
from rnntext.jobs.unfinished import Snapshot
from rnntext.settings.charlm import CharlmConfig, CharlmTraining
from rnntext.storage.json_files import to_json

MODEL = CharlmConfig(cell="gru", layers=1, units=8)
TRAINING = CharlmTraining(steps=100, time_limit=90.0)


def options(
    model: CharlmConfig = MODEL,
    training: CharlmTraining = TRAINING,
    sources: tuple[str, ...] = ("a.txt", "-"),
    validation: str = "0.1",
) -> dict[str, dict[str, object]]:
    """The options of a command."""
    data = {"validation": validation, "sources": list(sources)}
    return {"model": model.to_json(), "training": training.to_json(), "data": data}


def snapshot(**changes: object) -> Snapshot:
    """An unfinished training."""
    values = {
        "kind": "charlm",
        "options": options(),
        "files": {"vocabulary.json": b'["a"]', "held_out.txt": "é\r\u2028\n".encode()},
        "arrays": {"ids": np.array([1, 2, 3, 0], np.uint8), "lengths": np.array([3, 1], np.int64)},
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
    same = ("kind", "options", "files", "corpus")
    assert {name: getattr(found, name) for name in same} == {name: getattr(snapshot(), name) for name in same}
    assert {name: array.tolist() for name, array in found.arrays.items()} == {"ids": [1, 2, 3, 0], "lengths": [3, 1]}
    assert found.run != snapshot().run


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32])
def test_arrays_keep_their_type(tmp_path: Path, kind: type) -> None:
    unfinished.write(tmp_path / "run", snapshot(arrays={"ids": np.array([0, 200], kind)}))
    found = unfinished.read(tmp_path / "run")
    assert found is not None
    assert found.arrays["ids"].dtype == kind


def test_without_a_folder_there_is_none(tmp_path: Path) -> None:
    assert unfinished.read(tmp_path / "run") is None


def test_an_unfinished_training_is_never_overwritten(folder: Path) -> None:
    with pytest.raises(OSError, match=r"not empty|exists"):
        unfinished.write(folder, snapshot(corpus="other"))


def test_file_names_that_are_not_utf_8_come_back(tmp_path: Path) -> None:
    odd = "caf\udce9.txt"  # how Python hands on the Latin-1 name caf\xe9.txt
    unfinished.write(tmp_path / "run", snapshot(options=options(sources=(odd,), validation=odd)))
    found = unfinished.read(tmp_path / "run")
    assert found is not None
    assert found.options["data"] == {"validation": odd, "sources": [odd]}


FILES = ["settings.json", "vocabulary.json", "arrays.safetensors", "held_out.txt"]


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=name):
        unfinished.read(folder)


@pytest.mark.parametrize("name", FILES[1:])
def test_a_changed_byte_is_noticed_and_its_file_named(folder: Path, name: str) -> None:
    data = (folder / name).read_bytes()
    for at in (0, len(data) // 2, len(data) - 1):
        (folder / name).write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(CheckpointError, match=rf"{folder}: .*{name}.*--fresh"):
            unfinished.read(folder)


@pytest.mark.parametrize("content", [b"{}", b"[1]", b'{"model": {', b"", b'{"files": 7}', b'{"files": {"x": 1}}'])
def test_damaged_settings_are_refused(folder: Path, content: bytes) -> None:
    (folder / "settings.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=str(folder)):
        unfinished.read(folder)


def test_a_file_outside_the_folder_is_not_read(folder: Path) -> None:
    (folder.parent / "secret").write_bytes(b"x")
    settings = json.loads((folder / "settings.json").read_text().replace('"held_out.txt"', '"../secret"'))
    del settings["sha256"]
    settings["sha256"] = hashlib.sha256(to_json(settings)).hexdigest()  # whoever changes a file may seal it, too
    (folder / "settings.json").write_bytes(to_json(settings))
    with pytest.raises(CheckpointError, match="secret is missing"):
        unfinished.read(folder)


# The same command -----------------------------------------------------------------------------------------------------


def check(*changed: CharlmConfig | CharlmTraining, **data: object) -> None:
    names = {CharlmConfig: "model", CharlmTraining: "training"}
    now = options(**{names[type(config)]: config for config in changed}, **data)  # type: ignore[arg-type]
    unfinished.check_same(snapshot(), "charlm", now, [])


def test_the_same_command_goes_on() -> None:
    check()
    check(dataclasses.replace(TRAINING, time_limit=90))


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(CharlmConfig)])
def test_every_changed_option_of_the_model_is_named(field: str) -> None:
    values = {"cell": "lstm", "layers": 2, "units": 9, "embedding": 7, "lowercase": True}
    expected = f"--{field} {getattr(MODEL, field)} -> {values[field]}"
    with pytest.raises(UsageError, match=rf"\({expected}\)"):
        check(dataclasses.replace(MODEL, **{field: values[field]}))


OTHER_TRAINING = {
    "epochs": 3,
    "steps": None,
    "time_limit": 91.0,
    "batch_size": 63,
    "window": 127,
    "vocabulary_size": 50,
    "learning_rate": 0.1,
    "beta_2": 0.5,
    "warmup": 7,
    "schedule": "inverse-root",
    "patience": 2,
    "dropout": 0.1,
    "recurrent_dropout": 0.1,
    "average": 0.1,
    "precision": "float32",
    "seed": 5,
}


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(CharlmTraining)])
def test_every_changed_option_of_the_training_is_named(field: str) -> None:
    before, now = ("none" if v is None else v for v in (getattr(TRAINING, field), OTHER_TRAINING[field]))
    with pytest.raises(UsageError, match=rf"\(--{field.replace('_', '-')} {before} -> {now}\)"):
        check(dataclasses.replace(TRAINING, **{field: OTHER_TRAINING[field]}))


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
