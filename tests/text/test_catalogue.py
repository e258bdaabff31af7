"""Corpora by name, and files by theirs."""

from pathlib import Path

import pytest

from rnntext.errors import InputOutputError, UsageError
from rnntext.text import catalogue
from rnntext.text.catalogue import read_source

NAMES = ["valley", "python-docs", "grammar", "grammar-heldout"]


def test_the_bundled_corpus_comes_first_and_is_the_default() -> None:
    assert [corpus.name for corpus in catalogue.corpora()] == NAMES
    assert (catalogue.DEFAULT, catalogue.DEFAULT_PAIRS) == ("valley", "grammar")


def test_the_bundled_corpus_is_a_file_of_plain_text() -> None:
    corpus = catalogue.get("valley")
    assert corpus.path is not None
    assert corpus.read() == corpus.path.read_text(encoding="ascii")
    assert "Marten" in corpus.read()


def test_the_interpreters_help_topics_are_a_corpus_without_a_file() -> None:
    corpus = catalogue.get("python-docs")
    assert corpus.path is None
    assert corpus.read().startswith('The "assert" statement')
    assert "\n\n" in corpus.read()


def test_a_near_miss_is_answered_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match=r"^no corpus 'vally'; did you mean valley\?$"):
        catalogue.get("vally")


def test_an_unknown_name_is_answered_with_the_list() -> None:
    with pytest.raises(
        UsageError, match=r"^no corpus 'shakespeare'; there are: valley, python-docs, grammar, grammar-heldout$"
    ):
        catalogue.get("shakespeare")
    assert catalogue.find("shakespeare") is None


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_name_is_read_as_a_corpus(here: Path) -> None:
    assert read_source("valley") == catalogue.get("valley").read()


def test_a_file_comes_before_a_corpus_of_its_name(here: Path) -> None:
    (here / "valley").write_bytes(b"mine\n")
    assert read_source("valley") == "mine\n"


def test_a_folder_does_not_hide_a_corpus_of_its_name(here: Path) -> None:
    (here / "valley").mkdir()
    assert read_source("valley") == catalogue.get("valley").read()


def test_encoding_errors_can_be_replaced(here: Path) -> None:
    (here / "a.txt").write_bytes(b"a\xff")
    assert read_source("a.txt", "replace") == "a\ufffd"


@pytest.mark.parametrize(
    "source", ["missing.txt", "It was a dark and stormy night. " * 10], ids=["missing", "a long text"]
)
def test_neither_a_file_nor_a_corpus_is_an_input_error(here: Path, source: str) -> None:
    with pytest.raises(InputOutputError, match=source):
        read_source(source)
