"""What the training loop needs to know to train a character model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from rnntext.config import CharlmConfig, CharlmTraining
from rnntext.run import charlm as run
from rnntext.run.threads import blas_threads
from rnntext.text.vocabulary import CharVocabulary
from rnntext.train.charlm import Charlm
from rnntext.train.halves import side_by_side
from rnntext.train.pipelines import CharStreams
from rnntext.train.precision import choose
from rnntext.train.recurrent import Tensor


class CharlmTask:
    """A character model and its streams of text, as `train.loop.Task` wants it.

    Args:
        ids: the training text `[time]`.
        held_out: the held-out text, normalised.
    """

    def __init__(
        self, config: CharlmConfig, training: CharlmTraining, vocabulary: CharVocabulary, ids: np.ndarray, held_out: str
    ) -> None:
        self.config, self.vocabulary = config, vocabulary
        self.model = Charlm(config, len(vocabulary), training, choose(training.precision))
        self.accumulate = 1
        self.streams = CharStreams(ids, training.batch_size, training.window, training.seed)
        self.steps_per_epoch = self.streams.steps_per_epoch
        self.units_per_step = float(self.streams.batch * training.window)
        self.signature = (tf.TensorSpec([self.streams.batch, training.window], tf.int32),) * 2
        self.held_out = vocabulary.encode(held_out)

    def batch(self, index: int) -> tuple[np.ndarray, ...]:
        """Features and labels `[streams, window]`."""
        return self.streams.windows(index)

    def start_state(self) -> list[Tensor]:
        """Zero states of all layers, one after another, each `[streams, units]`."""
        return [state for layer in self.model.initial_state(self.streams.batch) for state in layer]

    def loss(self, batch: tuple[Tensor, ...], carried: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Mean cross-entropy in nats per character, and the states after the window."""
        return side_by_side(self._losses, batch, carried)

    def _losses(self, batch: Sequence[Tensor], carried: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        features, labels = batch
        per_layer = len(carried) // self.config.layers
        states = [list(carried[i : i + per_layer]) for i in range(0, len(carried), per_layer)]
        logits, after = self.model(features, states, training=True)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        return tf.reshape(losses, [-1]), [state for layer in after for state in layer]

    def evaluate(self, values: list[np.ndarray]) -> dict[str, float]:
        """Held-out bits and nats per character, computed by the NumPy engine: what is measured is what is shipped."""
        model = run.Charlm(self.config, self.vocabulary, self.model.arrays(values))
        with blas_threads():
            bits = model.score(self.held_out) / len(self.held_out)
        return {"bits_per_character": bits, "nats_per_character": bits * math.log(2)}

    def rank(self, metrics: Mapping[str, float]) -> tuple[float, ...]:
        """Fewer bits are better."""
        return (-metrics["bits_per_character"],)

    def examples(self) -> list[str]:
        """None."""
        return []
