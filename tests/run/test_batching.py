"""Batches: everything once, nothing beside what would change it, no more than asked for."""

import pytest
from helpers import examples
from hypothesis import given
from hypothesis import strategies as st

from rnntext.run.batching import batches, length_class


@pytest.mark.parametrize(
    ("tokens", "padded"), [(1, 8), (7, 8), (8, 8), (9, 16), (16, 16), (17, 24), (128, 128), (0, 8)]
)
def test_a_length_class_is_the_next_multiple_of_eight(tokens: int, padded: int) -> None:
    assert length_class(tokens) == padded


def test_batches_by_hand() -> None:
    assert batches([], 100) == []
    assert batches([3, 20, 8, 9, 1, 16], 1000) == [[0, 2, 4], [1], [3, 5]]
    assert batches([1, 2, 3, 4, 5], 16) == [[0, 1], [2, 3], [4]]
    assert batches([1, 9, 2, 10, 3], 16) == [[0, 2], [1], [3], [4]]
    assert batches([7, 1, 5, 2, 6, 8], 24) == [[0, 4, 5], [1, 2, 3]]  # the short ones together
    assert batches([100, 5, 100], 50) == [[0], [1], [2]]  # a longer sentence is a batch of its own


@examples
@given(st.lists(st.integers(1, 60), max_size=80), st.integers(1, 300))
def test_every_sentence_is_in_one_batch_with_its_like(lengths: list[int], budget: int) -> None:
    found = batches(lengths, budget)
    assert sorted(index for batch in found for index in batch) == list(range(len(lengths)))
    for batch in found:
        padded = {-(-lengths[index] // 8) * 8 for index in batch}
        assert len(padded) == 1
        assert len(batch) == 1 or len(batch) * padded.pop() <= budget
        assert batch == sorted(batch)
    firsts = [batch[0] for batch in found]
    assert firsts == sorted(firsts)


@examples
@given(st.lists(st.integers(1, 60), max_size=80), st.integers(1, 300))
def test_there_are_no_more_batches_than_necessary(lengths: list[int], budget: int) -> None:
    found = batches(lengths, budget)
    for padded in {length_class(length) for length in lengths}:
        members = [batch for batch in found if length_class(lengths[batch[0]]) == padded]
        room = max(1, budget // padded)
        assert sorted((len(batch) for batch in members), reverse=True)[:-1] == [room] * (len(members) - 1)
