"""What the training loop needs to know to train a forecaster."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from rnntext.families import FORECASTER
from rnntext.run.arrays import Array
from rnntext.run.forecaster_network import sizes
from rnntext.run.forecasters import Forecaster as Engine
from rnntext.run.forecasters import measure
from rnntext.run.panel import Panel
from rnntext.run.threads import blas_threads
from rnntext.run.windows import Scale, answering_steps
from rnntext.settings.forecaster import ForecastConfig, ForecastTraining
from rnntext.train.forecasters import Forecaster
from rnntext.train.products import Tensor
from rnntext.train.state import Metrics
from rnntext.train.task import Batch, Carried, Loss

TOLERATED_GROWTH = 5.0  # multiple of the loss of zeros that a batch may cost at the start: rare values make some costly
MAX_SAMPLED = 4096  # windows that the loss of zeros is measured on


class ForecastTask:
    """A forecaster, the windows it learns from and those it is measured on, as `train.task.Task` wants it.

    Args:
        config: the network's shape.
        training: batch size, loss, dropout and seed.
        scale: learnt from `panel`.
        panel: the training data.
        held_out: its first `window` steps are what the first forecast is made from.
        naive_errors: see `run.accuracy`.
    """

    family = FORECASTER

    def __init__(
        self,
        config: ForecastConfig,
        training: ForecastTraining,
        scale: Scale,
        panel: Panel,
        held_out: Panel,
        naive_errors: Array,
    ) -> None:
        # 1. Keep the arguments.
        self.config = config
        self.training = training
        self.scale = scale
        self.panel = panel
        self.held_out = held_out
        self.naive_errors = naive_errors

        # 2. Build the model.
        self.known = panel.columns - scale.targets
        self.model = Forecaster(config, scale.targets, self.known, training.dropout)
        self.steps = answering_steps(config)
        self._compiled = tf.function(self._losses, jit_compile=True, autograph=False)

        # 3. Count windows and batches.
        self.windows = panel.origins(config.window, config.ahead)  # [windows, 2], series and time
        count = len(self.windows)
        self.batch_size = min(training.batch_size, count)
        self.steps_per_epoch = math.ceil(count / self.batch_size)
        self.units_per_step = float(self.batch_size)
        self.accumulate = 1
        self._epoch = -1
        self._order = self.windows

        # 4. Say what a batch looks like, and what it may cost.
        features, outputs = sizes(config, scale.targets, self.known)
        windows_shape = [self.batch_size, config.read, features]
        answers_shape = [self.batch_size, len(self.steps), outputs]
        windows = tf.TensorSpec(windows_shape, tf.float32)
        answers = tf.TensorSpec(answers_shape, tf.float32)
        self.signature = (windows, answers, answers)
        self.usual_loss = TOLERATED_GROWTH * self._loss_of_zeros()

    def _loss_of_zeros(self) -> float:
        """The mean loss of a network that answers zeros, on all windows or some of them."""
        every = len(self.windows) // MAX_SAMPLED
        every = max(1, every)
        origins = self.windows[::every]  # [windows, 2]
        chunk, counted = self._chunks(origins)
        labels, weights = self._labels(chunk, counted)
        error = tf.constant(labels)
        loss = self._mean_loss(error, tf.constant(weights))
        return float(loss)

    def batch(self, index: int) -> tuple[Array, ...]:
        """Windows, labels, and which labels count, as in `signature`."""
        epoch, position = divmod(index, self.steps_per_epoch)
        if epoch != self._epoch:
            self._epoch = epoch
            self._order = self._shuffled(epoch)
        begin = position * self.batch_size
        end = begin + self.batch_size
        origins = self._order[begin:end]  # [batch, 2]
        chunk, counted = self._chunks(origins)
        windows = self.scale.inputs(chunk, self.config.ahead, self.config.read)  # [batch, time, features]
        labels, weights = self._labels(chunk, counted)
        return windows, labels, weights

    def _shuffled(self, epoch: int) -> Array:
        """All windows in the order of an epoch; the last batch is filled up with the first ones, `[windows, 2]`."""
        generator = np.random.default_rng([self.training.seed, epoch])
        order = generator.permutation(len(self.windows))
        places = self.steps_per_epoch * self.batch_size
        order = np.resize(order, places)
        return self.windows[order]

    def _chunks(self, origins: Array) -> tuple[Array, Array]:
        """Windows and what comes after them, `[batch, window + ahead, columns]`, and what of it is not missing."""
        length = self.config.window + self.config.ahead
        return self.panel.chunks(origins, length)

    def _labels(self, chunk: Array, counted: Array) -> tuple[Array, Array]:
        """What the network should answer, and 1 where it counts, else 0: both `[batch, steps, ahead * targets]`."""
        ahead = self.config.ahead
        labels = self.scale.labels(chunk, ahead, self.steps)
        later = np.arange(1, ahead + 1)
        answered = self.steps[:, None] + later  # [steps, ahead]
        targets = self.scale.targets
        weights = counted[:, answered, :targets]  # [batch, steps, ahead, targets]
        weights = weights.reshape(labels.shape)
        return labels, weights.astype(np.float32)

    def start_state(self) -> Carried:
        """Nothing: every window stands for itself."""
        return []

    def loss(self, batch: Batch, carried: Carried) -> Loss:
        """Mean loss (scalar) of all answers that count, and nothing that is carried on."""
        return self._compiled(*batch), carried

    def _losses(self, windows: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
        """The mean loss (scalar) of a batch, whose arrays are those of `signature`."""
        answers = self.model(windows, training=True)  # [batch, steps, ahead * targets]
        return self._mean_loss(answers - labels, weights)

    def _mean_loss(self, error: Tensor, weights: Tensor) -> Tensor:
        """The weighted mean of e^2, or of twice Huber's loss (1964): e^2 where |e| < 1, else 2 |e| - 1.

        `[batch, steps, ahead * targets]` to a scalar.
        """
        losses = tf.square(error)
        if self.training.loss == "huber":
            size = tf.abs(error)
            linear = 2.0 * size - 1.0
            losses = tf.where(size < 1.0, losses, linear)
        total = tf.reduce_sum(losses * weights)
        count = tf.reduce_sum(weights)
        return total / tf.maximum(count, 1.0)

    def evaluate(self, values: list[Array]) -> Metrics:
        """Errors on held-out windows, in the data's own units.

        They are computed by the NumPy engine: what is measured is what is shipped.
        """
        arrays = self.model.arrays(values)
        engine = Engine(self.config, self.scale, self.known, arrays)
        with blas_threads():
            return measure(engine, self.held_out, self.naive_errors)

    def examples(self) -> list[str]:
        """An empty list."""
        return []
