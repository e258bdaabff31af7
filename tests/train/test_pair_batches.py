"""Sentences to ids, and ids to batches."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import examples
from hypothesis import given
from hypothesis import strategies as st

from rnntext.settings.translator import TransformerConfig, TranslatorTraining
from rnntext.text.normalize import normalize_line
from rnntext.text.tokenizers import Subwords
from rnntext.text.tokens import END, PAD, RESERVED, START, UNKNOWN
from rnntext.train.batches import PairBatches
from rnntext.train.pipelines import SentenceIds, Vectorizer, learn_languages

PAIRS = [
    (f"{a} {n} {v} .", f"{n} {v} {a} !")
    for a in ("the old", "a new", "Żółta", "старая", "a 😀")
    for n in ("mill", "river", "łódka", "мельница")
    for v in ("sleeps", "runs", "śpi", "спит")
]
TRAINING = TranslatorTraining(steps=1, vocabulary_size=330)


def languages(tokens: str, joint: bool = True, size: int = 330):
    config = TransformerConfig(tokens=tokens, joint=joint)
    return learn_languages(PAIRS, config, TranslatorTraining(steps=1, vocabulary_size=size))


@pytest.fixture(scope="module", params=["subword", "word", "char"])
def language(request):
    return languages(request.param)[0]


@examples
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_text_vectorization_and_our_own_lookup_give_the_same_ids(language, text):
    line = normalize_line(text)
    if line:
        np.testing.assert_array_equal(Vectorizer(language)([line])[0], language.encode(line))


def test_many_sentences_keep_their_order_and_their_ends(language):
    lines = [source for source, _ in PAIRS] * 3
    found = SentenceIds(*Vectorizer(language)(lines))
    assert len(found) == len(lines)
    assert found.ids.dtype == np.min_scalar_type(len(language) - 1)  # two bytes an id, or one
    for index in (0, 1, 79, 80, 239):
        np.testing.assert_array_equal(found[index], language.encode(lines[index]))


def test_what_a_vocabulary_does_not_know_is_unknown_and_nobody_can_type_reserved_ids():
    words = languages("word")[0]
    assert words.encode("quux").tolist() == [UNKNOWN]
    for text in ("[UNK]", "[start]", "", "<s>"):
        assert all(i >= RESERVED or i == UNKNOWN for i in words.encode(text))


def test_joint_is_one_language_and_separate_are_two():
    both = languages("word")
    assert both[0] is both[1]
    source, target = languages("word", joint=False)
    assert "the" in source.tokens
    assert "!" in target.tokens
    assert "!" not in source.tokens


def test_the_size_of_a_vocabulary_is_kept_to():
    assert len(languages("word", size=7)[0].tokens) == 7
    assert set(languages("char", size=3)[0].tokens) <= set(" ".join(s + t for s, t in PAIRS)) | {"\u2581"}
    subwords = languages("subword", size=330)[0]
    assert len(subwords.tokens) <= 330


def test_too_large_a_subword_vocabulary_becomes_as_large_as_it_can_be():
    assert 256 < len(languages("subword", size=20_000)[0].tokens) < 1000


def test_learning_subwords_twice_gives_the_same_model():
    first, second = (languages("subword")[0].tokenizer for _ in range(2))
    assert isinstance(first, Subwords)
    assert isinstance(second, Subwords)
    assert first.model == second.model


# Batches --------------------------------------------------------------------------------------------------------------


def corpus(lengths: list[tuple[int, int]]) -> tuple[SentenceIds, SentenceIds]:
    """Pairs of sentences of these lengths; the ids of pair n are n + RESERVED."""
    sides = []
    for side in (0, 1):
        sizes = np.array([pair[side] for pair in lengths])
        sides.append(SentenceIds(np.repeat(np.arange(len(lengths)) + RESERVED, sizes).astype(np.int32), sizes))
    return sides[0], sides[1]


# A target is about as long as its source.
LENGTHS = [(n, max(1, n + d)) for n, d in np.random.default_rng(1).integers([1, -3], [30, 4], (300, 2)).tolist()]


def test_an_epoch_has_every_pair_once():
    batches = PairBatches(*corpus(LENGTHS), batch_tokens=200, seed=1)
    for epoch in range(3):
        found = [batches.pairs(epoch * batches.steps_per_epoch + n) for n in range(batches.steps_per_epoch)]
        assert sorted(np.concatenate(found).tolist()) == list(range(300))


def test_labels_are_the_decoder_inputs_shifted_by_one():
    source, target = PairBatches(*corpus([(2, 3)]), batch_tokens=100, seed=1).batch(0)
    assert source.tolist() == [[RESERVED, RESERVED]]
    assert target.tolist() == [[START, RESERVED, RESERVED, RESERVED, END]]
    assert (source.dtype, target.dtype) == (np.int32, np.int32)


def test_source_and_target_of_a_row_belong_together_and_padding_is_at_the_end():
    batches = PairBatches(*corpus(LENGTHS), batch_tokens=200, seed=1)
    for index in range(batches.steps_per_epoch):
        for source, target, pair in zip(*batches.batch(index), batches.pairs(index), strict=True):
            expected = [pair + RESERVED] * LENGTHS[pair][0]
            assert source.tolist() == expected + [PAD] * (len(source) - len(expected))
            expected = [START, *[pair + RESERVED] * LENGTHS[pair][1], END]
            assert target.tolist() == expected + [PAD] * (len(target) - len(expected))


def test_batches_are_about_as_large_as_was_asked_for():
    batches = PairBatches(*corpus(LENGTHS), batch_tokens=400, seed=1)
    work = [max(s.size, t.size) for s, t in map(batches.batch, range(batches.steps_per_epoch))]
    assert 350 < np.mean(work) < 480
    assert max(work) < 900


def test_little_is_padding():
    batches = PairBatches(*corpus(LENGTHS), batch_tokens=400, seed=1)
    targets = [batches.batch(n)[1] for n in range(batches.steps_per_epoch)]
    assert sum((t == PAD).sum() for t in targets) < 0.15 * sum(t.size for t in targets)


def test_the_order_is_a_function_of_seed_and_epoch():
    first, again = (PairBatches(*corpus(LENGTHS), batch_tokens=200, seed=1) for _ in range(2))
    other = PairBatches(*corpus(LENGTHS), batch_tokens=200, seed=2)
    count = first.steps_per_epoch
    assert first.pairs(count + 3).tolist() == again.pairs(count + 3).tolist()  # without the first epoch before it
    assert first.pairs(0).tolist() == again.pairs(0).tolist()
    assert first.pairs(0).tolist() != first.pairs(count).tolist()
    assert first.pairs(0).tolist() != other.pairs(0).tolist()


def test_accumulated_batches_are_those_of_an_epoch_that_a_step_takes_together():
    whole = PairBatches(*corpus(LENGTHS), batch_tokens=200, seed=1, accumulate=4)
    assert whole.steps_per_epoch == PairBatches(*corpus(LENGTHS), batch_tokens=200, seed=1).steps_per_epoch // 4
    found = [whole.pairs(index) for index in range(4 * whole.steps_per_epoch)]
    assert sorted(np.concatenate(found).tolist()) == list(range(300))


@pytest.mark.parametrize("lengths", [[(1, 1)], [(500, 1), (1, 1)], [(3, 3)] * 7])
def test_small_and_odd_corpora_make_batches(lengths):
    batches = PairBatches(*corpus(lengths), batch_tokens=64, seed=1)
    found = {int(n) for index in range(batches.steps_per_epoch) for n in batches.pairs(index)}
    assert found == set(range(len(lengths)))
