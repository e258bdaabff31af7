"""Ensembles against the mean of plain softmaxes in float64, step by step, in scores and in searches."""

import dataclasses
import math

import numpy as np
import pytest
from helpers import (
    TINY_GRU,
    TINY_HYBRID,
    TINY_TRANSFORMER,
    random_arrays,
    sentences,
    strangers,
    textbook_logits,
    tiny_charlm,
    tiny_translator,
)
from run.test_search import FORBIDDEN, SOURCES, Ids, Scripted, check, textbook_beam

from rnntext.errors import CheckpointError
from rnntext.run.batching import length_class
from rnntext.run.charlm import Charlm
from rnntext.run.ensemble import CharlmEnsemble, TranslatorEnsemble, mean_logits
from rnntext.run.forcing import log_probabilities
from rnntext.run.model import Model
from rnntext.run.search import search
from rnntext.settings.charlm import CharlmConfig
from rnntext.settings.search import SearchConfig
from rnntext.settings.translator import GRUConfig, HybridConfig, TransformerConfig
from rnntext.text.tokens import END, START
from rnntext.text.vocabulary import CharVocabulary

CHARACTERS = "a\nbcde"  # the line break has id 2
CHARLM_CONFIGS = [
    CharlmConfig(cell="lstm", layers=2, units=5, embedding=3),
    CharlmConfig(cell="gru", layers=1, units=7, embedding=4),
    CharlmConfig(cell="rnn", layers=1, units=4, embedding=2),
]
CHARLM_ARRAYS = [random_arrays(config, len(CHARACTERS) + 1, seed, 1.5) for seed, config in enumerate(CHARLM_CONFIGS)]


def softmax(logits: np.ndarray) -> np.ndarray:
    """`[..., vocabulary]`, float64."""
    exponentials = np.exp(logits.astype(np.float64))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


# The mean -------------------------------------------------------------------------------------------------------------


def test_the_softmax_of_the_logits_is_the_mean_of_the_softmaxes() -> None:
    members = [np.random.default_rng(seed).normal(seed, 3, (20, 50)).astype(np.float32) for seed in range(3)]
    found = mean_logits(members)
    assert found.dtype == np.float32
    np.testing.assert_allclose(softmax(found), np.mean([softmax(logits) for logits in members], axis=0), rtol=1e-5)


def test_equal_members_have_their_own_logits() -> None:
    logits = np.random.default_rng(0).normal(5, 3, (20, 50)).astype(np.float32)
    for count in (1, 2, 3):
        np.testing.assert_allclose(mean_logits([logits.copy() for _ in range(count)]), logits, atol=1e-5)


def test_the_logits_of_the_members_stay_as_they_are() -> None:
    members = [np.random.default_rng(seed).normal(0, 3, (3, 5)).astype(np.float32) for seed in range(2)]
    before = [logits.copy() for logits in members]
    mean_logits(members)
    np.testing.assert_array_equal(members, before)


def test_what_no_member_expects_has_a_finite_log_probability() -> None:
    members = [np.array([[0, 300, -300]], np.float32), np.array([[5000, 0, -5000]], np.float32)]
    found = mean_logits(members).astype(np.float64)
    # The first member gives the third id e-600, the second next to nothing; all else is one half.
    np.testing.assert_allclose((found - found.max()).ravel(), [0, 0, -600], atol=1e-2)


def test_a_member_whose_logits_are_no_numbers_is_found_out() -> None:
    with pytest.raises(CheckpointError, match="not numbers"):
        mean_logits([np.zeros((1, 3), np.float32), np.array([[0, np.nan, 0]], np.float32)])


# Character models -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def charlms() -> CharlmEnsemble:
    """An LSTM, a GRU and a SimpleRNN of different sizes."""
    vocabulary = CharVocabulary(list(CHARACTERS))
    pairs = zip(CHARLM_CONFIGS, CHARLM_ARRAYS, strict=True)
    return CharlmEnsemble([Charlm(config, vocabulary, arrays) for config, arrays in pairs])


def textbook_probabilities(ids: list[int]) -> np.ndarray:
    """Of what follows each character, `[time, vocabulary]`."""
    pairs = zip(CHARLM_CONFIGS, CHARLM_ARRAYS, strict=True)
    return np.mean([softmax(textbook_logits(config, arrays, ids)) for config, arrays in pairs], axis=0)


def test_each_step_of_character_models_is_the_mean_of_their_softmaxes(charlms: CharlmEnsemble) -> None:
    texts = np.random.default_rng(1).integers(0, len(CHARACTERS) + 1, (2, 12))
    state = charlms.start(2)
    assert state.batch == 2
    found = np.array([softmax(charlms.step(state, ids)) for ids in texts.T])  # [time, batch, vocabulary]
    for number, text in enumerate(texts):
        np.testing.assert_allclose(found[:, number], textbook_probabilities(text.tolist()), atol=1e-6)


def test_feeding_reads_the_same_text_into_all_members(charlms: CharlmEnsemble) -> None:
    found = softmax(charlms.feed(charlms.start(3), [1, 4, 2]))
    np.testing.assert_allclose(found, np.tile(textbook_probabilities([1, 4, 2])[-1], (3, 1)), atol=1e-6)


@pytest.mark.parametrize("length", [1, 50, 2050])  # the last one is read in parts
def test_a_texts_bits_are_those_of_the_mean(charlms: CharlmEnsemble, length: int) -> None:
    ids = np.random.default_rng(length).integers(1, len(CHARACTERS) + 1, length)
    probabilities = textbook_probabilities([2, *ids[:-1].tolist()])
    expected = -np.log2(probabilities[np.arange(length), ids]).sum()
    assert charlms.score(ids) == pytest.approx(expected, rel=1e-5)


def test_a_character_model_with_itself_is_itself() -> None:
    model, ids = tiny_charlm(scale=1.5), np.random.default_rng(1).integers(0, 6, 100)
    assert CharlmEnsemble([model, model, model]).score(ids) == pytest.approx(model.score(ids), rel=1e-5)


# Translation models ---------------------------------------------------------------------------------------------------


class Mean:
    """The textbook's ensemble of scripted models."""

    def __init__(self, members: list[Scripted]) -> None:
        self.members = members

    def log_probability(self, source: Ids, prefix: Ids, token: int) -> float:
        probabilities = [math.exp(member.log_probability(source, prefix, token)) for member in self.members]
        return math.log(sum(probabilities) / len(probabilities))


@pytest.mark.parametrize("beam", [1, 2, 5])
@pytest.mark.parametrize("limit", [2, 7])
def test_a_search_goes_the_textbooks_way(beam: int, limit: int) -> None:
    for seed in range(4):
        members = [Scripted(seed), Scripted(seed + 10, spread=3.0), Scripted(seed + 20, ending=1.0)]
        config = SearchConfig(beam=beam, n_best=beam, max_length=limit)
        found = search(TranslatorEnsemble(members), [np.array(s) for s in SOURCES], 8, config, FORBIDDEN)
        for source, hypotheses in zip(SOURCES, found, strict=True):
            expected = textbook_beam(Mean(members), tuple(source), limit, beam, 1.0)[:beam]  # type: ignore[arg-type]
            check(hypotheses, expected)


@pytest.mark.parametrize("with_scores", [True, False])
def test_a_greedy_search_takes_the_likeliest_by_the_mean(with_scores: bool) -> None:
    members = [Scripted(1), Scripted(2, spread=3.0)]
    config = SearchConfig(beam=1, max_length=7, with_scores=with_scores)
    found = search(TranslatorEnsemble(members), [np.array(source) for source in SOURCES], 8, config, FORBIDDEN)
    for source, (hypothesis,) in zip(SOURCES, found, strict=True):
        ((ids, _, _),) = textbook_beam(Mean(members), tuple(source), 7, 1, 1.0)  # type: ignore[arg-type]
        assert hypothesis.ids == ids


MEMBERS = [tiny_translator(config, seed=3, scale=0.7) for config in (TINY_TRANSFORMER, TINY_HYBRID, TINY_GRU)]


def textbook_score(members: list[Model], source: np.ndarray, target: np.ndarray, ended: bool = True) -> float:
    """The log-probability of one pair, stepped alone, by the mean of softmaxes in float64."""
    states = [member.start([source], length_class(len(source))) for member in members]
    total, last = 0.0, START
    for token in [*target.tolist(), *([END] if ended else [])]:
        pairs = zip(members, states, strict=True)
        probabilities = [softmax(member.step(state, np.array([last])))[0] for member, state in pairs]
        total += math.log(np.mean(probabilities, axis=0)[token])
        last = token
    return total


def test_a_transformer_a_hybrid_and_a_gru_score_as_one() -> None:
    sources, targets = sentences(12, 12, seed=2, longest=20), sentences(12, 12, seed=3, shortest=0, longest=10)
    found = log_probabilities(TranslatorEnsemble(MEMBERS), sources, targets, 100)
    expected = [textbook_score(MEMBERS, *pair) for pair in zip(sources, targets, strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("beam", [1, 3])
def test_an_answer_is_worth_what_the_search_said(beam: int) -> None:
    model, sources = TranslatorEnsemble(MEMBERS), sentences(10, 12, seed=5, longest=8)
    answers = search(model, sources, 8, SearchConfig(beam=beam, n_best=beam, max_length=6), range(START + 1))
    pairs = [(source, h) for source, found in zip(sources, answers, strict=True) for h in found]
    assert len(pairs) == 10 * beam
    expected = [textbook_score(MEMBERS, source, np.array(h.ids), ended=len(h.ids) < 6) for source, h in pairs]
    np.testing.assert_allclose([h.log_probability for _, h in pairs], expected, atol=1e-4)


def test_a_translation_model_with_itself_is_itself() -> None:
    model = MEMBERS[0]
    sources, targets = sentences(12, 12, seed=2, longest=20), sentences(12, 12, seed=3, longest=10)
    found = log_probabilities(TranslatorEnsemble([model, model]), sources, targets, 100)
    np.testing.assert_allclose(found, log_probabilities(model, sources, targets, 100), atol=1e-4)


def test_attention_is_the_mean_over_the_members_that_attend() -> None:
    blind = tiny_translator(dataclasses.replace(TINY_GRU, attention="none"), seed=4)
    members = [MEMBERS[0], blind, MEMBERS[2]]
    sources = [np.array([4, 5, 6], np.int32), np.array([7, 8], np.int32)]
    model = TranslatorEnsemble(members)
    state, alone = model.start(sources, 8), [member.start(sources, 8) for member in members]
    ids = np.array([START, START])
    model.step(state, ids)
    for member, own in zip(members, alone, strict=True):
        member.step(own, ids)
    np.testing.assert_allclose(state.attention, (alone[0].attention + alone[2].attention) / 2, atol=1e-6)
    np.testing.assert_allclose(state.attention.sum(axis=1), 1, atol=1e-5)
    unseeing = TranslatorEnsemble([blind, blind])
    assert unseeing.start(sources, 8).attention.shape == (0, 8)
    state = unseeing.start(sources, 8)
    unseeing.step(state, ids)
    np.testing.assert_array_equal(state.attention, np.zeros((2, 8)))


@pytest.mark.parametrize("beam", [1, 5])
def test_an_answer_does_not_depend_on_its_neighbours(beam: int) -> None:
    others = [HybridConfig(layers=1, units=64, heads=4), GRUConfig(layers=1, units=64, embedding=64)]
    assert strangers(TransformerConfig(layers=1, units=96, heads=3), beam, count=16, others=others) == []
