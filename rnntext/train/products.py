"""Matrix products whose operands may have a narrower type than everything around them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import tensorflow as tf

Tensor: TypeAlias = tf.Tensor
Tensors: TypeAlias = tuple[Tensor, ...]
WithGradient: TypeAlias = tuple[Any, Callable[..., Any]]  # what a function under `tf.custom_gradient` returns


def product(a: Tensor, b: Tensor, operands: tf.DType, result: tf.DType = tf.float32, **transposes: bool) -> Tensor:
    """`a @ b`, `[..., rows, columns]`, with both operands rounded to a type.

    Args:
        a, b: the factors, of any type.
        operands: the type that both are rounded to, float32 or bfloat16. The sums are float32 inside the kernel, but
            `tf.matmul` rounds them to this type, too.
        result: the type that the result is cast to afterwards.
        transposes: `transpose_a` or `transpose_b`, as `tf.matmul` takes them.
    """
    a = tf.cast(a, operands)
    b = tf.cast(b, operands)
    y = tf.matmul(a, b, **transposes)
    return tf.cast(y, result)
