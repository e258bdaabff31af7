"""The character model in Keras: what `run/charlm.py` computes step by step, differentiable and over whole windows."""

from __future__ import annotations

from typing import TypeAlias

import keras
import tensorflow as tf
from keras.initializers import RandomNormal

from rnntext.run.charlm import shapes
from rnntext.settings.charlm import CharlmConfig, CharlmTraining
from rnntext.train.products import Tensor
from rnntext.train.recurrent import CELLS
from rnntext.train.twin import Twin, Variables

States: TypeAlias = list[list[Tensor]]  # of each layer, each [batch, units]


class Charlm(Twin):
    """Embedding, recurrent layers with dropout after each, and a dense layer that computes logits of characters.

    For a character id c_t and layers l = 1, 2, ...:

        x_t^0 = E[c_t]
        h_t^l = cell(x_t^(l-1), h_(t-1)^l),    x_t^l = dropout(h_t^l)
        p(c_(t+1)) = softmax(x_t W + b), with x_t that of the last layer

    The recurrent state goes in and comes out of every call; nothing is remembered in between.

    Args:
        config: the model's shape.
        vocabulary_size: number of character ids, `[UNK]` (0) included.
        training: rates of dropout; None builds a model without any.
        operands: "float32" or "bfloat16", the type of matrix products' operands.
    """

    def __init__(
        self,
        config: CharlmConfig,
        vocabulary_size: int,
        training: CharlmTraining | None = None,
        operands: str = "float32",
    ) -> None:
        super().__init__(name="charlm")
        self.config = config

        # 1. Create the layers.
        dropout = training.dropout if training else 0.0
        recurrent_dropout = training.recurrent_dropout if training else 0.0
        # With Keras's default, uniform in +-0.05, the characters hardly differ for the first hundreds of steps: a small
        # model is at 2.35 nats after 300 steps, against 2.00 with this one (docs/decisions.md).
        self.embedding = keras.layers.Embedding(
            vocabulary_size,
            config.embedding,
            embeddings_initializer=RandomNormal(stddev=1.0),
            name="embedding",
        )
        self.recurrent = [
            CELLS[config.cell](
                config.units,
                return_sequences=True,
                return_state=True,
                recurrent_dropout=recurrent_dropout,
                recurrent_initializer="orthogonal",
                operands=operands,
                name=f"{config.cell}_{index}",
            )
            for index in range(config.layers)
        ]
        self.dropouts = [keras.layers.Dropout(dropout, name=f"dropout_{index}") for index in range(config.layers)]
        self.logits = keras.layers.Dense(vocabulary_size, name="logits")

        # 2. Create their weights.
        self.embedding.build()
        features = config.embedding
        for layer in self.recurrent:
            layer.build((None, None, features))
            features = config.units
        self.logits.build((None, None, features))
        self.built = True

    def initial_state(self, batch: int) -> States:
        """Zeros: for each layer its states, each `[batch, units]`."""
        units = self.config.units
        states = []
        for layer in self.recurrent:
            zeros = [tf.zeros([batch, units]) for _ in layer.state_size]
            states.append(zeros)
        return states

    def call(self, ids: Tensor, states: States, training: bool = False) -> tuple[Tensor, States]:
        """Reads characters and predicts each one's successor.

        Args:
            ids: `[batch, time]`, integers.
            states: what `initial_state` or the call before returned.
            training: whether dropout takes place.

        Returns:
            logits `[batch, time, vocabulary]` and the states after the last character.
        """
        x = self.embedding(ids)  # [batch, time, embedding]
        after: States = []
        triples = zip(self.recurrent, self.dropouts, states, strict=True)
        for layer, dropout, state in triples:
            x, *state = layer(x, initial_state=state, training=training)  # [batch, time, units]
            x = dropout(x, training=training)
            after.append(state)
        logits = self.logits(x)  # [batch, time, vocabulary]
        return logits, after

    def named_variables(self) -> Variables:
        """See Twin."""
        names = shapes(self.config, self.embedding.input_dim)
        return dict(zip(names, self.trainable_variables, strict=True))
