"""A batch in two halves gives what it gives as a whole."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from rnntext.config import CharlmConfig, CharlmTraining, GRUConfig, TransformerConfig, TranslatorTraining
from rnntext.text.tokens import END, RESERVED, START, Characters, Language
from rnntext.text.vocabulary import CharVocabulary
from rnntext.train import halves
from rnntext.train.charlm_task import CharlmTask
from rnntext.train.pipelines import Sentences
from rnntext.train.translator_task import TranslatorTask

every_count = pytest.mark.parametrize("count", [1, 2, 3, 7])


def whole(losses, batch, carried):
    """What `side_by_side` says it is."""
    found, after = losses(batch, carried)
    return tf.reduce_mean(found), after


def squares(batch, carried):
    """Rows of unequal length, as sentences are, and a state for each row."""
    rows, lengths = batch
    return tf.boolean_mask(rows**2, tf.sequence_mask(lengths, rows.shape[1])), [carried[0] + rows]


@every_count
def test_the_mean_is_that_of_all_units_and_the_state_is_in_order(count):
    rows = tf.constant(np.random.default_rng(0).normal(size=(count, 4)))
    lengths = tf.constant([1, 4, 2, 2, 3, 4, 1][:count])
    carried = [tf.reshape(tf.range(count * 4, dtype=tf.float64), [count, 4])]
    loss, after = halves.side_by_side(squares, [rows, lengths], carried)
    expected, expected_after = whole(squares, [rows, lengths], carried)
    assert float(loss) == pytest.approx(float(expected))
    np.testing.assert_array_equal(after[0], expected_after[0])


def losses_and_gradients(task, batch, monkeypatch):
    """In halves, as training does it, and as a whole."""
    variables, state = [v.value for v in task.model.trainable_variables], task.start_state()
    signature = (list(task.signature), [tf.TensorSpec(s.shape, s.dtype) for s in state])

    def learn(batch, carried):
        with tf.GradientTape() as tape:
            loss, after = task.loss(tuple(batch), carried)
        return loss, after, [tf.convert_to_tensor(g) for g in tape.gradient(loss, variables)]

    arguments = (list(map(tf.constant, batch)), state)
    found = tf.function(learn, input_signature=signature)(*arguments)
    monkeypatch.setattr(f"{type(task).__module__}.side_by_side", whole)
    return found, tf.function(learn, input_signature=signature)(*arguments)


def check_equal(found, expected):
    assert float(found[0]) == pytest.approx(float(expected[0]), rel=1e-5)
    for group in (1, 2):
        for ours, theirs in zip(found[group], expected[group], strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


@every_count
@pytest.mark.parametrize(
    "config",
    [
        TransformerConfig(layers=2, units=8, heads=2, feedforward=16),
        GRUConfig(layers=2, units=6, embedding=4),
        GRUConfig(layers=1, units=6, embedding=4, attention="multiplicative", tied=False),
    ],
)
def test_a_translator_learns_the_same(config, count, monkeypatch):
    language = Language(Characters(), "abcdefghij")
    training = TranslatorTraining(steps=1, dropout=0.0, precision="float32")
    some = Sentences(np.arange(RESERVED, RESERVED + 4), np.array([4]))
    task = TranslatorTask(config, training, (language, language), (some, some), [], [])
    rng = np.random.default_rng(1)
    source, target = (np.zeros((count, width), np.int32) for width in (5, 9))
    for row in range(count):
        source[row, : 1 + row % 5] = rng.integers(RESERVED, len(language), 1 + row % 5)
        length = 1 + (3 * row) % 7
        target[row, : length + 2] = [START, *rng.integers(RESERVED, len(language), length), END]
    check_equal(*losses_and_gradients(task, (source, target), monkeypatch))


@every_count
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_character_model_learns_the_same(cell, count, monkeypatch):
    vocabulary = CharVocabulary("abc")
    training = CharlmTraining(
        steps=1, dropout=0.0, recurrent_dropout=0.0, batch_size=count, window=5, precision="float32"
    )
    ids = np.random.default_rng(0).integers(1, 4, 120).astype(np.uint8)
    config = CharlmConfig(cell=cell, layers=2, units=4, embedding=3)
    task = CharlmTask(config, training, vocabulary, ids, "abc")
    assert task.streams.batch == count
    check_equal(*losses_and_gradients(task, task.batch(0), monkeypatch))


def test_the_halves_of_a_batch_do_not_share_a_dropout_mask():
    task = CharlmTask(
        CharlmConfig(layers=1, units=64, embedding=3),
        CharlmTraining(steps=1, dropout=0.5, recurrent_dropout=0.0, batch_size=2, window=5, precision="float32"),
        CharVocabulary("abc"),
        np.ones(120, np.uint8),
        "abc",
    )
    masks = []
    drop = task.model.dropouts[0].call
    task.model.dropouts[0].call = lambda x, training: masks.append(drop(tf.ones_like(x), training=training)) or x
    task.loss(task.batch(0), task.start_state())
    assert len(masks) == 2
    assert not np.array_equal(*masks)
