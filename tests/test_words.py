from __future__ import annotations

import pytest

from rnntext.words import counted


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 pairs"), (1, "1 pair"), (2, "2 pairs"), (36_000, "36,000 pairs")], ids=str
)
def test_one_thing_is_singular_and_large_numbers_have_commas(number: int, words: str) -> None:
    assert counted(number, "pair") == words
