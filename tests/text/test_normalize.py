"""Normalisation: equal-looking text becomes equal text."""

import time
import unicodedata

import pytest
from helpers import examples
from hypothesis import example, given
from hypothesis import strategies as st

from rnntext.text.normalize import normalize, normalize_line

LONG = 20.0  # seconds of the processor: a thousand times what is needed, a fraction of what trying each place takes

any_text = st.text(st.characters())  # surrogates included
busy_text = st.text(st.sampled_from("\r\n\0aAéÉΣςİıK\u0301\u0307\u0323\ud83d😀\ufeff"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one\r\ntwo\r\n", "one\ntwo\n"),
        ("lone\rreturn", "lone\rreturn"),
        ("a\0b\0", "a\ufffdb\ufffd"),
        ("e\u0301", "\u00e9"),  # e, combining acute
        ("\u212b", "\u00c5"),  # angstrom sign
        ("\u1112\u1161\u11ab", "\ud55c"),  # jamo to hangul syllable
        ("ﬁ²", "ﬁ²"),  # NFC, not NFKC: compatibility characters stay
        ("👩\u200d🚀 😀", "👩\u200d🚀 😀"),
        ("\ud83d\ude00 \udcff", "\ud83d\ude00 \udcff"),  # surrogates, as arguments that are not UTF-8 bring them
        ("\ufeffa\u2028b\x85c", "\ufeffa\u2028b\x85c"),
        ("", ""),
    ],
)
def test_text_is_normalised(text: str, expected: str) -> None:
    assert normalize(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("Ab\r\nÉ", "ab\né"), ("E\u0301", "é"), ("ΟΔΟΣ", "οδος"), ("İ", "i\u0307")]
)
def test_lowercase_makes_capitals_small(text: str, expected: str) -> None:
    assert normalize(text, lowercase=True) == expected
    assert normalize("ABC") == "ABC"


@examples
@given(any_text | busy_text, st.booleans())
@example("\r\r\n", False)  # what held-out text may contain; it is normalised again when a model scores it
def test_normalising_twice_changes_nothing_more(text: str, lowercase: bool) -> None:
    once = normalize(text, lowercase)
    assert normalize(once, lowercase) == once


@examples
@given(any_text | busy_text, st.booleans())
def test_canonically_equal_texts_become_equal(text: str, lowercase: bool) -> None:
    assert normalize(unicodedata.normalize("NFD", text), lowercase) == normalize(text, lowercase)


def test_four_hundred_thousand_carriage_returns_take_no_time() -> None:
    began = time.process_time()
    assert normalize("\r" * 400_000 + "x") == "\r" * 400_000 + "x"
    assert time.process_time() - began < LONG


@examples
@given(any_text | busy_text)
def test_no_nul_is_left(text: str) -> None:
    assert "\0" not in normalize(text)


# Sentences ------------------------------------------------------------------------------------------------------------

busy_line = st.text(st.sampled_from(" \t\n\v\f\r\0aAéÉİK\u0301\u00a0\u3000\u2028\x85\x1c\ud83d😀\ufeff"))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", ""),
        (" \t\r\n\v\f ", ""),
        ("  two  words\t\tand \v\f more\r", "two words and more"),
        ("a\rb\r\nc\nd", "a b c d"),
        ("a\u00a0b\u3000 c\u2028d\x85e\x1cf", "a\u00a0b\u3000 c\u2028d\x85e\x1cf"),  # other spaces stay
        ("\u3000", "\u3000"),
        ("e\u0301 \u0301x", "é \u0301x"),
        ("a\0b", "a\ufffdb"),
        ("\ufeffa", "\ufeffa"),
        ("\ud83d\ude00x\udcff", "\ufffd\ufffdx\ufffd"),  # no tokenizer takes surrogates
    ],
)
def test_a_sentence_has_single_spaces_and_none_around(line: str, expected: str) -> None:
    assert normalize_line(line) == expected


def test_a_sentence_can_be_made_small() -> None:
    assert normalize_line(" ΟΔΟΣ  İ\tE\u0301 ", lowercase=True) == "οδος i\u0307 é"
    assert normalize_line("Aa") == "Aa"


@examples
@given(any_text | busy_line, st.booleans())
def test_a_normalised_sentence_is_normalised(text: str, lowercase: bool) -> None:
    once = normalize_line(text, lowercase)
    assert normalize_line(once, lowercase) == once
    assert once.encode().decode() == once  # no surrogate
    assert set(once) & set("\t\n\v\f\r\0") == set()
    assert "  " not in once
    assert once == once.strip(" ")


@examples
@given(any_text | busy_line, st.booleans())
def test_a_sentence_is_the_normalised_text_between_the_gaps(text: str, lowercase: bool) -> None:
    words = normalize(text, lowercase).encode("utf-8", "replace").split()  # bytes know ASCII white space only
    found = normalize_line(text, lowercase).replace("\ufffd", "?").encode().split(b" ")
    assert found == [word.replace("\ufffd".encode(), b"?") for word in words] or (found, words) == ([b""], [])


def test_four_hundred_thousand_spaces_take_no_time() -> None:
    began = time.process_time()
    assert normalize_line(" \t" * 200_000 + "x" + "\r " * 200_000) == "x"
    assert time.process_time() - began < LONG
