"""The examples in the docstrings of the public names run, on tiny models and files."""

import ast
import doctest
import inspect
import itertools
from pathlib import Path

import numpy as np
import pytest
from helpers import alphabet_weights, save_charlm, save_forecaster, save_translator, shifting_weights

import rnntext
from rnntext.settings.forecaster import ForecastConfig

PUBLIC = [name for name in rnntext.__all__ if name != "__version__"]
WEEK = [10.0, 20.0, 30.0, 25.0, 15.0, 5.0, 0.0]
TRAINED = ("Observer", "Outcome", "Progress")  # their examples train, as those of the functions train_... do


def examples_of(name: str) -> list[doctest.DocTest]:
    """The examples of a public name, and of the methods of a class."""
    found = doctest.DocTestFinder().find(getattr(rnntext, name), name)
    return [test for test in found if test.examples]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the models and files that the examples name.

    checkpoints/charlm has learnt the alphabet; checkpoints/translator answers each letter with the next one;
    checkpoints/forecaster has learnt a week.
    """
    folder = tmp_path_factory.mktemp("examples")
    series = np.tile(WEEK, 40) + np.random.default_rng(0).normal(0, 2, 280)
    config = ForecastConfig(architecture="seasonal-naive", window=7, horizon=7)
    save_charlm(folder / "checkpoints" / "charlm", *alphabet_weights())
    save_translator(folder / "checkpoints" / "translator", *shifting_weights())
    save_forecaster(folder / "checkpoints" / "forecaster", config, series[:, None], season=7)
    (folder / "book.txt").write_text("The mill turns by the river in May.\n" * 20)
    (folder / "sales.csv").write_text("units\n" + "".join(f"{value:.2f}\n" for value in series))
    sentences = [" ".join(letters) for letters in itertools.permutations("abcdefg", 3)]
    (folder / "pairs.tsv").write_text("".join(f"{sentence}\t{sentence.upper()}\n" for sentence in sentences))
    return folder


def run(test: doctest.DocTest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    report: list[str] = []
    failed, _ = doctest.DocTestRunner().run(test, out=report.append)
    assert failed == 0, "".join(report)


@pytest.mark.parametrize("name", [name for name in PUBLIC if name not in TRAINED and not name.startswith("train_")])
def test_an_example_runs(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for test in examples_of(name):
        run(test, folder, monkeypatch)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("name", [name for name in PUBLIC if name in TRAINED or name.startswith("train_")])
def test_an_example_that_trains_runs(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for test in examples_of(name):
        run(test, folder, monkeypatch)


def test_the_example_of_the_package_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (test,) = doctest.DocTestFinder(recurse=False).find(rnntext)
    assert test.examples
    run(test, folder, monkeypatch)


def test_everything_public_has_an_example() -> None:
    def is_error(name: str) -> bool:
        public = getattr(rnntext, name)
        return inspect.isclass(public) and issubclass(public, Exception) and name != "RnntextError"

    assert [name for name in PUBLIC if not is_error(name) and not examples_of(name)] == []


def test_an_example_that_is_wrong_fails(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parser = doctest.DocTestParser()
    wrong = parser.get_doctest(">>> import rnntext\n>>> rnntext.SearchConfig().beam\n6\n", {}, "wrong", None, None)
    with pytest.raises(AssertionError, match=r"Got:\s+5"):
        run(wrong, folder, monkeypatch)


def test_type_checkers_know_the_same_names() -> None:
    tree = ast.parse(inspect.getsource(rnntext))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    imported = {(node.module, node.names[0].name) for node in block.body if isinstance(node, ast.ImportFrom)}
    assert imported == {(module, name) for name, module in rnntext._MODULES.items()}
