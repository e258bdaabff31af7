"""What the training loop needs to know to train a forecaster."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from rnntext.config import ForecastConfig, ForecastTraining
from rnntext.run import forecasters as run
from rnntext.run.panel import Panel
from rnntext.run.threads import blas_threads
from rnntext.run.windows import Scale, answering_steps
from rnntext.train.forecasters import Forecaster
from rnntext.train.recurrent import Tensor

TOLERATED = 5.0  # times what an answer of zeros costs are no divergence yet: rare values make batches unequal
MOST_LOOKED_AT = 4096  # windows, to see what an answer of zeros costs


class ForecastTask:
    """A forecaster, the windows it learns from and those it is measured on, as `train.loop.Task` wants it.

    Args:
        scale: learnt from `panel`, the training data.
        held_out: its first `window` steps are what the first forecast is made from.
        naive_errors: see `run.accuracy`.
    """

    def __init__(
        self,
        config: ForecastConfig,
        training: ForecastTraining,
        scale: Scale,
        panel: Panel,
        held_out: Panel,
        naive_errors: np.ndarray,
    ) -> None:
        self.config, self.training, self.scale, self.panel = config, training, scale, panel
        self.naive_errors = naive_errors
        self.model = Forecaster(config, scale.targets, panel.columns - scale.targets, training.dropout)
        self.accumulate = 1
        self.windows = panel.origins(config.window, config.ahead)
        self.batch_size = min(training.batch_size, len(self.windows))
        self.steps_per_epoch = math.ceil(len(self.windows) / self.batch_size)
        self.units_per_step = float(self.batch_size)
        self.steps = answering_steps(config)
        features, outputs = run.sizes(config, scale.targets, panel.columns - scale.targets)
        answers = tf.TensorSpec([self.batch_size, len(self.steps), outputs], tf.float32)
        self.signature = (tf.TensorSpec([self.batch_size, config.window, features], tf.float32), answers, answers)
        self._compiled = tf.function(self._losses, jit_compile=True, autograph=False)
        self._epoch, self._order = -1, self.windows
        self.usual_loss = TOLERATED * self._loss_of_zeros()
        self.held_out = held_out

    def _loss_of_zeros(self) -> float:
        """What an answer of zeros costs, on all windows."""
        which = self.windows[:: max(1, len(self.windows) // MOST_LOOKED_AT)]
        labels, weights = self._labels(*self.panel.chunks(which, self.config.window + self.config.ahead))
        return float(self._mean(tf.constant(labels), tf.constant(weights)))

    def batch(self, index: int) -> tuple[np.ndarray, ...]:
        """Windows, labels, and which labels count, as in `signature`."""
        epoch, position = divmod(index, self.steps_per_epoch)
        if epoch != self._epoch:
            shuffled = np.random.default_rng([self.training.seed, epoch]).permutation(len(self.windows))
            filled = np.resize(shuffled, self.steps_per_epoch * self.batch_size)  # the last batch begins anew
            self._epoch, self._order = epoch, self.windows[filled]
        which = self._order[position * self.batch_size : (position + 1) * self.batch_size]
        ahead = self.config.ahead
        chunk, counted = self.panel.chunks(which, self.config.window + ahead)
        return self.scale.inputs(chunk, ahead), *self._labels(chunk, counted)

    def _labels(self, chunk: np.ndarray, counted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What the network should answer, and which of it counts, `[windows, steps, ahead * targets]`."""
        later = self.steps[:, None] + np.arange(1, self.config.ahead + 1)
        weights = counted[:, later, : self.scale.targets].reshape(len(chunk), len(self.steps), -1)
        return self.scale.labels(chunk, self.config.ahead, self.steps), weights.astype(np.float32)

    def start_state(self) -> list[Tensor]:
        """Every window stands for itself."""
        return []

    def loss(self, batch: tuple[Tensor, ...], carried: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Mean loss of all answers that count."""
        return self._compiled(*batch), carried

    def _losses(self, windows: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
        return self._mean(self.model(windows, training=True) - labels, weights)

    def _mean(self, error: Tensor, weights: Tensor) -> Tensor:
        losses = tf.square(error)
        if self.training.loss == "huber":
            size = tf.abs(error)
            losses = tf.where(size < 1.0, losses, 2.0 * size - 1.0)
        return tf.reduce_sum(losses * weights) / tf.maximum(tf.reduce_sum(weights), 1.0)

    def evaluate(self, values: list[np.ndarray]) -> dict[str, float]:
        """Errors on held-out windows, in the data's own units, computed by the NumPy engine: what is measured is what
        is shipped."""
        arrays = self.model.arrays(values)
        engine = run.Forecaster(self.config, self.scale, self.panel.columns - self.scale.targets, arrays)
        with blas_threads():
            return run.measure(engine, self.held_out, self.naive_errors)

    def rank(self, metrics: Mapping[str, float]) -> tuple[float, ...]:
        """A smaller error is better."""
        return (-metrics["mase"],)

    def examples(self) -> list[str]:
        """None."""
        return []
