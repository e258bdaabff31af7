"""What the training loop must know of a model and its data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

import keras
import tensorflow as tf

from rnntext.families import Family
from rnntext.run.arrays import Array
from rnntext.train.products import Tensor
from rnntext.train.state import Metrics

Batch: TypeAlias = Sequence[Tensor]  # the arrays of a batch, [batch, ...] each
Carried: TypeAlias = list[Tensor]  # what goes from step to step, [batch, ...] each
Loss: TypeAlias = tuple[Tensor, Carried]  # in nats per unit (of a forecaster its own loss), and what is carried on


class Task(Protocol):
    """A model, the data that it learns from and the data that it is measured on.

    Attributes:
        model: what is trained.
        family: its kind; it says which of two evaluations is better.
        steps_per_epoch: optimizer updates that go once over the training data.
        units_per_step: characters, tokens or windows of a step, on average.
        accumulate: number of batches that make a step.
        signature: types and shapes of a batch's arrays; an axis that varies is None.
        usual_loss: what a batch may cost at the start without being divergence; 0 if unknown.
    """

    model: keras.Model
    family: Family
    steps_per_epoch: int
    units_per_step: float
    accumulate: int
    signature: tuple[tf.TensorSpec, ...]
    usual_loss: float

    def batch(self, index: int) -> tuple[Array, ...]:
        """The arrays of batch 0, 1, ...: a function of its number alone. A step takes `accumulate` of them."""
        ...

    def start_state(self) -> Carried:
        """What is carried from step to step, as it is at the start of an epoch; may be empty."""
        ...

    def loss(self, batch: Batch, carried: Carried) -> Loss:
        """The mean loss per unit (scalar), in nats or as the forecaster's option says, and what is carried on."""
        ...

    def evaluate(self, values: list[Array]) -> Metrics:
        """Metrics on held-out data, computed by `run/`, with `values` for the trainable variables."""
        ...

    def examples(self) -> list[str]:
        """Lines that show what the model does with the weights of the last evaluation; may be empty."""
        ...
