"""Sentences too long for a model are cut where it hurts least, and nothing of them is lost."""

import re
import time
from collections.abc import Callable

import pytest
from helpers import examples
from hypothesis import given
from hypothesis import strategies as st

from rnntext.text.segments import joined, split_long
from rnntext.text.tokenizers import Characters, Words


def words(text: str) -> int:
    return len(text.split(" ")) if text else 0


def characters(text: str) -> int:
    return len(text)


def pieces(text: str) -> int:
    """As SentencePiece would have it: known syllables of two letters, other characters in bytes, and a word begins with
    a piece of its own."""
    return sum(
        1 + sum(1 if re.fullmatch("[a-z]{1,2}", part) else len(part.encode()) for part in re.findall("[a-z]{1,2}|.", w))
        for w in text.split(" ")
    )


SIZES = [words, characters, pieces, lambda text: len(Words().split(text)), lambda text: len(Characters().split(text))]
every_size = pytest.mark.parametrize("size", SIZES, ids=["words", "characters", "pieces", "Words", "Characters"])


def without_spaces(text: str) -> str:
    return text.replace(" ", "")


# Where ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "a", "a b c", "a, b. c!"])
def test_what_fits_stays_whole(text: str) -> None:
    assert split_long(text, words, 5) == [text]


@pytest.mark.parametrize(
    ("text", "limit", "parts"),
    [
        # after a full stop rather than a comma, though the comma comes later
        ("a b c d. e, f g h i j", 6, ["a b c d.", "e, f g h i j"]),
        # after a comma rather than anywhere
        ("a b c d, e f g h i j", 6, ["a b c d,", "e f g h i j"]),
        # after the last of several
        ("a b c. d. e f g h", 5, ["a b c. d.", "e f g h"]),
        # not in the first half: too many parts
        ("a. b c d e f g h", 6, ["a. b c d e f", "g h"]),
        # without any, at the space where it is full
        ("a b c d e f g h", 3, ["a b c", "d e f", "g h"]),
        ("a b c? d e f! g", 4, ["a b c?", "d e f! g"]),
        ("一 二 三。 四 五 六", 4, ["一 二 三。", "四 五 六"]),
        ("a b (c d) e f g", 5, ["a b (c d)", "e f g"]),
        ("a b c\u2026 d e f", 4, ["a b c\u2026", "d e f"]),
        ("a b c; d e f", 4, ["a b c;", "d e f"]),
    ],
)
def test_a_text_is_cut_after_punctuation_else_at_a_space(text: str, limit: int, parts: list[str]) -> None:
    assert split_long(text, words, limit) == parts


@pytest.mark.parametrize(
    ("text", "limit", "parts"),
    [
        ("今天天气很好我们出去走走。" * 5, 40, ["今天天气很好我们出去走走。" * 3, "今天天气很好我们出去走走。" * 2]),
        ("今天冷，我们回家。明天热，我们出去。", 12, ["今天冷，我们回家。", "明天热，我们出去。"]),
        ("寒い、「帰ろう！」母は言った", 10, ["寒い、「帰ろう！」", "母は言った"]),
        ("یہ گھر ہے۔وہ دور ہے۔", 12, ["یہ گھر ہے۔", "وہ دور ہے۔"]),
        ("我用 NumPy 写。今天冷。走 吧", 16, ["我用 NumPy 写。今天冷。", "走 吧"]),
    ],
)
def test_a_text_without_spaces_is_cut_after_its_marks(text: str, limit: int, parts: list[str]) -> None:
    assert split_long(text, characters, limit) == parts


def test_no_part_begins_with_a_combining_sign() -> None:
    parts = split_long("ที่นี่" * 20, characters, 9)
    assert "".join(parts) == "ที่นี่" * 20
    assert all(part[0] in "ทน" for part in parts)


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (["One.", "Two.", "", "Three."], "One. Two. Three."),
        (["今天冷。", "我们回家。", "好"], "今天冷。我们回家。好"),
        (["寒い。", "「帰ろう」"], "寒い。「帰ろう」"),
        (["今天冷。", "NumPy 好。"], "今天冷。NumPy 好。"),
        (["안녕.", "저는 학생."], "안녕. 저는 학생."),
        (["สวัสดี", "ครับ"], "สวัสดี ครับ"),
        (["Yes 😀", "No"], "Yes 😀 No"),
        (["他笑了……", "“走吧”", "我有3", "5只猫——", "狗"], "他笑了……“走吧”我有35只猫——狗"),
        (["In 2020…", "“Good”", "5 cats"], "In 2020… “Good” 5 cats"),
        ([], ""),
    ],
)
def test_translations_are_joined_as_their_script_joins_sentences(parts: list[str], text: str) -> None:
    assert joined(parts) == text


def test_a_word_that_is_too_long_by_itself_is_cut_anywhere() -> None:
    parts = split_long(f"short {'x' * 100} end", characters, 20)
    assert without_spaces("".join(parts)) == "short" + "x" * 100 + "end"
    assert max(map(len, parts)) <= 20
    assert len(parts) <= 10


def test_a_long_word_that_is_one_token_stays_whole() -> None:
    assert split_long("x" * 15 + " y z", words, 6) == ["x" * 15 + " y z"]


# How much -------------------------------------------------------------------------------------------------------------

busy = st.lists(
    st.text(st.sampled_from("abcxyz.,!?…。é你😀▁\u3000"), min_size=1, max_size=30)
    | st.sampled_from(["a", "b.", "c,", "d"]),
    min_size=1,
    max_size=60,
).map(" ".join)


@examples
@given(busy, st.integers(5, 40))
@every_size
def test_no_part_is_above_the_limit_and_nothing_is_lost(size: Callable[[str], int], text: str, limit: int) -> None:
    parts = split_long(text, size, limit)
    assert max(map(size, parts)) <= limit
    assert without_spaces("".join(parts)) == without_spaces(text)
    if size(text) <= limit and max(map(len, text.split(" "))) * 4 < limit:
        assert parts == [text]


@every_size
def test_parts_are_not_much_smaller_than_they_may_be(size: Callable[[str], int]) -> None:
    text = " ".join(["abcd"] * 500)
    parts = split_long(text, size, 50)
    assert len(parts) <= 1.3 * size(text) / 50 + 1


# How fast -------------------------------------------------------------------------------------------------------------

LONG = {
    "a word": "x" * 100_000,
    "a word of astral characters": "😀" * 100_000,
    "short words": "ab " * 33_333 + "ab",
    "letters": "a " * 50_000 + "a",
    "punctuation": "., " * 33_333 + "!",
    "wide spaces": "\u3000 " * 50_000 + "\u3000",  # no token at all, for a model of words
    "medium words": "abcdefghijklmnopqrstuvwxyz " * 3_700 + "a",
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
@every_size
def test_a_hundred_thousand_characters_take_no_time(size: Callable[[str], int], text: str) -> None:
    began = time.process_time()
    parts = split_long(text, size, 128)
    assert time.process_time() - began < 1
    assert max(map(size, parts)) <= 128
    assert without_spaces("".join(parts)) == without_spaces(text)


def test_the_whole_of_a_long_text_is_never_measured() -> None:
    measured: list[int] = []

    def size(text: str) -> int:
        measured.append(len(text))
        return len(text)

    split_long("x" * 100_000, size, 128)
    assert sum(measured) < 300_000  # a few times each character, not once for each part
