"""Where models live, and what is said about one that is not there."""

from pathlib import Path

import pytest

from rnntext.errors import UsageError
from rnntext.storage import models


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RNNTEXT_CHECKPOINTS", raising=False)
    return tmp_path


def put(folder: Path) -> None:
    """Makes a folder look like a model in service."""
    folder.mkdir(parents=True)
    (folder / "current").touch()


def test_a_name_stands_for_a_folder_under_checkpoints(here: Path) -> None:
    assert models.folder("mine") == Path("checkpoints/mine")


@pytest.mark.parametrize(("value", "expected"), [("/else/where", "/else/where/mine"), ("", "checkpoints/mine")])
def test_the_environment_names_another_home(
    here: Path, monkeypatch: pytest.MonkeyPatch, value: str, expected: str
) -> None:
    monkeypatch.setenv("RNNTEXT_CHECKPOINTS", value)
    assert models.folder("mine") == Path(expected)


@pytest.mark.parametrize("path", ["./mine", "a/b", "/abs/mine"])
def test_a_path_stands_for_itself(here: Path, path: str) -> None:
    assert models.folder(path) == Path(path)


def test_a_model_in_the_current_folder_needs_no_path(here: Path) -> None:
    put(here / "mine")
    assert models.folder("mine") == Path("mine")
    assert models.find("mine", "train-charlm") == Path("mine")


@pytest.mark.parametrize("name", ["", ".", "..", "a\0b"])
def test_what_names_no_folder_is_a_usage_error(here: Path, name: str) -> None:
    with pytest.raises(UsageError, match="give a name or a folder"):
        models.find(name, "train-charlm")


def test_a_file_is_no_folder_of_a_model(here: Path) -> None:
    (here / "checkpoints").mkdir()
    for name, path in {"./text": here / "text", "charlm": here / "checkpoints" / "charlm"}.items():
        path.write_text("a text")
        with pytest.raises(UsageError, match=f"^--model {name}: .* is a file; give a name or a folder$"):
            models.folder(name)


def test_a_model_is_found(here: Path) -> None:
    put(here / "checkpoints" / "charlm")
    assert models.find("charlm", "train-charlm") == Path("checkpoints/charlm")


def test_only_what_can_be_used_is_listed(here: Path) -> None:
    for name in ("b", "a"):
        put(here / "checkpoints" / name)
    (here / "checkpoints" / "unfinished" / "run").mkdir(parents=True)
    (here / "checkpoints" / "README.md").touch()
    assert models.names() == ["a", "b"]


def test_a_near_miss_is_answered_with_a_suggestion(here: Path) -> None:
    put(here / "checkpoints" / "charlm")
    with pytest.raises(UsageError, match=r"^no model 'charml' in checkpoints/; did you mean charlm\?$"):
        models.find("charml", "train-charlm")


def test_an_unknown_name_is_answered_with_the_list(here: Path) -> None:
    for name in ("tales", "letters"):
        put(here / "checkpoints" / name)
    with pytest.raises(UsageError, match=r"^no model 'xyz' in checkpoints/; there are: letters, tales$"):
        models.find("xyz", "train-charlm")


def test_without_any_model_the_way_to_train_one_is_told(here: Path) -> None:
    expected = r"^no model 'charlm' in checkpoints/; train one first: rnntext train-charlm$"
    with pytest.raises(UsageError, match=expected):
        models.find("charlm", "train-charlm")


def test_an_unfinished_training_is_no_model_yet(here: Path) -> None:
    (here / "checkpoints" / "charlm" / "run").mkdir(parents=True)
    with pytest.raises(UsageError, match="train one first"):
        models.find("charlm", "train-charlm")


def test_a_missing_path_is_named_with_its_folder(here: Path) -> None:
    with pytest.raises(UsageError, match=r"^no model './sub/mine' in sub/; train one first"):
        models.find("./sub/mine", "train-charlm")


def test_a_name_too_long_for_a_folder_is_a_usage_error(here: Path) -> None:
    with pytest.raises(UsageError):
        models.find("x" * 300, "train-charlm")
