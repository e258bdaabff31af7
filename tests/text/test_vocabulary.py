"""The character vocabulary: ids of odd strings, and damage that is noticed."""

from typing import Any

import numpy as np
import pytest
from helpers import examples
from hypothesis import given
from hypothesis import strategies as st

from rnntext.errors import CheckpointError
from rnntext.text.vocabulary import CharVocabulary

ODD = "\n 😀\ud83d\ude00\udcff\ufffd\0é\u0301\U0010ffff"


def test_ids_count_from_one_in_the_order_given() -> None:
    vocabulary = CharVocabulary(list("cab"))
    assert vocabulary.encode("abc").tolist() == [2, 3, 1]
    assert len(vocabulary) == 4


def test_an_unknown_character_has_id_zero() -> None:
    assert CharVocabulary(list("ab")).encode("a?b\U0010ffff\0").tolist() == [1, 0, 2, 0, 0]


def test_typed_brackets_are_ordinary_text() -> None:
    assert CharVocabulary(list("[]KNU")).encode("[UNK]").tolist() == [1, 5, 4, 3, 2]


@pytest.mark.parametrize("characters", ["", "ab"])
def test_an_empty_text_has_no_ids(characters: str) -> None:
    ids = CharVocabulary(list(characters)).encode("")
    assert ids.dtype == np.int32
    assert ids.shape == (0,)


def test_to_an_empty_vocabulary_everything_is_unknown() -> None:
    assert CharVocabulary([]).encode("a\n").tolist() == [0, 0]


def test_a_pair_of_surrogates_stays_two_characters() -> None:
    assert CharVocabulary(list("😀\ud83d\ude00")).encode("\ud83d\ude00😀").tolist() == [2, 3, 1]


@examples
@given(
    st.sets(st.sampled_from(ODD)) | st.sets(st.characters()), st.text(st.sampled_from(ODD)), st.text(st.characters())
)
def test_ids_are_places_in_the_list(known: set[str], odd: str, text: str) -> None:
    characters = list(known)
    expected = [characters.index(c) + 1 if c in known else 0 for c in odd + text]
    assert CharVocabulary(characters).encode(odd + text).tolist() == expected


@examples
@given(st.text(st.sampled_from(ODD)))
def test_known_text_comes_back(text: str) -> None:
    vocabulary = CharVocabulary(list(ODD))
    assert vocabulary.decode(vocabulary.encode(text)) == text


def test_the_unknown_id_is_shown_as_a_replacement_character() -> None:
    assert CharVocabulary(list("ab")).decode([2, 0, 1]) == "b\ufffda"


def test_unknown_characters_are_listed_once_in_order_of_appearance() -> None:
    assert CharVocabulary(list("ab")).unknown("bzay😀zb\ud800") == ["z", "y", "😀", "\ud800"]


@pytest.mark.parametrize(("characters", "start"), [("ab\nc", 3), ("abc", 1)])
def test_a_text_begins_after_a_line_break_or_else_the_commonest_character(characters: str, start: int) -> None:
    assert CharVocabulary(list(characters)).start == start


@pytest.mark.parametrize(
    "entries",
    [["a", ""], ["ab"], ["e\u0301"], ["a", "b", "a"], [1, 2], ["a", None], [["a"]], 5, None],
    ids=repr,
)
def test_a_damaged_list_is_refused(entries: Any) -> None:
    with pytest.raises(CheckpointError, match="vocabulary"):
        CharVocabulary(entries)
