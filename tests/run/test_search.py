"""Beam search against brute force and against a textbook's version, over models whose every answer is made up."""

import dataclasses
import itertools

import numpy as np
import pytest
from helpers import TINY_GRU, sentences, tiny_translator

from rnntext.errors import CheckpointError
from rnntext.run.batching import length_class
from rnntext.run.logits import log_sum_exp, top_k
from rnntext.run.search import Hypothesis, length_penalty, search, search_all
from rnntext.settings.search import SearchConfig
from rnntext.text.tokens import END, PAD, START, UNKNOWN, Forbidden

Ids = tuple[int, ...]
LETTERS = (4, 5, 6)
VOCABULARY = 7
FORBIDDEN = (PAD, UNKNOWN, START)


@dataclasses.dataclass
class ScriptedState:
    """Remembers whole prefixes: whoever mixes up rows is found out."""

    longest: int
    sources: list[Ids]
    prefixes: list[Ids]
    attention: np.ndarray

    @property
    def beam(self) -> int:
        return len(self.prefixes) // len(self.sources)

    def reorder(self, rows: np.ndarray) -> None:
        after = len(rows) // len(self.sources)
        assert [row // self.beam for row in rows] == [row // after for row in range(after * len(self.sources))]
        self.prefixes = [self.prefixes[row] for row in rows]

    def keep(self, numbers: np.ndarray) -> None:
        self.prefixes = [self.prefixes[n * self.beam + k] for n in numbers for k in range(self.beam)]
        self.sources = [self.sources[number] for number in numbers]


class Scripted:
    """A model whose next logits are a random function of the source and of the whole prefix. Its attention tells what
    it has read: the number of tokens, the last one, and their sum."""

    def __init__(self, seed: int = 0, spread: float = 1.5, ending: float = 0.0) -> None:
        self.seed, self.spread, self.ending = seed, spread, ending
        self.rows: list[int] = []  # of each step

    def start(self, sources: list[np.ndarray], longest: int) -> ScriptedState:
        keys = [tuple(source.tolist()) for source in sources]
        return ScriptedState(longest, keys, [()] * len(keys), np.empty((0, longest)))

    def logits(self, source: Ids, prefix: Ids) -> np.ndarray:
        """`[vocabulary]`, float64."""
        found = np.random.default_rng([self.seed, *source, 99, *prefix]).normal(0, self.spread, VOCABULARY)
        found[END] += self.ending
        return found.astype(np.float32).astype(np.float64)

    def step(self, state: ScriptedState, ids: np.ndarray) -> np.ndarray:
        assert len(ids) == len(state.sources) * state.beam
        self.rows.append(len(ids))
        state.prefixes = [(*prefix, int(last)) for prefix, last in zip(state.prefixes, ids, strict=True)]
        state.attention = np.zeros((len(ids), state.longest), np.float32)
        for row, prefix in zip(state.attention, state.prefixes, strict=True):
            row[:3] = len(prefix), prefix[-1], sum(prefix)
        sources = (source for source in state.sources for _ in range(state.beam))
        rows = [self.logits(*pair) for pair in zip(sources, state.prefixes, strict=True)]
        return np.array(rows, np.float32)

    def log_probability(self, source: Ids, prefix: Ids, token: int) -> float:
        """Of a token after a prefix (without START)."""
        logits = self.logits(source, (START, *prefix))
        return float(logits[token] - np.log(np.exp(logits).sum()))


def penalty(length: int, alpha: float) -> float:
    return ((5 + length) / 6) ** alpha


Scored = tuple[Ids, float, float]  # ids, log-probability, score


def brute_force(model: Scripted, source: Ids, limit: int, alpha: float) -> list[Scored]:
    """All there is: answers that end, and answers of `limit` tokens, which are cut off."""
    found = []
    for length in range(1, limit + 1):
        for ids in itertools.product(LETTERS, repeat=length):
            total = sum(model.log_probability(source, ids[:n], ids[n]) for n in range(length))
            if length < limit:
                total += model.log_probability(source, ids, END)
            found.append((ids, total, total / penalty(length + (length < limit), alpha)))
    return sorted(found, key=lambda answer: -answer[2])


def textbook_beam(model: Scripted, source: Ids, limit: int, beam: int, alpha: float) -> list[Scored]:
    """One sentence, lists and tuples."""
    going: list[tuple[float, Ids]] = [(0.0, ())]
    ended: list[Scored] = []
    for step in range(1, limit + 1):
        ways = [
            (total + model.log_probability(source, prefix, token), prefix, token)
            for total, prefix in going
            for token in (*LETTERS, END)
            if prefix or token != END
        ]
        ways = sorted(ways, reverse=True)[: 2 * beam]
        ended += [(p, total, total / penalty(step, alpha)) for total, p, token in ways[:beam] if token == END]
        going = [(total, (*prefix, token)) for total, prefix, token in ways if token != END][:beam]
        if step == limit:
            ended += [(prefix, total, total / penalty(step, alpha)) for total, prefix in going]
        elif len(ended) >= beam:
            break
    return sorted(ended, key=lambda answer: -answer[2])


def check(found: list[Hypothesis], expected: list[Scored]) -> None:
    assert [h.ids for h in found] == [ids for ids, _, _ in expected]
    np.testing.assert_allclose([h.log_probability for h in found], [total for _, total, _ in expected], atol=1e-5)
    np.testing.assert_allclose([h.score for h in found], [score for _, _, score in expected], atol=1e-5)


def searched(model: Scripted, source: list[int], **options: float) -> list[Hypothesis]:
    config = SearchConfig(**options)  # type: ignore[arg-type]
    (found,) = search(model, [np.array(source)], 8, config, FORBIDDEN)
    return found


SOURCES = [[9, 8, 7], [1, 2, 3, 4], [5, 5, 5, 5, 5]]


# Right ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0, 3.0])
@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_a_beam_that_holds_everything_finds_all_answers_in_their_order(source: list[int], alpha: float) -> None:
    model = Scripted()
    everything = brute_force(model, tuple(source), 4, alpha)
    assert len(everything) == 3 + 9 + 27 + 81
    found = searched(model, source, beam=120, n_best=120, max_length=4, length_penalty=alpha)
    check(found, everything)
    check(searched(model, source, beam=120, n_best=3, max_length=4, length_penalty=alpha), everything[:3])


@pytest.mark.parametrize("beam", [1, 2, 3, 5, 10])
@pytest.mark.parametrize("seed", range(4))
def test_a_narrow_beam_goes_the_textbooks_way(seed: int, beam: int) -> None:
    for ending, alpha, limit in itertools.product([-1.0, 1.0], [0.0, 1.0], [1, 2, 7]):
        model = Scripted(seed, ending=ending)
        for source in SOURCES:
            expected = textbook_beam(model, tuple(source), limit, beam, alpha)[:beam]
            check(searched(model, source, beam=beam, n_best=beam, max_length=limit, length_penalty=alpha), expected)


@pytest.mark.parametrize("seed", range(10))
def test_a_beam_of_one_is_greedy(seed: int) -> None:
    model, source = Scripted(seed, ending=-0.5), (1, 2, 3)
    ids: Ids = ()
    while len(ids) < 12:
        logits = model.logits(source, (START, *ids))
        token = max((t for t in (*LETTERS, END) if ids or t != END), key=lambda t: logits[t])
        if token == END:
            break
        ids = (*ids, token)
    (found,) = searched(model, list(source), beam=1, max_length=12)
    assert found.ids == ids


@pytest.mark.parametrize("ending", [-2.0, 0.0, 2.0, 30.0])
def test_no_answer_is_empty_and_none_is_too_long(ending: float) -> None:
    model = Scripted(ending=ending)
    for beam, limit in itertools.product([1, 4], [1, 2, 5]):
        for source in SOURCES:
            found = searched(model, source, beam=beam, n_best=beam, max_length=limit)
            assert found
            assert all(1 <= len(h.ids) <= limit for h in found)


@pytest.mark.parametrize("beam", [1, 4])
def test_pairs_that_are_forbidden_are_in_no_answer(beam: int) -> None:
    blank = LETTERS[0]
    pairs = {(blank, END), (blank, blank)}
    config = SearchConfig(beam=beam, n_best=beam, max_length=9)
    sources = [np.array([number]) for number in range(20)]

    def forbidden_pairs(*forbidden: Forbidden) -> set[tuple[int, int]]:
        answers = search(Scripted(ending=2.0), sources, 8, config, [*FORBIDDEN, *forbidden])
        return pairs & {pair for found in answers for h in found for pair in itertools.pairwise((*h.ids, END))}

    assert forbidden_pairs() == pairs
    assert forbidden_pairs(*pairs) == set()


def test_without_a_limit_an_answer_has_twice_the_sources_tokens_and_ten_more() -> None:
    model = Scripted(ending=-100.0)
    assert {len(h.ids) for h in searched(model, [1, 2, 3], beam=2, n_best=2)} == {16}
    found = search(model, [np.array(s) for s in SOURCES], 8, SearchConfig(beam=1), FORBIDDEN)
    assert [len(best.ids) for (best,) in found] == [16, 18, 20]


def test_what_was_cut_off_has_no_end_in_its_probability() -> None:
    model = Scripted(ending=-100.0)
    (found,) = searched(model, [1, 2], beam=1, max_length=3)
    expected = sum(model.log_probability((1, 2), found.ids[:n], found.ids[n]) for n in range(3))
    assert found.log_probability == pytest.approx(expected, abs=1e-5)
    assert found.score == pytest.approx(expected / (8 / 6), abs=1e-5)


# Rules ----------------------------------------------------------------------------------------------------------------


def test_forbidden_ids_never_occur_though_they_are_the_likeliest() -> None:
    class Tempted(Scripted):
        def logits(self, source: Ids, prefix: Ids) -> np.ndarray:
            found = super().logits(source, prefix)
            found[[PAD, UNKNOWN, START, 5]] += 20.0
            return found

    for beam in (1, 3, 20):
        found = searched(Tempted(), [1, 2, 3], beam=beam, n_best=beam, max_length=4)
        assert {token for h in found for token in h.ids} <= {4, 5, 6}
        (found,) = search(Tempted(), [np.array([1, 2])], 8, SearchConfig(beam=beam, max_length=4), [*FORBIDDEN, 5])
        assert {token for h in found for token in h.ids} <= {4, 6}
    # what is forbidden keeps its share of the probability
    assert found[0].log_probability < len(found[0].ids) * -15


@pytest.mark.parametrize("beam", [2, 5, 30])
def test_answers_are_different_ones_the_best_first(beam: int) -> None:
    for seed in range(5):
        found = searched(Scripted(seed), [1, 2, 3], beam=beam, n_best=beam, max_length=6)
        assert len({h.ids for h in found}) == len(found) == beam
        scores = [h.score for h in found]
        assert scores == sorted(scores, reverse=True)


def test_there_may_be_fewer_answers_than_asked_for() -> None:
    assert len(searched(Scripted(), [1, 2], beam=50, n_best=50, max_length=1)) == len(LETTERS)


@pytest.mark.parametrize(("length", "alpha", "expected"), [(1, 1.0, 1.0), (7, 1.0, 2.0), (7, 2.0, 4.0), (50, 0.0, 1.0)])
def test_the_length_penalty_is_that_of_wu_and_others(length: int, alpha: float, expected: float) -> None:
    assert length_penalty(length, alpha) == pytest.approx(expected)


def test_a_length_penalty_favours_longer_answers() -> None:
    class Even(Scripted):
        """Each token costs one bit more or less, so does the end."""

        def logits(self, source: Ids, prefix: Ids) -> np.ndarray:
            found = np.full(VOCABULARY, -50.0)
            found[[4, END]] = 0.0
            return found

    lengths = [
        len(searched(Even(), [1, 2], beam=20, max_length=8, length_penalty=alpha)[0].ids) for alpha in (0.0, 1.5, 3.0)
    ]
    assert lengths[0] == 1
    assert lengths == sorted(lengths)
    assert lengths[-1] > 1


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("beam", [1, 4])
def test_no_n_tokens_occur_twice_in_an_answer(beam: int, n: int) -> None:
    for seed in range(5):
        for found in searched(Scripted(seed, ending=-3.0), [1, 2], beam=beam, n_best=beam, no_repeat_ngram=n):
            ngrams = [found.ids[begin : begin + n] for begin in range(len(found.ids) - n + 1)]
            assert len(set(ngrams)) == len(ngrams)


# Side by side ---------------------------------------------------------------------------------------------------------


def many(count: int, seed: int = 0) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [generator.integers(0, 50, generator.integers(1, 30)) for _ in range(count)]


def plain(found: list[Hypothesis]) -> list[tuple[Ids, float, float]]:
    return [(h.ids, h.log_probability, h.score) for h in found]


@pytest.mark.parametrize("beam", [1, 4])
def test_several_sentences_in_one_search_are_each_alone(beam: int) -> None:
    model, sources = Scripted(ending=-0.5), many(12)
    config = SearchConfig(beam=beam, n_best=beam)
    together = search(model, sources, 32, config, FORBIDDEN)
    alone = [search(model, [source], 32, config, FORBIDDEN)[0] for source in sources]
    assert [plain(found) for found in together] == [plain(found) for found in alone]
    assert len({len(h.ids) for found in together for h in found}) > 3  # they ended at different times


def test_a_sentence_that_is_done_costs_nothing_more() -> None:
    model = Scripted(ending=-100.0)
    search(model, [np.array([1]), np.array([1, 2, 3])], 8, SearchConfig(beam=2), FORBIDDEN)
    assert model.rows == [2, *[4] * 11, *[2] * 4]


@pytest.mark.parametrize("batch_tokens", [1, 20, 64, 10_000])
def test_any_number_of_sentences_is_searched_in_batches(batch_tokens: int) -> None:
    model, sources = Scripted(ending=0.5), many(25)
    config = SearchConfig(beam=2, n_best=2, batch_tokens=batch_tokens)
    found = list(search_all(model, sources, config, FORBIDDEN))
    assert sorted(number for number, _ in found) == list(range(25))
    for number, hypotheses in found:
        source = sources[number]
        (alone,) = search(model, [source], length_class(len(source)), config, FORBIDDEN)
        assert plain(hypotheses) == plain(alone)
    assert list(search_all(model, [], config, FORBIDDEN)) == []


def test_batches_are_handed_out_one_by_one() -> None:
    model, sources = Scripted(), [np.array([n]) for n in range(6)]
    found = search_all(model, sources, SearchConfig(beam=1, batch_tokens=16), FORBIDDEN)
    assert [next(found)[0], next(found)[0]] == [0, 1]
    steps = len(model.rows)
    assert next(found)[0] == 2
    assert len(model.rows) > steps


# Attention ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("beam", "ending"), [(1, 0.0), (2, 0.5), (6, -0.5), (6, -100.0)])
def test_the_attention_of_an_answer_is_that_of_its_own_tokens(beam: int, ending: float) -> None:
    sources = [source for source in many(30, seed=1) if len(source) >= 3][:10]
    config = SearchConfig(beam=beam, n_best=beam, max_length=8, with_attention=True)
    for source, found in zip(sources, search(Scripted(ending=ending), sources, 32, config, FORBIDDEN), strict=True):
        for hypothesis in found:
            attention = hypothesis.attention
            assert attention is not None
            assert attention.shape == (len(hypothesis.ids), len(source))  # neither padding nor the end
            read = [(START, *hypothesis.ids[:n]) for n in range(len(hypothesis.ids))]  # before each token
            np.testing.assert_array_equal(attention[:, :3], [[len(ids), ids[-1], sum(ids)] for ids in read])


@pytest.mark.parametrize("beam", [1, 2])
def test_scores_may_be_left_out_where_nothing_is_ranked_by_them(beam: int) -> None:
    sources = many(10, seed=1)
    scored, unscored = (
        search(Scripted(), sources, 32, SearchConfig(beam=beam, max_length=8, with_scores=wanted), FORBIDDEN)
        for wanted in (True, False)
    )
    for (with_score,), (without,) in zip(scored, unscored, strict=True):
        assert without.ids == with_score.ids
        assert np.isnan(without.score) == np.isnan(without.log_probability) == (beam == 1)
        assert np.isfinite(with_score.score)


@pytest.mark.parametrize("with_scores", [True, False])
@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_a_search_by_what_is_no_number_is_refused(odd: float, with_scores: bool) -> None:
    model = Scripted(spread=odd) if np.isnan(odd) else Scripted(ending=odd)
    with pytest.raises(CheckpointError, match="not numbers"):
        search(model, many(3, seed=1), 32, SearchConfig(beam=1, with_scores=with_scores), FORBIDDEN)


def test_without_being_asked_for_there_is_no_attention() -> None:
    assert searched(Scripted(), [1, 2])[0].attention is None


def test_a_model_without_attention_has_none_to_show() -> None:
    model = tiny_translator(dataclasses.replace(TINY_GRU, attention="none"), scale=1.0)
    found = search(model, sentences(8, 12, longest=8), 8, SearchConfig(beam=2, with_attention=True), FORBIDDEN)
    assert len({len(best.ids) for (best,) in found}) > 1  # they ended at different times
    assert all(best.attention is not None and not best.attention.any() for (best,) in found)


# Tools ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 2, 5, 6, 100])
@pytest.mark.parametrize("hypotheses", [1, 4])
def test_top_is_the_beginning_of_a_sorted_list(hypotheses: int, k: int) -> None:
    rng = np.random.default_rng(0)
    scores, added = rng.normal(size=(3, hypotheses, 6)), rng.normal(size=(3, hypotheses))
    scores[0, 0, 2] = -np.inf
    found, at = top_k(scores, added, k)
    for sentence in range(3):
        all_of_it = [float(scores[sentence, h, i] + added[sentence, h]) for h in range(hypotheses) for i in range(6)]
        expected = sorted(range(len(all_of_it)), key=lambda place: -all_of_it[place])[:k]
        assert at[sentence].tolist() == expected
        assert found[sentence].tolist() == [all_of_it[place] for place in expected]


@pytest.mark.parametrize("size", [63, 64, 65, 700, 1000])
@pytest.mark.parametrize("hypotheses", [1, 3])
@pytest.mark.parametrize("k", [1, 2, 10])
def test_top_finds_the_highest_of_many_wherever_they_are(k: int, hypotheses: int, size: int) -> None:
    rng = np.random.default_rng(size)
    count = hypotheses * size
    for ends in range(3):  # the highest lie anywhere, at the beginning, at the end
        scores = rng.permuted(np.tile(np.arange(count, dtype=np.float32), (20, 1)), axis=1)
        scores = scores if ends == 0 else np.sort(scores, axis=1)[:, :: 1 if ends == 2 else -1]
        added = rng.integers(0, 4, (20, hypotheses)) * 0.25  # which is not enough to change the order
        found, at = top_k(scores.reshape(20, hypotheses, size), added, k)
        assert np.take_along_axis(scores, at, axis=1).tolist() == [[float(count - 1 - n) for n in range(k)]] * 20
        assert (found - np.take_along_axis(added, at // size, axis=1)).tolist() == [
            [float(count - 1 - n) for n in range(k)]
        ] * 20


@pytest.mark.parametrize("k", [2, 10])
def test_top_looks_where_the_sums_are_highest_not_the_scores(k: int) -> None:
    rng = np.random.default_rng(k)
    scores, added = rng.normal(size=(20, 5, 700)).astype(np.float32), rng.normal(0, 3, (20, 5))
    sums = (scores + added[:, :, None]).reshape(20, -1)
    found, at = top_k(scores, added, k)
    np.testing.assert_array_equal(found, -np.sort(-sums, axis=1)[:, :k])
    np.testing.assert_array_equal(np.take_along_axis(sums, at, axis=1), found)


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_logits_that_are_not_numbers_are_the_checkpoints_fault(odd: float) -> None:
    with pytest.raises(CheckpointError, match="not numbers"):
        log_sum_exp(np.array([[0.0, odd, 1.0]]))


@pytest.mark.parametrize("shift", [0.0, 1000.0, -1000.0])
def test_log_sum_exp_does_not_overflow(shift: float) -> None:
    logits = np.array([[0.0, 1.0, 2.0], [5.0, 5.0, -np.inf]]) + shift
    expected = np.array([[2.4076059644], [5.6931471806]]) + shift
    np.testing.assert_allclose(log_sum_exp(logits), expected)
