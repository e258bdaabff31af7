"""Names of the types that all NumPy models share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray
Shape: TypeAlias = tuple[int, ...]
Shapes: TypeAlias = dict[str, Shape]  # by the names of the arrays, as they are stored in a checkpoint
Weights: TypeAlias = Mapping[str, Array]  # by the same names
Sentences: TypeAlias = list[Array]  # the ids of each, [time]


def zeros(*shape: int) -> Array:
    """Zeros of some shape, float32."""
    return np.zeros(shape, np.float32)


def empty(*shape: int) -> Array:
    """An array of some shape, float32, whose numbers are yet to be set."""
    return np.empty(shape, np.float32)


def affine_shapes(name: str, features: int, units: int) -> Shapes:
    """Names and shapes of the weights of a product, `name`.kernel and `name`.bias."""
    return {
        f"{name}.kernel": (features, units),
        f"{name}.bias": (units,),
    }


def beside(left: Array, right: Array) -> Array:
    """[left, right]: `[rows, m]` and `[rows, n]` to `[rows, m + n]`."""
    return np.concatenate([left, right], axis=1)
