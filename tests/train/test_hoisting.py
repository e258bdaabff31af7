"""A cell without a recurrent product, minGRU (Feng et al. 2024), runs in the hoisted loop, too."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from rnntext.train.cells import StepGradients
from rnntext.train.hoisting import Options, recur

TIME, BATCH, FEATURES, UNITS = 6, 3, 4, 5
PADDED = np.arange(TIME)[:, None] < np.array([6, 4, 1])  # [time, batch]


class MinGRUMath:
    """z = s(x_z), h' = (1 - z) * h + z * x_h."""

    one_gradient = True

    def forward(self, x, r, states):
        assert r is None
        (h,) = states
        x_z, candidate = tf.split(x, 2, axis=1)
        z = tf.sigmoid(x_z)
        return (h + z * (candidate - h),), (z, candidate)

    def backward(self, saved, old, new, d_new):
        z, candidate = saved
        (h,), (d_h,) = old, d_new
        d_z = d_h * (candidate - h) * z * (1.0 - z)
        return StepGradients(tf.concat([d_z, d_h * z], axis=1), None, (d_h * (1.0 - z),))


def definition(x, h, kernel, bias, mask):
    """Step by step, with TensorFlow's own gradient."""
    outputs = []
    for t in range(TIME):
        x_z, candidate = tf.split(x[t] @ kernel + bias, 2, axis=1)
        z = tf.sigmoid(x_z)
        new = (1.0 - z) * h + z * candidate
        h = new if mask is None else tf.where(mask[t][:, None], new, h)
        outputs.append(h)
    return tf.stack(outputs), h


@pytest.mark.parametrize("mask", [None, PADDED], ids=["whole", "padded"])
def test_a_cell_without_a_recurrent_product_runs_without_a_recurrent_kernel(mask):
    rng = np.random.default_rng(0)
    shapes = [(TIME, BATCH, FEATURES), (BATCH, UNITS), (FEATURES, 2 * UNITS), (2 * UNITS,)]
    arguments = [tf.constant(rng.normal(size=shape).astype(np.float32)) for shape in shapes]
    weights = rng.normal(size=(TIME, BATCH, UNITS)).astype(np.float32)

    def hoisted(x, h, kernel, bias):
        outputs, (final,) = recur(MinGRUMath(), x, (h,), (kernel,), (bias,), Options(mask=mask))
        return outputs, final

    results = []
    for function in (hoisted, lambda *a: definition(*a, mask)):
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            outputs, final = function(*arguments)
            loss = tf.reduce_sum(outputs * weights) + tf.reduce_sum(final * final)
        results.append([outputs, final, *tape.gradient(loss, arguments)])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-5)
