"""Texts and pairs on a disk are what they are in memory."""

from __future__ import annotations

import errno
import os
import resource
from pathlib import Path

import numpy as np
import pytest
from helpers import examples
from hypothesis import given
from hypothesis import strategies as st

from rnntext.text import long_text
from rnntext.text.long_text import LongText
from rnntext.text.stored_pairs import Sentences, StoredPairs

PAIRS = [("eins", "one"), ("zwei Ä", "two \U0001f600"), ("drei", "three"), ("vier", "four")]
pieces_of_text = st.lists(st.text(st.characters()))


@examples
@given(pieces=pieces_of_text, begin=st.integers(0, 40), length=st.integers(0, 40), cut=st.integers(0, 60))
def test_any_part_of_a_long_text_can_be_read(tmp_path_factory, pieces, begin, length, cut):
    whole = "".join(pieces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(long_text, "_PIECE", 3)
        text = LongText(pieces, tmp_path_factory.getbasetemp())
    assert len(text) == len(whole)
    assert "".join(text.pieces()) == whole
    assert "".join(text.pieces(begin, begin + length)) == whole[begin : begin + length]
    text.cut(cut)
    assert (len(text), "".join(text.pieces())) == (len(whole[:cut]), whole[:cut])
    assert "".join(text.pieces(begin)) == whole[:cut][begin:]


def test_pairs_on_a_disk_are_a_sequence(tmp_path: Path) -> None:
    pairs = StoredPairs(iter(PAIRS), tmp_path)
    assert list(pairs) == PAIRS
    assert (len(pairs), pairs[1], pairs[-1], pairs[1:3]) == (4, PAIRS[1], PAIRS[-1], PAIRS[1:3])
    some = pairs.take(np.array([0, 3]))
    assert (list(some), some[1], len(some)) == ([PAIRS[0], PAIRS[3]], PAIRS[3], 2)
    assert not some.take(np.array([], int))
    with pytest.raises(IndexError):
        some[2]


def test_one_side_or_both_are_sequences_without_a_copy(tmp_path: Path) -> None:
    pairs = StoredPairs(PAIRS, tmp_path)
    assert list(Sentences(pairs, 1)) == ["one", "two \U0001f600", "three", "four"]
    both = Sentences(pairs, 0, 1)
    assert list(both) == [*Sentences(pairs, 0), *Sentences(pairs, 1)]
    assert (len(both), both[5], both[2:5]) == (8, "two \U0001f600", ["drei", "vier", "one"])


def test_nothing_is_left_in_the_folder(tmp_path: Path) -> None:
    text = LongText(["a" * 100], tmp_path)
    pairs = StoredPairs(PAIRS, tmp_path)
    assert os.listdir(tmp_path) == []
    assert len(text) + len(pairs) == 104


def test_a_full_disk_names_the_folder(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match=str(tmp_path)) as refusal:
            LongText(["a" * 100_000], tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert refusal.value.errno == errno.EFBIG
