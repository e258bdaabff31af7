"""Cross-entropy over a large vocabulary, with its output layer, as one operation with a hand-written gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from rnntext.train.recurrent import Tensor, product

TINY = 1e-30  # probability below which a loss does not grow any more


def cross_entropy(
    hidden: Tensor,
    kernel: Tensor,
    across: Tensor,
    bias: Tensor,
    labels: Tensor,
    smoothing: float,
    operands: tf.DType,
) -> Tensor:
    """-sum over v of q(v) log softmax(hidden kernel^T + bias)(v), in nats, `[tokens]`.

    q is 1 - smoothing at the label plus smoothing shared by all (Szegedy et al. 2016, section 7). The arrays of the
    size tokens x vocabulary cost more than anything else here, so the gradient goes over them as rarely as possible:
    what smoothing and bias contribute is computed without them.

    Args:
        hidden: `[tokens, width]`.
        kernel, bias: `[vocabulary, width]`, `[vocabulary]`.
        across: the kernel transposed, `[width, vocabulary]`: products are faster with it this way round. Each of the
            two gets a part of the gradient.
        labels: `[tokens]`.
        operands: type that the operands of products are rounded to.
    """

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def run(h: Tensor, k: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Callable[..., Any]]:
        a = tf.cast(a, operands)
        p = tf.nn.softmax(product(h, a, operands) + b)  # a tenth of what TensorFlow's fused cross-entropy takes
        log_p = tf.math.log(tf.maximum(tf.gather(p, labels, batch_dims=1), TINY))
        right, mean_k = tf.gather(k, labels), tf.reduce_mean(k, axis=0)
        # The logit of the label minus the mean of all logits, which is the logit of the mean.
        above = tf.reduce_sum(h * (right - mean_k), axis=1) + tf.gather(b, labels) - tf.reduce_mean(b)
        losses = smoothing * above - log_p

        def gradient(g: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
            d = tf.cast(p * g[:, None], operands)
            wide = tf.concat([h, tf.ones([tf.shape(h)[0], 1], h.dtype)], axis=1)  # the bias is a weight of a constant
            weighted = g[:, None] * wide
            d_both = product(wide, d, operands, transpose_a=True)  # [width + 1, vocabulary], from all logits
            d_own = -(1.0 - smoothing) * tf.math.unsorted_segment_sum(weighted, labels, tf.shape(k)[0])
            d_own -= smoothing * tf.reduce_sum(weighted, axis=0) / tf.cast(tf.shape(k)[0], h.dtype)
            expected = (1.0 - smoothing) * right + smoothing * mean_k
            d_hidden = product(d, a, operands, transpose_b=True) - g[:, None] * expected
            return d_hidden, d_own[:, :-1], d_both[:-1], d_both[-1] + d_own[:, -1]

        return losses, gradient

    return run(hidden, kernel, across, bias)
