"""Lines become parts that are like the lines of the training text."""

import pytest

from rnntext.errors import CheckpointError
from rnntext.text.source_lines import SourceLines, indent_of
from rnntext.text.tokenizers import Words
from rnntext.text.tokens import Language
from rnntext.text.training_text import TrainingText, describe

WORDS = Language(Words(), [*"abcdefgh", ".", "?", "I", "The", "the", "Tom", "cat", "tom", "USA", "saw"])


def lines_of(sentences: int, tokens: int, longest: int = 100) -> SourceLines:
    return SourceLines(WORDS, False, TrainingText(None, sentences, tokens), longest)


def parts(lines: SourceLines, line: str, split: bool = True) -> list[str]:
    return [WORDS.tokenizer.join(part.tokens) for part in lines.parts(line, split)]


def test_a_line_is_cut_where_it_has_more_sentences_than_is_usual() -> None:
    line = "An ab. No do? We go. It is."
    assert parts(lines_of(1, 20), line) == ["An ab.", "No do?", "We go.", "It is."]
    assert parts(lines_of(2, 20), line) == ["An ab. No do?", "We go. It is."]
    assert parts(lines_of(4, 20), line) == [line]
    assert parts(lines_of(1, 20), line, split=False) == [line]


def test_a_line_is_cut_where_it_has_more_tokens_than_is_usual() -> None:
    assert parts(lines_of(4, 6), "An ab. No do? We go. It is.") == ["An ab. No do?", "We go. It is."]
    assert parts(lines_of(4, 5), "An ab. No do? We go.") == ["An ab.", "No do?", "We go."]


def test_one_sentence_is_cut_only_if_it_is_much_too_long() -> None:
    sentence = "a b c d e f g h"
    assert parts(lines_of(1, 4), sentence) == [sentence]
    assert parts(lines_of(1, 3), sentence) == ["a b c d e f", "g h"]
    assert parts(lines_of(1, 4, longest=6), sentence) == ["a b c d e f", "g h"]
    assert parts(lines_of(1, 3), sentence, split=False) == [sentence]


def test_a_part_tells_whether_it_is_in_capitals() -> None:
    found = lines_of(1, 20).parts("THE CAT. The cat. I.")
    assert [(part.tokens, part.reading.capitals) for part in found] == [
        (["The", "cat", "."], True),
        (["The", "cat", "."], False),
        (["I", "."], False),
    ]


def test_each_part_is_read_as_a_line_of_the_training_text() -> None:
    usual = SourceLines(WORDS, False, TrainingText(None, 1, 5, capital=True, mark="."), longest=5)
    assert parts(usual, "the cat saw usa. tom saw") == ["The cat saw USA.", "Tom saw."]
    assert parts(usual, "the cat saw usa. tom saw", split=False) == ["The cat saw USA. Tom saw."]
    assert parts(usual, "a \u200b") == ["A."]
    assert parts(usual, "\u200b") == []
    small = SourceLines(WORDS, True, TrainingText(None, 1, 5, capital=True, mark="."), longest=5)
    assert parts(small, "The cat") == ["the cat."]  # all text is lower-cased


def test_the_indent_of_a_line_is_its_spaces() -> None:
    assert [indent_of(line) for line in ["a", "  a ", "\t \u3000a", "\u2028a", ""]] == ["", "  ", "\t \u3000", "", ""]


@pytest.mark.parametrize(
    ("line", "framed"),
    [
        ("  \u2022 a b", ("  \u2022 ", "a b", "")),
        (
            "a \U0001f600 b. \U0001f44d\U0001f3fd \u2764\ufe0f ",
            ("", "a \U0001f600 b.", " \U0001f44d\U0001f3fd \u2764\ufe0f"),
        ),
        ("\U0001f600 ", ("\U0001f600 ", "", "")),
        ("\u3000a\u00e9 ", ("\u3000", "\u3000a\u00e9 ", "")),
        ("\t\u200b", ("", "", "")),
    ],
)
def test_pictures_stand_before_and_behind_the_sentences_of_a_line(line: str, framed: tuple[str, str, str]) -> None:
    assert lines_of(1, 20).framed(line) == framed


def test_pictures_that_are_learnt_are_part_of_the_sentence() -> None:
    known = TrainingText({"a": 9, "\u2022": 9}, 1, 20)
    assert SourceLines(WORDS, False, known, 20).framed("\u2022 a \u2023") == ("", "\u2022 a", " \u2023")


# The training text ----------------------------------------------------------------------------------------------------


def test_one_outlier_does_not_make_a_usual_line() -> None:
    lines = ["One. Two."] * 4 + ["A b."] * 96 + ["A. " * 50]
    found = describe(lines, [2] * 198 + [7, 500])
    assert (found.sentences, found.tokens) == (1, 2)
    assert found.characters is not None
    assert (found.characters["T"], found.characters["b"], found.characters["A"]) == (4, 96, 146)
    assert TrainingText.from_json(found.to_json()) == found


@pytest.mark.parametrize(
    ("lines", "capital", "mark"),
    [
        (["A b."] * 5 + ["\u201cA b!\u201d"] * 4 + ["A."] * 82 + ["a"] * 9, True, "."),
        (["A b."] * 90 + ["a b"] * 10, False, ""),
        (["3 b?"] * 60 + ["a."] * 40, False, "?"),
        (["\u732b\u3002"] * 9, False, "\u3002"),
    ],
)
def test_what_nearly_all_lines_do_is_a_convention(lines: list[str], capital: bool, mark: str) -> None:
    found = describe(lines, [2] * len(lines))
    assert (found.capital, found.mark) == (capital, mark)
    assert TrainingText.from_json(found.to_json()) == found


def test_the_properties_of_the_first_versions_say_nothing_of_conventions() -> None:
    first = TrainingText.from_json({"characters": {"a": 1}, "sentences": 1, "tokens": 2})
    assert (first.capital, first.mark) == (False, "")


@pytest.mark.parametrize(
    "values",
    [
        [],
        {},
        {"characters": {}, "sentences": 1},
        {"characters": {}, "sentences": 1, "tokens": 0},
        {"characters": {}, "sentences": True, "tokens": 1},
        {"characters": {"a": "b"}, "sentences": 1, "tokens": 1},
        {"characters": ["a"], "sentences": 1, "tokens": 1},
        {"characters": {"ab": 1}, "sentences": 1, "tokens": 1},
        {"characters": {}, "sentences": 1, "tokens": 1, "more": 1},
        {"characters": {}, "sentences": 1, "tokens": 1, "capital": 1},
        {"characters": {}, "sentences": 1, "tokens": 1, "mark": "x"},
        {"characters": {}, "sentences": 1, "tokens": 1, "mark": [""]},
    ],
)
def test_damaged_properties_of_a_training_text_are_refused(values: object) -> None:
    with pytest.raises(CheckpointError, match="training_text"):
        TrainingText.from_json(values)
