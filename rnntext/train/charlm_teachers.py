"""Trained character models that teach another one: their probabilities are its labels (Hinton, Vinyals, Dean 2015)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from rnntext.run.arrays import Weights
from rnntext.settings.charlm import CharlmConfig
from rnntext.text.vocabulary import UNKNOWN, CharVocabulary
from rnntext.train.charlm import Charlm, States
from rnntext.train.products import Tensor

MIN_KNOWN = 1e-6  # probability of all characters that a pupil knows, for which a teacher is still asked


@dataclasses.dataclass(frozen=True)
class Teacher:
    """A trained character model.

    Attributes:
        config: its shape.
        vocabulary: its characters.
        arrays: its weights.
    """

    config: CharlmConfig
    vocabulary: CharVocabulary
    arrays: Weights


class Teachers:
    """What several character models expect, in the vocabulary of their pupil.

    Args:
        teachers: at least one.
        vocabulary: of the pupil.
        operands: "float32" or "bfloat16", the type of matrix products' operands.
    """

    def __init__(self, teachers: Sequence[Teacher], vocabulary: CharVocabulary, operands: str) -> None:
        self.models = []
        self._ids = []
        self._known = []
        for teacher in teachers:
            model = Charlm(teacher.config, len(teacher.vocabulary), operands=operands)
            model.assign(teacher.arrays)
            model.trainable = False
            self.models.append(model)
            # The teacher's id of each of the pupil's characters; what it does not know it reads as [UNK], and does not
            # expect.
            ids = np.concatenate([[UNKNOWN], teacher.vocabulary.encode("".join(vocabulary.characters))])
            known = (ids != UNKNOWN).astype(np.float32)
            known[UNKNOWN] = 1.0
            self._ids.append(tf.constant(ids, tf.int32))
            self._known.append(tf.constant(known))

    def start_state(self, batch: int) -> list[States]:
        """For each teacher the state of a model that has read nothing."""
        return [model.initial_state(batch) for model in self.models]

    def probabilities(self, features: Tensor, states: Sequence[States]) -> tuple[Tensor, list[States]]:
        """The mean of what the teachers expect after each character, `[batch, time, vocabulary]`, and their states.

        Args:
            features: the pupil's ids, `[batch, time]`.
            states: of each teacher, before the first character.
        """
        total = tf.constant(0.0)
        after = []
        for model, ids, known, before in zip(self.models, self._ids, self._known, states, strict=True):
            logits, state = model(tf.gather(ids, features), before)  # [batch, time, teacher's vocabulary]
            expected = tf.nn.softmax(logits)
            expected = tf.gather(expected, ids, axis=-1) * known  # [batch, time, vocabulary]
            mass = tf.reduce_sum(expected, axis=-1, keepdims=True)
            total = total + expected / tf.maximum(mass, MIN_KNOWN)
            after.append(state)
        return tf.stop_gradient(total / len(self.models)), after
