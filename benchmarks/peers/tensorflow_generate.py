"""Drawing characters with TensorFlow: the whole loop, with Keras's `LSTMCell`, as one graph compiled by XLA."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from benchmarks.contender import Contender

VOCABULARY, EMBEDDING = 66, 128


class Generation(Contender):
    """Counts characters of all streams together."""

    def __init__(self, layers: int, units: int, streams: int, characters: int, threads: int) -> None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        self.embedding = keras.layers.Embedding(VOCABULARY, EMBEDDING)
        self.cells = [keras.layers.LSTMCell(units) for _ in range(layers)]
        self.logits = keras.layers.Dense(VOCABULARY)
        self.embedding.build()
        for index, cell in enumerate(self.cells):
            cell.build((None, units if index else EMBEDDING))
        self.logits.build((None, units))
        self.units, self.streams, self.characters, self.turns = units, streams, characters, 0

    @tf.function(jit_compile=True)
    def loop(self, seed: tf.Tensor) -> tf.Tensor:
        """Ids `[characters, streams]`."""

        def step(t: tf.Tensor, ids: tf.Tensor, states: Any, drawn: tf.TensorArray) -> Any:
            x, after = self.embedding(ids), []
            for cell, state in zip(self.cells, states):
                x, state = cell(x, state)
                after.append(state)
            logits = self.logits(x) / 0.8
            ids = tf.random.stateless_categorical(logits, 1, tf.stack([seed, t]), dtype=tf.int32)[:, 0]
            return t + 1, ids, after, drawn.write(t, ids)

        start = [[tf.zeros([self.streams, self.units])] * 2 for _ in self.cells]
        drawn = tf.TensorArray(tf.int32, self.characters, element_shape=[self.streams])
        ids = tf.zeros([self.streams], tf.int32)
        return tf.while_loop(lambda t, *_: t < self.characters, step, (0, ids, start, drawn))[3].stack()

    def run(self) -> float:
        self.turns += 1
        self.loop(tf.constant(self.turns)).numpy()
        return float(self.streams * self.characters)
