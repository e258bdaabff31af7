"""A character model of stock Keras layers, trained with `train_on_batch`."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np

from benchmarks.contender import Contender
from rnntext.system import keep_freed_memory
from rnntext.text.lines import read_text

CELLS = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}


class Training(Contender):
    """Steps of training on a text cut into parallel streams; counts characters."""

    def __init__(
        self, text: str, cell: str, layers: int, units: int, streams: int, window: int, jit_compile: bool, malloc: str
    ) -> None:
        if malloc == "keeps":
            keep_freed_memory()
        keras.utils.set_random_seed(1)
        read = read_text(text)
        characters = sorted(set(read))
        index = {character: number for number, character in enumerate(characters)}
        ids = np.array([index[character] for character in read])
        length = (len(ids) - 1) // streams
        self.inputs = ids[: streams * length].reshape(streams, length)
        self.labels = ids[1 : streams * length + 1].reshape(streams, length)
        self.window, self.at = window, 0
        self.model = keras.Sequential()
        self.model.add(keras.Input(batch_shape=(streams, window)))
        self.model.add(keras.layers.Embedding(len(characters), 128))
        for _ in range(layers):
            self.model.add(CELLS[cell](units, return_sequences=True, stateful=True))
            self.model.add(keras.layers.Dropout(0.5))
        self.model.add(keras.layers.Dense(len(characters)))
        self.model.compile(
            keras.optimizers.Adam(3e-3, global_clipnorm=1.0),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            jit_compile=jit_compile,
        )

    def run(self) -> float:
        if self.at + self.window > self.inputs.shape[1]:
            self.at = 0
        part = slice(self.at, self.at + self.window)
        self.at += self.window
        self.model.train_on_batch(self.inputs[:, part], self.labels[:, part])
        return float(self.inputs[:, part].size)
