"""Answers that go round in a loop are searched for again; others stay what they are."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from rnntext.run.logits import forbid_repeated
from rnntext.run.loops import loops, search_without_loops
from rnntext.run.search import Hypothesis
from rnntext.settings.search import SearchConfig


@pytest.mark.parametrize(
    ("answer", "source", "expected"),
    [
        ("", "ab", False),
        ("a", "ab", False),
        ("xaaay", "ab", False),
        ("xaaaay", "ab", True),
        ("xabababy", "ab", False),
        ("xababababy", "ab", True),
        ("abcdeabcdeabcdeabcdeabc", "ab", True),
        ("aaaaa", "zzzzz", False),  # as often as in the source
        ("aaaaaa", "zzzzz", True),
        ("abababab", "xyxyxyxy", False),
    ],
)
def test_what_comes_oftener_than_three_times_in_a_row_is_a_loop(answer: str, source: str, expected: bool) -> None:
    assert loops(list(map(ord, answer)), np.array(list(map(ord, source)))) == expected


def test_only_looping_answers_are_searched_for_again_and_each_keeps_its_number() -> None:
    calls: list[tuple[int, int | None]] = []

    def search_all(
        sentences: Sequence[np.ndarray], config: SearchConfig, forbidden: Sequence[int]
    ) -> Iterator[tuple[int, list[Hypothesis]]]:
        calls.append((len(sentences), config.no_repeat_ngram))
        for number, sentence in enumerate(sentences):
            first = int(sentence[0])
            ids = (first,) * (6 if first % 2 and not config.no_repeat_ngram else 2)
            yield number, [Hypothesis(ids, 0.0, 0.0)]

    sentences = [np.array([number, 99]) for number in range(60)]
    found = dict(search_without_loops(search_all, sentences, SearchConfig(), []))
    assert {number: found[number][0].ids for number in found} == {number: (number, number) for number in range(60)}
    assert calls == [(60, None), (16, 2), (14, 2)]
    del calls[:]
    asked = dict(search_without_loops(search_all, sentences, SearchConfig(no_repeat_ngram=5), []))
    assert (len(asked), calls) == (60, [(60, 5)])


@pytest.mark.parametrize("n", [1, 2, 3, 9])
def test_no_n_tokens_come_twice(n: int) -> None:
    generator = np.random.default_rng(n)
    tokens = np.concatenate([np.full((3, 2, 1), 2), generator.integers(4, 7, (3, 2, 8))], axis=2)
    logits = np.zeros((6, 7))
    forbid_repeated(logits, tokens, n)
    for row, ids in zip(logits, tokens.reshape(6, 9)[:, 1:].tolist(), strict=True):
        before = {tuple(ids[begin : begin + n]) for begin in range(len(ids) - n + 1)}
        for token in range(7):
            repeated = tuple([*ids, token][-n:]) in before
            assert (row[token] == -np.inf) == repeated
