"""Corpora by name, and files by theirs."""

import re
from pathlib import Path

import pytest

from rnntext.errors import InputOutputError, UsageError
from rnntext.text import catalogue
from rnntext.text.catalogue import Corpus
from rnntext.text.lines import corpus_pieces, read_text

BUNDLED = ["valley", "python-docs", "grammar", "grammar-heldout"]


def text_of(corpus: Corpus) -> str:
    return "".join(corpus_pieces(corpus))


def test_the_bundled_corpus_comes_first_and_is_the_default() -> None:
    assert [corpus.name for corpus in catalogue.corpora() if corpus.origin is None] == BUNDLED
    assert [corpus.name for corpus in catalogue.corpora()][:4] == BUNDLED
    assert (catalogue.DEFAULT, catalogue.DEFAULT_PAIRS) == ("valley", "grammar")


def test_the_bundled_corpus_is_a_file_of_plain_text() -> None:
    corpus = catalogue.get("valley")
    assert corpus.path is not None
    assert text_of(corpus) == corpus.path.read_text(encoding="ascii")
    assert "Marten" in text_of(corpus)


def test_the_interpreters_help_topics_are_a_corpus_without_a_file() -> None:
    corpus = catalogue.get("python-docs")
    assert corpus.path is None
    assert text_of(corpus).startswith('The "assert" statement')
    assert "\n\n" in text_of(corpus)


def test_a_near_miss_is_answered_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match=r"^no corpus 'vally'; did you mean valley\?$"):
        catalogue.get("vally")


def test_an_unknown_name_is_answered_with_the_list() -> None:
    with pytest.raises(
        UsageError,
        match=r"^no corpus 'zebra'; there are: valley, python-docs, grammar, grammar-heldout, tiny-shakespeare, ",
    ):
        catalogue.get("zebra")
    assert catalogue.find("zebra") is None


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_name_is_read_as_a_corpus(here: Path) -> None:
    assert read_text("valley") == text_of(catalogue.get("valley"))


def test_a_file_comes_before_a_corpus_of_its_name(here: Path) -> None:
    (here / "valley").write_bytes(b"mine\n")
    assert read_text("valley") == "mine\n"


def test_a_folder_does_not_hide_a_corpus_of_its_name(here: Path) -> None:
    (here / "valley").mkdir()
    assert read_text("valley") == text_of(catalogue.get("valley"))


def test_encoding_errors_can_be_replaced(here: Path) -> None:
    (here / "a.txt").write_bytes(b"a\xff")
    assert read_text("a.txt", "replace") == "a\ufffd"


@pytest.mark.parametrize(
    "source", ["missing.txt", "It was a dark and stormy night. " * 10], ids=["missing", "a long text"]
)
def test_neither_a_file_nor_a_corpus_is_an_input_error(here: Path, source: str) -> None:
    with pytest.raises(InputOutputError, match=source):
        read_text(source)


# Public texts --------------------------------------------------------------------------------------------------------

PUBLIC = [corpus for corpus in catalogue.corpora() if corpus.origin is not None]
FREE = {"MIT", "CC-BY-2.0", "LicenseRef-PublicDomain"}


@pytest.mark.parametrize("corpus", PUBLIC, ids=lambda corpus: corpus.name)
def test_an_entry_of_the_catalogue_is_sound(corpus: Corpus) -> None:
    origin = corpus.origin
    assert origin is not None
    assert corpus.licence in FREE
    assert re.fullmatch(r"https://[\w.-]+/[\w./%-]+", origin.address)
    assert origin.sha256 is None or re.fullmatch("[0-9a-f]{64}", origin.sha256)
    assert (origin.sha256 is None) == (origin.size is None)
    assert (origin.member is not None) == origin.address.endswith(".zip")
    assert "{" not in f"{corpus}"


def test_names_are_unique_and_there_is_one_for_each_language() -> None:
    names = [corpus.name for corpus in catalogue.corpora()]
    assert len(set(names)) == len(names)
    assert catalogue.get("tatoeba-pol").about.endswith("English-Polish")
    assert {"tiny-shakespeare", "pan-tadeusz", "karamazov", "hong-lou-meng"} <= set(names)


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.delenv("RNNTEXT_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert catalogue.cache() == Path("/home/ada/.cache/rnntext")
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    assert catalogue.cache() == Path("/home/ada/.cache/rnntext")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # as for a user without a home
    assert catalogue.cache() == Path("/.cache/rnntext")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache")
    assert catalogue.cache() == Path("/var/cache/rnntext")
    monkeypatch.setenv("RNNTEXT_CACHE", "/ours")
    assert catalogue.get("tatoeba-spa").path == Path("/ours/corpora/tatoeba-spa/tatoeba-spa.txt")


def test_a_text_that_is_not_here_is_read_by_nobody(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RNNTEXT_CACHE", str(here / "cache"))
    message = "^corpus karamazov: not on this machine yet; get it with: rnntext corpora get karamazov "
    with pytest.raises(InputOutputError, match=message):
        read_text("karamazov")
    assert list(here.iterdir()) == []
    path = catalogue.get("karamazov").path
    assert path is not None
    path.parent.mkdir(parents=True)
    path.write_text("Алексей\n", encoding="utf-8")
    assert read_text("karamazov") == "Алексей\n"
