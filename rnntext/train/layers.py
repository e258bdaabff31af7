"""Layers that the models share, written so that a processor has little to do beside the products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from rnntext.run.attention import EPSILON
from rnntext.train.recurrent import Tensor, product

NEVER = -1e9  # added to a score of attention: nobody looks there
_LEVELS = 256  # a byte of chance decides about a number


class Dropout(keras.layers.Layer):
    """Sets a share of the numbers to zero in training, and scales the others up (Srivastava et al. 2014).

    One byte of chance per number, not four, as drawing is what dropout costs: the rate is rounded to 1/256.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.limit = round(rate * _LEVELS)
        self.seed_generator = keras.random.SeedGenerator()
        self.built = True

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        """Any shape and type to the same."""
        if not training or not self.limit:
            return x
        count = tf.size(x)
        seed = tf.cast(self.seed_generator.next(), tf.int32)
        words = tf.random.stateless_uniform([(count + 3) // 4], seed, None, None, tf.uint32)
        chance = tf.reshape(tf.reshape(tf.bitcast(words, tf.uint8), [-1])[:count], tf.shape(x))
        scale = tf.constant(_LEVELS / (_LEVELS - self.limit), x.dtype)
        return x * (tf.cast(chance >= self.limit, x.dtype) * scale)


class Linear(keras.layers.Layer):
    """x W + b along the last axis; the product's operands are rounded to `operands`, with `rounded` its result, too."""

    def __init__(self, features: int, units: int, operands: str, bias: bool = True, rounded: bool = False) -> None:
        super().__init__()
        self.operands = tf.as_dtype(operands)
        self.result = self.operands if rounded else tf.float32
        self.kernel = self.add_weight(shape=(features, units), initializer="glorot_uniform", name="kernel")
        self.bias = self.add_weight(shape=(units,), initializer="zeros", name="bias") if bias else None
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """`[..., features]` to `[..., units]`."""
        rows = tf.reshape(x, [-1, self.kernel.shape[0]])
        y = product(rows, tf.convert_to_tensor(self.kernel), self.operands, self.result)
        y = y if self.bias is None else y + tf.cast(tf.convert_to_tensor(self.bias), self.result)
        return tf.reshape(y, tf.concat([tf.shape(x)[:-1], [self.kernel.shape[1]]], axis=0))


class Norm(keras.layers.Layer):
    """(x - mean) / sqrt(variance + epsilon) * scale + bias along the last axis (Ba, Kiros, Hinton 2016), with a
    hand-written gradient."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.scale = self.add_weight(shape=(units,), initializer="ones", name="scale")
        self.bias = self.add_weight(shape=(units,), initializer="zeros", name="bias")
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """`[..., units]` to the same."""
        shape = tf.shape(x)
        rows = tf.reshape(x, [-1, self.scale.shape[0]])
        y = _normalize(rows, tf.convert_to_tensor(self.scale), tf.convert_to_tensor(self.bias))
        return tf.reshape(y, shape)


def _normalize(x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """`Norm` of rows."""

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def run(x: Tensor, scale: Tensor, bias: Tensor) -> tuple[Tensor, Callable[..., Any]]:
        centred = x - tf.reduce_mean(x, axis=1, keepdims=True)
        inverse = tf.math.rsqrt(tf.reduce_mean(centred * centred, axis=1, keepdims=True) + EPSILON)
        unit = centred * inverse

        def gradient(d: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            scaled = d * scale
            along = tf.reduce_mean(scaled * unit, axis=1, keepdims=True)
            d_x = inverse * (scaled - tf.reduce_mean(scaled, axis=1, keepdims=True) - unit * along)
            return d_x, tf.reduce_sum(d * unit, axis=0), tf.reduce_sum(d, axis=0)

        return unit * scale + bias, gradient

    return run(x, scale, bias)
