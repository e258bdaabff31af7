"""What a text costs: bits, against a plain softmax over textbook logits and against closed forms."""

import math

import numpy as np
import pytest
from helpers import random_arrays, textbook_logits, tiny_charlm

from rnntext.run.charlm import Charlm, shapes
from rnntext.settings.charlm import CharlmConfig
from rnntext.text.vocabulary import CharVocabulary

CHARACTERS = "a\nbcde"  # the line break has id 2
ANY_CHARACTER = math.log2(0x110000 - 0x800 - len(CHARACTERS))  # what [UNK] can be


def textbook_bits(config: CharlmConfig, arrays: dict[str, np.ndarray], ids: list[int], start: int) -> float:
    """-log2 of the probability of a text that follows `start`, in one walk."""
    total = 0.0
    for logits, target in zip(textbook_logits(config, arrays, [start, *ids[:-1]]), ids, strict=True):
        probabilities = np.exp(logits) / np.exp(logits).sum()
        total -= math.log2(probabilities[target])
    return total


def biased_model(probabilities: list[float]) -> Charlm:
    """A model that expects the same whatever it has read; `[UNK]` first."""
    config = CharlmConfig(cell="lstm", layers=1, units=2, embedding=1)
    arrays = {name: np.zeros(shape, np.float32) for name, shape in shapes(config, len(probabilities)).items()}
    arrays["logits.bias"] = np.log(np.array(probabilities, np.float32))
    return Charlm(config, CharVocabulary(list(CHARACTERS[: len(probabilities) - 1])), arrays)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("length", [1, 2, 50, 300])
def test_a_texts_bits_are_the_sum_over_a_plain_softmax(cell: str, length: int) -> None:
    config = CharlmConfig(cell=cell, layers=2, units=5, embedding=3)
    arrays = random_arrays(config, len(CHARACTERS) + 1, seed=3, scale=1.0)
    ids = np.random.default_rng(length).integers(1, len(CHARACTERS) + 1, length)
    found = Charlm(config, CharVocabulary(list(CHARACTERS)), arrays).score(ids)
    assert found == pytest.approx(textbook_bits(config, arrays, ids.tolist(), start=2), rel=1e-5)


@pytest.mark.parametrize("length", [1, 50, 3000])
def test_each_characters_bits_are_those_of_a_plain_softmax(length: int) -> None:
    config = CharlmConfig(cell="gru", layers=1, units=5, embedding=3)
    arrays = random_arrays(config, len(CHARACTERS) + 1, seed=3, scale=1.0)
    ids = np.random.default_rng(length).integers(0, len(CHARACTERS) + 1, length)
    context = np.array([3, 1, 4])
    logits = textbook_logits(config, arrays, [2, *context, *ids[:-1]])[len(context) :]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = -np.log2(probabilities[np.arange(length), ids]) + (ids == 0) * ANY_CHARACTER
    found = Charlm(config, CharVocabulary(list(CHARACTERS)), arrays).surprisal(ids, context)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_an_empty_text_costs_nothing() -> None:
    assert tiny_charlm().score(np.zeros(0, np.int32)) == 0.0


def test_an_unknown_character_costs_unk_and_which_character_it_is() -> None:
    model = biased_model([1 / 8, 1 / 2, 3 / 8])  # [UNK], a, line break
    which = math.log2(1_112_064 - 2)  # Unicode's characters without the two known ones
    assert model.score(np.array([1, 0, 0])) == pytest.approx(1 + 2 * (3 + which), abs=1e-4)


def test_a_smaller_vocabulary_wins_nothing() -> None:
    knows_all, knows_none = biased_model([0.01, 0.33, 0.33, 0.33]), biased_model([1.0])
    ids = np.random.default_rng(0).integers(1, 4, 100)
    assert knows_all.score(ids) < 2 * len(ids) < knows_none.score(np.zeros_like(ids))


@pytest.mark.parametrize("length", [1, 1023, 1024, 2047, 2048, 2049, 5000, 66_000])
def test_every_character_of_a_long_text_counts_once(length: int) -> None:
    model = biased_model([1 / 8, 1 / 2, 1 / 4, 1 / 8])
    ids = np.random.default_rng(length).integers(0, 4, length)
    unknown, ones, twos, threes = np.bincount(ids, minlength=4)
    which = math.log2(1_112_064 - 3)
    assert model.score(ids) == pytest.approx(ones + 2 * twos + 3 * threes + unknown * (3 + which), rel=1e-6)


@pytest.mark.parametrize("length", [2048, 3001])
def test_a_long_text_read_in_parts_costs_what_one_walk_costs(length: int) -> None:
    config = CharlmConfig(cell="gru", layers=2, units=5, embedding=3)
    arrays = random_arrays(config, len(CHARACTERS) + 1, seed=1)
    ids = np.random.default_rng(1).integers(1, len(CHARACTERS) + 1, length)
    found = Charlm(config, CharVocabulary(list(CHARACTERS)), arrays).score(ids)
    one_walk = textbook_bits(config, arrays, ids.tolist(), start=2)
    assert found / length == pytest.approx(one_walk / length, abs=1e-5)


def test_scoring_leaves_no_trace() -> None:
    model, ids = tiny_charlm(), np.array([1, 2, 3, 0, 5])
    assert model.score(ids) == model.score(ids)


def test_ids_of_any_integer_type_cost_the_same() -> None:
    model, ids = tiny_charlm(), [1, 2, 3, 0, 5]
    assert len({model.score(np.array(ids, kind)) for kind in (np.uint8, np.uint16, np.int32, np.int64)}) == 1


def test_feeding_reads_the_same_text_into_a_whole_batch() -> None:
    model = tiny_charlm()
    alone = model.feed(model.start(1), [1, 2, 3])
    beside = model.feed(model.start(4), [1, 2, 3])
    np.testing.assert_allclose(beside, np.repeat(alone, 4, axis=0), atol=1e-6)
