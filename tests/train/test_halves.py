"""A batch in two halves gives what it gives as a whole."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from rnntext.settings.charlm import CharlmConfig, CharlmTraining
from rnntext.settings.translator import GRUConfig, TransformerConfig, TranslatorTraining
from rnntext.text.tokenizers import Characters
from rnntext.text.tokens import END, RESERVED, START, Language
from rnntext.text.vocabulary import CharVocabulary
from rnntext.train import halves
from rnntext.train.charlm_task import CharlmTask
from rnntext.train.pipelines import SentenceIds
from rnntext.train.translator_task import TranslatorTask

COUNTS = [1, 2, 3, 7]


def whole(losses, batch, carried):
    """What `side_by_side` says it is."""
    found, after = losses(batch, carried)
    return tf.reduce_mean(found), after


def squares(batch, carried):
    """Rows of unequal length, as sentences are, and a state for each row."""
    rows, lengths = batch
    return tf.boolean_mask(rows**2, tf.sequence_mask(lengths, rows.shape[1])), [carried[0] + rows]


@pytest.mark.parametrize("count", COUNTS)
def test_the_mean_is_that_of_all_units_and_the_state_is_in_order(count):
    rows = tf.constant(np.random.default_rng(0).normal(size=(count, 4)))
    lengths = tf.constant([1, 4, 2, 2, 3, 4, 1][:count])
    carried = [tf.reshape(tf.range(count * 4, dtype=tf.float64), [count, 4])]
    loss, after = halves.side_by_side(squares, [rows, lengths], carried)
    expected, expected_after = whole(squares, [rows, lengths], carried)
    assert float(loss) == pytest.approx(float(expected))
    np.testing.assert_array_equal(after[0], expected_after[0])


def check_equal(task, batches, monkeypatch):
    """Losses, states and gradients in halves, as training computes them, are those of the whole."""
    variables, state = [v.value for v in task.model.trainable_variables], task.start_state()
    signature = (list(task.signature), [tf.TensorSpec(s.shape, s.dtype) for s in state])

    def learn(batch, carried):
        with tf.GradientTape() as tape:
            loss, after = task.loss(tuple(batch), carried)
        return loss, after, [tf.convert_to_tensor(g) for g in tape.gradient(loss, variables)]

    results = []
    for way in (halves.side_by_side, whole):
        monkeypatch.setattr(f"{type(task).__module__}.side_by_side", way)
        function = tf.function(learn, input_signature=signature)  # built but once, as that is what takes time
        results.append([function(list(map(tf.constant, batch)), state) for batch in batches])
    for ours, theirs in zip(*results, strict=True):
        assert float(ours[0]) == pytest.approx(float(theirs[0]), rel=1e-5)
        for group in (1, 2):
            for a, b in zip(ours[group], theirs[group], strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    "config",
    [
        TransformerConfig(layers=2, units=8, heads=2, feedforward=16),
        GRUConfig(layers=2, units=6, embedding=4),
        GRUConfig(layers=1, units=6, embedding=4, attention="multiplicative", tied=False),
    ],
)
def test_a_translator_learns_the_same(config, monkeypatch):
    language = Language(Characters(), "abcdefghij")
    training = TranslatorTraining(steps=1, dropout=0.0, precision="float32")
    some = SentenceIds(np.arange(RESERVED, RESERVED + 4), np.array([4]))
    task = TranslatorTask(config, training, (language, language), (some, some), [])
    check_equal(task, [some_pairs(count, len(language)) for count in COUNTS], monkeypatch)


def some_pairs(count, vocabulary):
    """Sources and targets of several lengths."""
    rng = np.random.default_rng(1)
    source, target = (np.zeros((count, width), np.int32) for width in (5, 9))
    for row in range(count):
        source[row, : 1 + row % 5] = rng.integers(RESERVED, vocabulary, 1 + row % 5)
        length = 1 + (3 * row) % 7
        target[row, : length + 2] = [START, *rng.integers(RESERVED, vocabulary, length), END]
    return source, target


@pytest.mark.parametrize(("cell", "count"), [("lstm", 1), ("lstm", 2), ("rnn", 3), ("gru", 7)])
def test_a_character_model_learns_the_same(cell, count, monkeypatch):
    vocabulary = CharVocabulary("abc")
    training = CharlmTraining(
        steps=1, dropout=0.0, recurrent_dropout=0.0, batch_size=count, window=5, precision="float32"
    )
    ids = np.random.default_rng(0).integers(1, 4, 120).astype(np.uint8)
    config = CharlmConfig(cell=cell, layers=2, units=4, embedding=3)
    task = CharlmTask(config, training, vocabulary, ids, "abc")
    assert task.streams.batch == count
    check_equal(task, [task.batch(0)], monkeypatch)


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
