"""The character model in Keras: what `run/charlm.py` computes step by step, differentiable and over whole windows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rnntext.config import CharlmConfig, CharlmTraining
from rnntext.run.charlm import shapes
from rnntext.train.recurrent import CELLS, Tensor

States = list[list[Tensor]]


class Charlm(keras.Model):
    """Embedding, recurrent layers with dropout after each, softmax over characters.

    "Stateful" means here: the recurrent state goes in and comes out of every call; nothing is remembered in between.

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
        dropout = training.dropout if training else 0.0
        recurrent_dropout = training.recurrent_dropout if training else 0.0
        # Keras's own start, uniform in +-0.05, drowns the characters' differences for the first hundreds of steps:
        # 2.35 nats against 2.00 after 300 steps of a small model (docs/decisions.md).
        self.embedding = keras.layers.Embedding(
            vocabulary_size,
            config.embedding,
            embeddings_initializer=keras.initializers.RandomNormal(stddev=1.0),
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
        self.embedding.build()
        for index, layer in enumerate(self.recurrent):
            layer.build((None, None, config.units if index else config.embedding))
        self.logits.build((None, None, config.units))
        self.built = True

    def initial_state(self, batch: int) -> States:
        """Zeros: for each layer its states, each `[batch, units]`."""
        return [[tf.zeros([batch, self.config.units]) for _ in layer.state_size] for layer in self.recurrent]

    def call(self, ids: Tensor, states: States, training: bool = False) -> tuple[Tensor, States]:
        """Reads characters and predicts each one's successor.

        Args:
            ids: `[batch, time]`, integers.
            states: what `initial_state` or the call before returned.

        Returns:
            logits `[batch, time, vocabulary]` and the states after the last character.
        """
        x = self.embedding(ids)  # [batch, time, embedding]
        after: States = []
        for layer, dropout, state in zip(self.recurrent, self.dropouts, states, strict=True):
            x, *state = layer(x, initial_state=state, training=training)
            x = dropout(x, training=training)  # [batch, time, units]
            after.append(state)
        return self.logits(x), after

    def arrays(self, values: list[Any] | None = None) -> dict[str, Any]:
        """The trainable weights (or `values` in their place) under the names a checkpoint gives them."""
        values = [np.asarray(v) for v in self.trainable_variables] if values is None else values
        names = shapes(self.config, self.embedding.input_dim)  # in the order of `trainable_variables`
        return dict(zip(names, values, strict=True))

    def assign(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Takes weights, named as `arrays` names them."""
        for name, variable in self.arrays(self.trainable_variables).items():
            variable.assign(arrays[name])

    def get_config(self) -> dict[str, Any]:
        """Keras's way of storing models is not ours."""
        raise NotImplementedError("a model is rebuilt from rnntext's own config, see storage/checkpoint.py")
