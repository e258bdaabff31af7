"""Answers whose tokens go round in a loop: they are searched for again, without repetition."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np

from rnntext.run.arrays import Array
from rnntext.run.search import Hypothesis
from rnntext.settings.search import SearchConfig
from rnntext.text.tokens import Forbidden

Numbered: TypeAlias = Iterator[tuple[int, list[Hypothesis]]]  # the number and the hypotheses of each sentence
SearchAll: TypeAlias = Callable[[Sequence[Array], SearchConfig, Sequence[Forbidden]], Numbered]
MAX_UNIT = 16  # tokens that come again and again in a loop
MAX_TIMES = 3  # times in a row that they may come, in a loop of the source's too
NO_REPEAT_NGRAM = 2  # of the second search
PORTION = 16  # answers that are searched for again at a time


def search_without_loops(
    search_all: SearchAll, sentences: Sequence[Array], config: SearchConfig, forbidden: Sequence[Forbidden]
) -> Numbered:
    """What `search_all` yields, in another order. An answer that goes round in a loop is searched for again, unless
    the config says itself what may be repeated."""
    if config.no_repeat_ngram is not None:
        yield from search_all(sentences, config, forbidden)
        return
    strict = dataclasses.replace(config, no_repeat_ngram=NO_REPEAT_NGRAM)

    def again(numbers: list[int]) -> Numbered:
        members = [sentences[number] for number in numbers]
        for index, hypotheses in search_all(members, strict, forbidden):
            yield numbers[index], hypotheses

    looping: list[int] = []
    for number, hypotheses in search_all(sentences, config, forbidden):
        if loops(hypotheses[0].ids, sentences[number]):
            looping.append(number)
        else:
            yield number, hypotheses
        if len(looping) == PORTION:
            yield from again(looping)
            looping = []
    yield from again(looping)


def loops(answer: Sequence[int], source: Array) -> bool:
    """Whether tokens of an answer come in a row more than MAX_TIMES times, and oftener than any tokens of its source
    do."""
    if len(answer) - len(set(answer)) < MAX_TIMES:  # So it is with most answers, and soon found out.
        return False
    times = _times(answer)
    return times > MAX_TIMES and times > _times(source)


def _times(ids: Sequence[int] | Array) -> int:
    """How many times in a row at the most any 1 to MAX_UNIT tokens come, 5 in "a b c b c b c b c b c"; any number up to
    MAX_TIMES if it is not more than that."""
    tokens = np.asarray(ids)  # [tokens]
    most = 0
    max_unit = min(MAX_UNIT, len(tokens) // (MAX_TIMES + 1))
    for unit in range(1, max_unit + 1):
        same = tokens[unit:] == tokens[:-unit]  # [tokens - unit]
        if np.count_nonzero(same) < MAX_TIMES * unit:
            continue  # So it is with most units.
        changes = np.flatnonzero(~same)
        bounds = np.concatenate([[-1], changes, [len(same)]])
        longest = int(np.diff(bounds).max()) - 1  # tokens in a row that are as those one unit before
        most = max(most, longest // unit + 1)
    return most
