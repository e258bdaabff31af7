"""Normalisation: equal-looking text becomes equal text."""

import time
import unicodedata

import pytest
from helpers import examples
from hypothesis import example, given
from hypothesis import strategies as st

from rnntext.text.normalize import normalize

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


def test_two_hundred_thousand_carriage_returns_take_no_time() -> None:
    began = time.perf_counter()
    assert normalize("\r" * 200_000 + "x") == "\r" * 200_000 + "x"
    assert time.perf_counter() - began < 3  # not a quarter of a minute, with each of them tried as a beginning


@examples
@given(any_text | busy_text)
def test_no_nul_is_left(text: str) -> None:
    assert "\0" not in normalize(text)
