"""The forecasters in Keras: what `run/forecaster_network.py` computes, differentiable."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from rnntext.run.forecaster_network import layer_units, linear_path, recurrent_output, shapes, sizes
from rnntext.run.windows import answering_steps
from rnntext.settings.forecaster import BASELINES, CONVOLUTION, FORECASTERS, STRIDE, ForecastConfig
from rnntext.train.products import Tensor
from rnntext.train.recurrent import CELLS
from rnntext.train.twin import Twin, Variables


class Forecaster(Twin):
    """A convolution or none, recurrent layers or none, a dense layer or none, a linear model of the window or none.

    x = convolution(window)
    h_t = cell(x_t, h_(t-1)), layer upon layer
    y_t = (h_t W + b) + the window up to step t, as one vector, times V

    With differences as data, the network corrects the naive forecast. It begins with no correction, as the kernels W
    and V begin with zeros; a recurrent layer that gives the output does not.

    Args:
        config: the network's shape.
        targets, known: number of columns to be predicted, and of those known in advance.
        dropout: rate after each recurrent layer.
    """

    def __init__(self, config: ForecastConfig, targets: int, known: int = 0, dropout: float = 0.0) -> None:
        super().__init__(name="forecaster")
        self.config = config
        self.targets = targets
        self.known = known
        self.steps = answering_steps(config)
        features, self.output_size = sizes(config, targets, known)
        window_size = config.read * features
        kind = FORECASTERS[config.architecture]
        units: tuple[int, ...] = ()
        if kind.cell:
            units = layer_units(config, self.output_size)

        # 1. A convolution.
        self.convolution: Any = None
        if kind.convolution:
            filters = units[0]
            self.convolution = keras.layers.Conv1D(filters, CONVOLUTION, strides=STRIDE, padding="valid")
            self.convolution.build((None, None, features))
            features = filters

        # 2. Recurrent layers.
        self.recurrent: list[Any] = []
        for index, size in enumerate(units):
            layer_class = CELLS[str(kind.cell)]
            name = f"{kind.cell}_{index}"
            layer = layer_class(size, return_sequences=True, name=name)
            layer.build((None, None, features))
            self.recurrent.append(layer)
            features = size
        self.dropouts = [keras.layers.Dropout(dropout) for _ in units]

        # 3. A dense layer, of the last recurrent layer or of the window.
        self.dense: Any = None
        recurrent_answers = units and recurrent_output(config, self.output_size)
        if config.architecture not in BASELINES and not recurrent_answers:
            initializer = "zeros" if config.scale == "relative" else "glorot_uniform"
            dense_size = features if units else window_size
            self.dense = keras.layers.Dense(self.output_size, kernel_initializer=initializer, name="output")
            self.dense.build((None, dense_size))

        # 4. A linear model of the window.
        self.linear: Any = None
        if linear_path(config, self.output_size):
            self.linear = keras.layers.Dense(
                self.output_size, use_bias=False, kernel_initializer="zeros", name="linear"
            )
            self.linear.build((None, window_size))
        self.built = True

    def call(self, windows: Tensor, training: bool = False) -> Tensor:
        """`[batch, time, features]` to `[batch, steps, ahead * targets]`: at the last step, or at all of them."""
        # 1. Models without recurrence: a baseline, whose correction is always zero, or a linear one.
        steps = len(self.steps)
        if not self.recurrent and self.dense is None:
            batch = tf.shape(windows)[0]
            return tf.zeros([batch, steps, self.output_size])
        if not self.recurrent:
            y = self._of_window(windows, self.dense.kernel)
            return y + self.dense.bias

        # 2. Convolution and recurrent layers.
        x = windows
        if self.convolution is not None:
            cut = self.config.read % STRIDE  # so that the last place ends with the window
            x = x[:, cut:]  # [batch, time, features]
            x = self.convolution(x)  # [batch, time, units], with fewer steps
        pairs = zip(self.recurrent, self.dropouts, strict=True)
        for layer, dropout in pairs:
            x = layer(x, training=training)  # [batch, time, units]
            x = dropout(x, training=training)
        x = x[:, -steps:]  # [batch, steps, units]

        # 3. The output.
        if self.dense is not None:
            x = self.dense(x)  # [batch, steps, ahead * targets]
        if self.linear is not None:
            y = self._of_window(windows, self.linear.kernel)
            x = x + y
        return x

    def _of_window(self, windows: Tensor, kernel: Tensor) -> Tensor:
        """A linear model of what has been seen of the window, at the steps that are answered.

        Sequence to sequence it is a causal convolution as wide as the window.

        Args:
            windows: `[batch, time, features]`.
            kernel: `[time * features, ahead * targets]`.

        Returns:
            `[batch, steps, ahead * targets]`.
        """
        window = self.config.read
        if len(self.steps) == 1:
            window_size = kernel.shape[0]
            flat = tf.reshape(windows, [-1, 1, window_size])  # [batch, 1, time * features]
            return flat @ kernel
        before = [window - 1, 0]
        none = [0, 0]
        paddings = [none, before, none]
        padded = tf.pad(windows, paddings)  # [batch, 2 * time - 1, features]
        filters = tf.reshape(kernel, [window, -1, self.output_size])  # [time, features, ahead * targets]
        answers = tf.nn.conv1d(padded, filters, stride=1, padding="VALID")  # [batch, time, ahead * targets]
        return tf.gather(answers, self.steps, axis=1)

    def named_variables(self) -> Variables:
        """See Twin."""
        names = shapes(self.config, self.targets, self.known)
        return dict(zip(names, self.trainable_variables, strict=True))
