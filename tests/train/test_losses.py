"""The cross-entropy with its hand-written gradient, against the definition and TensorFlow's own gradient."""

import numpy as np
import pytest
import tensorflow as tf

from rnntext.train.losses import cross_entropy

RNG = np.random.default_rng(0)
HIDDEN, KERNEL, BIAS = (RNG.normal(0, 1, shape).astype(np.float32) for shape in [(6, 4), (9, 4), (9,)])
LABELS = np.array([0, 3, 8, 2, 2, 5])
every_smoothing = pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])


def definition(hidden, kernel, bias, smoothing):
    """With TensorFlow's operations, one by one."""
    wanted = (1 - smoothing) * tf.one_hot(LABELS, 9) + smoothing / 9
    return -tf.reduce_sum(wanted * tf.nn.log_softmax(hidden @ tf.transpose(kernel) + bias), axis=1)


@every_smoothing
def test_the_losses_are_those_of_the_definition(smoothing):
    found = cross_entropy(*map(tf.constant, (HIDDEN, KERNEL, KERNEL.T, BIAS, LABELS)), smoothing, tf.float32)
    logits = (HIDDEN @ KERNEL.T + BIAS).astype(np.float64)
    log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    wanted = np.full((6, 9), smoothing / 9)
    wanted[np.arange(6), LABELS] += 1 - smoothing
    np.testing.assert_allclose(found, -(wanted * log_p).sum(1), rtol=1e-5)


@every_smoothing
def test_the_gradients_are_those_of_the_definition(smoothing):
    places = [tf.constant(a) for a in (HIDDEN, KERNEL, BIAS)]
    weights = tf.constant([1.0, 0.5, -2.0, 0.1, 3.0, 0.0])  # each token's loss counts differently
    gradients = []
    for function in (
        lambda h, k, b: cross_entropy(h, k, tf.transpose(k), b, tf.constant(LABELS), smoothing, tf.float32),
        lambda h, k, b: definition(h, k, b, smoothing),
    ):
        with tf.GradientTape() as tape:
            tape.watch(places)
            loss = tf.reduce_sum(weights * function(*places))
        gradients.append(tape.gradient(loss, places))
    for ours, theirs in zip(*gradients, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_bfloat16_operands_are_about_as_good():
    arguments = tuple(map(tf.constant, (HIDDEN, KERNEL, KERNEL.T, BIAS, LABELS)))
    exact, rough = (cross_entropy(*arguments, 0.1, kind).numpy() for kind in (tf.float32, tf.bfloat16))
    assert 0 < np.abs(exact - rough).max() < 0.1
