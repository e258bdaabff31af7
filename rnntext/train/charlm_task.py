"""What the training loop needs to know to train a character model."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from rnntext.families import CHARLM
from rnntext.run.arrays import Array
from rnntext.run.charlm import Charlm as Engine
from rnntext.run.threads import blas_threads
from rnntext.settings.charlm import CharlmConfig, CharlmTraining
from rnntext.text.vocabulary import CharVocabulary
from rnntext.train.batches import CharStreams
from rnntext.train.charlm import Charlm
from rnntext.train.charlm_teachers import Teacher, Teachers
from rnntext.train.halves import side_by_side
from rnntext.train.precision import choose
from rnntext.train.state import Metrics
from rnntext.train.task import Batch, Carried, Loss


class CharlmTask:
    """A character model and its streams of text, as `train.task.Task` wants it.

    Args:
        config: the model's shape.
        training: batch size, window, dropout, seed and precision.
        vocabulary: the characters.
        ids: the training text `[time]`.
        held_out: the held-out text, normalised.
        show: returns lines that a model writes.
        teachers: whose probabilities are learnt, too; may be empty.
        share: the part of the loss that is measured by them.
    """

    family = CHARLM
    usual_loss = 0.0

    def __init__(
        self,
        config: CharlmConfig,
        training: CharlmTraining,
        vocabulary: CharVocabulary,
        ids: Array,
        held_out: str,
        show: Callable[[Engine], list[str]] = lambda engine: [],
        teachers: Sequence[Teacher] = (),
        share: float = 0.0,
    ) -> None:
        self.config = config
        self.vocabulary = vocabulary
        operands = choose(training.precision)
        self.model = Charlm(config, len(vocabulary), training, operands)
        self.teachers = Teachers(teachers, vocabulary, operands)
        self.share = share if teachers else 0.0
        self.accumulate = 1
        self.streams = CharStreams(ids, training.batch_size, training.window, training.seed)
        self.steps_per_epoch = self.streams.steps_per_epoch
        characters = self.streams.batch * training.window
        self.units_per_step = float(characters)
        shape = [self.streams.batch, training.window]
        windows = tf.TensorSpec(shape, tf.int32)
        self.signature = (windows, windows)
        self.held_out = vocabulary.encode(held_out)  # [time]
        self.show = show
        self.engine: Engine | None = None

    def batch(self, index: int) -> tuple[Array, ...]:
        """Features and labels, both `[batch, time]`, where each row is a window of one stream."""
        return self.streams.windows(index)

    def units(self, batch: tuple[Array, ...]) -> Array:
        """The number of characters that each row of a batch predicts, `[batch]`."""
        features, _ = batch
        rows, time = features.shape
        return np.full(rows, time)

    def start_state(self) -> Carried:
        """Zero states of all layers, one after another, each `[batch, units]`; then those of the teachers' layers."""
        batch = self.streams.batch
        states = [self.model.initial_state(batch), *self.teachers.start_state(batch)]
        return tf.nest.flatten(states)

    def loss(self, batch: Batch, carried: Carried) -> Loss:
        """Mean cross-entropy in nats per character (scalar), and the states after the window."""
        return side_by_side(self._losses, batch, carried)

    def _losses(self, batch: Batch, carried: Batch) -> Loss:
        """The cross-entropy of each character, `[batch * time]`, and the states after the window.

        With p what the model expects, q what the teachers expect, and a the share: -(1 - a) log p(character) - a times
        the sum over all characters v of q(v) log p(v).
        """
        features, labels = batch  # [batch, time]
        shape = [self.model.initial_state(1), *self.teachers.start_state(1)]
        states, *of_teachers = tf.nest.pack_sequence_as(shape, list(carried))
        logits, after = self.model(features, states, training=True)  # [batch, time, vocabulary]
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)  # [batch, time]
        if self.share:
            expected, of_teachers = self.teachers.probabilities(features, of_teachers)
            taught = tf.nn.softmax_cross_entropy_with_logits(expected, logits)  # [batch, time]
            losses = (1.0 - self.share) * losses + self.share * taught
        losses = tf.reshape(losses, [-1])  # [batch * time]
        return losses, tf.nest.flatten([after, *of_teachers])

    def evaluate(self, values: list[Array]) -> Metrics:
        """Held-out bits and nats per character, computed by the NumPy engine: what is measured is what is shipped."""
        arrays = self.model.arrays(values)
        self.engine = Engine(self.config, self.vocabulary, arrays)
        with blas_threads():
            bits = self.engine.score(self.held_out)
        characters = len(self.held_out)
        bits_per_character = bits / characters
        nats_per_character = bits_per_character * math.log(2)
        return {"bits_per_character": bits_per_character, "nats_per_character": nats_per_character}

    def examples(self) -> list[str]:
        """Lines that the model writes with the weights of the last evaluation."""
        return [] if self.engine is None else self.show(self.engine)
