"""Beam search (Sutskever, Vinyals, Le 2014, section 3.2) for all translation models; a beam of one is greedy."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from rnntext.run.arrays import Array, empty
from rnntext.run.batching import batches, length_class
from rnntext.run.logits import Forbid, check_finite, forbid_repeated, log_sum_exp, pick_columns, top_k
from rnntext.run.model import Model
from rnntext.settings.search import SearchConfig
from rnntext.text.tokens import END, START, Forbidden


@dataclasses.dataclass(frozen=True)
class Hypothesis:
    """A translation.

    Attributes:
        ids: its tokens, without END.
        log_probability: natural logarithm of its probability, END included; nan after a greedy search without scores.
        score: log_probability divided by the length penalty; the higher, the better.
        attention: how each of its tokens looked at the source, `[tokens, source]`, if asked for.
    """

    ids: tuple[int, ...]
    log_probability: float
    score: float
    attention: Array | None = None


def length_penalty(length: int, alpha: float) -> float:
    """((5 + length) / 6) ** alpha (Wu et al. 2016, equation 14); `length` counts END, too."""
    ratio = (5.0 + length) / 6.0
    return float(ratio**alpha)


def answer_limit(source: int, config: SearchConfig) -> int:
    """The maximum number of tokens in the translation of a source of `source` tokens."""
    if config.max_length:
        return config.max_length
    return 2 * source + 10


def best_first(hypotheses: Iterable[Hypothesis], count: int) -> list[Hypothesis]:
    """The `count` hypotheses with the highest scores, the best first."""
    ranked = sorted(hypotheses, key=lambda hypothesis: -hypothesis.score)
    return ranked[:count]


def search(
    model: Model,
    sentences: Sequence[Array],
    padded_length: int,
    config: SearchConfig,
    forbidden: Sequence[Forbidden],
) -> list[list[Hypothesis]]:
    """The best translations of some sentences.

    A sentence is done when `beam` hypotheses have ended, or when its limit of tokens is reached; then those that have
    not ended are cut off and count, too. No translation is empty.

    Args:
        sentences: source ids of each, at least one.
        padded_length: the length that all are padded to.
        config: how to search. Scores and log-probabilities of greedy translations are nan without `with_scores`.
        forbidden: ids that never occur in a translation, and pairs of ids that never follow one another.

    Returns:
        for each sentence at most `n_best` hypotheses, the best first.

    Raises:
        CheckpointError: the logits are not numbers.
    """
    return _Search(model, sentences, padded_length, config, forbidden).run()


def search_all(
    model: Model,
    sentences: Sequence[Array],
    config: SearchConfig,
    forbidden: Sequence[Forbidden],
) -> Iterator[tuple[int, list[Hypothesis]]]:
    """Yields the number of each sentence and its translations, as `search` finds them, batch by batch.

    A batch has at most `config.batch_tokens` source tokens, counted once for each hypothesis. The translations of a
    sentence depend on nothing but the sentence itself.
    """
    lengths = [len(sentence) for sentence in sentences]
    batch_tokens = config.batch_tokens // config.beam
    for batch in batches(lengths, batch_tokens):
        members = [sentences[number] for number in batch]
        padded_length = length_class(len(members[0]))
        translations = search(model, members, padded_length, config, forbidden)
        yield from zip(batch, translations, strict=True)


class _Search:
    """One search. A sentence that is done leaves the arrays.

    Attributes:
        scored: whether log-probabilities are computed.
        limits, lengths: for each sentence the maximum length of a translation, and its own length; `[sentences]` each.
        finished: for each sentence the hypotheses that have ended or were cut off.
        remaining: the numbers of the sentences that are still in the arrays, `[batch]`.
        scores: log-probabilities, or sums of logits unless `scored`; -inf if it has ended: `[batch, hypotheses]`.
        tokens: of the hypotheses, of which there is one at first; START comes first: `[batch, hypotheses, time]`.
        attention: the weights for each predicted token, `[batch, hypotheses, time - 1, source]`, if asked for.
    """

    def __init__(
        self,
        model: Model,
        sentences: Sequence[Array],
        padded_length: int,
        config: SearchConfig,
        forbidden: Sequence[Forbidden],
    ) -> None:
        self.model = model
        self.config = config
        self.forbid = Forbid(forbidden)
        self.scored = config.scored
        self.state = model.start(list(sentences), padded_length)
        lengths = [len(sentence) for sentence in sentences]
        limits = [answer_limit(length, config) for length in lengths]
        self.lengths = np.array(lengths)
        self.limits = np.array(limits)
        self.finished: list[list[Hypothesis]] = [[] for _ in sentences]
        batch = len(sentences)
        self.remaining = np.arange(batch)
        self.scores = np.zeros((batch, 1))
        self.tokens = np.full((batch, 1, 1), START)
        self.attention: Array | None = None
        if config.with_attention:
            self.attention = empty(batch, 1, 0, padded_length)

    def run(self) -> list[list[Hypothesis]]:
        while len(self.remaining):
            self._advance()
            self._cut_off()
            self._leave()
        n_best = self.config.n_best
        return [best_first(hypotheses, n_best) for hypotheses in self.finished]

    def _advance(self) -> None:
        """Lengthens all hypotheses by one token."""
        batch, hypotheses = self.scores.shape
        beam = self.config.beam

        # 1. Note down those of the `beam` best that end.
        totals, parents, ids = self._candidates()  # [batch, candidates] each
        ends = ids == END
        ended = ends & np.isfinite(totals)
        ended = ended[:, :beam]
        for sentence, rank in np.argwhere(ended):
            parent = parents[sentence, rank]
            total = totals[sentence, rank]
            self._finish(sentence, parent, total)

        # 2. Go on with the best of the others. The sort is stable: it only puts those that end behind them.
        going_on = np.where(ends, -np.inf, totals)
        order = np.argsort(ends, axis=1, kind="stable")
        onward = order[:, :beam]
        self.scores = pick_columns(going_on, onward)  # [batch, beam]
        parents = pick_columns(parents, onward)
        ids = pick_columns(ids, onward)

        # 3. Give each hypothesis the past of its parent.
        numbers = np.arange(batch)
        sentences = numbers[:, None]  # [batch, 1]
        if beam > 1:
            rows = sentences * hypotheses + parents  # [batch, beam]
            self.state.reorder(rows.ravel())
        past = self.tokens[sentences, parents]  # [batch, beam, time]
        last = ids[:, :, None]  # [batch, beam, 1]
        self.tokens = np.concatenate([past, last], axis=2)
        if self.attention is not None:
            self.attention = self.attention[sentences, parents]

    def _candidates(self) -> tuple[Array, Array, Array]:
        """The best ways to lengthen the hypotheses of each sentence by a token, the best first.

        There are 2 * beam: as many of them may end as there are hypotheses, and still enough go on. A beam of one needs
        but one: if it ends, the sentence is done.

        Returns:
            total log-probability, hypothesis and token, each `[batch, candidates]`.
        """
        # 1. Read the last tokens.
        batch, hypotheses = self.scores.shape
        last = self.tokens[:, :, -1]  # [batch, hypotheses]
        last_ids = last.ravel()  # [rows]
        logits = self.model.step(self.state, last_ids)  # [rows, vocabulary]
        if self.attention is not None:
            now = self.state.attention  # [rows, source]
            now = now.reshape(batch, hypotheses, 1, -1)
            self.attention = np.concatenate([self.attention, now], axis=2)

        # 2. log P + log softmax(logits) = logits + (log P - log(sum(exp(logits)))). The sum has forbidden tokens, too.
        before = self.scores
        if self.scored:
            normalizer = log_sum_exp(logits)  # [rows, 1]
            normalizer = normalizer.reshape(batch, hypotheses)
            before = before - normalizer

        # 3. Choose the best.
        self.forbid(logits, last_ids)
        if self.tokens.shape[2] == 1:
            logits[:, END] = -np.inf  # no translation is empty
        if self.config.no_repeat_ngram:
            forbid_repeated(logits, self.tokens, self.config.no_repeat_ngram)
        vocabulary = logits.shape[1]
        logits = logits.reshape(batch, hypotheses, vocabulary)
        beam = self.config.beam
        candidates = 2 * beam if beam > 1 else 1
        totals, places = top_k(logits, before, candidates)
        if not self.scored:
            check_finite(totals)
        parents = places // vocabulary
        ids = places % vocabulary
        return totals, parents, ids

    def _cut_off(self) -> None:
        """Finishes all hypotheses of the sentences whose limit of tokens is reached."""
        steps = self.tokens.shape[2] - 1
        limits = self.limits[self.remaining]  # [batch]
        reached = steps >= limits
        if not reached.any():
            return
        cut_off = reached[:, None] & np.isfinite(self.scores)  # [batch, hypotheses]
        for sentence, hypothesis in np.argwhere(cut_off):
            total = self.scores[sentence, hypothesis]
            self._finish(sentence, hypothesis, total, cut_off=True)
        self.scores[reached] = -np.inf  # `_leave` takes these sentences out.

    def _leave(self) -> None:
        """Takes out the sentences that are done."""
        # 1. Find them.
        counts = [len(self.finished[number]) for number in self.remaining]
        enough = np.array(counts) >= self.config.beam  # [batch]
        going_on = np.isfinite(self.scores)  # [batch, hypotheses]
        exhausted = ~going_on.any(axis=1)
        done = enough | exhausted  # [batch]
        if not done.any():
            return

        # 2. Give their places to the last sentences, so that few have to move.
        count = int(np.count_nonzero(~done))
        origins = np.arange(count)
        gaps = done[:count]
        last = ~done[count:]
        origins[gaps] = count + np.flatnonzero(last)
        self.remaining = self.remaining[origins]
        self.scores = self.scores[origins]
        self.tokens = self.tokens[origins]
        if self.attention is not None:
            self.attention = self.attention[origins]
        if count:
            self.state.keep(origins)

    def _finish(
        self,
        sentence: int,
        hypothesis: int,
        total: float,
        cut_off: bool = False,
    ) -> None:
        """Notes down a hypothesis.

        Args:
            sentence, hypothesis: its place in the arrays.
            total: its log-probability.
            cut_off: whether it has no END.
        """
        # 1. Take its tokens and their attention out of the arrays.
        number = self.remaining[sentence]
        tokens = self.tokens[sentence, hypothesis]  # [time]
        read = tokens[1:].tolist()  # without START
        ids = tuple(read)
        length = len(ids)
        attention = None
        if self.attention is not None:
            source = self.lengths[number]
            padded = self.attention[sentence, hypothesis]  # a row for each token and, if it has one, for END
            attention = padded[:length, :source].copy()

        # 2. Divide its log-probability by the length penalty; END counts, too.
        if not cut_off:
            length += 1
        penalty = length_penalty(length, self.config.length_penalty)
        log_probability = math.nan
        if self.scored:
            log_probability = float(total)
        score = log_probability / penalty
        finished = Hypothesis(ids, log_probability, score, attention)
        self.finished[number].append(finished)
