"""Back-propagation in NumPy against TensorFlow's gradients."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import tensorflow as tf
from helpers import random_arrays

from rnntext.run.backprop import Stretch, start
from rnntext.settings.charlm import CharlmConfig
from rnntext.train.charlm import Charlm

VOCABULARY, FIRST, LAST = 7, 8, 20
TEXT = np.random.default_rng(0).integers(0, VOCABULARY, LAST + 1)
BEFORE, READ, PREDICTED = TEXT[:FIRST], TEXT[FIRST:LAST], TEXT[FIRST + 1 :]


@pytest.mark.parametrize(("cell", "layers"), list(itertools.product(["rnn", "lstm", "gru"], [1, 2])))
def test_loss_and_gradients_of_a_second_stretch_are_those_of_tensorflow(cell: str, layers: int) -> None:
    config = CharlmConfig(cell=cell, layers=layers, units=5, embedding=3)
    weights = random_arrays(config, VOCABULARY)
    twin = Charlm(config, VOCABULARY)
    variables = twin.named_variables()
    for name, variable in variables.items():
        variable.assign(weights[name])
    _, states = twin(BEFORE[None], twin.initial_state(1))
    with tf.GradientTape() as tape:
        logits, _ = twin(READ[None], states)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(PREDICTED[None], logits)
        loss = tf.reduce_mean(losses)
    gradients = tape.gradient(loss, [variable.value for variable in variables.values()])

    before = Stretch(config, weights, start(config), BEFORE, TEXT[1 : FIRST + 1])
    stretch = Stretch(config, weights, before.states, READ, PREDICTED)
    found = {name: np.full_like(array, np.nan) for name, array in weights.items()}
    stretch.gradients(found)
    np.testing.assert_allclose(stretch.losses, losses[0], rtol=1e-5)
    for name, gradient in zip(variables, gradients, strict=True):
        expected = tf.convert_to_tensor(gradient).numpy()
        assert np.abs(expected).max() > 1e-3
        np.testing.assert_allclose(found[name], expected, rtol=1e-4, atol=1e-6, err_msg=name)
