"""Terms of a glossary are found where they stand as whole words, and their translations stand where theirs would."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers import examples, save_translator, shifting_weights, translator_arrays
from hypothesis import given
from hypothesis import strategies as st

import rnntext
from rnntext import SearchConfig
from rnntext.errors import DataError, UsageError
from rnntext.text.glossary import Glossary, glossary_pairs
from rnntext.text.kept import restored
from rnntext.text.normalize import normalize_line
from rnntext.text.placing import ends, with_marks

TERMS = {
    "cat": "Katze",
    "hot dog": "Bockwurst",
    "dog": "Hund",
    "dogs": "Hunde",
    "dog house": "Hütte",
    "C++": "C plus",
    "Paris": "París",
    "npm": "npm",
    "猫": "Katze",
    "हिन": "X",
    "St. Gallen": "Sankt Gallen",
}


def found(text: str, terms: dict[str, str] = TERMS) -> list[str]:
    """The translations of the terms in a text, in its order."""
    return [term.target for term in Glossary(terms.items(), normalize_line).terms(text)]


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("a cat, a dog", ["Katze", "Hund"]),
        ("cats concatenate a bobcat and cat_1 cat2", []),
        ("a cat's cat-like (cat)", ["Katze", "Katze", "Katze"]),
        ("Cat and Cat", ["Katze"]),  # The second one begins no sentence.
        ("It was I. Cat! “Cat?” (Cat", ["Katze", "Katze", "Katze"]),
        ("A CAT AND HOT DOGS", ["KATZE", "HUNDE"]),
        ("a CAT", []),
        ("paris and Paris", ["París"]),
        ("a hot dog house", ["Hütte"]),
        ("a dog  house", ["Hund"]),  # The texts are normalised: a space is one.
        ("C++ and C", ["C plus"]),
        ("这是猫吗", ["Katze"]),
        ("हिन हिन्दी", ["X"]),
        ("to St. Gallen.", ["Sankt Gallen"]),
        ("", []),
    ],
)
def test_terms_are_whole_words_and_the_longest_comes_first(text: str, targets: list[str]) -> None:
    assert found(text) == targets


def test_the_longest_term_comes_first_wherever_it_begins() -> None:
    terms = {"a b": "1", "b c d": "2", "a": "3"}
    assert found("a b c d", terms) == ["3", "2"]
    assert found("a b c", terms) == ["1"]


def test_where_a_term_stands() -> None:
    (cat, dog) = Glossary(TERMS.items(), normalize_line).terms("my cat, hot dog!")
    assert (cat.begin, cat.end, cat.words, cat.capital) == (2, 5, 1, True)
    assert (dog.begin, dog.end, dog.words) == (6, 12, 2)


def test_no_term_is_an_error_of_the_one_who_calls() -> None:
    for terms in ({"": "x"}, {"x": " "}, {"see {x}": "y"}):
        with pytest.raises(UsageError, match="glossary: "):
            Glossary(terms.items(), normalize_line)


# Files ----------------------------------------------------------------------------------------------------------------


def test_a_file_has_a_term_on_each_line(tmp_path: Path) -> None:
    file = tmp_path / "terms.tsv"
    file.write_bytes("\ufeff# comment\r\ncat\tKatze\r\n\r\n  \n hot dog \t Bockwurst\n#\t\t\ncat\tKatze".encode())
    assert glossary_pairs(file) == (("cat", "Katze"), ("hot dog", "Bockwurst"))
    assert glossary_pairs({"cat": "Katze"}) == (("cat", "Katze"),)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (b"cat", "must be a term, one TAB and its translation; it has 0 TABs"),
        (b"cat\tKatze\tnoun", "it has 2 TABs"),
        (b"cat\t ", "'cat': must be a term and its translation"),
        (b"\tKatze", "must be a term and its translation"),
        (b"dog\tKatze", "'dog' has another translation on line 2; remove one"),
        (b"c\xe4t\tx", "not valid UTF-8"),
        (b"press {key}\tx", "'press {key}': addresses, placeholders and tags are kept"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line(tmp_path: Path, row: bytes, message: str) -> None:
    file = tmp_path / "terms.tsv"
    file.write_bytes(b"# terms\ndog\tHund\n\n" + row + b"\n")
    with pytest.raises(DataError) as caught:
        glossary_pairs(file)
    assert str(caught.value).startswith(f"{file}: line 4: ")
    assert message in str(caught.value)


# Places ---------------------------------------------------------------------------------------------------------------


def placed(source: str, target: str, attention: list[list[float]], terms: dict[str, str]) -> str:
    """The translation of a text when each of its words looked at some words of the text."""
    before = ends(" ".join, source.split())
    behind = ends(" ".join, target.split())
    of_text = Glossary(terms.items(), normalize_line).terms(source)
    return restored(*with_marks(target, [], of_text, before, behind, np.array(attention)))


SWAPPED = [[0.1, 0.9], [0.8, 0.2]]  # The first target word is the translation of the second source word.
STRAIGHT = np.eye(3).tolist()


@pytest.mark.parametrize(
    ("source", "target", "attention", "terms", "expected"),
    [
        ("red house", "casa roja", SWAPPED, {"house": "vivienda"}, "vivienda roja"),
        ("red house", "casa roja", SWAPPED, {"red": "bermeja"}, "casa bermeja"),
        ("red house", "casa roja", SWAPPED, {"red": "bermeja", "house": "vivienda"}, "vivienda bermeja"),
        ("red house", "casa roja", SWAPPED, {"red house": "Palacio"}, "Palacio"),
        ("red house", "casa roja", SWAPPED, {"red": "casa"}, "casa roja"),  # It is there already.
        ("big red house", "la casa roja", [[0, 0, 1], [0, 0, 1], [0, 1, 0]], {"house": "villa"}, "la villa roja"),
        (
            "big red house",
            "la casa roja",
            [[0, 0.4, 0.6], [0, 0.1, 0.9], [0, 1, 0]],
            {"house": "villa"},
            "la villa roja",
        ),
        ("big red house", "gran casa .", STRAIGHT, {"house": "villa"}, "gran casa villa."),  # No word looked at it.
        ("red house here", "Das T-Shirt hier", STRAIGHT, {"house": "Hemd"}, "Das Hemd hier"),
        ("House is red", "Haus ist rot", STRAIGHT, {"house": "villa"}, "Villa ist rot"),
        ("Npm is red", "Haus ist rot", STRAIGHT, {"npm": "npm"}, "Npm ist rot"),
        ("npm is red", "Haus ist rot", STRAIGHT, {"npm": "npm"}, "npm ist rot"),
        ("red red here", "rot hier", [[0.6, 0.4, 0], [0, 0, 1]], {"red": "rot"}, "rot rot hier"),
        ("a b c", "Haus ist rot", STRAIGHT, {"a": "x", "b": "ist", "c": "z"}, "X ist z"),
    ],
)
def test_a_term_stands_where_its_translation_stood(
    source: str, target: str, attention: list[list[float]], terms: dict[str, str], expected: str
) -> None:
    assert placed(source, target, attention, terms) == expected


# Models ---------------------------------------------------------------------------------------------------------------

LETTERS = {"cat": "Katze", "hal": "HAL 9000", "big cat": "Löwe", "{name}": "{nom}"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> rnntext.TranslationModel:
    path: Path = tmp_path_factory.mktemp("models") / "translator"
    save_translator(path, *shifting_weights(), longest=39)
    return rnntext.load(path)


@pytest.mark.parametrize("beam", [1, 3])
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a cat sat", "b Katze tbu"),
        ("a big cat sat", "b Löwe tbu"),
        ("a cat and a cat", "b Katze boe b Katze"),
        ("hal {name} cat", "HAL 9000 {nom} Katze"),
        ("a <b>big cat</b> sat", "b <b>Löwe</b> tbu"),
        ("a big <b>cat</b> sat", "b <b>Löwe</b> tbu"),
        ("a big {x} cat sat", "b cjh {x} Katze tbu"),  # The words of a term are side by side.
        ("A CAT SAT", "? KATZE TBU"),
        ("x " * 30 + "cat", "y " * 30 + "Katze"),  # in parts
        ("http://cat.org/cat cat", "http://cat.org/cat Katze"),
        ("({name})", "({nom})"),
    ],
)
def test_a_model_uses_the_terms(model: rnntext.TranslationModel, line: str, expected: str, beam: int) -> None:
    search = SearchConfig(beam=beam, n_best=beam)
    (translation,) = model.translate_all([line], search, LETTERS)
    assert translation.text == expected
    for answer in translation.answers:
        assert "Katze" in answer.text or "Katze" not in expected
    assert list(model.translate(line, search=search, glossary=LETTERS)) == [translation.text]


def test_no_term_is_cut_in_two(model: rnntext.TranslationModel) -> None:
    lines = [f"{'z ' * count}big cat {'z ' * 20}" for count in range(40)]
    for answer in model.translate(lines, search=SearchConfig(beam=1), glossary=LETTERS):
        assert "Löwe" in answer
        assert "Katze" not in answer


def test_other_lines_are_not_touched(model: rnntext.TranslationModel) -> None:
    lines = ["hal sat", "a dog", "concat <b>it</b>"]
    with_terms = model.translate_all(["cat", *lines], glossary={"cat": "Katze"})
    assert with_terms[1:] == model.translate_all(lines)
    assert model.translate_all(lines, glossary={}) == model.translate_all(lines)


@examples
@given(words=st.lists(st.sampled_from(["cat", "hal", "big cat", "{x}", "zzz", "cats", "ł"]), max_size=12))
def test_every_term_is_in_the_translation(model: rnntext.TranslationModel, words: list[str]) -> None:
    (answer,) = model.translate(" ".join(words), search=SearchConfig(beam=1), glossary=LETTERS)
    for term in ("hal", "cat", "big cat"):
        assert answer.count(LETTERS[term]) == words.count(term)


def test_a_model_without_attention_says_so(tmp_path: Path) -> None:
    config = rnntext.GRUConfig(layers=1, units=4, embedding=4, attention="none", tokens="char")
    language = shifting_weights()[2]
    size = len(language)
    save_translator(tmp_path / "blind", config, translator_arrays(config, (size, size)), language)
    with pytest.raises(UsageError, match="--attention none"):
        rnntext.load(tmp_path / "blind").translate_all(["a"], glossary={"a": "b"})
