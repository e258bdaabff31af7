"""A character model as the training loop sees it: its loss, its evaluation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rnntext.settings.charlm import CharlmConfig, CharlmTraining
from rnntext.text.vocabulary import CODE_POINTS, CharVocabulary
from rnntext.train import precision
from rnntext.train.charlm_task import CharlmTask

VOCABULARY = CharVocabulary("\nabcd")
HELD_OUT = "abba\ncd?"  # with an unknown character
SIZE = len(VOCABULARY)


def task(cell: str = "lstm", **options) -> CharlmTask:
    """With random weights, without dropout."""
    config = CharlmConfig(cell=cell, layers=2, units=6, embedding=3)
    training = CharlmTraining(
        **{"batch_size": 2, "window": 5, "dropout": 0.0, "recurrent_dropout": 0.0, "precision": "float32", **options}
    )
    ids = np.random.default_rng(0).integers(0, SIZE, 60).astype(np.uint8)
    made = CharlmTask(config, training, VOCABULARY, ids, HELD_OUT)
    for variable in made.model.trainable_variables:
        variable.assign(np.random.default_rng(1).normal(size=variable.shape))
    return made


def log_probabilities(logits: np.ndarray) -> np.ndarray:
    return logits - np.log(np.exp(np.float64(logits)).sum(axis=-1, keepdims=True))


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_the_loss_is_the_mean_cross_entropy_with_the_state_carried_on(cell):
    t = task(cell)
    (first, labels), (second, next_labels) = t.batch(0), t.batch(1)
    _, carried = t.loss((first, labels), t.start_state())
    loss, _ = t.loss((second, next_labels), carried)
    logits, _ = t.model(np.concatenate([first, second], axis=1), t.model.initial_state(2))
    surprise = -np.take_along_axis(log_probabilities(logits.numpy())[:, 5:], next_labels[:, :, None], axis=2)
    assert float(loss) == pytest.approx(surprise.mean(), rel=1e-5)


def test_the_loss_of_a_model_that_knows_nothing_is_the_log_of_the_number_of_ids():
    t = task()
    for variable in t.model.trainable_variables:
        variable.assign(np.zeros(variable.shape))
    assert float(t.loss(t.batch(0), t.start_state())[0]) == pytest.approx(math.log(SIZE))


def test_the_evaluation_is_in_bits_per_held_out_character_of_the_values_given():
    t = task()
    values = [v.numpy() for v in t.model.trainable_variables]
    ids = [VOCABULARY.start, *VOCABULARY.encode(HELD_OUT)]
    logits, _ = t.model(np.array([ids[:-1]]), t.model.initial_state(1))
    nats = -log_probabilities(logits.numpy()[0])[np.arange(len(HELD_OUT)), ids[1:]].sum()
    expected = (nats / math.log(2) + math.log2(CODE_POINTS - SIZE)) / len(HELD_OUT)
    for variable in t.model.trainable_variables:
        variable.assign(np.zeros(variable.shape))
    metrics = t.evaluate(values)
    assert metrics["bits_per_character"] == pytest.approx(expected, rel=1e-5)
    assert metrics["nats_per_character"] == pytest.approx(expected * math.log(2), rel=1e-5)


def test_fewer_bits_rank_higher():
    assert task().family.rank({"bits_per_character": 1.0}) > task().family.rank({"bits_per_character": 2.0})


@pytest.mark.parametrize(
    ("asked", "processor", "chosen"),
    [
        ("float32", {"avx512_bf16"}, "float32"),
        ("bfloat16", {"avx2"}, "bfloat16"),
        ("auto", {"avx512_bf16"}, "bfloat16"),
        ("auto", {"amx_bf16"}, "bfloat16"),
        ("auto", {"avx2", "avx512bw"}, "float32"),
        ("auto", set(), "float32"),
    ],
)
def test_bfloat16_is_chosen_where_the_processor_multiplies_it(monkeypatch, asked, processor, chosen):
    monkeypatch.setattr(precision, "features", lambda: processor)
    assert precision.choose(asked) == chosen
    assert task(precision=asked).model.recurrent[0].operands == chosen
