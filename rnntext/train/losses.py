"""Cross-entropy over a large vocabulary, with its output layer, as one operation with a hand-written gradient."""

from __future__ import annotations

import tensorflow as tf

from rnntext.train.products import Tensor, Tensors, WithGradient, product

MIN_PROBABILITY = 1e-30  # a label that is less likely than this costs no more, so that no loss is infinite


def cross_entropy(
    hidden: Tensor, kernel: Tensor, across: Tensor, bias: Tensor, labels: Tensor, smoothing: float, operands: tf.DType
) -> Tensor:
    """The cross-entropy of each token with smoothed labels, in nats, `[tokens]`.

    With z = hidden K^T + b, p = softmax(z), V the size of the vocabulary, y the label and e the smoothing (Szegedy et
    al. 2016, section 7):

        q(v) = (1 - e) [v = y] + e / V
        L = -sum over v of q(v) log p(v) = -log p(y) + e (z(y) - mean of z)
        d_z = p - q

    The arrays `[tokens, vocabulary]` cost more than anything else here, so the code goes over them as rarely as
    possible: all that q contributes, to the loss and to the gradient, is computed without them. The mean of z, for one,
    is hidden times the mean of K's rows, plus the mean of b.

    Args:
        hidden: `[tokens, width]`.
        kernel, bias: K `[vocabulary, width]` and b `[vocabulary]`.
        across: K transposed, `[width, vocabulary]`, as products are faster with it this way round. The gradient of p
            goes to `across`, that of q to `kernel`; together they are K's.
        labels: `[tokens]`.
        smoothing: e, from 0 to 1.
        operands: type that the operands of products are rounded to.
    """

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def run(h: Tensor, k: Tensor, k_t: Tensor, b: Tensor) -> WithGradient:
        # 1. p = softmax(z). Written so, it takes a tenth of the time of TensorFlow's fused cross-entropy.
        k_t = tf.cast(k_t, operands)
        z = product(h, k_t, operands)  # [tokens, vocabulary]
        z = z + b
        p = tf.nn.softmax(z)

        # 2. L, for which z and p are needed at the labels alone.
        k_y = tf.gather(k, labels)  # [tokens, width]
        k_mean = tf.reduce_mean(k, axis=0)  # [width]
        losses = _losses(h, p, k_y, k_mean, b, labels, smoothing)  # [tokens]

        def gradient(d_losses: Tensor) -> Tensors:
            d_losses = d_losses[:, None]  # [tokens, 1]
            from_label = (1.0 - smoothing) * k_y  # [tokens, width]
            from_mean = smoothing * k_mean  # [width]
            q_k = from_label + from_mean  # q K, [tokens, width]
            return _gradients(d_losses, h, k_t, p, q_k, labels, smoothing)

        return losses, gradient

    return run(hidden, kernel, across, bias)


def _losses(h: Tensor, p: Tensor, k_y: Tensor, k_mean: Tensor, b: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    """L = -log p(y) + e (z(y) - mean of z), `[tokens]`.

    Args:
        h: `[tokens, width]`.
        p: `[tokens, vocabulary]`.
        k_y, k_mean: the labels' rows of K `[tokens, width]`, and the mean of all rows `[width]`.
        b: `[vocabulary]`.
        labels: `[tokens]`.
        smoothing: e.
    """
    p_y = tf.gather(p, labels, batch_dims=1)  # [tokens]
    p_y = tf.maximum(p_y, MIN_PROBABILITY)
    log_p_y = tf.math.log(p_y)
    b_y = tf.gather(b, labels)  # [tokens]
    b_mean = tf.reduce_mean(b)
    k_difference = k_y - k_mean  # [tokens, width]
    products = h * k_difference  # [tokens, width]
    z_difference = tf.reduce_sum(products, axis=1)  # [tokens]
    z_difference = z_difference + b_y - b_mean
    return smoothing * z_difference - log_p_y


def _gradients(
    d_losses: Tensor, h: Tensor, k_t: Tensor, p: Tensor, q_k: Tensor, labels: Tensor, smoothing: float
) -> Tensors:
    """The gradients of hidden, kernel, across and bias: d_h = d_z K, d_K = d_z^T h, d_b = sum of d_z.

    Args:
        d_losses: the gradient of the losses, `[tokens, 1]`.
        h: `[tokens, width]`.
        k_t: K transposed and rounded, `[width, vocabulary]`.
        p: `[tokens, vocabulary]`.
        q_k: q K, `[tokens, width]`.
        labels: `[tokens]`.
        smoothing: e.
    """
    # 1. d_z = d_L (p - q). First the part of p, which goes over all of `[tokens, vocabulary]`. The bias is the weight
    # of a constant 1.
    operands = k_t.dtype
    weighted_p = p * d_losses  # [tokens, vocabulary]
    weighted_p = tf.cast(weighted_p, operands)
    tokens = tf.shape(h)[0]
    ones = tf.ones([tokens, 1], h.dtype)
    h_and_1 = tf.concat([h, ones], axis=1)  # [tokens, width + 1]
    from_p = product(h_and_1, weighted_p, operands, transpose_a=True)  # [width + 1, vocabulary]

    # 2. The part of q, which needs one row for each token, and one for the smoothing.
    vocabulary = tf.shape(k_t)[1]
    weighted = d_losses * h_and_1  # [tokens, width + 1]
    by_label = tf.math.unsorted_segment_sum(weighted, labels, vocabulary)  # [vocabulary, width + 1]
    total = tf.reduce_sum(weighted, axis=0)  # [width + 1]
    count = tf.cast(vocabulary, h.dtype)
    from_q = -(1.0 - smoothing) * by_label
    from_q -= smoothing * total / count  # [vocabulary, width + 1]

    # 3. Both together.
    weighted_p_k = product(weighted_p, k_t, operands, transpose_b=True)  # [tokens, width]
    weighted_q_k = d_losses * q_k  # [tokens, width]
    d_hidden = weighted_p_k - weighted_q_k
    d_kernel = from_q[:, :-1]  # [vocabulary, width]
    d_across = from_p[:-1]  # [width, vocabulary]
    d_bias_p = from_p[-1]  # [vocabulary]
    d_bias_q = from_q[:, -1]  # [vocabulary]
    return d_hidden, d_kernel, d_across, d_bias_p + d_bias_q
