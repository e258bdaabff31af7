"""One training step as TensorFlow graphs: gradients, Adam, and a moving average of the weights."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from rnntext.settings.training import TrainingConfig
from rnntext.train.alone import ALONE, Alone
from rnntext.train.optimizer import Adam
from rnntext.train.products import Tensor
from rnntext.train.task import Batch, Carried, Loss, Task

CLIP_NORM = 1.0  # a gradient whose norm over all weights is larger is scaled down to it (Pascanu et al. 2013)
RANK_SEED = 1_000_003  # from the seeds of one process to those of the next one that trains with it
MAX_MASKS = 256  # dropout masks that a layer draws for one batch, at most


class Updates:
    """The updates of a task's weights.

    Args:
        task: model and data.
        config: rates and seed.
        carried: what is carried from step to step, for its types and shapes.
        cluster: adds up the gradients, and the losses, of the processes that train together.

    Attributes:
        variables: the trainable variables.
        averages: their moving averages, in the same order.
        optimizer: Adam with its own variables.
        learn: (batch, carried, step, part) to the loss (scalar) and what is carried on; takes part 0, 1, ... of a step.
            A step of one part changes the weights; of a step of several it adds up the gradients.
        apply: (step, loss); ends a step of several parts, by changing the weights; returns the loss of all processes.
    """

    def __init__(self, task: Task, config: TrainingConfig, carried: Carried, cluster: Alone = ALONE) -> None:
        self.task = task
        self.config = config
        self.cluster = cluster
        self.variables = task.model.trainable_variables
        self.averages = [_copy(variable) for variable in self.variables]
        self.optimizer = Adam(config.learning_rate, beta_2=config.beta_2, global_clipnorm=CLIP_NORM)
        self.optimizer.build(self.variables)
        self._gradient_sums: list[tf.Variable] = []
        if task.accumulate > 1:
            for variable in self.variables:
                zeros = tf.zeros(variable.shape)
                self._gradient_sums.append(tf.Variable(zeros))
        batch_spec = tuple(task.signature)
        carried_spec = []
        for tensor in carried:
            spec = tf.TensorSpec(tensor.shape, tensor.dtype)
            carried_spec.append(spec)
        number_spec = tf.TensorSpec([], tf.int32)
        learn_spec = (batch_spec, carried_spec, number_spec, number_spec)
        apply_spec = (number_spec, tf.TensorSpec([], tf.float64))
        self.learn = tf.function(self._learn, input_signature=learn_spec, autograph=False)
        self.apply = tf.function(self._apply, input_signature=apply_spec, autograph=False)

    def _learn(self, batch: Batch, carried: Carried, step: Tensor, part: Tensor) -> Loss:
        self._seed_dropout(step, part)
        with tf.GradientTape() as tape:
            loss, carried = self.task.loss(batch, carried)
        values = [variable.value for variable in self.variables]
        gradients = tape.gradient(loss, values)
        parts = self.task.accumulate
        if parts == 1:
            loss, *gradients = self.cluster.total([loss, *gradients])
            self._change_weights(gradients, step)
            return loss, carried
        pairs = zip(self._gradient_sums, gradients, strict=True)
        for total, gradient in pairs:
            dense = tf.convert_to_tensor(gradient)
            share = dense / parts
            total.assign_add(share)
        return loss, carried

    def _apply(self, step: Tensor, loss: Tensor) -> Tensor:
        gradients = [total.read_value() for total in self._gradient_sums]
        loss, *gradients = self.cluster.total([loss, *gradients])
        self._change_weights(gradients, step)
        for total in self._gradient_sums:
            total.assign(tf.zeros_like(total))
        return loss

    def _change_weights(self, gradients: list[Tensor], step: Tensor) -> None:
        """Adam's update of the weights w, and that of their moving average a.

        a' = a + (1 - decay) (w - a) with decay = min(average, (1 + step) / (10 + step))

        So the average forgets its random beginning faster than `average` alone would (as in TensorFlow's own EMA).
        """
        dense = [tf.convert_to_tensor(gradient) for gradient in gradients]
        self.optimizer.apply(dense, self.variables)
        done = tf.cast(step, tf.float32)
        early_decay = (1.0 + done) / (10.0 + done)
        decay = tf.minimum(self.config.average, early_decay)
        pairs = zip(self.averages, self.variables, strict=True)
        for average, variable in pairs:
            difference = variable.value - average
            change = (1.0 - decay) * difference
            average.assign_add(change)

    def _seed_dropout(self, step: Tensor, part: Tensor) -> None:
        """Makes every dropout mask a function of seed, process, layer, step and part, so that a resume repeats it."""
        step = tf.cast(step, tf.int64)
        part = tf.cast(part, tf.int64)
        batch_number = step * self.task.accumulate + part
        first_draw = batch_number * MAX_MASKS  # A layer that draws several masks counts up from here.
        layers = self.task.model._flatten_layers()
        generators: list[Any] = [getattr(layer, "seed_generator", None) for layer in layers]
        states = [generator.state for generator in generators if generator]
        for index, state in enumerate(states):
            layer_seed = self.config.seed * 1000 + self.cluster.rank * RANK_SEED + index
            layer_seed = layer_seed % 2**31  # `Dropout` casts it to int32.
            seed = tf.constant(layer_seed, tf.int64)
            values = tf.stack([seed, first_draw])  # [2]
            values = tf.cast(values, state.dtype)
            state.assign(values)


def _copy(variable: Any) -> tf.Variable:
    return tf.Variable(variable.value, trainable=False)
