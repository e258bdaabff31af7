"""The forecasters in Keras: what `run/forecasters.py` computes, differentiable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rnntext.config import BASELINES, CONVOLUTION, FORECASTERS, STRIDE, ForecastConfig
from rnntext.run.forecasters import recurrent_output, shapes, sizes, stack
from rnntext.run.windows import answering_steps
from rnntext.train.recurrent import CELLS, Tensor


class Forecaster(keras.Model):
    """A convolution or none, recurrent layers or none, a dense layer or none.

    Args:
        config: the network's shape.
        targets, known: number of columns to be predicted, and of those known in advance.
        dropout: rate after each recurrent layer.
    """

    def __init__(self, config: ForecastConfig, targets: int, known: int = 0, dropout: float = 0.0) -> None:
        super().__init__(name="forecaster")
        self.config, self.targets, self.known = config, targets, known
        self.steps = len(answering_steps(config))
        features, self.outputs_wide = sizes(config, targets, known)
        kind = FORECASTERS[config.architecture]
        self.convolution: Any = None
        self.recurrent: list[Any] = []
        self.dense: Any = None
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
            self.dense = keras.layers.Dense(self.outputs_wide, name="output")
            self.dense.build((None, features if units else config.window * features))
        self.built = True

    def call(self, windows: Tensor, training: bool = False) -> Tensor:
        """`[windows, window, features]` to `[windows, steps, ahead * targets]`: at the last step, or at all of them."""
        if not self.recurrent:
            return self._without_recurrence(windows)
        x = windows
        if self.convolution is not None:
            x = self.convolution(x[:, self.config.window % STRIDE :])  # so that the last place ends with the window
        for layer, dropout in zip(self.recurrent, self.dropouts, strict=True):
            x = dropout(layer(x, training=training), training=training)
        x = x[:, -self.steps :]
        return x if self.dense is None else self.dense(x)

    def _without_recurrence(self, windows: Tensor) -> Tensor:
        """The linear network, sequence to sequence a causal convolution as wide as the window, and the baselines."""
        if self.dense is None:
            return tf.zeros([tf.shape(windows)[0], self.steps, self.outputs_wide])
        if self.steps == 1:
            return self.dense(tf.reshape(windows, [-1, 1, self.dense.kernel.shape[0]]))
        padded = tf.pad(windows, [[0, 0], [self.config.window - 1, 0], [0, 0]])
        kernel = tf.reshape(self.dense.kernel, [self.config.window, -1, self.outputs_wide])
        return tf.nn.conv1d(padded, kernel, stride=1, padding="VALID") + self.dense.bias

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
