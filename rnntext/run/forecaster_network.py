"""The networks of the forecasters in NumPy: the twins of `train/forecasters.py`, and the ones that users run.

A network reads windows `[batch, time, features]` and answers, at their last step, `[batch, outputs]`, where outputs are
ahead * targets: `ahead` values of each column to be predicted.

    linear:    y = window W + b, with the window as one vector [time * features]
    recurrent: h = the output of the last recurrent layer after the last step
               y = h W + b + window V

A convolution may come before the recurrent layers. The dense layer W, b may be missing (then y = h), and so may the
linear model V of the window.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from rnntext.run.arrays import Array, Shapes, Weights, affine_shapes, zeros
from rnntext.run.stack import Stack, stack_shapes
from rnntext.run.windows import answering_steps_of_convolution
from rnntext.settings.forecaster import BASELINES, CONVOLUTION, FORECASTERS, ForecastConfig

Network: TypeAlias = Callable[[Array], Array]  # [batch, time, features] to [batch, outputs]


def sizes(config: ForecastConfig, targets: int, known: int) -> tuple[int, int]:
    """The number of features that a network reads at a step, and the number of its outputs.

    Args:
        targets, known: number of columns to be predicted, and of those known in advance.
    """
    features = targets + known * config.ahead
    outputs = targets * config.ahead
    return features, outputs


def recurrent_output(config: ForecastConfig, outputs: int) -> bool:
    """Whether the last recurrent layer gives the output: if asked for, or if a single unit predicts one number."""
    if config.recurrent_output:
        return True
    if config.architecture != "rnn":
        return False
    units = config.stack()
    return units == (1,) and outputs == 1


def linear_path(config: ForecastConfig, outputs: int) -> bool:
    """Whether a linear model of the window is added to the output of a recurrent network (LSTNet, Lai et al. 2018)."""
    if not config.linear or config.scale != "relative":
        return False
    architecture = FORECASTERS[config.architecture]
    if architecture.cell is None:
        return False
    return not recurrent_output(config, outputs)


def layer_units(config: ForecastConfig, outputs: int) -> tuple[int, ...]:
    """The units of all recurrent layers, a recurrent output layer included."""
    inner = config.stack()
    if not recurrent_output(config, outputs):
        return inner
    if config.architecture == "rnn":
        return (outputs,)
    return (*inner, outputs)


def shapes(config: ForecastConfig, targets: int, known: int = 0) -> Shapes:
    """Names and shapes of the arrays of a network, all float32; none of a naive forecaster.

    Args:
        targets, known: number of columns to be predicted, and of those known in advance.
    """
    arrays: Shapes = {}
    if config.architecture in BASELINES:
        return arrays
    architecture = FORECASTERS[config.architecture]
    features, outputs = sizes(config, targets, known)
    window = config.read * features
    if architecture.cell is None:
        return affine_shapes("output", window, outputs)
    layers = layer_units(config, outputs)
    if architecture.convolution:
        filters = layers[0]
        arrays["convolution.kernel"] = (CONVOLUTION, features, filters)
        arrays["convolution.bias"] = (filters,)
        features = filters
    arrays |= stack_shapes(architecture.cell, features, layers)
    if not recurrent_output(config, outputs):
        units = layers[-1]
        arrays |= affine_shapes("output", units, outputs)
    if linear_path(config, outputs):
        arrays["linear.kernel"] = (window, outputs)
    return arrays


def network(config: ForecastConfig, targets: int, known: int, arrays: Weights) -> Network:
    """The network of a config.

    Args:
        targets, known: number of columns to be predicted, and of those known in advance.
        arrays: its weights, as `shapes` names them.
    """
    _, outputs = sizes(config, targets, known)
    if config.architecture in BASELINES:
        return lambda windows: zeros(len(windows), outputs)
    architecture = FORECASTERS[config.architecture]
    if architecture.cell is None:
        kernel = arrays["output.kernel"]
        bias = arrays["output.bias"]
        return lambda windows: _flat(windows) @ kernel + bias
    layers = layer_units(config, outputs)
    stack = Stack(architecture.cell, layers, arrays)
    return _Recurrent(stack, arrays)


def _flat(windows: Array) -> Array:
    """`[batch, time, features]` to `[batch, time * features]`."""
    batch = len(windows)
    return windows.reshape(batch, -1)


class _Recurrent:
    """A convolution or none, recurrent layers, a dense layer or none, a linear model of the window or none.

    Args:
        stack: the recurrent layers.
        arrays: all weights; a part of the network that has none is left out.
    """

    def __init__(self, stack: Stack, arrays: Weights) -> None:
        self.stack = stack
        self.arrays = arrays

    def __call__(self, windows: Array) -> Array:
        # 1. Read the window from its first step to its last.
        arrays = self.arrays
        x = windows  # [batch, time, features]
        if "convolution.kernel" in arrays:
            kernel = arrays["convolution.kernel"]
            bias = arrays["convolution.bias"]
            x = _convolve(x, kernel, bias)
        h = self._last_output(x)  # [batch, units]

        # 2. Answer.
        if "output.kernel" in arrays:
            y = h @ arrays["output.kernel"]  # [batch, outputs]
            y += arrays["output.bias"]
        else:
            y = h.copy()
        if "linear.kernel" in arrays:
            flat = _flat(windows)  # [batch, time * features]
            y += flat @ arrays["linear.kernel"]
        return np.asarray(y)

    def _last_output(self, x: Array) -> Array:
        """The output of the last recurrent layer at the last step, `[batch, units]`; x is `[batch, time, features]`."""
        batch, time, features = x.shape
        time_major = x.transpose(1, 0, 2)  # [time, batch, features]
        inputs = time_major.reshape(time * batch, features)
        projected = self.stack.project(inputs)  # [gates * units, time * batch]
        state = self.stack.start(batch)
        for step in range(time):
            begin = step * batch
            end = begin + batch
            now = projected[:, begin:end]  # [gates * units, batch]
            h = self.stack.step(state, now)  # [units, batch]
        return h.T


def _convolve(x: Array, kernel: Array, bias: Array) -> Array:
    """A convolution along the time, with a stride and without an activation, that ends with the last step.

    Args:
        x: `[batch, time, features]`.
        kernel: `[CONVOLUTION, features, filters]`.
        bias: `[filters]`.

    Returns:
        `[batch, places, filters]`.
    """
    batch, time, _ = x.shape
    last_steps = answering_steps_of_convolution(time)  # [places]
    places = len(last_steps)
    back = np.arange(1 - CONVOLUTION, 1)  # [CONVOLUTION]
    steps = last_steps[:, None] + back  # [places, CONVOLUTION]
    patches = x[:, steps]  # [batch, places, CONVOLUTION, features]
    rows = patches.reshape(batch, places, -1)  # [batch, places, CONVOLUTION * features]
    filters = kernel.shape[2]
    matrix = kernel.reshape(-1, filters)  # [CONVOLUTION * features, filters]
    return np.asarray(rows @ matrix + bias)
