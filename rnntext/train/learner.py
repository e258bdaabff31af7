"""A model that takes steps: with its optimizer, its averages, and what is carried from step to step."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from rnntext.settings.training import TrainingConfig
from rnntext.train.alone import ALONE, Alone
from rnntext.train.state import Arrays
from rnntext.train.task import Task
from rnntext.train.updates import Updates


class Learner:
    """Takes the steps of a task.

    Args:
        task: model and data.
        config: rates and seed.
        cluster: the processes that train the model together; each takes its share of the task.

    Attributes:
        carried: what is carried from step to step, by this process.
        variables, averages, optimizer: see Updates.
    """

    def __init__(self, task: Task, config: TrainingConfig, cluster: Alone = ALONE) -> None:
        self.config = config
        self.cluster = cluster
        self.task = cluster.share(task)
        self.carried = self.task.start_state()
        updates = Updates(self.task, config, self.carried, cluster)
        self.variables = updates.variables
        self.averages = updates.averages
        self.optimizer = updates.optimizer
        self._learn = updates.learn
        self._apply = updates.apply

    def take(self, step: int, rate: float) -> float:
        """Takes a step with a learning rate; returns the mean loss of its batches, over all processes."""
        # 1. Set the learning rate, and, at the start of an epoch, the state that is carried from step to step.
        if step % self.task.steps_per_epoch == 0:
            self.carried = self.task.start_state()
        self.optimizer.learning_rate.assign(rate)

        # 2. Learn from one batch, or from several whose gradients are added up.
        parts = self.task.accumulate
        mean_loss = 0.0
        for part in range(parts):
            batch = self.task.batch(step * parts + part)
            loss, self.carried = self._learn(batch, self.carried, tf.constant(step), tf.constant(part))
            mean_loss += float(loss) / parts
        if parts > 1:
            mean_loss = float(self._apply(tf.constant(step), tf.constant(mean_loss, tf.float64)))
        return mean_loss

    def arrays(self) -> Arrays:
        """All that changes in a step, by group; what is carried is that of all processes."""
        carried = self.cluster.whole(self.carried)
        return {**self.variable_arrays(), "carried": [np.asarray(tensor) for tensor in carried]}

    def variable_arrays(self) -> Arrays:
        """The values of weights, averages and optimizer, by group."""
        groups = self._variables_by_group()
        return {name: [np.asarray(variable) for variable in variables] for name, variables in groups.items()}

    def assign(self, arrays: Arrays) -> None:
        """Takes what `arrays` returned.

        Raises:
            KeyError, ValueError: the arrays are those of another model.
        """
        for name, variables in self._variables_by_group().items():
            for variable, value in zip(variables, arrays[name], strict=True):
                variable.assign(value)
        self.carried = self.cluster.own([tf.constant(value) for value in arrays.get("carried", [])])

    def _variables_by_group(self) -> dict[str, list[tf.Variable]]:
        return {"weights": self.variables, "averages": self.averages, "optimizer": self.optimizer.variables}
