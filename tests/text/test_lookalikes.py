"""A character that a model has not learnt, or hardly, is read as one that looks like it; nothing invisible disturbs."""

import pytest

from rnntext.text.lookalikes import RANGE, LookAlikes, is_blank, vocabulary_counts
from rnntext.text.tokenizers import Characters
from rnntext.text.tokens import Language

ENGLISH = dict.fromkeys("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789.,!?:;'\"-/~", 5000)


@pytest.mark.parametrize(
    ("line", "plain"),
    [
        ("I am\u00a0here.", "I am here."),
        ("I\u2003am\u3000here\u2028now\u0085", "I am here now"),
        ("\ufeffI am\u200b he\u00adre\u2060.\u200e", "I am here."),
        ("he\u034fre\ufe0f\u061c\x07", "here"),
        ("a\u2800b\u3164c", "a b c"),
        ("I\u2019m \u2018here\u2019, it\u02bcs 5\u2032", "I'm 'here', it's 5'"),
        ("\u201cOh\u201d \u201eoh\u201c \u00aboh\u00bb \u300coh\u300d", '"Oh" "oh" "oh" "oh"'),
        ("a\u2010b \u2013 c\u2014d \u22125", "a-b - c-d -5"),
        ("Ｗｈｏ？Ｉ！", "Who? I!"),
        ("１２：３０", "12:30"),
        ("Well\u2026 \ufb01ne, 5 m\u00b2, \u2122, \u00bd", "Well... fine, 5 m2, TM, 1/2"),
        ("Hello。How are you、Tom", "Hello. How are you, Tom"),
        ("\u275doh\u275e it\ua78cs so\u22ef who\u203d", '"oh" it\'s so... who?'),
        ("Zo\u00eb, \u0141\u00f3d\u017a, stra\u00dfe", "Zoe, Lodz, strasse"),
        ("\u0665 \u096b 1\u20e3", "5 5 1"),
        ("\u2022 I \U0001f600am\U0001f44d\U0001f3fd here \u2190 he\ufffdre", "I am here here"),
        ("\u4f60\u597d \u0439", "\u4f60\u597d \u0439"),  # nothing that is learnt looks like these
    ],
)
def test_what_is_not_learnt_is_read_as_what_looks_like_it(line: str, plain: str) -> None:
    assert LookAlikes(ENGLISH).normalized(line) == plain


@pytest.mark.parametrize("share", [1, 10])
def test_what_the_training_text_contains_stays(share: int) -> None:
    rich = {**ENGLISH, **dict.fromkeys("\u00a0\u200c\u2019\u201c\u2014\uff01\u2026\u00b2", 5000 // share)}
    line = "a\u00a0b\u200cc\u2019d\u201ce\u2014f\uff01g\u2026h\u00b2"
    assert LookAlikes(rich).normalized(line) == line


def test_accents_and_pictures_are_kept_if_they_occur_at_all() -> None:
    rich = {**ENGLISH, "\u00e9": 1, "\u2022": 1}
    assert LookAlikes(rich).normalized("\u2022 caf\u00e9 \u00e8") == "\u2022 caf\u00e9 e"


def test_what_is_hardly_learnt_is_replaced_unless_that_changes_the_meaning() -> None:
    rich = {**ENGLISH, **dict.fromkeys("\u00a0\u200c\u2019\u2014\uff01\u00b2", 5)}
    assert LookAlikes(rich).normalized("a\u00a0b\u200cc\u2019d\u2014e\uff01 m\u00b2") == "a bc'd-e! m\u00b2"


def test_straight_marks_become_curly_ones_where_only_these_are_learnt() -> None:
    curly = {**ENGLISH, "'": 0, '"': 0, "-": 0} | dict.fromkeys("\u2019\u201c\u2013", 900)
    assert LookAlikes(curly).normalized('I\'m "x" - y') == "I\u2019m \u201cx\u201c \u2013 y"


def test_a_vocabulary_tells_about_how_often_its_characters_occurred() -> None:
    counts = vocabulary_counts(Language(Characters(), ["<0x41>", "the", "e", "'", "t", "\u2019"]))
    assert counts["h"] == counts[" "] == RANGE
    assert "A" not in counts
    assert counts["e"] > counts["'"] > counts["t"] > counts["\u2019"] > 0
    assert LookAlikes(counts).normalized("t\u2019t\u00a0e") == "t't e"


@pytest.mark.parametrize(
    "text", ["", " ", "\u00a0", "\u3000 \t", "\u200b\u2028\ufeff", "\u00ad\u2029\x85\x1c\u2800\x07"]
)
def test_what_shows_nothing_is_blank(text: str) -> None:
    assert is_blank(text)
    assert not is_blank(f"{text}.")
    assert LookAlikes(ENGLISH).normalized(text) == ""
