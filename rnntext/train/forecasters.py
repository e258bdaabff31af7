"""The forecasters in Keras: what `run/forecasters.py` computes, differentiable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rnntext.config import BASELINES, CONVOLUTION, FORECASTERS, STRIDE, ForecastConfig
from rnntext.run.forecasters import linear_path, recurrent_output, shapes, sizes, stack
from rnntext.run.windows import answering_steps
from rnntext.train.recurrent import CELLS, Tensor


class Forecaster(keras.Model):
    """A convolution or none, recurrent layers or none, a dense layer or none, a linear model of the window or none.

    What corrects the naive forecast begins with no correction: its last layers are zero.

    Args:
        config: the network's shape.
        targets, known: number of columns to be predicted, and of those known in advance.
        dropout: rate after each recurrent layer.
    """

    def __init__(self, config: ForecastConfig, targets: int, known: int = 0, dropout: float = 0.0) -> None:
        super().__init__(name="forecaster")
        self.config, self.targets, self.known = config, targets, known
        self.steps = answering_steps(config)
        features, self.outputs_wide = sizes(config, targets, known)
        kind, wide = FORECASTERS[config.architecture], config.window * features
        self.convolution: Any = None
        self.recurrent: list[Any] = []
        self.dense: Any = None
        self.linear: Any = None
        units = stack(config, self.outputs_wide) if kind.cell else ()
        if kind.convolution:
            self.convolution = keras.layers.Conv1D(units[0], CONVOLUTION, strides=STRIDE, padding="valid")
            self.convolution.build((None, None, features))
            features = units[0]
        for index, width in enumerate(units):
            layer = CELLS[str(kind.cell)](width, return_sequences=True, name=f"{kind.cell}_{index}")
            layer.build((None, None, features))
            self.recurrent.append(layer)
            features = width
        self.dropouts = [keras.layers.Dropout(dropout) for _ in units]
        if config.architecture not in BASELINES and not (units and recurrent_output(config, self.outputs_wide)):
            first = "zeros" if config.scale == "relative" else "glorot_uniform"
            self.dense = keras.layers.Dense(self.outputs_wide, kernel_initializer=first, name="output")
            self.dense.build((None, features if units else wide))
        if linear_path(config, self.outputs_wide):
            self.linear = keras.layers.Dense(
                self.outputs_wide, use_bias=False, kernel_initializer="zeros", name="linear"
            )
            self.linear.build((None, wide))
        self.built = True

    def call(self, windows: Tensor, training: bool = False) -> Tensor:
        """`[windows, window, features]` to `[windows, steps, ahead * targets]`: at the last step, or at all of them."""
        if not self.recurrent and self.dense is None:
            return tf.zeros([tf.shape(windows)[0], len(self.steps), self.outputs_wide])
        if not self.recurrent:
            return self._of_window(windows, self.dense.kernel) + self.dense.bias
        x = windows
        if self.convolution is not None:
            x = self.convolution(x[:, self.config.window % STRIDE :])  # so that the last place ends with the window
        for layer, dropout in zip(self.recurrent, self.dropouts, strict=True):
            x = dropout(layer(x, training=training), training=training)
        x = x[:, -len(self.steps) :]
        x = x if self.dense is None else self.dense(x)
        return x if self.linear is None else x + self._of_window(windows, self.linear.kernel)

    def _of_window(self, windows: Tensor, kernel: Tensor) -> Tensor:
        """A linear model of what has been seen of the window, at the steps that are answered: sequence to sequence a
        causal convolution as wide as the window."""
        if len(self.steps) == 1:
            return tf.reshape(windows, [-1, 1, kernel.shape[0]]) @ kernel
        padded = tf.pad(windows, [[0, 0], [self.config.window - 1, 0], [0, 0]])
        kernel = tf.reshape(kernel, [self.config.window, -1, self.outputs_wide])
        return tf.gather(tf.nn.conv1d(padded, kernel, stride=1, padding="VALID"), self.steps, axis=1)

    def arrays(self, values: list[Any] | None = None) -> dict[str, Any]:
        """The trainable weights (or `values` in their place) under the names a checkpoint gives them."""
        values = [np.asarray(v) for v in self.trainable_variables] if values is None else values
        names = shapes(self.config, self.targets, self.known)  # in the order of `trainable_variables`
        return dict(zip(names, values, strict=True))

    def assign(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Takes weights, named as `arrays` names them."""
        for name, variable in self.arrays(self.trainable_variables).items():
            variable.assign(arrays[name])

    def get_config(self) -> dict[str, Any]:
        """Keras's way of storing models is not ours."""
        raise NotImplementedError("a model is rebuilt from rnntext's own config, see storage/checkpoint.py")
