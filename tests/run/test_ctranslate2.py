"""CTranslate2 runs the same model, and searches in the same way."""

from __future__ import annotations

import dataclasses
import itertools
import sys

import numpy as np
import pytest

from rnntext.errors import UsageError
from rnntext.run import ctranslate2, translators
from rnntext.run.ctranslate2 import CTranslate2
from rnntext.run.positions import MAX_POSITIONS
from rnntext.run.search import search_all
from rnntext.settings.search import SearchConfig
from rnntext.settings.translator import GRUConfig, TransformerConfig
from rnntext.text.tokens import END, PAD, RESERVED, START, UNKNOWN

BASE = TransformerConfig(layers=3, units=16, heads=2, feedforward=24)
SIZES = (30, 40)
FORBIDDEN = [PAD, UNKNOWN, START, 7]
LONGEST = 24


def arrays(config, seed=0, end=2.0):
    """Random weights whose answers depend on the source and are not all the same."""
    sizes = (SIZES[0], SIZES[0]) if config.joint else SIZES
    rng = np.random.default_rng(seed)
    found = {n: rng.normal(0, 0.5, s).astype(np.float32) for n, s in translators.shapes(config, *sizes).items()}
    for name in found:
        if name.endswith(("norm.scale", "norm.bias")):
            found[name] = found[name] * 0.2 + name.endswith("scale")
    found["logits.bias"][END] = end
    found["logits.bias"][FORBIDDEN] = -30.0  # one side takes them out before probabilities add up to one, one after
    return found


def sentences(count=60):
    rng = np.random.default_rng(1)
    return [rng.integers(RESERVED, SIZES[0], length) for length in rng.integers(1, LONGEST + 1, count)]


def both(config, search, compute_type="float32", **weights):
    """What NumPy and CTranslate2 find, in the order of the sentences."""
    found = arrays(config, **weights)
    search = dataclasses.replace(search, batch_tokens=256)  # several batches of a class of lengths
    there = CTranslate2(config, found, LONGEST, compute_type=compute_type)
    ours = search_all(translators.build(config, found), sentences(), search, FORBIDDEN)
    theirs = there.search_all(sentences(), search, FORBIDDEN)
    return [[answers[i] for i in range(len(sentences()))] for answers in (dict(ours), dict(theirs))]


SHAPES = [
    dataclasses.replace(BASE, tied=tied, joint=joint, positions=positions)
    for tied, joint, positions in itertools.product([True, False], [True, False], ["sinusoidal", "learned"])
]


@pytest.mark.parametrize("config", SHAPES, ids=lambda c: f"{c.positions}{'-tied' * c.tied}{'-joint' * c.joint}")
def test_greedy_answers_and_their_log_probabilities_are_those_of_numpy(config):
    ours, theirs = both(config, SearchConfig(beam=1, max_length=12), end=-30)
    assert len({h.ids for (h,) in ours}) > 10  # they are not all the same
    assert [h.ids for (h,) in theirs] == [h.ids for (h,) in ours]
    np.testing.assert_allclose([h.log_probability for (h,) in theirs], [h.log_probability for (h,) in ours], rtol=1e-4)
    np.testing.assert_allclose([h.score for (h,) in theirs], [h.score for (h,) in ours], rtol=1e-4)


SEARCHES = [
    SearchConfig(max_length=12),
    SearchConfig(beam=4, length_penalty=0, n_best=3, max_length=12),
]


@pytest.mark.parametrize("search", SEARCHES, ids=lambda s: f"{s.beam}-{s.length_penalty}")
def test_beams_find_what_numpy_finds(search):
    ours, theirs = both(BASE, search)
    assert all(len(found) == search.n_best for found in theirs)
    same = [[h.ids for h in a] == [h.ids for h in b] for a, b in zip(ours, theirs, strict=True)]
    assert np.mean(same) >= 0.97


def test_no_two_tokens_in_a_row_occur_twice_if_they_may_not():
    _, theirs = both(BASE, SearchConfig(beam=1, max_length=12, no_repeat_ngram=2), end=-30)
    for (best,) in theirs:
        pairs = list(itertools.pairwise(best.ids))
        assert len(set(pairs)) == len(pairs)


def test_an_answer_is_cut_off_at_its_limit_and_never_empty():
    _, theirs = both(BASE, SearchConfig(beam=2, max_length=3), seed=2)
    lengths = [len(found[0].ids) for found in theirs]
    assert max(lengths) == 3
    assert min(lengths) >= 1


def test_a_token_that_must_be_followed_by_another_is_never_the_last():
    blank = RESERVED
    weights = arrays(BASE, seed=2)
    weights["logits.bias"][[blank, END]] += 8.0
    engine = CTranslate2(BASE, weights, LONGEST, compute_type="float32")
    search = SearchConfig(beam=2, max_length=9, batch_tokens=256)
    lasts = []
    for pairs in ([], [(blank, END), (blank, blank)]):
        answers = engine.search_all(sentences(9), search, [*FORBIDDEN, *pairs])
        lasts.append({h.ids[-1] == blank for _, found in answers for h in found if len(h.ids) < 9})
    assert lasts == [{True}, {False}]


def test_answers_may_be_as_long_as_is_asked_for(monkeypatch):
    monkeypatch.setattr(ctranslate2, "table_rows", lambda longest: 30)  # as many as it is prepared for
    weights = arrays(BASE, end=-30)
    engine = CTranslate2(BASE, weights, 3, compute_type="float32")
    search = SearchConfig(beam=1, max_length=90, batch_tokens=256)
    ours = search_all(translators.build(BASE, weights), sentences(4), search, FORBIDDEN)
    theirs = dict(engine.search_all(sentences(4), search, FORBIDDEN))
    for number, (here,) in ours:
        assert len(here.ids) == 90
        assert theirs[number][0].ids == here.ids


def test_what_is_forbidden_may_be_beyond_the_sources_vocabulary():
    config = dataclasses.replace(BASE, joint=False)
    last = SIZES[1] - 1
    assert last >= SIZES[0]
    weights = arrays(config)
    weights["logits.bias"][last] = 30.0  # it would be in every answer
    engine = CTranslate2(config, weights, LONGEST, compute_type="float32")
    search = SearchConfig(beam=1, max_length=5, batch_tokens=256)
    for forbidden in (FORBIDDEN, [*FORBIDDEN, last]):
        found = engine.search_all(sentences(5), search, forbidden)
        assert all((last in best.ids) == (last not in forbidden) for _, (best,) in found)


@pytest.mark.parametrize("beam", [1, 2])
def test_scores_may_be_left_out_where_nothing_is_ranked_by_them(beam: int):
    engine = CTranslate2(BASE, arrays(BASE), LONGEST, compute_type="float32")
    scored, unscored = (
        dict(
            engine.search_all(
                sentences(), SearchConfig(beam=beam, max_length=12, batch_tokens=256, with_scores=wanted), FORBIDDEN
            )
        )
        for wanted in (True, False)
    )
    for number, (with_score,) in scored.items():
        (without,) = unscored[number]
        assert without.ids == with_score.ids
        assert np.isnan(without.score) == np.isnan(without.log_probability) == (beam == 1)
        assert np.isfinite(with_score.score)


@pytest.mark.parametrize("batch_tokens", [40, 10_000])
def test_several_jobs_give_the_answers_of_one(batch_tokens: int):
    search = SearchConfig(beam=2, max_length=12, batch_tokens=batch_tokens)
    one, two = (
        list(
            CTranslate2(BASE, arrays(BASE), LONGEST, jobs=jobs, compute_type="float32").search_all(
                sentences(), search, FORBIDDEN
            )
        )
        for jobs in (1, 2)
    )
    assert [(index, best.ids) for index, (best,) in two] == [(index, best.ids) for index, (best,) in one]


def test_attention_is_that_of_numpy():
    ours, theirs = both(BASE, SearchConfig(beam=1, max_length=12, with_attention=True), end=-30)
    for (here,), (there,) in zip(ours, theirs, strict=True):
        assert there.attention.shape == here.attention.shape
        np.testing.assert_allclose(there.attention, here.attention, atol=1e-4)


def test_rounding_to_eight_bits_leaves_the_weights_as_they_are():
    weights = arrays(BASE)
    before = {name: array.copy() for name, array in weights.items()}
    rounded = CTranslate2(BASE, weights, LONGEST)
    assert (
        len(rounded.files["model.bin"])
        < sum(array.nbytes for array in weights.values()) / 2 + 4 * 16 * 2 * MAX_POSITIONS
    )
    for name, array in before.items():
        np.testing.assert_array_equal(weights[name], array)


def test_other_models_are_refused():
    with pytest.raises(UsageError, match="Transformers only"):
        CTranslate2(GRUConfig(), {}, LONGEST)


def test_without_the_package_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ctranslate2.specs", None)
    with pytest.raises(UsageError, match=r"pip install 'rnntext\[ctranslate2\]'"):
        CTranslate2(BASE, arrays(BASE), LONGEST)
