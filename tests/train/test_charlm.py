"""The two character models, Keras's and NumPy's, are one: equal logits from equal weights."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import safetensors.numpy

import rnntext
from rnntext import run
from rnntext.run.charlm import shapes
from rnntext.settings.charlm import CharlmConfig, CharlmTraining
from rnntext.text.vocabulary import CharVocabulary
from rnntext.train.charlm import Charlm

BATCH, TIME = 3, 40
VOCABULARY = CharVocabulary("abcdefghij \n")
IDS = np.random.default_rng(0).integers(0, len(VOCABULARY), [BATCH, TIME])

every_shape = pytest.mark.parametrize(("cell", "layers"), list(itertools.product(["rnn", "lstm", "gru"], [1, 2, 3])))


def twins(cell: str, layers: int) -> tuple[Charlm, run.charlm.Charlm]:
    """Both models with the same random weights, biases included."""
    config = CharlmConfig(cell=cell, layers=layers, units=7, embedding=5)
    keras_model = Charlm(config, len(VOCABULARY))
    rng = np.random.default_rng(1)
    for variable in keras_model.trainable_variables:
        variable.assign(rng.normal(0.0, 0.5, variable.shape))
    return keras_model, run.charlm.Charlm(config, VOCABULARY, keras_model.arrays())


def random_state(model: Charlm) -> list[list[np.ndarray]]:
    rng = np.random.default_rng(2)
    return [[rng.normal(size=s.shape).astype(np.float32) for s in layer] for layer in model.initial_state(BATCH)]


def step_through(model: run.charlm.Charlm, ids: np.ndarray, states=None) -> tuple[np.ndarray, list]:
    """Logits `[batch, time, vocabulary]` and final states of the NumPy model."""
    state = model.start(len(ids))
    for layer, given in zip(state.layers(), states or [], strict=states is not None):
        for place, value in zip(layer, given, strict=True):
            place[...] = value.T  # the NumPy model's states are [units, batch]
    logits = np.stack([model.step(state, column).copy() for column in ids.T], axis=1)
    return logits, [[place.T for place in layer] for layer in state.layers()]


def assert_equal(found, expected) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def assert_equal_states(found, expected) -> None:
    for f, e in zip(found, expected, strict=True):
        assert_equal(np.stack(f), np.stack(e))


@every_shape
def test_logits_and_states_are_equal_after_every_one_of_40_characters(cell, layers):
    keras_model, numpy_model = twins(cell, layers)
    expected, expected_states = keras_model(IDS, keras_model.initial_state(BATCH))
    logits, states = step_through(numpy_model, IDS)
    assert_equal(logits, expected)
    assert_equal_states(states, expected_states)


@every_shape
def test_logits_are_equal_from_any_state(cell, layers):
    keras_model, numpy_model = twins(cell, layers)
    states = random_state(keras_model)
    expected, expected_after = keras_model(IDS[:, :5], states)
    logits, after = step_through(numpy_model, IDS[:, :5], states)
    assert_equal(logits, expected)
    assert_equal_states(after, expected_after)


@every_shape
def test_a_state_carried_over_two_calls_continues_the_text(cell, layers):
    keras_model, numpy_model = twins(cell, layers)
    first, between = keras_model(IDS[:, :15], keras_model.initial_state(BATCH))
    second, _ = keras_model(IDS[:, 15:], between)
    assert_equal(step_through(numpy_model, IDS)[0], np.concatenate([first, second], axis=1))


@every_shape
def test_the_arrays_have_the_names_and_shapes_that_the_numpy_model_reads(cell, layers):
    keras_model, numpy_model = twins(cell, layers)
    found = {name: array.shape for name, array in keras_model.arrays().items()}
    assert found == shapes(numpy_model.config, len(VOCABULARY))


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_equal_after_training_and_storage_500_characters_long(cell, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("the quick brown fox jumps over the lazy dog\n" * 20)
    config = CharlmConfig(cell=cell, layers=2, units=12, embedding=6)
    training = CharlmTraining(steps=10, batch_size=4, window=8, learning_rate=0.01, dropout=0.2, precision="float32")
    rnntext.train_charlm([str(text)], tmp_path / "model", config, training)
    model = rnntext.load(tmp_path / "model")
    ids = np.random.default_rng(3).integers(0, len(model.engine.vocabulary), [1, 500])
    keras_model = Charlm(config, len(model.engine.vocabulary))
    stored = safetensors.numpy.load_file(tmp_path / "model/versions/000001/weights.safetensors")
    for name, variable in zip(keras_model.arrays(), keras_model.trainable_variables, strict=True):
        variable.assign(stored[name])
    assert_equal(step_through(model.engine, ids)[0], keras_model(ids, keras_model.initial_state(1))[0])


def test_dropout_is_off_unless_the_model_is_trained():
    config, ids = CharlmConfig(layers=2, units=7, embedding=5), IDS[:, :6]
    model = Charlm(config, len(VOCABULARY), CharlmTraining(dropout=0.5, recurrent_dropout=0.3))
    start = model.initial_state(BATCH)
    np.testing.assert_array_equal(model(ids, start)[0], model(ids, start)[0])
    assert not np.allclose(model(ids, start, training=True)[0], model(ids, start, training=True)[0])


def test_bfloat16_is_close_to_float32_but_not_it():
    exact, _ = twins("lstm", 2)
    rounded = Charlm(exact.config, len(VOCABULARY), operands="bfloat16")
    rounded.set_weights(exact.get_weights())
    found, expected = (model(IDS, model.initial_state(BATCH))[0] for model in (rounded, exact))
    assert 1e-4 < np.linalg.norm(found - expected) / np.linalg.norm(expected) < 0.03
