"""Beam search (Sutskever, Vinyals, Le 2014), written once for every translation model; a beam of one is greedy."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from rnntext.config import SearchConfig
from rnntext.errors import CheckpointError
from rnntext.run.attention import Array
from rnntext.run.batching import batches, length_class
from rnntext.text.tokens import END, START

GROUP = 32  # logits of which only the highest is looked at first
CHUNK = 8  # rows of logits whose exponentials are summed at a time: they stay in the processor's cache


class State(Protocol):
    """What a model remembers of some sentences and the hypotheses for each, equally many, sentence by sentence."""

    attention: Array

    def reorder(self, rows: Array) -> None:
        """Row r goes on with what row rows[r], of the same sentence, has seen; there may be more rows than before."""
        ...

    def keep(self, sentences: Array) -> None:
        """Goes on with these sentences, in this order, and forgets the others."""
        ...


class Model(Protocol):
    """What the search knows of a model."""

    def start(self, sentences: list[Array], longest: int) -> State:
        """Reads source sentences, padded to `longest`; each has one hypothesis."""
        ...

    def step(self, state: State, ids: Array) -> Array:
        """Reads one token of each hypothesis `[rows]`; returns the next one's logits `[rows, vocabulary]`."""
        ...


@dataclasses.dataclass(frozen=True)
class Hypothesis:
    """A translation: its ids (without the end), natural log-probability (with the end), the score that it was ranked
    by, and, if asked for, how each of its tokens looked at the source `[tokens, source]`."""

    ids: tuple[int, ...]
    log_probability: float
    score: float
    attention: Array | None = None


def length_penalty(length: Array | int, alpha: float) -> Array | float:
    """((5 + length) / 6) ** alpha (Wu et al. 2016, equation 14); length counts the end, too."""
    return ((5.0 + length) / 6.0) ** alpha


def answer_limit(source: int, config: SearchConfig) -> int:
    """Most tokens of an answer to a source of so many."""
    return config.max_length or 2 * source + 10


def top(scores: Array, added: Array, k: int) -> tuple[Array, Array]:
    """The k highest of all `scores[s, h, i] + added[s, h]` of each s, best first, and where they are, as h * size + i.

    Args:
        scores: `[sentences, hypotheses, size]`.
        added: `[sentences, hypotheses]`.

    Returns:
        both `[sentences, k]`, or all there are.
    """
    sentences, hypotheses, size = scores.shape
    flat = scores.reshape(sentences, -1)
    if hypotheses == k == 1:
        at = flat.argmax(axis=1)[:, None]
        return np.take_along_axis(flat, at, axis=1) + added, at
    count = size // GROUP
    if hypotheses * count <= 2 * k:
        members = np.broadcast_to(np.arange(hypotheses * size), flat.shape)
    else:  # what is among the k highest is in one of the k groups with the highest maxima, or in no group at all
        highest = scores[..., : count * GROUP].reshape(sentences, hypotheses, GROUP, count).max(axis=2)
        groups = np.argpartition((highest + added[..., None]).reshape(sentences, -1), -k, axis=1)[:, None, -k:]
        members = groups // count * size + groups % count + np.arange(0, count * GROUP, count)[:, None]
        rest = np.arange(hypotheses)[:, None] * size + np.arange(count * GROUP, size)
        rest = np.broadcast_to(rest.ravel(), (sentences, rest.size))
        members = np.concatenate([members.reshape(sentences, -1), rest], axis=1)
    found = np.take_along_axis(flat, members, axis=1) + np.take_along_axis(added, members // size, axis=1)
    k = min(k, found.shape[1])
    at = np.argpartition(found, -k, axis=1)[:, -k:]
    at = np.take_along_axis(at, np.argsort(-np.take_along_axis(found, at, axis=1), axis=1, kind="stable"), axis=1)
    return np.take_along_axis(found, at, axis=1), np.take_along_axis(members, at, axis=1)


def log_sum_exp(logits: Array) -> Array:
    """log(sum(exp(logits))) of each row: `[rows, vocabulary]` to `[rows, 1]`.

    Raises:
        CheckpointError: it is not a number; nothing could be chosen by such logits, nor scored.
    """
    highest = _checked(logits.max(axis=-1, keepdims=True))
    sums, ones = np.empty_like(highest), np.ones_like(logits[0])
    for begin in range(0, len(logits), CHUNK):
        rows = slice(begin, begin + CHUNK)
        above = logits[rows] - highest[rows]
        np.vecdot(np.exp(above, out=above), ones, out=sums[rows, 0])  # twice as fast as a sum
    return np.asarray(np.log(sums, out=sums) + highest)


def _checked(logits: Array) -> Array:
    """Logits of any shape, if they are finite; CheckpointError otherwise."""
    if not np.isfinite(logits).all():
        raise CheckpointError("what the model computes are not numbers: its weights are damaged, or diverged")
    return logits


def search(
    model: Model,
    sentences: Sequence[Array],
    longest: int,
    config: SearchConfig,
    forbidden: Sequence[int],
    with_attention: bool = False,
    with_scores: bool = True,
) -> list[list[Hypothesis]]:
    """The best translations of some sentences.

    A sentence is done when `beam` hypotheses have ended, or when its limit of tokens is reached; then those that have
    not ended are cut off and count, too. No translation is empty.

    Args:
        sentences: source ids of each, at least one.
        longest: length that all are padded to.
        config: width of the beam, length penalty, limit.
        forbidden: ids that never occur in a translation.
        with_attention: whether to keep the attention.
        with_scores: whether greedy translations, too, get scores and log-probabilities. It takes longer; they are nan
            without.

    Returns:
        for each sentence at most `n_best` hypotheses, the best first.
    """
    return _Search(model, sentences, longest, config, forbidden, with_attention, with_scores).run()


def search_all(
    model: Model,
    sentences: Sequence[Array],
    config: SearchConfig,
    forbidden: Sequence[int],
    batch_tokens: int,
    with_attention: bool = False,
    with_scores: bool = True,
) -> Iterator[tuple[int, list[Hypothesis]]]:
    """`search` for any number of sentences, in batches of `batch_tokens` source tokens, counted once for each
    hypothesis: yields each one's number and translations, batch by batch. An answer depends on nothing but its own
    sentence."""
    for batch in batches([len(sentence) for sentence in sentences], batch_tokens // config.beam):
        members = [sentences[index] for index in batch]
        longest = length_class(len(members[0]))
        found = search(model, members, longest, config, forbidden, with_attention, with_scores)
        yield from zip(batch, found, strict=True)


class _Search:
    """One search. Arrays are `[sentences, hypotheses, ...]`; a sentence that is done leaves them."""

    def __init__(
        self,
        model: Model,
        sentences: Sequence[Array],
        longest: int,
        config: SearchConfig,
        forbidden: Sequence[int],
        with_attention: bool,
        with_scores: bool,
    ) -> None:
        self.model, self.config, self.forbidden = model, config, list(forbidden)
        self.scored = with_scores or config.beam > 1
        self.state = model.start(list(sentences), longest)
        count = len(sentences)
        self.limits = np.array([answer_limit(len(s), config) for s in sentences])
        self.lengths = np.array([len(s) for s in sentences])
        self.alive = np.arange(count)  # numbers of the sentences that are still in the arrays
        self.scores = np.zeros((count, 1))  # log-probabilities, if `scored`; at first there is only one hypothesis
        self.tokens = np.full((count, 1, 1), START)
        self.attention = np.empty((count, 1, 0, longest), np.float32) if with_attention else None
        self.ended: list[list[Hypothesis]] = [[] for _ in sentences]

    def run(self) -> list[list[Hypothesis]]:
        while len(self.alive):
            self._advance()
            self._leave()
        return [sorted(found, key=lambda h: -h.score)[: self.config.n_best] for found in self.ended]

    def _advance(self) -> None:
        """Lengthens all hypotheses by one token; those that end are noted down."""
        (count, hypotheses), beam = self.scores.shape, self.config.beam
        totals, parents, ids = self._candidates()
        ends = ids == END
        for sentence, rank in zip(*np.nonzero(ends[:, :beam] & np.isfinite(totals[:, :beam])), strict=True):
            self._end(int(sentence), int(parents[sentence, rank]), float(totals[sentence, rank]))
        onward = np.argsort(ends, axis=1, kind="stable")[:, :beam]  # the best that go on
        parents, ids = np.take_along_axis(parents, onward, 1), np.take_along_axis(ids, onward, 1)
        self.scores = np.take_along_axis(np.where(ends, -np.inf, totals), onward, 1)
        rows = np.arange(count)[:, None]
        if beam > 1:
            self.state.reorder((rows * hypotheses + parents).ravel())
        self.tokens = np.concatenate([self.tokens[rows, parents], ids[:, :, None]], axis=2)
        if self.attention is not None:
            self.attention = self.attention[rows, parents]

    def _candidates(self) -> tuple[Array, Array, Array]:
        """The 2 beam best ways to go on, best first: total log-probability, hypothesis and token, each
        `[sentences, n]`. As many may end as there are hypotheses, and still enough go on. A beam of one needs but one:
        if it ends, the sentence is done."""
        (count, hypotheses), beam = self.scores.shape, self.config.beam
        most = 2 * beam if beam > 1 else 1
        logits = self.model.step(self.state, self.tokens[:, :, -1].ravel())
        if self.attention is not None:
            looked = self.state.attention.reshape(count, hypotheses, 1, -1)
            self.attention = np.concatenate([self.attention, looked], axis=2)
        normaliser = log_sum_exp(logits) if self.scored else np.zeros((len(logits), 1))
        logits[:, self.forbidden] = -np.inf
        if self.tokens.shape[2] == 1:
            logits[:, END] = -np.inf
        logits = logits.reshape(count, hypotheses, -1)
        totals, at = top(logits, self.scores - normaliser.reshape(count, hypotheses), most)
        if not self.scored:
            _checked(totals)
        return totals, at // logits.shape[2], at % logits.shape[2]

    def _leave(self) -> None:
        """Takes out the sentences that are done."""
        steps = self.tokens.shape[2] - 1
        cut_off = steps >= self.limits[self.alive]
        for sentence in np.flatnonzero(cut_off):
            for hypothesis in np.flatnonzero(np.isfinite(self.scores[sentence])):
                self._end(int(sentence), int(hypothesis), float(self.scores[sentence, hypothesis]), cut_off=True)
        ended = np.array([len(self.ended[number]) for number in self.alive])
        exhausted = ~np.isfinite(self.scores).any(axis=1)
        done = cut_off | exhausted | (ended >= self.config.beam)
        if not done.any():
            return
        count = int((~done).sum())
        going_on = np.arange(count)  # places of those that are done are taken by the last ones: few have to move
        going_on[done[:count]] = count + np.flatnonzero(~done[count:])
        self.alive, self.scores, self.tokens = self.alive[going_on], self.scores[going_on], self.tokens[going_on]
        if self.attention is not None:
            self.attention = self.attention[going_on]
        if len(going_on):
            self.state.keep(going_on)

    def _end(self, sentence: int, hypothesis: int, total: float, cut_off: bool = False) -> None:
        ids = tuple(self.tokens[sentence, hypothesis, 1:].tolist())
        number = self.alive[sentence]
        attention = None
        if self.attention is not None:
            attention = self.attention[sentence, hypothesis, : len(ids), : self.lengths[number]].copy()
        total = total if self.scored else math.nan
        score = total / float(length_penalty(len(ids) + (not cut_off), self.config.length_penalty))
        self.ended[number].append(Hypothesis(ids, total, score, attention))
