"""A character model as the training loop sees it: its loss, its evaluation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf

from rnntext.run.charlm import Charlm as Engine
from rnntext.run.charlm import shapes
from rnntext.settings.charlm import CharlmConfig, CharlmTraining
from rnntext.text.vocabulary import CODE_POINTS, CharVocabulary
from rnntext.train import precision
from rnntext.train.charlm_task import CharlmTask
from rnntext.train.charlm_teachers import Teacher

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


# Teachers -------------------------------------------------------------------------------------------------------------


def teacher(cell: str, characters: str, seed: int) -> tuple[Teacher, Engine]:
    """With random weights, as a teacher and as the engine runs it."""
    config = CharlmConfig(cell=cell, layers=1, units=4, embedding=2)
    vocabulary = CharVocabulary(characters)
    rng = np.random.default_rng(seed)
    arrays = {n: rng.normal(size=s).astype(np.float32) for n, s in shapes(config, len(vocabulary)).items()}
    return Teacher(config, vocabulary, arrays), Engine(config, vocabulary, arrays)


def taught_task(share: float, *teachers: Teacher) -> CharlmTask:
    """A model of two streams with random weights; the text has no unknown character."""
    config = CharlmConfig(cell="lstm", layers=2, units=6, embedding=3)
    training = CharlmTraining(batch_size=2, window=5, dropout=0.0, recurrent_dropout=0.0, precision="float32")
    ids = np.random.default_rng(0).integers(1, SIZE, 60).astype(np.uint8)
    made = CharlmTask(config, training, VOCABULARY, ids, HELD_OUT, teachers=teachers, share=share)
    for variable in made.model.trainable_variables:
        variable.assign(np.random.default_rng(1).normal(size=variable.shape))
    return made


def test_teachers_expect_what_they_expect_in_service_in_the_pupils_vocabulary():
    first, first_engine = teacher("lstm", "\nabcd", 2)
    second, second_engine = teacher("gru", "dxa\nc", 3)  # does not know b, knows x, and has another order
    t = taught_task(0.3, first, second)
    (features, labels), (next_features, next_labels) = t.batch(0), t.batch(1)
    _, carried = t.loss((features, labels), t.start_state())
    loss, _ = t.loss((next_features, next_labels), carried)

    expected = np.zeros((2, 10, SIZE))
    both = np.concatenate([features, next_features], axis=1)
    for taught, engine in ((first, first_engine), (second, second_engine)):
        pupils = ["", *VOCABULARY.characters]  # by id
        ids = [taught.vocabulary.ids.get(character, 0) for character in pupils]
        state = engine.start(2)
        for time in range(10):
            logits = engine.step(state, np.array([ids[i] for i in both[:, time]]))
            p = np.exp(log_probabilities(logits))
            kept = np.array([[row[i] if i or not n else 0.0 for n, i in enumerate(ids)] for row in p])
            expected[:, time] += kept / kept.sum(axis=1, keepdims=True) / 2
    logits, _ = t.model(both, t.model.initial_state(2))
    log_p = log_probabilities(logits.numpy())[:, 5:]
    hard = -np.take_along_axis(log_p, next_labels[:, :, None], axis=2)[:, :, 0]
    soft = -(expected[:, 5:] * log_p).sum(axis=2)
    assert float(loss) == pytest.approx((0.7 * hard + 0.3 * soft).mean(), rel=1e-5)


def test_a_teacher_learns_nothing():
    first, _ = teacher("rnn", "\nabcd", 2)
    t = taught_task(0.5, first)
    assert len(t.model.trainable_variables) == len(taught_task(0.0).model.trainable_variables)
    assert t.teachers.models[0].trainable_variables == []
    with tf.GradientTape() as tape:
        loss, _ = t.loss(t.batch(0), t.start_state())
    gradients = tape.gradient(loss, [variable.value for variable in t.model.trainable_variables])
    assert all(np.abs(tf.convert_to_tensor(gradient)).max() > 0 for gradient in gradients)
