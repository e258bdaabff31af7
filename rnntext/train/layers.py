"""Layers that the models share, written so that a processor has little to do beside the products."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from rnntext.run.attention import EPSILON
from rnntext.train.products import Tensor, Tensors, WithGradient, product

MASKED_SCORE = -1e9  # is added to the score of a position that attention must not see: its weight becomes zero
BYTE_VALUES = 256
WORD_BYTES = 4
LAST_BYTE = WORD_BYTES - 1


class Dropout(keras.layers.Layer):
    """Sets a share of the numbers to zero in training, and scales the others up (Srivastava et al. 2014).

    y = x * m / (1 - rate), where m is 0 with probability `rate` and else 1.

    Drawing is what dropout costs, so one byte is drawn for each number, not four: the rate is rounded to 1/256.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.limit = round(rate * BYTE_VALUES)  # a smaller byte drops its number
        self.seed_generator = keras.random.SeedGenerator()
        self.built = True

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        """Any shape and type to the same."""
        if not training or not self.limit:
            return x
        count = tf.size(x)
        seed = self.seed_generator.next()
        seed = tf.cast(seed, tf.int32)
        word_count = (count + LAST_BYTE) // WORD_BYTES  # rounded up
        words = tf.random.stateless_uniform([word_count], seed, None, None, tf.uint32)  # all values of the type
        random_bytes = tf.bitcast(words, tf.uint8)  # [words, 4]
        random_bytes = tf.reshape(random_bytes, [-1])  # [4 * words]
        random_bytes = random_bytes[:count]
        random_bytes = tf.reshape(random_bytes, tf.shape(x))  # the axes of x
        kept = random_bytes >= self.limit
        scale = BYTE_VALUES / (BYTE_VALUES - self.limit)  # 1 / (1 - rate)
        scale = tf.constant(scale, x.dtype)
        kept = tf.cast(kept, x.dtype)
        return x * (kept * scale)


class Linear(keras.layers.Layer):
    """y = x W + b along the last axis.

    Args:
        features: size of the last axis of x.
        units: size of the last axis of y.
        operands: "float32" or "bfloat16", the type that x and W are rounded to.
        bias: whether there is a b.
        rounded: whether y is of the type `operands`, too; else it is float32.
    """

    def __init__(self, features: int, units: int, operands: str, bias: bool = True, rounded: bool = False) -> None:
        super().__init__()
        self.operands = tf.as_dtype(operands)
        self.result = self.operands if rounded else tf.float32
        self.kernel = self.add_weight(shape=(features, units), initializer="glorot_uniform", name="kernel")
        self.bias: Any = None
        if bias:
            self.bias = self.add_weight(shape=(units,), initializer="zeros", name="bias")
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """`[..., features]` to `[..., units]`."""
        features, units = self.kernel.shape
        kernel = tf.convert_to_tensor(self.kernel)
        rows = tf.reshape(x, [-1, features])  # [rows, features]
        y = product(rows, kernel, self.operands, self.result)  # [rows, units]
        if self.bias is not None:
            bias = tf.convert_to_tensor(self.bias)
            bias = tf.cast(bias, self.result)
            y = y + bias
        outer_axes = tf.shape(x)[:-1]
        last_axis = [units]
        shape = tf.concat([outer_axes, last_axis], axis=0)
        return tf.reshape(y, shape)


class Norm(keras.layers.Layer):
    """Layer normalisation (Ba, Kiros, Hinton 2016) along the last axis, with a hand-written gradient.

    y = scale * (x - mean(x)) / sqrt(variance(x) + epsilon) + bias
    """

    def __init__(self, units: int) -> None:
        super().__init__()
        self.scale = self.add_weight(shape=(units,), initializer="ones", name="scale")
        self.bias = self.add_weight(shape=(units,), initializer="zeros", name="bias")
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """`[..., units]` to the same."""
        shape = tf.shape(x)
        units = self.scale.shape[0]
        rows = tf.reshape(x, [-1, units])  # [rows, units]
        scale = tf.convert_to_tensor(self.scale)
        bias = tf.convert_to_tensor(self.bias)
        y = _normalize(rows, scale, bias)
        return tf.reshape(y, shape)


def _normalize(x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """`Norm` of rows `[rows, units]`.

    With u = (x - mean(x)) / s, s = sqrt(variance(x) + epsilon), d_u = d_y * scale, and means over the units:

        d_x = (d_u - mean(d_u) - u * mean(d_u * u)) / s
        d_scale = sum over the rows of d_y * u
        d_bias = sum over the rows of d_y
    """

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def run(x: Tensor, scale: Tensor, bias: Tensor) -> WithGradient:
        centred = x - _mean(x)
        square = centred * centred
        variance = _mean(square)  # [rows, 1]
        inverse = tf.math.rsqrt(variance + EPSILON)  # 1 / s, [rows, 1]
        u = centred * inverse

        def gradient(d_y: Tensor) -> Tensors:
            d_u = d_y * scale
            along = _mean(d_u * u)  # [rows, 1]
            u_along = u * along
            d_centred = d_u - _mean(d_u) - u_along
            d_x = inverse * d_centred
            d_scale = tf.reduce_sum(d_y * u, axis=0)  # [units]
            d_bias = tf.reduce_sum(d_y, axis=0)  # [units]
            return d_x, d_scale, d_bias

        scaled = u * scale
        return scaled + bias, gradient

    return run(x, scale, bias)


def _mean(x: Tensor) -> Tensor:
    """The mean of each row: `[rows, units]` to `[rows, 1]`."""
    return tf.reduce_mean(x, axis=1, keepdims=True)
